"""Rendered documents, read back by botocore's parser, which knows S3's schema."""

from typing import Any
from urllib.parse import unquote, unquote_plus

import botocore.session
import pytest
from botocore.parsers import create_parser
from defusedxml.ElementTree import fromstring

from coordinator.access.acl import private
from coordinator.s3 import xml
from coordinator.s3.xml.acls import access_control_policy
from metadata.model import Attributes, Bucket, ListedObject, Part, Upload, User

S3 = botocore.session.get_session().get_service_model("s3")
OWNER = User("me-id", "Me & <Co>", False, 0)
ETAG = "5d41402abc4b2a76b9719d911017c592"
AT_MS = 1_445_412_480_123
AT = "2015-10-21T07:28:00.123000+00:00"
NASTY = "a&b<c>\"d'e/\u00e4\U0001f984\r\n\t %2B+"


def parsed(operation: str, body: bytes) -> dict[str, Any]:
    response = {"body": body, "headers": {}, "status_code": 200, "context": {}}
    shape = S3.operation_model(operation).output_shape
    found = create_parser("rest-xml").parse(response, shape)
    del found["ResponseMetadata"]
    return found


def listed(key: str, **changes: Any) -> ListedObject:
    known = ListedObject(key, "0" * 32, 5, ETAG, AT_MS, OWNER.user_id, True, "", {}, {})
    return known._replace(**changes)


def upload(key: str, **changes: Any) -> Upload:
    return Upload("u" * 32, key, OWNER.user_id, AT_MS, **changes)


def v1(**changes: Any) -> bytes:
    fields = {
        "bucket": "bucket",
        "objects": [],
        "common_prefixes": [],
        "prefix": "",
        "delimiter": "",
        "marker": "",
        "max_keys": 1000,
        "next_marker": None,
        "encode_url": False,
        "owners": {OWNER.user_id: OWNER},
        **changes,
    }
    return xml.list_objects_result(**fields)


def v2(**changes: Any) -> bytes:
    fields = {
        "bucket": "bucket",
        "objects": [],
        "common_prefixes": [],
        "prefix": "",
        "delimiter": "",
        "start_after": "",
        "continuation_token": None,
        "next_continuation_token": None,
        "max_keys": 1000,
        "encode_url": False,
        "owners": None,
        **changes,
    }
    return xml.list_objects_v2_result(**fields)


def test_error() -> None:
    body = xml.error(
        "NoSuchKey",
        "gone & lost",
        resource="/b/\x01",
        request_id="id",
        extra={"Key": "\ud800<\x01"},
    )
    root = fromstring(body)
    assert root.tag == "Error"
    assert {child.tag: child.text for child in root} == {
        "Code": "NoSuchKey",
        "Message": "gone & lost",
        "Key": "\ufffd<\ufffd",
        "Resource": "/b/\ufffd",
        "RequestId": "id",
        "HostId": "id",
    }


def test_list_buckets() -> None:
    buckets = [Bucket(1, "one", "me", AT_MS), Bucket(2, "two", "me", AT_MS, "eu-north-1")]
    found = parsed(
        "ListBuckets", xml.list_buckets_result(OWNER, buckets, prefix="p", continuation_token="t")
    )
    assert found["Owner"] == {"ID": "me-id", "DisplayName": "Me & <Co>"}
    assert [bucket["Name"] for bucket in found["Buckets"]] == ["one", "two"]
    assert found["Buckets"][0]["CreationDate"].isoformat() == AT
    assert found["Buckets"][1]["BucketRegion"] == "eu-north-1"
    assert (found["Prefix"], found["ContinuationToken"]) == ("p", "t")
    assert parsed("ListBuckets", xml.list_buckets_result(OWNER, []))["Buckets"] == []


@pytest.mark.parametrize(("region", "text"), [("", None), ("us-east-1", None), ("eu-x", "eu-x")])
def test_location(region: str, text: str | None) -> None:
    root = fromstring(xml.location_constraint(region))
    assert root.tag == "{http://s3.amazonaws.com/doc/2006-03-01/}LocationConstraint"
    assert root.text == text


