"""Conformance: versions of keys, their parts, conditions, and what their going leaves behind."""

from dataclasses import replace

import pytest

from metadata import (
    NULL_VERSION,
    Attributes,
    MetadataStore,
    NoSuchBucket,
    NoSuchKey,
    PreconditionFailed,
    WriteCondition,
)
from tests.metadata.making import (
    Clock,
    all_reclaims,
    make_part,
    make_version,
    missing,
    put,
    put_marker,
    reclaimed_ids,
    reclaims_of,
)

MUST_NOT_EXIST = WriteCondition(must_not_exist=True)
NASTY_KEYS = [
    "a",
    "a/b",
    "a//b",
    "../x",
    "/",
    "\x00",
    "a\x00b",
    "\x01\x1f",
    "\x7f",
    "\r\n",
    "ü",
    "🗿",
    "\ue000",
    "\U0010ffff",
    "k" * 1024,
]


@pytest.mark.parametrize("key", NASTY_KEYS)
async def test_a_version_comes_back_as_it_was_put(store: MetadataStore, key: str) -> None:
    attributes = Attributes({"content-type": "x/y"}, {"ümeta": "🗿"}, {"type": "FULL_OBJECT"})
    version, part = make_version(key, attributes=attributes), make_part()
    stored = await store.put_version("b", version, [part])
    assert stored == replace(version, sequence=stored.sequence)
    found = await store.version("b", key)
    assert found.version == stored
    assert found.parts == (part,)
    assert found.bucket == await store.bucket("b")


async def test_every_field_survives(store: MetadataStore) -> None:
    version = replace(make_version("k", size=2**62), part_count=3, is_null=False)
    part = replace(make_part(number=10_000, size=2**62), k=8, m=4, unit_size=1, nodes=("x",) * 12)
    stored = await store.put_version("b", version, [part])
    found = await store.version("b", "k")
    assert found.version == replace(version, sequence=stored.sequence)
    assert found.parts == (part,)


async def test_sequences_order_versions_by_commit(store: MetadataStore) -> None:
    first, _ = await put(store, "x")
    second, _ = await put(store, "y")
    await store.delete_version("b", "y")
    third, _ = await put(store, "z")
    assert 0 < first.sequence < second.sequence < third.sequence


async def test_missing_bucket_and_key(store: MetadataStore) -> None:
    with pytest.raises(NoSuchBucket):
        await put(store, "k", bucket="nope")
    with pytest.raises(NoSuchBucket):
        await store.version("nope", "k")
    with pytest.raises(NoSuchKey):
        await store.version("b", "k")
    with pytest.raises(NoSuchKey):
        await store.version("b", "k", NULL_VERSION)
    with pytest.raises(NoSuchKey):
        await store.version("b", "k", "garbage")
    with pytest.raises(NoSuchBucket):
        await store.delete_version("nope", "k")


async def test_keys_of_two_buckets_are_apart(store: MetadataStore) -> None:
    await store.create_bucket("c", "owner", "", 1)
    in_b, _ = await put(store, "k")
    in_c, _ = await put(store, "k", bucket="c")
    assert (await store.version("b", "k")).version == in_b
    with pytest.raises(NoSuchKey):
        await store.version("b", "k", in_c.version_id)
    assert await store.delete_version("b", "k", in_c.version_id) is False
    assert (await store.version("c", "k")).version == in_c


async def test_an_overwrite_replaces_the_null_version_and_reclaims_it(
    store: MetadataStore, clock: Clock
) -> None:
    former, former_part = await put(store, "k")
    clock.now_ms = 5_000
    current, _ = await put(store, "k")
    assert (await store.version("b", "k")).version == current
    assert (await store.version("b", "k", NULL_VERSION)).version == current
    with pytest.raises(NoSuchKey):
        await store.version("b", "k", former.version_id)
    assert await all_reclaims(store) == reclaims_of(former_part, 5_000)
    assert await store.part_by_number(former.version_id, 1) is None


async def test_a_retried_put_has_no_second_effect(store: MetadataStore) -> None:
    version, part = make_version("k"), make_part()
    first = await store.put_version("b", version, [part], condition=MUST_NOT_EXIST)
    again = await store.put_version("b", version, [part], condition=MUST_NOT_EXIST)
    assert again == first
    assert await all_reclaims(store) == []
    assert (await store.totals()).bytes == version.size


