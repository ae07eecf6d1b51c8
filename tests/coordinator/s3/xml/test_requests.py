"""Documents from clients: what botocore sends, what others send, and what nobody should."""

from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.s3.errors import S3Error
from coordinator.s3.xml import (
    CompletedPart,
    DeleteItem,
    DeleteRequest,
    parse_complete_multipart_upload,
    parse_create_bucket,
    parse_delete,
)
from coordinator.s3.xml.tree import MAX_BODY_BYTES, MAX_TAGS

S3 = botocore.session.get_session().get_service_model("s3")
NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
NASTY = "a&b<c>\"d'e/\u00e4\U0001f984 %2B+"


def sent(operation: str, **parameters: Any) -> bytes:
    serializer = create_serializer("rest-xml", include_validation=False)
    body = serializer.serialize_to_request(parameters, S3.operation_model(operation))["body"]
    return body if isinstance(body, bytes) else body.encode()


def code_of(parse: Any, body: bytes) -> str:
    with pytest.raises(S3Error) as caught:
        parse(body)
    return caught.value.code


def test_deletes() -> None:
    body = sent(
        "DeleteObjects",
        Bucket="b",
        Delete={
            "Objects": [
                {"Key": NASTY},
                {"Key": " spaces ", "VersionId": "v"},
                {"Key": "c", "ETag": '"e"'},
                {"Key": "d", "Size": 5, "LastModifiedTime": datetime(2015, 1, 1, tzinfo=UTC)},
            ],
            "Quiet": True,
        },
    )
    assert parse_delete(body) == DeleteRequest(
        (
            DeleteItem(NASTY),
            DeleteItem(" spaces ", "v"),
            DeleteItem("c", "", "e"),
            DeleteItem("d", "", None, "Thu, 01 Jan 2015 00:00:00 GMT", "5"),
        ),
        True,
    )


@pytest.mark.parametrize("namespace", ["", NAMESPACE])
@pytest.mark.parametrize(
    ("quiet", "is_quiet"),
    [
        ("", False),
        ("<Quiet>false</Quiet>", False),
        ("<Quiet> True\n</Quiet>", True),
        ("<Quiet/>", False),
    ],
)
def test_deletes_of_other_clients(namespace: str, quiet: str, is_quiet: bool) -> None:
    body = f"""<?xml version="1.0" encoding="UTF-8"?>
      <Delete {namespace}> {quiet} <Object> <Key>a</Key> </Object> </Delete>"""
    assert parse_delete(body.encode()) == DeleteRequest((DeleteItem("a"),), is_quiet)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("", "MalformedXML"),
        ("<Delete>", "MalformedXML"),
        ("<Delete/>", "MalformedXML"),
        ("<Remove><Object><Key>a</Key></Object></Remove>", "MalformedXML"),
        ('<Delete xmlns="urn:x"><Object><Key>a</Key></Object></Delete>', "MalformedXML"),
        ("<Delete><Object/></Delete>", "MalformedXML"),
        ("<Delete><Key>a</Key></Delete>", "MalformedXML"),
        ("<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>", "MalformedXML"),
        ("<Delete><Object><Key><b>a</b></Key></Object></Delete>", "MalformedXML"),
        ("<Delete><Object><Key>a</Key><Colour>b</Colour></Object></Delete>", "MalformedXML"),
        ("<Delete><Quiet>maybe</Quiet><Object><Key>a</Key></Object></Delete>", "MalformedXML"),
        ("<Delete><Object><Key>&#x1;</Key></Object></Delete>", "MalformedXML"),
        (
            "<Delete><Object><Key>a</Key><Size>5</Size><Size>5</Size></Object></Delete>",
            "MalformedXML",
        ),
        (
            "<!DOCTYPE d [<!ENTITY a 'aaa'>]><Delete><Object><Key>&a;</Key></Object></Delete>",
            "MalformedXML",
        ),
        (
            "<!DOCTYPE d SYSTEM 'http://localhost/d'><Delete><Object><Key>a</Key></Object>"
            "</Delete>",
            "MalformedXML",
        ),
        (
            "<?xml version='1.0' encoding='utf-13'?><Delete><Object><Key>a</Key></Object></Delete>",
            "MalformedXML",
        ),
        (
            "<?xml version='1.0' encoding='shift_jis'?><Delete><Object><Key>a</Key></Object>"
            "</Delete>",
            "MalformedXML",
        ),
    ],
)
def test_malformed_deletes(body: str, code: str) -> None:
    assert code_of(parse_delete, body.encode()) == code


def test_a_delete_of_more_than_a_thousand() -> None:
    one = "<Object><Key>a</Key></Object>"
    assert len(parse_delete(f"<Delete>{one * 1000}</Delete>".encode()).items) == 1000
    assert code_of(parse_delete, f"<Delete>{one * 1001}</Delete>".encode()) == "MalformedXML"


