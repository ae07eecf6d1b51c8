"""Conformance: how versions go, or are hidden, and what their going leaves behind."""

import asyncio

import pytest

from metadata import (
    NOTHING_DELETED,
    NULL_VERSION,
    Deletion,
    MetadataStore,
    NoSuchBucket,
    NoSuchKey,
    PreconditionFailed,
    Versioning,
    WriteCondition,
)
from tests.metadata.making import (
    Clock,
    all_reclaims,
    delete,
    make_marker,
    make_part,
    make_version,
    missing,
    put,
    put_marker,
    reclaimed_ids,
    reclaims_of,
)

ANYTHING = WriteCondition(must_match_etag="*")
ONE = WriteCondition(must_match_etag="one")
MUST_NOT_EXIST = WriteCondition(must_not_exist=True)
REMOVED = Deletion(None, is_delete_marker=False, existed=True)


async def test_an_unversioned_key_goes_for_good(store: MetadataStore, clock: Clock) -> None:
    part = make_part()
    await store.put_version("b", make_version("k"), [part], missing=[missing(part, 1)])
    clock.now_ms = 9_000
    assert await store.delete_key("b", "k", make_marker("k")) == REMOVED
    assert await store.delete_key("b", "k", make_marker("k")) == NOTHING_DELETED
    with pytest.raises(NoSuchKey) as refused:
        await store.version("b", "k")
    assert refused.value.marker is None
    assert await all_reclaims(store) == reclaims_of(part, 9_000)
    assert await store.repairs() == []
    assert (await store.totals()).objects == 0


async def test_a_versioned_key_is_hidden(store: MetadataStore) -> None:
    await store.set_versioning("b", Versioning.ENABLED)
    version, _ = await put(store, "k", is_null=False)
    marker = make_marker("k")
    deleted = await store.delete_key("b", "k", marker)
    assert deleted == Deletion(marker.version_id, is_delete_marker=True, existed=True)
    with pytest.raises(NoSuchKey) as refused:
        await store.version("b", "k")
    hiding = refused.value.marker
    assert hiding is not None
    assert (hiding.version_id, hiding.is_delete_marker) == (marker.version_id, True)
    found = await store.version("b", "k", marker.version_id)
    assert (found.version, found.parts) == (hiding, ())
    assert (await store.version("b", "k", version.version_id)).version == version
    assert (await store.list_current("b", limit=10)).objects == ()
    assert await all_reclaims(store) == []
    assert (await store.totals()).objects == 0


async def test_a_marker_is_added_to_nothing_and_to_a_marker(store: MetadataStore) -> None:
    await store.set_versioning("b", Versioning.ENABLED)
    for _ in range(2):
        marker = make_marker("k")
        deleted = await store.delete_key("b", "k", marker)
        assert deleted == Deletion(marker.version_id, is_delete_marker=True, existed=False)
    assert len((await store.list_versions("b", limit=9)).versions) == 2


async def test_a_retried_deletion_adds_one_marker(store: MetadataStore) -> None:
    await store.set_versioning("b", Versioning.ENABLED)
    await put(store, "k", is_null=False)
    marker = make_marker("k")
    await store.delete_key("b", "k", marker, condition=ANYTHING)
    current, _ = await put(store, "k", is_null=False)
    again = await store.delete_key("b", "k", marker, condition=ONE)
    assert again == Deletion(marker.version_id, is_delete_marker=True, existed=False)
    assert (await store.version("b", "k")).version == current


async def test_a_suspended_bucket_replaces_the_null_version(store: MetadataStore) -> None:
    _, null_part = await put(store, "k")
    kept, _ = await put(store, "k", is_null=False)
    await store.set_versioning("b", Versioning.SUSPENDED)
    deleted = await store.delete_key("b", "k", make_marker("k"))
    assert deleted == Deletion(NULL_VERSION, is_delete_marker=True, existed=True)
    assert await reclaimed_ids(store) == {null_part.part_id}
    assert (await store.version("b", "k", kept.version_id)).version == kept
    marker = (await store.version("b", "k", NULL_VERSION)).version
    assert (marker.is_null, marker.is_delete_marker, marker.public_id) == (True, True, "null")
    current, _ = await put(store, "k")
    assert (await store.version("b", "k", NULL_VERSION)).version == current
    with pytest.raises(NoSuchKey):
        await store.version("b", "k", marker.version_id)


