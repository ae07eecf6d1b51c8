"""boto3 with its default settings: buckets and listings, version 1 and 2, page by page."""

import secrets
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.end_to_end.support import all_keys

KEYS = sorted(
    [f"folder/{n:03d}" for n in range(40)]
    + [f"folder/sub/{n:02d}" for n in range(10)]
    + ["a", "a/b", "a//c", "b", "folder.txt", "folder0", "ü/x", "zz top"]
)


@pytest.fixture
def filled(s3: Any, bucket: str) -> str:
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    return bucket


def test_buckets_come_and_go(s3: Any) -> None:
    name = f"test-{secrets.token_hex(8)}"
    s3.create_bucket(Bucket=name)
    assert name in [one["Name"] for one in s3.list_buckets()["Buckets"]]
    s3.head_bucket(Bucket=name)
    assert s3.get_bucket_location(Bucket=name)["LocationConstraint"] in (None, "us-east-1")
    s3.put_object(Bucket=name, Key="k", Body=b"")
    with pytest.raises(ClientError) as caught:
        s3.delete_bucket(Bucket=name)
    assert caught.value.response["Error"]["Code"] == "BucketNotEmpty"
    s3.delete_object(Bucket=name, Key="k")
    s3.delete_bucket(Bucket=name)
    with pytest.raises(ClientError) as caught:
        s3.head_bucket(Bucket=name)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("page_size", [1, 7, 1000])
def test_every_key_comes_once_and_in_order(
    s3: Any, filled: str, operation: str, page_size: int
) -> None:
    pages = s3.get_paginator(operation).paginate(
        Bucket=filled, PaginationConfig={"PageSize": page_size}
    )
    found = [entry for page in pages for entry in page.get("Contents", [])]
    in_order = sorted(KEYS, key=lambda key: key.encode())
    assert [entry["Key"] for entry in found] == in_order
    assert [entry["Size"] for entry in found] == [len(key.encode()) for key in in_order]


@pytest.mark.parametrize("operation", ["list_objects", "list_objects_v2"])
@pytest.mark.parametrize("page_size", [1, 3, 1000])
def test_folders(s3: Any, filled: str, operation: str, page_size: int) -> None:
    def look(prefix: str) -> tuple[list[str], list[str]]:
        pages = list(
            s3.get_paginator(operation).paginate(
                Bucket=filled,
                Prefix=prefix,
                Delimiter="/",
                PaginationConfig={"PageSize": page_size},
            )
        )
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]
        folders = [one["Prefix"] for page in pages for one in page.get("CommonPrefixes", [])]
        return keys, folders

    assert look("") == (["a", "b", "folder.txt", "folder0", "zz top"], ["a/", "folder/", "ü/"])
    assert look("a/") == (["a/b"], ["a//"])
    assert look("folder/") == ([f"folder/{n:03d}" for n in range(40)], ["folder/sub/"])
    assert look("nothing") == ([], [])


def test_starting_after_a_key(s3: Any, filled: str) -> None:
    assert all_keys(s3, filled, StartAfter="folder/039")[0] == "folder/sub/00"
    first = s3.list_objects_v2(Bucket=filled, MaxKeys=2)
    assert (first["KeyCount"], first["IsTruncated"]) == (2, True)
    marked = s3.list_objects(Bucket=filled, Marker="folder0")
    assert [entry["Key"] for entry in marked["Contents"]] == ["zz top", "ü/x"]
    owned = s3.list_objects_v2(Bucket=filled, MaxKeys=1, FetchOwner=True)
    assert owned["Contents"][0]["Owner"]["ID"]


def test_a_folder_vanishes_with_its_last_object(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="folder/only", Body=b"")
    s3.delete_object(Bucket=bucket, Key="folder/only")
    listed = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert "CommonPrefixes" not in listed
    assert "Contents" not in listed


def test_deleting_many_at_once(s3: Any, filled: str) -> None:
    doomed = [{"Key": key} for key in [*KEYS, "never-there"]]
    deleted = s3.delete_objects(Bucket=filled, Delete={"Objects": doomed})
    assert len(deleted["Deleted"]) == len(doomed)
    assert "Errors" not in deleted
    assert all_keys(s3, filled) == []
    s3.put_object(Bucket=filled, Key="k", Body=b"")
    quiet = s3.delete_objects(Bucket=filled, Delete={"Objects": [{"Key": "k"}], "Quiet": True})
    assert "Deleted" not in quiet