def test_list_objects() -> None:
    checksums = {"crc32": "x", "type": "T"}
    classed = listed("b", owner_id="gone", storage_class="STANDARD_IA", checksums=checksums)
    found = parsed(
        "ListObjects",
        v1(
            objects=[listed(NASTY), classed],
            common_prefixes=["p/", "q/"],
            prefix="p",
            delimiter="/",
            marker="m",
            max_keys=4,
            next_marker="q/",
        ),
    )
    first, second = found["Contents"]
    assert first["Key"] == NASTY
    assert (first["Size"], first["ETag"], first["StorageClass"]) == (5, f'"{ETAG}"', "STANDARD")
    assert first["LastModified"].isoformat() == AT
    assert first["Owner"]["ID"] == "me-id"
    assert "Owner" not in second
    assert second["StorageClass"] == "STANDARD_IA"
    assert (second["ChecksumAlgorithm"], second["ChecksumType"]) == (["CRC32"], "T")
    assert [one["Prefix"] for one in found["CommonPrefixes"]] == ["p/", "q/"]
    assert (found["Prefix"], found["Delimiter"], found["Marker"]) == ("p", "/", "m")
    assert (found["MaxKeys"], found["IsTruncated"], found["NextMarker"]) == (4, True, "q/")
    assert "EncodingType" not in found


def test_the_next_marker_is_for_listings_with_a_delimiter() -> None:
    found = parsed("ListObjects", v1(objects=[listed("a")], next_marker="a"))
    assert found["IsTruncated"]
    assert "NextMarker" not in found


def test_list_objects_v2() -> None:
    found = parsed(
        "ListObjectsV2",
        v2(
            objects=[listed(NASTY)],
            common_prefixes=["p/"],
            start_after="s",
            continuation_token="t&",
            next_continuation_token="n",
            owners={OWNER.user_id: OWNER},
        ),
    )
    assert (found["KeyCount"], found["IsTruncated"]) == (2, True)
    assert (found["ContinuationToken"], found["NextContinuationToken"]) == ("t&", "n")
    assert (found["StartAfter"], found["Contents"][0]["Key"]) == ("s", NASTY)
    assert found["Contents"][0]["Owner"]["DisplayName"] == "Me & <Co>"
    empty = parsed("ListObjectsV2", v2())
    assert (empty["KeyCount"], empty["IsTruncated"], empty["Prefix"]) == (0, False, "")
    assert "NextContinuationToken" not in empty


@pytest.mark.parametrize("key", [NASTY, "a b+c", "\x01\x02", "\ufffe", "a/b"])
def test_encoding_type_url_carries_any_key(key: str) -> None:
    body = v1(objects=[listed(key)], common_prefixes=[key], prefix=key, encode_url=True)
    found = parsed("ListObjects", body)
    assert found["EncodingType"] == "url"
    assert b"%2F" not in body
    for text in (
        found["Contents"][0]["Key"],
        found["CommonPrefixes"][0]["Prefix"],
        found["Prefix"],
    ):
        assert unquote(text) == unquote_plus(text) == key


def test_control_characters_are_written_as_s3_does() -> None:
    assert b"<Key>a&#x1;&#xD;b</Key>" in v1(objects=[listed("a\x01\rb")])


def test_copies() -> None:
    body = xml.copy_object_result(ETAG, AT_MS, {"crc32": "x", "type": "FULL_OBJECT"})
    found = parsed("CopyObject", body)["CopyObjectResult"]
    assert (found["ETag"], found["ChecksumCRC32"]) == (f'"{ETAG}"', "x")
    assert found["ChecksumType"] == "FULL_OBJECT"
    assert found["LastModified"].isoformat() == AT
    body = xml.copy_part_result(ETAG, AT_MS, {})
    assert parsed("UploadPartCopy", body)["CopyPartResult"]["ETag"] == f'"{ETAG}"'


def test_multipart_uploads() -> None:
    found = parsed(
        "CreateMultipartUpload", xml.initiate_multipart_upload_result("bucket", NASTY, "id")
    )
    assert found == {"Bucket": "bucket", "Key": NASTY, "UploadId": "id"}
    found = parsed(
        "CompleteMultipartUpload",
        xml.complete_multipart_upload_result(
            location="http://h/b/k?",
            bucket="bucket",
            key=NASTY,
            etag=ETAG + "-2",
            checksums={"crc64nvme": "x", "type": "FULL_OBJECT"},
        ),
    )
    assert found == {
        "Location": "http://h/b/k?",
        "Bucket": "bucket",
        "Key": NASTY,
        "ETag": f'"{ETAG}-2"',
        "ChecksumCRC64NVME": "x",
        "ChecksumType": "FULL_OBJECT",
    }