@pytest.mark.parametrize("condition", [ANYTHING, ONE, WriteCondition(must_exist=True)])
async def test_what_is_not_there_fulfils_every_condition(
    store: MetadataStore, condition: WriteCondition
) -> None:
    for versioning in (Versioning.OFF, Versioning.ENABLED, Versioning.SUSPENDED):
        if versioning:
            await store.set_versioning("b", versioning)
        deleted = await store.delete_key("b", "k", make_marker("k"), condition=condition)
        assert deleted == NOTHING_DELETED
        deleted = await store.delete_version("b", "k", NULL_VERSION, condition=condition)
        assert deleted == NOTHING_DELETED
    assert (await store.list_versions("b", limit=9)).versions == ()


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (ANYTHING, True),
        (WriteCondition(must_match_etag=""), False),
        (WriteCondition(must_match_size=0), False),
        (WriteCondition(must_match_modified_s=0), False),
        (WriteCondition(must_exist=True), False),
        (WriteCondition(must_exist=True, must_match_etag="*"), False),
        (MUST_NOT_EXIST, True),
        (WriteCondition(must_not_match_etag="*"), True),
    ],
)
async def test_a_marker_under_a_condition(
    store: MetadataStore, condition: WriteCondition, holds: bool
) -> None:
    marker = await put_marker(store, "k")
    if not holds:
        with pytest.raises(PreconditionFailed):
            await store.delete_key("b", "k", make_marker("k"), condition=condition)
        with pytest.raises(PreconditionFailed):
            await store.delete_version("b", "k", marker.version_id, condition=condition)
        return
    await store.delete_key("b", "k", make_marker("k"), condition=condition)
    await store.delete_version("b", "k", marker.version_id, condition=condition)
    assert len((await store.list_versions("b", limit=9)).versions) == 1


async def test_a_refused_deletion_changes_nothing(store: MetadataStore) -> None:
    for is_null in (True, False):
        current, _ = await put(store, "k", etag="two", is_null=is_null)
        before = await store.list_versions("b", limit=9)
        for condition in (ONE, MUST_NOT_EXIST):
            with pytest.raises(PreconditionFailed):
                await store.delete_key("b", "k", make_marker("k"), condition=condition)
            with pytest.raises(PreconditionFailed):
                await store.delete_version("b", "k", current.version_id, condition=condition)
        assert await store.list_versions("b", limit=9) == before


async def test_one_of_many_conditional_deletions_wins(store: MetadataStore) -> None:
    for is_null in (True, False):
        await put(store, "k", etag="one", is_null=is_null)
        outcomes = await asyncio.gather(
            *[store.delete_key("b", "k", make_marker("k"), condition=ONE) for _ in range(20)],
            return_exceptions=True,
        )
        assert sum(isinstance(each, Deletion) and each.existed for each in outcomes) == 1


async def test_many_keys_go_in_one_batch(store: MetadataStore) -> None:
    kept, _ = await put(store, "kept")
    _, part_x = await put(store, "x")
    _, part_y = await put(store, "y")
    keys = [(key, make_marker(key)) for key in ("x", "nope", "y", "x")]
    assert await store.delete_keys("b", keys) == [
        REMOVED,
        NOTHING_DELETED,
        REMOVED,
        NOTHING_DELETED,
    ]
    assert await reclaimed_ids(store) == {part_x.part_id, part_y.part_id}
    assert (await store.version("b", "kept")).version == kept
    assert await store.delete_keys("b", []) == []
    with pytest.raises(NoSuchBucket):
        await store.delete_keys("nope", [])


async def test_a_named_version_goes_for_good(store: MetadataStore, clock: Clock) -> None:
    version, part = await put(store, "k", is_null=False)
    clock.now_ms = 9_000
    deleted = await store.delete_version("b", "k", version.version_id)
    assert deleted == Deletion(version.version_id, is_delete_marker=False, existed=True)
    assert await store.delete_version("b", "k", version.version_id) == NOTHING_DELETED
    assert await all_reclaims(store) == reclaims_of(part, 9_000)


async def test_deleting_by_id_uncovers_the_next_newest(store: MetadataStore) -> None:
    first, _ = await put(store, "k", is_null=False)
    marker = await put_marker(store, "k")
    second, _ = await put(store, "k", is_null=False)
    assert (await store.delete_version("b", "k", second.version_id)).existed
    with pytest.raises(NoSuchKey):
        await store.version("b", "k")
    deleted = await store.delete_version("b", "k", marker.version_id)
    assert deleted == Deletion(marker.version_id, is_delete_marker=True, existed=True)
    assert (await store.version("b", "k")).version == first
    assert await delete(store, "k") is True
    with pytest.raises(NoSuchKey):
        await store.version("b", "k")


async def test_deleting_an_older_version_leaves_the_current(store: MetadataStore) -> None:
    _, null_part = await put(store, "k")
    middle, middle_part = await put(store, "k", is_null=False)
    current, _ = await put(store, "k", is_null=False)
    deleted = await store.delete_version("b", "k", NULL_VERSION)
    assert deleted == Deletion(NULL_VERSION, is_delete_marker=False, existed=True)
    assert await store.delete_version("b", "k", NULL_VERSION) == NOTHING_DELETED
    assert (await store.delete_version("b", "k", middle.version_id)).existed
    assert (await store.version("b", "k")).version == current
    assert await reclaimed_ids(store) == {null_part.part_id, middle_part.part_id}


async def test_a_condition_on_a_named_version_is_about_that_version(store: MetadataStore) -> None:
    old, _ = await put(store, "k", etag="one", is_null=False)
    await put(store, "k", etag="two", is_null=False)
    about_new = WriteCondition(must_match_etag="two")
    with pytest.raises(PreconditionFailed):
        await store.delete_version("b", "k", old.version_id, condition=about_new)
    assert (await store.delete_version("b", "k", old.version_id, condition=ONE)).existed