async def test_a_refused_put_changes_nothing(store: MetadataStore) -> None:
    current, _ = await put(store, "k", etag="one")
    before = await store.totals()
    part = make_part()
    for condition in (MUST_NOT_EXIST, WriteCondition(must_match_etag="two")):
        with pytest.raises(PreconditionFailed):
            await store.put_version(
                "b", make_version("k"), [part], condition=condition, missing=[missing(part, 0)]
            )
    assert (await store.version("b", "k")).version == current
    assert await store.totals() == before
    assert await store.repairs() == []


async def test_must_not_exist(store: MetadataStore) -> None:
    await store.put_version("b", make_version("k"), [], condition=MUST_NOT_EXIST)
    with pytest.raises(PreconditionFailed):
        await store.put_version("b", make_version("k"), [], condition=MUST_NOT_EXIST)
    await put_marker(store, "k")
    await store.put_version("b", make_version("k"), [], condition=MUST_NOT_EXIST)


async def test_any_etag_matches_whatever_there_is(store: MetadataStore) -> None:
    anything = WriteCondition(must_match_etag="*")
    with pytest.raises(NoSuchKey):
        await store.put_version("b", make_version("k"), [], condition=anything)
    with pytest.raises(NoSuchKey):
        await store.delete_version("b", "k", condition=anything)
    await put(store, "k")
    await store.put_version("b", make_version("k"), [], condition=anything)
    assert await store.delete_version("b", "k", condition=anything)


async def test_must_match_etag(store: MetadataStore) -> None:
    matching = WriteCondition(must_match_etag="one")
    with pytest.raises(NoSuchKey):
        await store.put_version("b", make_version("k"), [], condition=matching)
    await put(store, "k", etag="one")
    await store.put_version("b", make_version("k", etag="two"), [], condition=matching)
    with pytest.raises(PreconditionFailed):
        await store.put_version("b", make_version("k"), [], condition=matching)
    await put_marker(store, "k")
    with pytest.raises(NoSuchKey):
        await store.put_version("b", make_version("k"), [], condition=matching)


async def test_missing_shards_become_repairs_in_the_same_commit(store: MetadataStore) -> None:
    part = make_part()
    version = make_version("k")
    await store.put_version("b", version, [part], missing=[missing(part, 2), missing(part, 0)])
    tasks = await store.repairs()
    assert [(task.part_id, task.shard, task.created_at_ms) for task in tasks] == [
        (part.part_id, 0, version.created_at_ms),
        (part.part_id, 2, version.created_at_ms),
    ]
    await put(store, "k")
    assert await store.repairs() == [], "repairs of a replaced version go with its parts"


async def test_many_parts_are_paged_and_offsets_set(store: MetadataStore) -> None:
    parts = [make_part(number, size) for number, size in [(1, 10), (2, 5), (4, 0), (7, 20)]]
    version = await store.put_version("b", make_version("k", size=35), parts)
    assert (await store.version("b", "k")).parts == ()
    placed = [replace(parts[0]), replace(parts[1], offset=10), replace(parts[3], offset=15)]
    assert await store.parts(version.version_id) == placed
    assert await store.parts(version.version_id, limit=2) == placed[:2]
    for offset, first in [(0, 0), (9, 0), (10, 1), (14, 1), (15, 2), (34, 2), (35, 3), (99, 3)]:
        assert await store.parts(version.version_id, offset=offset) == placed[first:], offset
    assert await store.part_by_number(version.version_id, 7) == placed[2]
    assert await store.part_by_number(version.version_id, 3) is None
    assert await store.parts("no such version") == []


async def test_an_empty_object_has_its_empty_part(store: MetadataStore) -> None:
    part = make_part(size=0)
    version = await store.put_version("b", make_version("k", size=0), [part])
    assert (await store.version("b", "k")).parts == (part,)
    assert await store.parts(version.version_id) == []


async def test_delete_removes_the_current_version_for_good(
    store: MetadataStore, clock: Clock
) -> None:
    part = make_part()
    await store.put_version("b", make_version("k"), [part], missing=[missing(part, 1)])
    clock.now_ms = 9_000
    assert await store.delete_version("b", "k") is True
    assert await store.delete_version("b", "k") is False
    with pytest.raises(NoSuchKey):
        await store.version("b", "k")
    assert await all_reclaims(store) == reclaims_of(part, 9_000)
    assert await store.repairs() == []


