"""Conformance: reclaims, totals and notes."""

from metadata import MetadataStore, Totals
from tests.metadata.making import (
    FAR_FUTURE_MS,
    Clock,
    all_reclaims,
    delete,
    make_part,
    missing,
    put,
    put_marker,
    reclaims_of,
    start_upload,
)


async def test_reclaims_are_oldest_first_and_dated_by_their_drop(
    store: MetadataStore, clock: Clock
) -> None:
    parts = []
    for now_ms in (300, 100, 200):
        _, part = await put(store, "k")
        clock.now_ms = now_ms
        await delete(store, "k")
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
    await delete(store, "k")
    assert await all_reclaims(store) == reclaims_of(part, 1_000)
    (first,) = await store.reclaims(part.nodes[0], before_ms=FAR_FUTURE_MS, limit=10)
    await store.forget_reclaims([first])
    assert await all_reclaims(store) == reclaims_of(part, 1_000)[1:]


async def test_a_part_without_bytes_leaves_no_reclaims(store: MetadataStore) -> None:
    await start_upload(store, "k", make_part(1, size=0), make_part(1))
    assert await all_reclaims(store) == []


async def test_reclaims_are_forgotten(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    await delete(store, "k")
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


async def test_notes_are_found_and_forgotten_by_prefix(store: MetadataStore) -> None:
    assert await store.notes() == {}
    for name, value in (("scrub/n1", "1"), ("scrub/n2", ""), ("scrub", "3"), ("t", "4")):
        await store.save_note(name, value)
    await store.save_note("scrub/n2", "22")
    assert await store.notes("scrub/") == {"scrub/n1": "1", "scrub/n2": "22"}
    assert len(await store.notes()) == 4
    await store.forget_notes("scrub/")
    assert await store.notes() == {"scrub": "3", "t": "4"}
    await store.forget_notes("")
    assert await store.notes() == {}
