"""Repairs with nodes, disks and a metadata store that fail: put off, given up, taken up again."""

from coordinator.repair.ledger import MAX_ATTEMPTS
from metadata import MetadataUnavailable, MissingShard, RepairState
from node.errors import NodeFailed, NodeFull
from node.record import RecordKey
from tests.coordinator.repair.support import Ward


async def test_too_many_nodes_away_blocks_and_their_return_heals() -> None:
    ward = Ward()
    part = await ward.put("key")
    await ward.lose(part, 2)
    ward.cluster.kill(part.nodes[0])
    async with ward.running():
        await ward.until(ward.is_idle)
        (task,) = await ward.tasks()
        assert task.attempts == 0
        assert "1 of the 2 units needed" in task.reason
        assert f"shard 0 on {part.nodes[0]}: away" in task.reason
        ward.cluster.revive(part.nodes[0])
        await ward.until(ward.is_done)
    await ward.check()


async def test_what_is_lost_for_good_is_buried_with_every_shard_named() -> None:
    ward = Ward()
    part = await ward.put("key")
    await ward.lose(part, 0)
    ward.cluster.fakes[part.nodes[1]].damaged.add(RecordKey(part.part_id, 1, 0))
    async with ward.running():
        for attempt in range(MAX_ATTEMPTS - 1):
            await ward.until(ward.is_idle)
            (task,) = await ward.tasks()
            assert task.attempts == attempt + 1
            ward.time.advance((task.not_before_ms - ward.ids.now_ms()) / 1000 + 1)

        async def is_dead() -> bool:
            return bool(await ward.tasks(RepairState.DEAD))

        await ward.until(is_dead)
    (task,) = await ward.tasks(RepairState.DEAD)
    assert f"shard 0 on {part.nodes[0]}: missing" in task.reason
    assert f"shard 1 on {part.nodes[1]}: damaged" in task.reason
    assert ward.repairer.progress().failed_shards == MAX_ATTEMPTS


async def test_a_node_that_was_down_revives_what_was_given_up() -> None:
    ward = Ward()
    part = await ward.put("key")
    await ward.lose(part, 0)
    await ward.metadata.bury_repairs([MissingShard(part.part_id, 0, "hopeless")])
    ward.cluster.kill(part.nodes[2])
    async with ward.running():
        await ward.until(ward.is_idle)
        assert await ward.tasks(RepairState.DEAD)
        ward.cluster.revive(part.nodes[2])

        async def is_alive() -> bool:
            return not await ward.tasks(RepairState.DEAD)

        await ward.until(is_alive)
        await ward.until(ward.is_done)
    await ward.check()


async def test_a_disk_that_fills_up_puts_repairs_off() -> None:
    ward = Ward()
    part = await ward.put("key")
    await ward.lose(part, 0)
    holder = ward.cluster.fakes[part.nodes[0]]
    holder.fault = lambda what, _: NodeFull("disk is full") if what == "append" else None
    async with ward.running():
        await ward.until(ward.is_idle)
        (task,) = await ward.tasks()
        assert (task.attempts, task.reason) == (0, "disk is full")
        holder.fault = lambda *_: None
        ward.time.advance(100)
        await ward.until(ward.is_done)
    await ward.check()


async def test_a_source_that_fails_is_replaced_by_another() -> None:
    ward = Ward(2, 2)
    part = await ward.put("key", 1000)
    await ward.lose(part, 0)
    ward.cluster.fakes[part.nodes[1]].fault = lambda *_: NodeFailed("its disk")
    await ward.heal()
    ward.cluster.fakes[part.nodes[1]].fault = lambda *_: None
    assert ward.cluster.failures
    await ward.check()


async def test_a_target_that_dies_is_no_failed_attempt() -> None:
    ward = Ward()
    part = await ward.put("key")
    await ward.lose(part, 0)
    ward.cluster.kill(part.nodes[0], noticed=False)
    async with ward.running():
        await ward.until(ward.is_idle)
    (task,) = await ward.tasks()
    assert (task.attempts, task.state) == (0, RepairState.QUEUED)


async def test_a_node_wiped_right_after_the_append_is_not_taken_for_whole() -> None:
    ward = Ward()
    part = await ward.put("key")
    await ward.lose(part, 0)
    holder = ward.cluster.fakes[part.nodes[0]]
    append = holder.append

    async def append_and_lose(records) -> None:
        await append(records)
        holder.append = append
        ward.cluster.wipe(part.nodes[0])

    holder.append = append_and_lose
    await ward.heal()
    await ward.check()


async def test_the_metadata_may_fail_in_between() -> None:
    ward = Ward()
    for number in range(5):
        await ward.lose(await ward.put(f"key-{number}"), 0)
    failures = {"due_repairs": 2, "finish_repairs": 3, "find_parts": 1, "repair_counts": 1}
    for name in failures:
        method = getattr(ward.metadata, name)

        async def failing(*args, name=name, method=method, **kwargs):
            if failures[name]:
                failures[name] -= 1
                raise MetadataUnavailable("busy")
            return await method(*args, **kwargs)

        setattr(ward.metadata, name, failing)
    await ward.heal()
    assert not any(failures.values())
    await ward.check()


async def test_a_chunk_that_fails_in_an_unforeseen_way_is_done_later(caplog) -> None:
    ward = Ward()
    part = await ward.put("key")
    await ward.lose(part, 0)
    holder = ward.cluster.fakes[part.nodes[0]]
    append, errors = holder.append, [ZeroDivisionError()]

    async def failing(records) -> None:
        if errors:
            raise errors.pop()
        await append(records)

    holder.append = failing
    await ward.heal()
    assert "repair failed" in caplog.text
    await ward.check()