async def test_delete_with_a_condition(store: MetadataStore) -> None:
    matching = WriteCondition(must_match_etag="one")
    with pytest.raises(NoSuchKey):
        await store.delete_version("b", "k", condition=matching)
    await put(store, "k", etag="two")
    for condition in (matching, MUST_NOT_EXIST):
        with pytest.raises(PreconditionFailed):
            await store.delete_version("b", "k", condition=condition)
    await put(store, "k", etag="one")
    assert await store.delete_version("b", "k", condition=matching) is True


async def test_delete_versions_answers_for_each_key(store: MetadataStore) -> None:
    kept, _ = await put(store, "kept")
    _, part_x = await put(store, "x")
    _, part_y = await put(store, "y")
    assert await store.delete_versions("b", ["x", "nope", "y", "x"]) == [True, False, True, False]
    assert await reclaimed_ids(store) == {part_x.part_id, part_y.part_id}
    assert (await store.version("b", "kept")).version == kept
    assert await store.delete_versions("b", []) == []
    with pytest.raises(NoSuchBucket):
        await store.delete_versions("nope", [])


async def test_versions_that_are_not_null_stay(store: MetadataStore) -> None:
    first, _ = await put(store, "k", is_null=False)
    second, _ = await put(store, "k", is_null=False)
    assert (await store.version("b", "k")).version == second
    assert (await store.version("b", "k", first.version_id)).version == first
    with pytest.raises(NoSuchKey):
        await store.version("b", "k", NULL_VERSION)
    assert await all_reclaims(store) == []


async def test_a_null_version_replaces_only_the_null_one(store: MetadataStore) -> None:
    _, null_part = await put(store, "k")
    kept, _ = await put(store, "k", is_null=False)
    null, _ = await put(store, "k")
    assert await reclaimed_ids(store) == {null_part.part_id}
    assert (await store.version("b", "k")).version == null
    assert (await store.version("b", "k", kept.version_id)).version == kept


async def test_a_null_delete_marker_replaces_the_null_version(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    marker = await put_marker(store, "k", is_null=True)
    assert await reclaimed_ids(store) == {part.part_id}
    assert (await store.version("b", "k", NULL_VERSION)).version == marker
    current, _ = await put(store, "k")
    assert (await store.version("b", "k", NULL_VERSION)).version == current


async def test_a_delete_marker_hides_the_key(store: MetadataStore) -> None:
    version, _ = await put(store, "k", is_null=False)
    marker = await put_marker(store, "k")
    with pytest.raises(NoSuchKey):
        await store.version("b", "k")
    found = await store.version("b", "k", marker.version_id)
    assert (found.version, found.parts) == (marker, ())
    assert (await store.version("b", "k", version.version_id)).version == version
    assert await store.delete_version("b", "k") is False, "there is no current version"
    assert (await store.list_current("b", limit=10)).versions == ()


async def test_deleting_by_id_uncovers_the_next_newest(store: MetadataStore) -> None:
    first, _ = await put(store, "k", is_null=False)
    marker = await put_marker(store, "k")
    second, _ = await put(store, "k", is_null=False)
    assert await store.delete_version("b", "k", second.version_id) is True
    with pytest.raises(NoSuchKey):
        await store.version("b", "k")
    assert await store.delete_version("b", "k", marker.version_id) is True
    assert (await store.version("b", "k")).version == first
    assert await store.delete_version("b", "k") is True
    with pytest.raises(NoSuchKey):
        await store.version("b", "k")


async def test_deleting_an_older_version_leaves_the_current(store: MetadataStore) -> None:
    _, null_part = await put(store, "k")
    middle, middle_part = await put(store, "k", is_null=False)
    current, _ = await put(store, "k", is_null=False)
    assert await store.delete_version("b", "k", NULL_VERSION) is True
    assert await store.delete_version("b", "k", NULL_VERSION) is False
    assert await store.delete_version("b", "k", middle.version_id) is True
    assert (await store.version("b", "k")).version == current
    assert await reclaimed_ids(store) == {null_part.part_id, middle_part.part_id}


async def test_a_condition_on_a_named_version_is_about_that_version(store: MetadataStore) -> None:
    old, _ = await put(store, "k", etag="old", is_null=False)
    await put(store, "k", etag="new", is_null=False)
    with pytest.raises(PreconditionFailed):
        await store.delete_version(
            "b", "k", old.version_id, condition=WriteCondition(must_match_etag="new")
        )
    assert await store.delete_version(
        "b", "k", old.version_id, condition=WriteCondition(must_match_etag="old")
    )
