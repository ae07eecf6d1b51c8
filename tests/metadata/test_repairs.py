"""Conformance: repair tasks, from the queue to the end."""

from metadata import (
    DueRepair,
    MetadataStore,
    MissingShard,
    MoveShard,
    Part,
    PutOff,
    RepairCount,
    RepairKind,
    RepairState,
    RepairTask,
    ShardName,
)
from tests.metadata.making import delete, make_part, make_version, missing, put, start_upload

WIDE = ("n1", "n2", "n3", "n4", "n5")


async def put_wide(store: MetadataStore, key: str) -> Part:
    """An object whose part stands on five nodes and can spare two."""
    part = make_part(nodes=WIDE)
    part = Part(part.part_id, 1, 10, "e", 3, 2, 4096, WIDE, 5)
    await store.put_version("b", make_version(key), [part])
    return part


def rebuild(part: Part, shard: int, spare: int, created_at_ms: int) -> RepairTask:
    """The task as it is when nothing has been tried."""
    return RepairTask(
        part.part_id,
        shard,
        RepairKind.REBUILD,
        part.nodes[shard],
        "",
        "node down",
        RepairState.QUEUED,
        spare,
        0,
        created_at_ms,
    )


def move(part: Part, shard: int, target: str) -> MoveShard:
    return MoveShard(part.part_id, shard, target, "ring changed")


async def due(store: MetadataStore, node_id: str, now_ms: int = 1_000) -> list[RepairTask]:
    return [each.task for each in await store.due_repairs(node_id, now_ms=now_ms, limit=100)]