def test_list_parts() -> None:
    part = Part(b"p" * 16, 3, 7, ETAG, 2, 1, 4, ("a", "b", "c"), AT_MS, checksums={"sha1": "x"})
    chosen = Attributes(checksums={"algorithm": "sha1", "type": "COMPOSITE"})
    found = parsed(
        "ListParts",
        xml.list_parts_result(
            bucket="bucket",
            upload=upload(NASTY, attributes=chosen),
            owner=OWNER,
            parts=[part],
            part_number_marker=2,
            next_part_number_marker=3,
            max_parts=1,
        ),
    )
    assert (found["Key"], found["UploadId"], found["MaxParts"]) == (NASTY, "u" * 32, 1)
    assert (found["PartNumberMarker"], found["NextPartNumberMarker"]) == (2, 3)
    assert found["IsTruncated"]
    assert (found["ChecksumAlgorithm"], found["ChecksumType"]) == ("SHA1", "COMPOSITE")
    assert found["Owner"] == found["Initiator"] == {"ID": "me-id", "DisplayName": "Me & <Co>"}
    (one,) = found["Parts"]
    assert (one["PartNumber"], one["Size"], one["ETag"]) == (3, 7, f'"{ETAG}"')
    assert one["ChecksumSHA1"] == "x"


def test_list_multipart_uploads() -> None:
    found = parsed(
        "ListMultipartUploads",
        xml.list_multipart_uploads_result(
            bucket="bucket",
            uploads=[upload(NASTY)],
            common_prefixes=["p/"],
            prefix="p",
            delimiter="/",
            key_marker="k",
            upload_id_marker="i",
            next_key_marker="nk",
            next_upload_id_marker="ni",
            max_uploads=2,
            encode_url=False,
            owners={OWNER.user_id: OWNER},
        ),
    )
    assert (found["KeyMarker"], found["UploadIdMarker"]) == ("k", "i")
    assert (found["NextKeyMarker"], found["NextUploadIdMarker"]) == ("nk", "ni")
    assert (found["IsTruncated"], found["MaxUploads"]) == (True, 2)
    assert (found["Prefix"], found["Delimiter"]) == ("p", "/")
    (one,) = found["Uploads"]
    assert (one["Key"], one["UploadId"], one["StorageClass"]) == (NASTY, "u" * 32, "STANDARD")
    assert one["Initiated"].isoformat() == AT
    assert found["CommonPrefixes"] == [{"Prefix": "p/"}]


def test_deletes() -> None:
    found = parsed(
        "DeleteObjects",
        xml.delete_result(
            [xml.Deleted(NASTY), xml.Deleted("b", "v", True, "m")],
            [xml.DeleteFailure("c", "AccessDenied", "no", "v")],
        ),
    )
    assert found["Deleted"] == [
        {"Key": NASTY},
        {"Key": "b", "VersionId": "v", "DeleteMarker": True, "DeleteMarkerVersionId": "m"},
    ]
    assert found["Errors"] == [
        {"Key": "c", "VersionId": "v", "Code": "AccessDenied", "Message": "no"}
    ]
    assert parsed("DeleteObjects", xml.delete_result([], [])) == {}


def test_bucket_settings() -> None:
    found = parsed("GetBucketAcl", access_control_policy(OWNER, private("me-id"), {}))
    assert found["Owner"]["ID"] == "me-id"
    (grant,) = found["Grants"]
    assert (grant["Permission"], grant["Grantee"]["ID"]) == ("FULL_CONTROL", "me-id")
    assert grant["Grantee"]["Type"] == "CanonicalUser"
    assert parsed("GetBucketRequestPayment", xml.request_payment_configuration()) == {
        "Payer": "BucketOwner"
    }
    assert parsed("GetBucketTagging", xml.tagging({"a&": "<b>"})) == {
        "TagSet": [{"Key": "a&", "Value": "<b>"}]
    }
    assert parsed("GetBucketTagging", xml.tagging({})) == {"TagSet": []}
