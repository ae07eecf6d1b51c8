"""Conformance: buckets."""

import pytest

from metadata import Bucket, BucketExists, BucketNotEmpty, MetadataStore, NoSuchBucket
from tests.metadata.making import put, put_marker, start_upload


async def test_a_bucket_comes_back_as_it_was_made(store: MetadataStore) -> None:
    made = await store.create_bucket("photos", "ann", "eu-1", 42)
    assert made == Bucket(made.bucket_id, "photos", "ann", 42, "eu-1")
    assert await store.bucket("photos") == made


async def test_a_name_is_taken_once(store: MetadataStore) -> None:
    made = await store.create_bucket("photos", "ann", "", 1)
    with pytest.raises(BucketExists) as raised:
        await store.create_bucket("photos", "bob", "", 2)
    assert raised.value.owner_id == "ann"
    assert await store.bucket("photos") == made


async def test_missing_bucket(store: MetadataStore) -> None:
    with pytest.raises(NoSuchBucket):
        await store.bucket("nope")
    with pytest.raises(NoSuchBucket):
        await store.delete_bucket("nope")


async def test_buckets_by_name_owner_prefix_and_page(store: MetadataStore) -> None:
    for name, owner in [("ab", "ann"), ("aa", "bob"), ("ac", "ann"), ("z-1", "ann")]:
        await store.create_bucket(name, owner, "", 1)

    async def names(
        owner: str | None, prefix: str = "", after: str = "", limit: int = 9
    ) -> list[str]:
        found = await store.buckets(owner, prefix=prefix, after=after, limit=limit)
        return [bucket.name for bucket in found]

    assert await names(None) == ["aa", "ab", "ac", "b", "z-1"]
    assert await names("ann") == ["ab", "ac", "z-1"]
    assert await names("ann", prefix="a", after="ab") == ["ac"]
    assert await names(None, prefix="a", limit=2) == ["aa", "ab"]
    assert await names(None, after="b") == ["z-1"]
    assert await names("nobody") == []


async def test_only_an_empty_bucket_is_deleted(store: MetadataStore) -> None:
    await put(store, "k")
    with pytest.raises(BucketNotEmpty):
        await store.delete_bucket("b")
    marker = await put_marker(store, "k", is_null=True)
    with pytest.raises(BucketNotEmpty):
        await store.delete_bucket("b")
    await store.delete_version("b", "k", marker.version_id)
    upload = await start_upload(store, "k")
    with pytest.raises(BucketNotEmpty):
        await store.delete_bucket("b")
    await store.abort_upload("b", "k", upload.upload_id)
    await store.delete_bucket("b")
    with pytest.raises(NoSuchBucket):
        await store.bucket("b")


async def test_a_bucket_id_is_never_reused(store: MetadataStore) -> None:
    first = await store.create_bucket("c", "owner", "", 1)
    await store.delete_bucket("c")
    second = await store.create_bucket("c", "owner", "", 1)
    assert second.bucket_id > first.bucket_id