async def test_rebuilds_are_queued_once_per_shard(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    assert await store.add_repairs([missing(part, 0), missing(part, 1), missing(part, 0)], 5) == 2
    assert await store.add_repairs([missing(part, 1), missing(part, 2)], 4) == 1
    assert await store.add_repairs([], 4) == 0
    assert await store.repairs() == [
        rebuild(part, 2, -2, 4),
        rebuild(part, 0, -2, 5),
        rebuild(part, 1, -2, 5),
    ]
    assert len(await store.repairs(limit=1)) == 1


async def test_what_no_part_has_is_not_repaired(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    uploaded, empty = make_part(1), make_part(2, size=0)
    await start_upload(store, "u", uploaded, empty)
    await delete(store, "k")
    parts = [part, make_part(), empty, uploaded]
    shards = [*[missing(each, 0) for each in parts], missing(uploaded, 3)]
    assert await store.add_repairs(shards, 1) == 1
    assert await store.add_moves([move(each, 1, "n9") for each in parts], 1) == 1
    assert {task.part_id for task in await store.repairs()} == {uploaded.part_id}


async def test_dropping_a_part_forgets_its_repairs(store: MetadataStore) -> None:
    part = await put_wide(store, "k")
    await store.add_repairs([missing(part, 0), missing(part, 1)], 1)
    await store.add_moves([move(part, 2, "n9")], 1)
    await delete(store, "k")
    assert await store.repairs() == []
    assert await store.repair_counts() == []


async def test_the_most_endangered_come_first_then_the_oldest(store: MetadataStore) -> None:
    safe, older, worst = [await put_wide(store, key) for key in "abc"]
    await store.add_repairs([missing(safe, 0)], 1)
    await store.add_repairs([missing(worst, 0), missing(worst, 1)], 3)
    await store.add_repairs([missing(older, 0), missing(older, 1)], 2)
    await store.add_moves([move(safe, 1, "n9")], 1)
    assert [(task.part_id, task.spare) for task in await due(store, "n1")] == [
        (older.part_id, 0),
        (worst.part_id, 0),
        (safe.part_id, 1),
    ]
    assert [task.part_id for task in await due(store, "n2")] == [
        older.part_id,
        worst.part_id,
        safe.part_id,
    ]
    assert await due(store, "n3") == []
    found = await store.due_repairs("n1", now_ms=9, limit=2)
    assert found[0] == DueRepair(rebuild(older, 0, 0, 2), older)
    assert len(found) == 2


async def test_what_a_part_can_spare_follows_its_rebuilds(store: MetadataStore) -> None:
    part = await put_wide(store, "k")

    async def spares() -> dict[int, int]:
        return {task.shard: task.spare for task in await store.repairs()}

    await store.add_repairs([missing(part, shard) for shard in (0, 1)], 1)
    await store.add_moves([move(part, shard, "n9") for shard in (1, 2)], 1)
    assert await spares() == {0: 0, 1: 0, 2: 0}
    await store.add_repairs([missing(part, 2)], 1)
    assert await spares() == {0: -1, 1: -1, 2: -1}
    await store.bury_repairs([missing(part, 2)])
    assert await spares() == {0: -1, 1: -1}
    await store.finish_repairs([ShardName(part.part_id, 2), ShardName(part.part_id, 0)])
    assert await spares() == {1: 1}


async def test_a_move_becomes_a_rebuild_and_never_the_other_way(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    name = ShardName(part.part_id, 0)
    assert await store.add_moves([move(part, 0, "n9")], 1) == 1
    await store.put_off_repairs([PutOff(*name, "busy", 500, failed=True)])
    assert await store.add_repairs([missing(part, 0)], 2) == 1
    assert await store.repairs() == [rebuild(part, 0, 0, 2)]
    assert await store.add_moves([move(part, 0, "n9")], 3) == 0
    assert await store.repairs() == [rebuild(part, 0, 0, 2)]


async def test_a_move_gets_a_new_target_and_starts_anew(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    await store.add_moves([move(part, 0, "n8")], 1)
    await store.bury_repairs([missing(part, 0)])
    assert await store.add_moves([move(part, 0, "n8")], 2) == 0
    assert await store.repairs() == []
    assert await store.add_moves([move(part, 0, "n9")], 3) == 1
    (task,) = await store.repairs()
    assert (task.kind, task.target, task.node_id) == (RepairKind.MOVE, "n9", "n1")
    assert (task.spare, task.attempts, task.created_at_ms) == (1, 0, 3)


async def test_no_move_goes_to_a_node_that_holds_a_shard_of_the_part(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    assert await store.add_moves([move(part, 0, "n1"), move(part, 0, "n2")], 1) == 0
    assert await store.add_moves([move(part, 0, "n")], 1) == 1


async def test_what_is_put_off_is_not_due_before_its_time(store: MetadataStore) -> None:
    _, first = await put(store, "a")
    _, second = await put(store, "b")
    await store.add_repairs([missing(first, 0)], 1)
    await store.add_repairs([missing(second, 0)], 2)
    await store.put_off_repairs(
        [
            PutOff(first.part_id, 0, "sources down", 50, failed=False),
            PutOff(first.part_id, 1, "no such task", 50, failed=False),
        ]
    )
    assert [task.part_id for task in await due(store, "n1", 49)] == [second.part_id]
    second_due, first_due = await due(store, "n1", 50)
    assert second_due.part_id == second.part_id, "those that were not tried yet come first"
    assert (first_due.reason, first_due.attempts) == ("sources down", 0)
    await store.put_off_repairs([PutOff(first.part_id, 0, "damaged", 60, failed=True)])
    task = (await due(store, "n1", 60))[1]
    assert (task.reason, task.attempts, task.not_before_ms) == ("damaged", 1, 60)


async def test_waking_makes_all_that_is_put_off_due(store: MetadataStore) -> None:
    parts = [(await put(store, key))[1] for key in "abc"]
    await store.add_repairs([missing(part, 0) for part in parts], 1)
    later = [PutOff(part.part_id, 0, "down", 10**12, failed=True) for part in parts[:2]]
    await store.put_off_repairs(later)
    assert len(await due(store, "n1")) == 1
    assert await store.wake_repairs() == 2
    assert [task.attempts for task in await due(store, "n1")] == [1, 1, 0]
    assert await store.wake_repairs() == 0


async def test_the_dead_are_shown_and_can_be_revived(store: MetadataStore) -> None:
    parts = [(await put(store, key))[1] for key in "abc"]
    await store.add_repairs([missing(part, 0) for part in parts], 1)
    await store.put_off_repairs([PutOff(parts[0].part_id, 0, "down", 10**12, failed=True)])
    gone = [MissingShard(part.part_id, 0, "too few left") for part in parts]
    await store.bury_repairs([*gone, missing(parts[0], 1)])
    await store.bury_repairs([missing(parts[0], 0)])
    await store.put_off_repairs([PutOff(parts[1].part_id, 0, "down", 10**12, failed=True)])
    assert await store.repairs() == []
    assert not await store.has_repairs("n1")
    dead = await store.repairs(state=RepairState.DEAD)
    assert [(task.reason, task.attempts) for task in dead] == [
        ("too few left", 2),
        ("too few left", 1),
        ("too few left", 1),
    ]
    assert (await store.totals()).repair_dead == 3
    assert await store.add_repairs([missing(parts[0], 0)], 9) == 0, "known, and given up"
    first, second, third = [ShardName(part.part_id, 0) for part in parts]
    assert await store.revive_repairs([first, ShardName(first.part_id, 1)]) == 1
    assert await store.revive_repairs([]) == 0
    (revived,) = await due(store, "n1")
    assert (revived.name, revived.attempts, revived.state) == (first, 0, RepairState.QUEUED)
    assert await store.revive_repairs() == 2
    assert [task.name for task in await due(store, "n1")] == [first, second, third]
    assert await store.revive_repairs() == 0
    await store.finish_repairs([first, second, third])
    assert await store.totals() == await store.totals()
    assert (await store.totals()).repair_queued == 0


async def test_tasks_come_page_by_page(store: MetadataStore) -> None:
    parts = [await put_wide(store, key) for key in "abcdef"]
    for number, part in enumerate(parts):
        await store.add_repairs([missing(part, shard) for shard in range(number % 3 + 1)], 9)
    for state in RepairState:
        whole = await store.repairs(state=state)
        assert len(whole) == 12
        paged: list[RepairTask] = []
        while page := await store.repairs(state=state, after=paged[-1] if paged else None, limit=5):
            paged += page
        assert paged == whole
        await store.bury_repairs([missing(part, shard) for part in parts for shard in range(3)])


async def test_counts_say_what_there_is_to_do(store: MetadataStore) -> None:
    _, part = await put(store, "k")
    wide = await put_wide(store, "w")
    assert await store.repair_counts() == []
    assert not await store.has_repairs("n1")
    await store.add_repairs([missing(part, 0), missing(wide, 0), missing(wide, 1)], 1)
    await store.add_moves([move(wide, 2, "n9")], 1)
    await store.bury_repairs([missing(wide, 1)])
    await store.put_off_repairs([PutOff(wide.part_id, 0, "later", 10**12, failed=False)])
    assert await store.repair_counts() == [
        RepairCount("n1", RepairKind.REBUILD, RepairState.QUEUED, tasks=2, bytes=5 + 4),
        RepairCount("n2", RepairKind.REBUILD, RepairState.DEAD, tasks=1, bytes=4),
        RepairCount("n3", RepairKind.MOVE, RepairState.QUEUED, tasks=1, bytes=4),
    ]
    assert [await store.has_repairs(node_id) for node_id in WIDE] == [
        True,
        False,
        True,
        False,
        False,
    ]
    totals = await store.totals()
    assert (totals.repair_queued, totals.repair_dead) == (3, 1)
