"""boto3 with its default settings: multipart uploads, by hand and by the transfer manager."""

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.end_to_end.support import all_keys, seeded_bytes

MIB = 1024 * 1024


def test_the_transfer_manager(s3: Any, bucket: str, tmp_path: Path) -> None:
    body = seeded_bytes(27 * MIB + 1)
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(body)
    s3.upload_file(str(source), bucket, "k", ExtraArgs={"Metadata": {"from": "file"}})
    head = s3.head_object(Bucket=bucket, Key="k")
    assert head["ContentLength"] == len(body)
    assert head["ETag"].endswith('-4"')
    assert head["Metadata"] == {"from": "file"}
    s3.download_file(bucket, "k", str(target))
    assert target.read_bytes() == body
    # Over the transfer manager's threshold: parts copied on the server.
    s3.copy({"Bucket": bucket, "Key": "k"}, bucket, "copy")
    into = io.BytesIO()
    s3.download_fileobj(bucket, "copy", into)
    assert into.getvalue() == body


def test_parts_by_hand(s3: Any, bucket: str) -> None:
    pieces = [seeded_bytes(5 * MIB, 1), seeded_bytes(5 * MIB + 7, 2), b"the end"]
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", Metadata={"by": "hand"})
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload["UploadId"]}
    s3.upload_part(**named, PartNumber=4, Body=b"replaced later")
    numbers = (1, 4, 10_000)
    parts = [
        {"PartNumber": n, "ETag": s3.upload_part(**named, PartNumber=n, Body=piece)["ETag"]}
        for n, piece in zip(numbers, pieces, strict=True)
    ]
    listed = s3.list_parts(**named)["Parts"]
    assert [(one["PartNumber"], one["Size"]) for one in listed] == [
        (n, len(piece)) for n, piece in zip(numbers, pieces, strict=True)
    ]
    assert [one["Key"] for one in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == ["k"]
    assert all_keys(s3, bucket) == []
    done = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    digests = b"".join(hashlib.md5(piece).digest() for piece in pieces)
    assert done["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"".join(pieces)
    assert got["Metadata"] == {"by": "hand"}
    across = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={5 * MIB - 3}-{5 * MIB + 3}")
    assert across["Body"].read() == pieces[0][-3:] + pieces[1][:4]
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_copied_parts(s3: Any, bucket: str) -> None:
    body = seeded_bytes(11 * MIB)
    s3.put_object(Bucket=bucket, Key="source", Body=body)
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload_id}
    source = {"Bucket": bucket, "Key": "source"}
    parts = []
    for number, header in enumerate([f"bytes=0-{5 * MIB - 1}", f"bytes=7-{6 * MIB}"], start=1):
        copied = s3.upload_part_copy(
            **named, PartNumber=number, CopySource=source, CopySourceRange=header
        )
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    got = s3.get_object(Bucket=bucket, Key="k")["Body"].read()
    assert got == body[: 5 * MIB] + body[7 : 6 * MIB + 1]


def test_an_aborted_upload_leaves_nothing(s3: Any, bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload_id}
    s3.upload_part(**named, PartNumber=1, Body=b"x" * MIB)
    s3.abort_multipart_upload(**named)
    with pytest.raises(ClientError) as caught:
        s3.list_parts(**named)
    assert caught.value.response["Error"]["Code"] == "NoSuchUpload"
    assert all_keys(s3, bucket) == []


def test_what_complete_refuses(s3: Any, bucket: str) -> None:
    upload_id = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload_id}
    small = [
        {"PartNumber": n, "ETag": s3.upload_part(**named, PartNumber=n, Body=b"small")["ETag"]}
        for n in (1, 2)
    ]
    wrong = [{"PartNumber": 1, "ETag": '"00000000000000000000000000000000"'}]
    for parts, code in [
        (small, "EntityTooSmall"),
        (small[::-1], "InvalidPartOrder"),
        (wrong, "InvalidPart"),
        ([{"PartNumber": 3, "ETag": small[0]["ETag"]}], "InvalidPart"),
    ]:
        with pytest.raises(ClientError) as caught:
            s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        assert caught.value.response["Error"]["Code"] == code
    assert all_keys(s3, bucket) == []
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": small[:1]})
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"small"


def test_unknown_uploads(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "k", "UploadId": "0" * 32}
    for call in (
        lambda: s3.upload_part(**named, PartNumber=1, Body=b"x"),
        lambda: s3.list_parts(**named),
        lambda: s3.abort_multipart_upload(**named),
        lambda: s3.complete_multipart_upload(
            **named, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": "x"}]}
        ),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "NoSuchUpload"
