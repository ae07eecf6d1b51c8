"""Conformance: versions of keys, their parts, conditions, and what may be changed about them."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from metadata import (
    COMPLIANCE,
    NOTHING_DELETED,
    NULL_VERSION,
    Attributes,
    MetadataStore,
    NoSuchBucket,
    NoSuchKey,
    PreconditionFailed,
    Version,
    VersionChange,
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
    new_id,
    put,
    put_marker,
    reclaims_of,
    write_null_versions,
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
    await store.create_bucket("locking", "owner", "", 1, object_lock=True)
    version = replace(
        make_version("k", size=2**62),
        part_count=3,
        tags={"b": "🗿", "a": ""},
        acl='{"grants": []}',
        retention_mode=COMPLIANCE,
        retain_until_ms=2**53,
        legal_hold=True,
        encryption={"scheme": "sse", "key": "wrapped"},
    )
    part = replace(make_part(number=10_000, size=2**62), k=8, m=4, unit_size=1, nodes=("x",) * 12)
    part = replace(part, plain_size=2**61, stored_md5="d" * 32)
    stored = await store.put_version("locking", version, [part])
    assert stored == replace(version, sequence=stored.sequence, is_null=False)
    found = await store.version("locking", "k")
    assert (found.version, found.parts) == (stored, (part,))
    assert list(found.version.tags) == ["b", "a"]
    assert (part.content_size, part.data_md5) == (2**61, "d" * 32)


async def test_sequences_order_versions_by_commit(store: MetadataStore) -> None:
    first, _ = await put(store, "x")
    second, _ = await put(store, "y")
    await delete(store, "y")
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
        await store.delete_version("nope", "k", NULL_VERSION)
    with pytest.raises(NoSuchBucket):
        await store.delete_key("nope", "k", make_marker("k"))
    with pytest.raises(NoSuchBucket):
        await store.update_version("nope", "k", None, VersionChange(acl="x"))


async def test_keys_of_two_buckets_are_apart(store: MetadataStore) -> None:
    await store.create_bucket("c", "owner", "", 1)
    in_b, _ = await put(store, "k")
    in_c, _ = await put(store, "k", bucket="c")
    assert (await store.version("b", "k")).version == in_b
    with pytest.raises(NoSuchKey):
        await store.version("b", "k", in_c.version_id)
    assert await store.delete_version("b", "k", in_c.version_id) == NOTHING_DELETED
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
    await put(store, "k")
    await store.put_version("b", make_version("k"), [], condition=anything)


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
    numbered = [*placed[:2], replace(parts[2], offset=15), placed[2]]
    assert await store.version_parts(version.version_id) == numbered
    assert await store.version_parts(version.version_id, after_number=2, limit=1) == numbered[2:3]
    assert await store.version_parts("no such version") == []


async def test_an_empty_object_has_its_empty_part(store: MetadataStore) -> None:
    part = make_part(size=0)
    version = await store.put_version("b", make_version("k", size=0), [part])
    assert (await store.version("b", "k")).parts == (part,)
    assert await store.parts(version.version_id) == []


async def test_what_encryption_added_is_not_counted_in_offsets(store: MetadataStore) -> None:
    parts = [replace(make_part(number, 30), plain_size=10) for number in (1, 2, 3)]
    version = await store.put_version("b", make_version("k", size=30), parts)
    placed = [replace(part, offset=10 * i) for i, part in enumerate(parts)]
    for offset, first in [(0, 0), (9, 0), (10, 1), (19, 1), (20, 2), (30, 3)]:
        assert await store.parts(version.version_id, offset=offset) == placed[first:], offset


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (WriteCondition(must_exist=True), True),
        (WriteCondition(must_not_match_etag="one"), False),
        (WriteCondition(must_not_match_etag="*"), False),
        (WriteCondition(must_not_match_etag="two"), True),
        (WriteCondition(must_match_size=10), True),
        (WriteCondition(must_match_size=11), False),
        (WriteCondition(must_match_modified_s=7), True),
        (WriteCondition(must_match_modified_s=8), False),
        (WriteCondition(must_match_version_id="nope"), False),
        (WriteCondition(must_match_etag="one", must_match_size=10), True),
        (WriteCondition(must_match_etag="one", must_match_size=11), False),
        (WriteCondition(must_match_etag="one", must_not_match_etag="one"), False),
    ],
)
async def test_conditions(store: MetadataStore, condition: WriteCondition, holds: bool) -> None:
    """The same for a write, a deletion of the key, and one of the version."""
    existing = replace(make_version("k", etag="one"), created_at_ms=7_999)
    existing = await store.put_version("b", existing, [])
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: store.put_version("b", make_version("k"), [], condition=condition),
        lambda: store.delete_key("b", "k", make_marker("k"), condition=condition),
        lambda: store.delete_version("b", "k", existing.version_id, condition=condition),
    ]
    for call in calls:
        if holds:
            await call()
            existing = replace(existing, version_id=new_id())
            existing = await store.put_version("b", existing, [])
        else:
            with pytest.raises(PreconditionFailed):
                await call()
            assert (await store.version("b", "k")).version == existing


async def test_a_condition_names_the_version_it_means(store: MetadataStore) -> None:
    first, _ = await put(store, "k")
    it_still_is = WriteCondition(must_match_version_id=first.version_id)
    await store.put_version("b", make_version("k"), [], condition=it_still_is)
    with pytest.raises(PreconditionFailed):
        await store.put_version("b", make_version("k"), [], condition=it_still_is)
    with pytest.raises(PreconditionFailed):
        await store.delete_key("b", "k", make_marker("k"), condition=it_still_is)


@pytest.mark.parametrize("concurrent", [2, 20])
async def test_one_of_many_conditional_writers_wins(store: MetadataStore, concurrent: int) -> None:
    for is_null in (True, False):
        key = f"k{is_null}"
        await write_null_versions(store, is_null=is_null)
        outcomes = await asyncio.gather(
            *[
                store.put_version("b", make_version(key), [], condition=MUST_NOT_EXIST)
                for _ in range(concurrent)
            ],
            return_exceptions=True,
        )
        won = [each for each in outcomes if isinstance(each, Version)]
        assert (await store.version("b", key)).version == won[0]
        assert [type(each) for each in outcomes].count(PreconditionFailed) == concurrent - 1


async def test_what_may_be_changed_about_a_version(store: MetadataStore) -> None:
    version, _ = await put(store, "k")
    tagged = await store.update_version("b", "k", None, VersionChange(tags={"a": "b"}))
    assert tagged == replace(version, tags={"a": "b"})
    shared = await store.update_version("b", "k", NULL_VERSION, VersionChange(acl="{}"))
    assert shared == replace(tagged, acl="{}")
    assert (await store.version("b", "k", version.version_id)).version == shared, "by its own id"
    plain = VersionChange(tags={}, acl="")
    assert await store.update_version("b", "k", version.version_id, plain) == version
    assert (await store.version("b", "k")).version == version
    with pytest.raises(NoSuchKey):
        await store.update_version("b", "k", "garbage", plain)
    marker = await put_marker(store, "k")
    for version_id in (None, marker.version_id):
        with pytest.raises(NoSuchKey) as refused:
            await store.update_version("b", "k", version_id, plain)
        assert refused.value.marker == marker
