"""Conformance: what versioning makes of a write."""

import pytest

from metadata import (
    NULL_VERSION,
    Attributes,
    BucketNotEmpty,
    MetadataStore,
    NoSuchBucket,
    ObjectLockNeedsVersioning,
    Upload,
    Versioning,
)
from tests.metadata.making import (
    all_reclaims,
    make_part,
    make_version,
    new_id,
    put,
    put_marker,
    reclaimed_ids,
)


async def test_a_bucket_begins_unversioned(store: MetadataStore) -> None:
    bucket = await store.bucket("b")
    assert (bucket.versioning, bucket.object_lock, bucket.settings_version) == ("", False, 0)


async def test_versioning_is_switched(store: MetadataStore) -> None:
    for number, state in enumerate((Versioning.ENABLED, Versioning.SUSPENDED) * 2, 1):
        switched = await store.set_versioning("b", state)
        assert (switched.versioning, switched.settings_version) == (state, number)
        await put(store, "k", is_null=state is Versioning.SUSPENDED)
        assert (await store.version("b", "k")).bucket == switched == await store.bucket("b")
    with pytest.raises(NoSuchBucket):
        await store.set_versioning("nope", Versioning.ENABLED)


async def test_object_lock_needs_versioning(store: MetadataStore) -> None:
    with pytest.raises(ObjectLockNeedsVersioning):
        await store.enable_object_lock("b")
    await store.set_versioning("b", Versioning.SUSPENDED)
    with pytest.raises(ObjectLockNeedsVersioning):
        await store.enable_object_lock("b")
    await store.set_versioning("b", Versioning.ENABLED)
    locked = await store.enable_object_lock("b")
    assert locked.object_lock
    assert await store.enable_object_lock("b") == locked
    with pytest.raises(ObjectLockNeedsVersioning):
        await store.set_versioning("b", Versioning.SUSPENDED)
    assert (await store.set_versioning("b", Versioning.ENABLED)).versioning == "Enabled"
    with pytest.raises(NoSuchBucket):
        await store.enable_object_lock("nope")
    created = await store.create_bucket("c", "owner", "", 1, object_lock=True)
    assert (created.versioning, created.object_lock) == (Versioning.ENABLED, True)


async def test_the_commit_decides_what_is_a_null_version(store: MetadataStore) -> None:
    null, null_part = await put(store, "k")
    await store.set_versioning("b", Versioning.ENABLED)
    first = await store.put_version("b", make_version("k"), [make_part()])
    second = await store.put_version("b", make_version("k"), [make_part()])
    assert [null.is_null, first.is_null, second.is_null] == [True, False, False]
    assert (null.public_id, first.public_id) == (NULL_VERSION, first.version_id)
    assert (await store.version("b", "k")).version == second
    assert (await store.version("b", "k", first.version_id)).version == first
    assert (await store.version("b", "k", NULL_VERSION)).version == null
    assert await all_reclaims(store) == []
    await store.set_versioning("b", Versioning.SUSPENDED)
    third, _ = await put(store, "k")
    assert third.is_null
    assert await reclaimed_ids(store) == {null_part.part_id}
    assert (await store.version("b", "k", NULL_VERSION)).version == third
    assert (await store.version("b", "k", second.version_id)).version == second


async def test_a_null_delete_marker_replaces_the_null_version(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    marker = await put_marker(store, "k", is_null=True)
    assert await reclaimed_ids(store) == {part.part_id}
    assert (await store.version("b", "k", NULL_VERSION)).version == marker


async def test_a_completion_is_a_write_like_any_other(store: MetadataStore) -> None:
    null, _ = await put(store, "k")
    upload = Upload(
        new_id(),
        "k",
        "owner",
        3,
        Attributes({"a": "b"}),
        tags={"t": "1"},
        acl="{}",
        encryption={"scheme": "sse"},
    )
    await store.create_upload("b", upload)
    assert await store.upload("b", "k", upload.upload_id) == upload
    assert (await store.list_uploads("b", limit=5)).uploads == (upload,)
    part = make_part()
    await store.put_part(upload.upload_id, part)
    await store.set_versioning("b", Versioning.ENABLED)
    wanted = make_version("k", version_id=upload.upload_id)
    completed = await store.complete_upload("b", wanted, [part.part_id])
    assert not completed.is_null
    assert (completed.tags, completed.acl) == ({"t": "1"}, "{}")
    assert completed.encryption == {"scheme": "sse"}
    assert (await store.version("b", "k")).version == completed
    assert (await store.version("b", "k", NULL_VERSION)).version == null


async def test_a_bucket_of_markers_is_not_empty(store: MetadataStore) -> None:
    marker = await put_marker(store, "k")
    assert (await store.totals()).objects == 0
    with pytest.raises(BucketNotEmpty):
        await store.delete_bucket("b")
    await store.delete_version("b", "k", marker.version_id)
    await store.delete_bucket("b")
