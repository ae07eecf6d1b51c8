"""Headers: what is kept of a PUT, and what a GET says about it."""

import pytest

from coordinator.s3.errors import S3Error
from coordinator.s3.headers import (
    attributes,
    checksum_headers,
    hoisted,
    object_checksums,
    object_headers,
    response_overrides,
)
from metadata.model import Attributes, Version

STANDARD = {
    "cache-control": "no-cache",
    "content-disposition": 'attachment; filename="x"',
    "content-encoding": "gzip",
    "content-language": "de",
    "content-type": "text/plain",
    "expires": "Wed, 21 Oct 2015 07:28:00 GMT",
    "x-amz-website-redirect-location": "/elsewhere",
}


def version(**changes: object) -> Version:
    fields = {
        "version_id": "0" * 32,
        "key": "key",
        "size": 5,
        "etag": "5d41402abc4b2a76b9719d911017c592",
        "created_at_ms": 1_445_412_480_123,
        "owner_id": "me",
        **changes,
    }
    return Version(**fields)


def test_attributes() -> None:
    headers = {**STANDARD, "x-amz-meta-a": "1", "x-amz-meta-": "odd", "accept": "*/*", "host": "h"}
    found = attributes(headers, {"crc32": "AAAAAA=="})
    assert found == Attributes(STANDARD, {"a": "1", "": "odd"}, {"crc32": "AAAAAA=="})


def test_the_default_content_type() -> None:
    assert attributes({}).headers == {"content-type": "binary/octet-stream"}
    assert attributes({"content-type": ""}).headers == {"content-type": "binary/octet-stream"}


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("gzip", "gzip"),
        ("deflate, gzip", "deflate, gzip"),
        ("aws-chunked", None),
        ("aws-chunked,", None),
        ("gzip,aws-chunked", "gzip"),
        ("aws-chunked, deflate, gzip", "deflate, gzip"),
        ("", None),
    ],
)
def test_aws_chunked_is_not_kept(sent: str, kept: str | None) -> None:
    assert attributes({"content-encoding": sent}).headers.get("content-encoding") == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("STANDARD", None), ("", None), ("STANDARD_IA", "STANDARD_IA")],
)
def test_storage_classes(sent: str, kept: str | None) -> None:
    assert attributes({"x-amz-storage-class": sent}).headers.get("x-amz-storage-class") == kept


@pytest.mark.parametrize("name", ["GLACIER", "standard", "nonsense"])
def test_storage_classes_that_are_refused(name: str) -> None:
    with pytest.raises(S3Error, match="InvalidStorageClass"):
        attributes({"x-amz-storage-class": name})


def test_user_metadata_has_a_limit() -> None:
    attributes({"x-amz-meta-a": "x" * 2047})
    with pytest.raises(S3Error, match="MetadataTooLarge"):
        attributes({"x-amz-meta-a": "x" * 2048})


def test_foreign_letters_come_back_byte_for_byte() -> None:
    sent = {"utf8": "\u00e4\U0001f984".encode(), "latin1": b"\xe4\xa0\x85"}
    headers = {f"x-amz-meta-{name}": value.decode("latin-1") for name, value in sent.items()}
    answered = dict(object_headers(version(attributes=attributes(headers))))
    for name, value in sent.items():
        assert answered[f"x-amz-meta-{name}".encode()] == value


def test_an_object_s_headers() -> None:
    stored = version(attributes=Attributes(STANDARD, {"a": "1"}, {"crc32": "x", "type": "y"}))
    found = dict(object_headers(stored))
    assert found == {
        b"last-modified": b"Wed, 21 Oct 2015 07:28:00 GMT",
        b"etag": b'"5d41402abc4b2a76b9719d911017c592"',
        b"accept-ranges": b"bytes",
        b"x-amz-meta-a": b"1",
        **{name.encode(): value.encode() for name, value in STANDARD.items()},
    }
    more = dict(object_headers(stored, checksums=object_checksums(stored.attributes.checksums)))
    assert more.items() - found.items() == {
        (b"x-amz-checksum-crc32", b"x"),
        (b"x-amz-checksum-type", b"y"),
    }
    assert dict(object_headers(version()))[b"content-type"] == b"binary/octet-stream"


def test_a_plain_put_has_checksums_of_the_whole() -> None:
    assert object_checksums({"crc32": "x"}) == {"crc32": "x", "type": "FULL_OBJECT"}
    assert object_checksums({"crc32": "x", "type": "COMPOSITE"})["type"] == "COMPOSITE"
    assert object_checksums({}) == {}


def test_overrides_replace_and_add() -> None:
    overrides = response_overrides(
        {
            "response-content-type": "text/html",
            "response-content-disposition": "inline; filename=\u00e4",
            "response-nonsense": "x",
        }
    )
    stored = version(attributes=Attributes({"content-type": "text/plain"}))
    lines = object_headers(stored, overrides=overrides)
    assert [value for name, value in lines if name == b"content-type"] == [b"text/html"]
    assert dict(lines)[b"content-disposition"] == "inline; filename=\u00e4".encode()
    assert b"response-nonsense" not in dict(lines)


@pytest.mark.parametrize("value", ["a\r\nset-cookie: x", "a\nb", "a\x00b", "\x7f"])
def test_headers_can_not_be_injected(value: str) -> None:
    with pytest.raises(S3Error, match="InvalidArgument"):
        response_overrides({"response-content-type": value})
    with pytest.raises(S3Error, match="InvalidArgument"):
        hoisted({}, {"X-Amz-Signature": "s", "x-amz-meta-a": value})


def test_a_presigned_url_carries_headers_in_its_query() -> None:
    query = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Signature": "s",
        "X-Amz-Date": "d",
        "x-amz-meta-a": "\u00e4",
        "X-Amz-Acl": "private",
        "x-amz-checksum-crc32": "AAAAAA==",
        "x-amz-checksum-algorithm": "CRC32",
        "x-amz-sdk-checksum-algorithm": "CRC32",
        "content-type": "text/html",
        "x-id": "PutObject",
    }
    assert hoisted({"host": "h", "x-amz-acl": "public-read"}, query) == {
        "host": "h",
        "x-amz-acl": "public-read",
        "x-amz-meta-a": "\xc3\xa4",
        "x-amz-checksum-algorithm": "CRC32",
        "x-amz-sdk-checksum-algorithm": "CRC32",
    }


def test_sigv2_carries_the_content_type_too() -> None:
    query = {"AWSAccessKeyId": "a", "content-type": "text/html", "x-amz-meta-a": "1"}
    assert hoisted({}, query) == {"content-type": "text/html", "x-amz-meta-a": "1"}
    assert hoisted({"content-type": "b"}, query)["content-type"] == "b"


def test_of_several_spellings_the_first_counts() -> None:
    query = {"AWSAccessKeyId": "a", "x-amz-acl": "private", "X-Amz-Acl": "public-read"}
    assert hoisted({}, query)["x-amz-acl"] == "private"


def test_other_queries_carry_no_headers() -> None:
    headers = {"host": "h"}
    assert hoisted(headers, {"x-amz-acl": "public-read"}) is headers


def test_checksum_headers() -> None:
    assert checksum_headers({"crc32": "x", "type": "FULL_OBJECT"}) == [
        (b"x-amz-checksum-crc32", b"x"),
        (b"x-amz-checksum-type", b"FULL_OBJECT"),
    ]