@pytest.mark.parametrize(
    "body",
    [
        b"<Delete>" + b"<a>" * MAX_TAGS,
        b"<Delete><Object><Key>" + b"a" * MAX_BODY_BYTES + b"</Key></Object></Delete>",
        b"<Delete>" + b"<a>" * 50_000 + b"</a>" * 50_000 + b"</Delete>",
        b"<Delete " + b" ".join(b"a%d=''" % n for n in range(1000)) + b"/>",
    ],
)
def test_bombs(body: bytes) -> None:
    assert code_of(parse_delete, body) == "MalformedXML"


def test_completions() -> None:
    body = sent(
        "CompleteMultipartUpload",
        Bucket="b",
        Key="k",
        UploadId="u",
        MultipartUpload={
            "Parts": [
                {"PartNumber": 1, "ETag": '"e1"', "ChecksumCRC32": "x"},
                {"PartNumber": 10_000, "ETag": "e2", "ChecksumCRC64NVME": "y"},
            ]
        },
    )
    assert parse_complete_multipart_upload(body) == (
        CompletedPart(1, "e1", {"crc32": "x"}),
        CompletedPart(10_000, "e2", {"crc64nvme": "y"}),
    )


def parts(*numbers: object) -> bytes:
    inner = "".join(
        f"<Part><ETag>&quot;e&quot;</ETag><PartNumber>{number}</PartNumber></Part>"
        for number in numbers
    )
    return f"<CompleteMultipartUpload {NAMESPACE}>{inner}</CompleteMultipartUpload>".encode()


def test_the_biggest_completion() -> None:
    assert len(parse_complete_multipart_upload(parts(*range(1, 10_001)))) == 10_000


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "MalformedXML"),
        (parts(), "MalformedXML"),
        (parts("one"), "MalformedXML"),
        (parts(""), "MalformedXML"),
        (parts("\u0661"), "MalformedXML"),
        (parts(-1), "MalformedXML"),
        (parts(0), "InvalidArgument"),
        (parts(10_001), "InvalidArgument"),
        (parts("9" * 5000), "InvalidArgument"),
        (parts(1, 2, 1), "InvalidPartOrder"),
        (parts(2, 1), "InvalidPartOrder"),
        (parts(1).replace(b"ETag", b"Etag"), "MalformedXML"),
        (parts(1).replace(b"&quot;e&quot;", b""), "MalformedXML"),
        (parts(1).replace(b"Part>", b"Piece>"), "MalformedXML"),
        (parts(1).replace(b"<ETag>", b"<Size>1</Size><ETag>"), "MalformedXML"),
    ],
)
def test_malformed_completions(body: bytes, code: str) -> None:
    assert code_of(parse_complete_multipart_upload, body) == code


@pytest.mark.parametrize(
    ("body", "location"),
    [
        (b"", ""),
        (b"\n", ""),
        (b"<CreateBucketConfiguration/>", ""),
        (
            sent("CreateBucket", Bucket="b", CreateBucketConfiguration={"LocationConstraint": "x"}),
            "x",
        ),
        (
            b"<CreateBucketConfiguration><LocationConstraint> us-east-1 </LocationConstraint>"
            b"</CreateBucketConfiguration>",
            "us-east-1",
        ),
    ],
)
def test_bucket_configurations(body: bytes, location: str) -> None:
    assert parse_create_bucket(body) == location


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("<Tags><Tag/></Tags>", "NotImplemented"),
        ("<Location/>", "NotImplemented"),
        ("<Colour/>", "MalformedXML"),
        ("<LocationConstraint><a/></LocationConstraint>", "MalformedXML"),
    ],
)
def test_bad_bucket_configurations(inner: str, code: str) -> None:
    body = f"<CreateBucketConfiguration>{inner}</CreateBucketConfiguration>".encode()
    assert code_of(parse_create_bucket, body) == code


@settings(max_examples=150, deadline=None)
@given(
    st.binary(max_size=60)
    | st.lists(
        st.sampled_from(
            ["<Delete>", "</Delete>", "<Object>", "</Object>", "<Key>", "</Key>", "a", "&amp;",
             "<Part>", "</Part>", "<PartNumber>1</PartNumber>", "<ETag>e</ETag>", "<Quiet/>",
             "<CompleteMultipartUpload>", "</CompleteMultipartUpload>", "<!--x-->", "<?x y?>"]
        ),
        max_size=12,
    ).map(lambda pieces: "".join(pieces).encode())
)  # fmt: skip
def test_nonsense_raises_our_error_only(body: bytes) -> None:
    for parse in (parse_delete, parse_complete_multipart_upload, parse_create_bucket):
        try:
            parse(body)
        except S3Error:
            continue
