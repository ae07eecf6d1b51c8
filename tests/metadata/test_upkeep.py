"""Conformance: repair tasks, reclaims and totals."""

from metadata import MetadataStore, RepairState, RepairTask, Totals
from tests.metadata.making import (
    FAR_FUTURE_MS,
    Clock,
    all_reclaims,
    make_part,
    missing,
    put,
    put_marker,
    reclaims_of,
    start_upload,
)


async def test_repairs_are_queued_once_per_shard(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    assert await store.add_repairs([missing(part, 0), missing(part, 1), missing(part, 0)], 5) == 2
    assert await store.add_repairs([missing(part, 1), missing(part, 2)], 4) == 1
    assert await store.repairs() == [
        RepairTask(part.part_id, 2, "node down", RepairState.QUEUED, 0, 4),
        RepairTask(part.part_id, 0, "node down", RepairState.QUEUED, 0, 5),
        RepairTask(part.part_id, 1, "node down", RepairState.QUEUED, 0, 5),
    ]
    assert len(await store.repairs(limit=1)) == 1


async def test_parts_that_nothing_names_are_not_repaired(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    uploaded = make_part()
    await start_upload(store, "u", uploaded)
    await store.delete_version("b", "k")
    shards = [missing(part, 0), missing(make_part(), 0), missing(uploaded, 0)]
    assert await store.add_repairs(shards, 1) == 1
    assert [task.part_id for task in await store.repairs()] == [uploaded.part_id]


async def test_reclaims_are_oldest_first_and_dated_by_their_drop(
    store: MetadataStore, clock: Clock
) -> None:
    parts = []
    for now_ms in (300, 100, 200):
        _, part = await put(store, "k")
        clock.now_ms = now_ms
        await store.delete_version("b", "k")
        parts.append(part)
    node_id = parts[0].nodes[1]
    due = await store.reclaims(node_id, before_ms=300, limit=10)
    assert [(each.part_id, each.created_at_ms) for each in due] == [
        (parts[1].part_id, 100),
        (parts[2].part_id, 200),
    ]
    assert {(each.node_id, each.shard) for each in due} == {(node_id, 1)}
    assert await store.reclaims(node_id, before_ms=301, limit=1) == due[:1]


async def test_each_node_has_its_own_reclaims(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    await store.delete_version("b", "k")
    assert await all_reclaims(store) == reclaims_of(part, 1_000)
    (first,) = await store.reclaims(part.nodes[0], before_ms=FAR_FUTURE_MS, limit=10)
    await store.forget_reclaims([first])
    assert await all_reclaims(store) == reclaims_of(part, 1_000)[1:]


async def test_a_part_without_bytes_leaves_no_reclaims(store: MetadataStore) -> None:
    await start_upload(store, "k", make_part(1, size=0), make_part(1))
    assert await all_reclaims(store) == []


async def test_reclaims_are_forgotten(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    await store.delete_version("b", "k")
    await store.forget_reclaims(reclaims_of(make_part(), 1_000))
    assert await all_reclaims(store) == reclaims_of(part, 1_000)
    await store.forget_reclaims(reclaims_of(part, 1_000))
    assert await all_reclaims(store) == []


async def test_totals_count_what_there_is(store: MetadataStore) -> None:
    assert await store.totals() == Totals(1, 0, 0, 0, 0, 0, 0)
    await put(store, "k")
    _, part = await put(store, "k")
    await put(store, "v", is_null=False)
    await put_marker(store, "v")
    await start_upload(store, "u", make_part())
    await store.add_repairs([missing(part, 0)], 1)
    assert await store.totals() == Totals(
        buckets=1, objects=1, bytes=20, uploads=1, repair_queued=1, repair_dead=0, reclaims=3
    )
