"""boto3's presigned forms, posted as a browser would, and what it asks of objects and parts."""

import hashlib
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from benchmarks.cluster import Cluster
from tests.end_to_end.support import s3_client, seeded_bytes

MIB = 1024 * 1024


def code_of(answer: httpx.Response) -> str:
    return answer.text.partition("<Code>")[2].partition("</Code>")[0]


@pytest.mark.parametrize("version", ["s3v4", "s3"])
def test_a_presigned_form(cluster: Cluster, s3: Any, bucket: str, version: str) -> None:
    client = s3_client(cluster, signature_version=version)
    made = client.generate_presigned_post(
        bucket,
        "uploads/${filename}",
        Fields={"Content-Type": "image/png", "success_action_status": "201"},
        Conditions=[
            {"Content-Type": "image/png"},
            {"success_action_status": "201"},
            ["content-length-range", 1, 9 * MIB],
        ],
    )
    client.close()
    body = seeded_bytes(8 * MIB + 5)
    posted = httpx.post(made["url"], data=made["fields"], files={"file": ("größe.png", body)})
    assert posted.status_code == 201, posted.text
    assert "<Key>uploads/größe.png</Key>" in posted.text
    got = s3.get_object(Bucket=bucket, Key="uploads/größe.png")
    assert (got["Body"].read(), got["ContentType"]) == (body, "image/png")
    assert got["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    too_big = httpx.post(made["url"], data=made["fields"], files={"file": ("a", body + body)})
    assert code_of(too_big) == "EntityTooLarge"
    tampered = {**made["fields"], "Content-Type": "text/html"}
    refused = httpx.post(made["url"], data=tampered, files={"file": ("a", b"x")})
    assert (refused.status_code, code_of(refused)) == (403, "AccessDenied")


def test_attributes_and_part_numbers(s3: Any, bucket: str) -> None:
    pieces = [seeded_bytes(5 * MIB, n) for n in range(2)] + [b"end"]
    created = s3.create_multipart_upload(Bucket=bucket, Key="k", ChecksumAlgorithm="SHA256")
    named = {"Bucket": bucket, "Key": "k", "UploadId": created["UploadId"]}
    parts = []
    for number, piece in enumerate(pieces, start=1):
        put = s3.upload_part(**named, PartNumber=number, Body=piece, ChecksumAlgorithm="SHA256")
        checksum = put["ChecksumSHA256"]
        parts.append({"PartNumber": number, "ETag": put["ETag"], "ChecksumSHA256": checksum})
    first = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    again = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    for name in ("ETag", "ChecksumSHA256", "ChecksumType"):
        assert first[name] == again[name]
    found = s3.get_object_attributes(
        Bucket=bucket,
        Key="k",
        ObjectAttributes=["ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"],
    )
    assert found["ObjectSize"] == sum(map(len, pieces))
    assert found["Checksum"]["ChecksumSHA256"] == first["ChecksumSHA256"]
    assert [one["Size"] for one in found["ObjectParts"]["Parts"]] == [len(p) for p in pieces]
    for number, piece in enumerate(pieces, start=1):
        # boto3 compares the part's checksum with what it reads
        got = s3.get_object(Bucket=bucket, Key="k", PartNumber=number, ChecksumMode="ENABLED")
        assert (got["PartsCount"], got["Body"].read()) == (3, piece)
    with pytest.raises(ClientError, match="InvalidPart"):
        s3.get_object(Bucket=bucket, Key="k", PartNumber=4)
