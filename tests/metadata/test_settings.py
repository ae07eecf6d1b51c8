"""Conformance: settings of buckets."""

import pytest

from metadata import MetadataStore, NoSuchBucket, Versioning
from tests.metadata.making import put


async def test_settings_come_and_go(store: MetadataStore) -> None:
    assert await store.bucket_settings("b") == {}
    await store.put_bucket_setting("b", "tagging", "<Tagging/>")
    await store.put_bucket_setting("b", "cors", "<ü🗿/>")
    await store.put_bucket_setting("b", "tagging", "")
    assert await store.bucket_settings("b") == {"cors": "<ü🗿/>", "tagging": ""}
    assert await store.delete_bucket_setting("b", "tagging") is True
    assert await store.delete_bucket_setting("b", "tagging") is False
    assert await store.bucket_settings("b") == {"cors": "<ü🗿/>"}


async def test_each_change_is_counted(store: MetadataStore) -> None:
    seen = [(await store.bucket("b")).settings_version]
    await put(store, "k")
    await store.put_bucket_setting("b", "cors", "1")
    seen.append((await store.version("b", "k")).bucket.settings_version)
    await store.put_bucket_setting("b", "cors", "2")
    seen.append((await store.version("b", "k")).bucket.settings_version)
    await store.delete_bucket_setting("b", "cors")
    seen.append((await store.bucket("b")).settings_version)
    await store.set_versioning("b", Versioning.ENABLED)
    seen.append((await store.bucket("b")).settings_version)
    await store.enable_object_lock("b")
    seen.append((await store.bucket("b")).settings_version)
    assert seen == sorted(set(seen))
    await store.delete_bucket_setting("b", "nope")
    assert (await store.bucket("b")).settings_version == seen[-1]


async def test_settings_go_with_their_bucket(store: MetadataStore) -> None:
    await store.put_bucket_setting("b", "cors", "1")
    await store.delete_bucket("b")
    for call in (
        store.bucket_settings("b"),
        store.put_bucket_setting("b", "cors", "1"),
        store.delete_bucket_setting("b", "cors"),
    ):
        with pytest.raises(NoSuchBucket):
            await call
    created = await store.create_bucket("b", "owner", "", 1)
    assert await store.bucket_settings("b") == {}
    assert created.settings_version == 0


async def test_a_recreated_bucket_is_not_the_former(store: MetadataStore) -> None:
    """Not even for what remembers buckets by their id."""
    await put(store, "k")
    former = (await store.version("b", "k")).bucket
    await store.delete_version("b", "k", "null")
    await store.delete_bucket("b")
    created = await store.create_bucket("b", "someone else", "", 2)
    await put(store, "k")
    assert (await store.version("b", "k")).bucket == created != former


async def test_workers_find_the_buckets_with_a_setting(store: MetadataStore) -> None:
    for name in ("z", "a", "m", "without"):
        await store.create_bucket(name, "owner", "", 1)
    for name in ("z", "a", "m"):
        await store.put_bucket_setting(name, "lifecycle", f"of {name}")
    await store.put_bucket_setting("without", "cors", "1")
    found = await store.buckets_with_setting("lifecycle")
    assert [(bucket.name, document) for bucket, document in found] == [
        ("a", "of a"),
        ("m", "of m"),
        ("z", "of z"),
    ]
    assert found[0][0] == await store.bucket("a")
    page = await store.buckets_with_setting("lifecycle", after="a", limit=1)
    assert [bucket.name for bucket, _ in page] == ["m"]
    assert await store.buckets_with_setting("nope") == []
