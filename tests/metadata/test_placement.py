"""Conformance: where shards are, and how they change their node."""

from metadata import (
    MetadataStore,
    MoveShard,
    NamedPart,
    NodeRecord,
    Part,
    Reclaim,
    ShardMove,
    Standing,
)
from tests.metadata.making import (
    FAR_FUTURE_MS,
    Clock,
    delete,
    make_part,
    make_version,
    missing,
    put,
    start_upload,
)


async def nodes_of(store: MetadataStore, part: Part) -> tuple[str, ...]:
    return (await store.find_parts([part.part_id]))[part.part_id].nodes


async def reclaims_on(store: MetadataStore, node_id: str) -> list[Reclaim]:
    return await store.reclaims(node_id, before_ms=FAR_FUTURE_MS, limit=10)


async def test_a_moved_shard_is_named_there_and_reclaimed_here(
    store: MetadataStore, clock: Clock
) -> None:
    _, part = await put(store, "k")
    clock.now_ms = 77
    assert await store.move_shards([ShardMove(part.part_id, 1, "n2", "n9")]) == [True]
    assert await nodes_of(store, part) == ("n1", "n9", "n3")
    assert (await store.version("b", "k")).parts[0].nodes == ("n1", "n9", "n3")
    assert await reclaims_on(store, "n2") == [Reclaim("n2", part.part_id, 1, 77)]
    assert (await store.totals()).reclaims == 1
    await delete(store, "k")
    assert [each.shard for each in await reclaims_on(store, "n9")] == [1]


async def test_a_move_is_refused_where_it_does_not_hold(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    empty = make_part(size=0)
    await store.put_version("b", make_version("e"), [empty])
    refused = [
        ShardMove(make_part().part_id, 0, "n1", "n9"),
        ShardMove(empty.part_id, 0, "n1", "n9"),
        ShardMove(part.part_id, 0, "n2", "n9"),
        ShardMove(part.part_id, 3, "n1", "n9"),
        ShardMove(part.part_id, 0, "n1", "n1"),
        ShardMove(part.part_id, 0, "n1", "n3"),
        ShardMove(part.part_id, 0, "n", "n9"),
    ]
    assert await store.move_shards(refused) == [False] * len(refused)
    assert await nodes_of(store, part) == part.nodes
    assert (await store.totals()).reclaims == 0


async def test_one_batch_sees_what_it_did_before(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    moves = [
        ShardMove(part.part_id, 0, "n1", "n9"),
        ShardMove(part.part_id, 0, "n1", "n8"),
        ShardMove(part.part_id, 2, "n3", "n9"),
        ShardMove(part.part_id, 2, "n3", "n1"),
    ]
    assert await store.move_shards(moves) == [True, False, False, True]
    assert await nodes_of(store, part) == ("n9", "n2", "n1")


async def test_a_move_ends_its_task_and_leaves_the_others_right(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    await store.add_repairs([missing(part, 0), missing(part, 1)], 1)
    assert await store.move_shards([ShardMove(part.part_id, 0, "n1", "n9")]) == [True]
    (task,) = await store.repairs()
    assert (task.shard, task.node_id, task.spare) == (1, "n2", 0)
    await store.add_moves([MoveShard(part.part_id, 0, "n8", "ring changed")], 2)
    assert {task.node_id for task in await store.repairs()} == {"n2", "n9"}
    assert not await store.has_repairs("n1")


async def test_no_copy_goes_where_a_former_one_waits_to_be_deleted(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    away = ShardMove(part.part_id, 0, "n1", "n9")
    back = ShardMove(part.part_id, 0, "n9", "n1")
    await store.move_shards([away])
    await store.add_moves([MoveShard(part.part_id, 0, "n1", "ring changed")], 1)
    (due,) = await store.due_repairs("n9", now_ms=1, limit=10)
    assert due.barred == {"n1"}
    assert await store.move_shards([back]) == [False]
    await store.forget_reclaims(await reclaims_on(store, "n1"))
    (due,) = await store.due_repairs("n9", now_ms=1, limit=10)
    assert due.barred == frozenset()
    assert await store.move_shards([back]) == [True]
    assert await nodes_of(store, part) == part.nodes


async def test_parts_are_listed_by_id_with_what_names_them(store: MetadataStore) -> None:
    await store.create_bucket("c", "owner", "", 1)
    version, first = await put(store, "k")
    second, empty, third = make_part(1), make_part(2, size=0), make_part(3)
    upload = await start_upload(store, "ü", second, empty, third, bucket="c")
    _, dropped = await put(store, "gone")
    await delete(store, "gone")
    named = [
        NamedPart(first, "b", "k", version.version_id, is_upload=False),
        NamedPart(second, "c", "ü", upload.upload_id, is_upload=True),
        NamedPart(third, "c", "ü", upload.upload_id, is_upload=True),
    ]
    assert await store.parts_by_id(limit=10) == named
    assert await store.parts_by_id(first.part_id, limit=1) == named[1:2]
    assert await store.parts_by_id(third.part_id, limit=10) == []
    wanted = [dropped.part_id, empty.part_id, first.part_id, make_part().part_id]
    assert set(await store.find_parts(wanted)) == {empty.part_id, first.part_id}


async def test_parts_with_a_shard_on_a_node_are_counted(store: MetadataStore) -> None:
    for key in "abc":
        _, part = await put(store, key)
    await store.put_version("b", make_version("e"), [make_part(size=0)])
    await store.move_shards([ShardMove(part.part_id, 0, "n1", "n10")])
    counts = [await store.parts_naming(node_id) for node_id in ("n1", "n10", "n2", "n")]
    assert counts == [2, 1, 3, 0]


async def test_a_node_keeps_its_standing(store: MetadataStore) -> None:
    first = NodeRecord("n1", "http://h", "z", 1.0, "s", Standing.REPLACED, is_draining=True)
    second = NodeRecord("n2", "http://h", "z", 1.0)
    for node in (first, second):
        await store.put_node(node)
    assert await store.nodes() == [first, second]
    assert second.standing is Standing.MEMBER
    back = NodeRecord("n1", "http://h", "z", 1.0, "s", Standing.RETURNED)
    await store.put_node(back)
    assert await store.nodes() == [back, second]
