"""Comparing a node's inventory with the parts: what is wanting, what is stray, what is neither."""

import asyncio

import pytest

from coordinator.repair import HealSettings, reconcile
from coordinator.repair.pace import Pace
from coordinator.repair.reconcile import Reconciler
from metadata import MissingShard, ShardMove
from node.errors import NodeUnreachable
from node.record import RecordKey
from tests.coordinator.repair.clinic import Clinic

GRACE_S = 100.0
HOUR_S = 3600.0


@pytest.fixture(params=[3, 1000], ids=["pages", "one page"])
async def clinic(request, monkeypatch):
    """Nothing ticks here, so nothing but the test compares."""
    monkeypatch.setattr(reconcile, "PAGE", request.param)
    clinic = await Clinic(settings=HealSettings(orphan_grace_s=GRACE_S)).start()
    await clinic.settle()
    yield clinic
    await clinic.stop()


def reconciler(clinic: Clinic) -> Reconciler:
    return Reconciler(
        clinic.metadata,
        clinic.cluster,
        clinic.writer.writing,
        clinic.pins,
        clinic.ids,
        clinic.metrics,
        Pace(0, lambda: 0, clock=clinic.time, sleep=clinic.time.sleep),
        grace_s=GRACE_S,
        found=lambda: None,
    )


def stray(clinic: Clinic, node_id: str, age_s: float = 2 * GRACE_S, shard: int = 0) -> RecordKey:
    """A record that nothing names, of a part begun so long ago."""
    born_ms = clinic.ids.now_ms() - int(age_s * 1000)
    part_id = born_ms.to_bytes(6, "big") + clinic.ids.random_bytes(10)
    key = RecordKey(part_id, shard, 0)
    clinic.nodes[node_id].records[key] = b"x"
    return key


async def test_a_node_that_has_all_of_it_is_left_alone(clinic):
    await clinic.put_many(10)
    for node_id in clinic.nodes:
        found = await reconciler(clinic).reconcile(node_id)
        assert (found.parts, found.missing, found.strays_deleted) == (10, 0, 0)
    assert await clinic.tasks() == []


async def test_what_is_wanting_is_queued(clinic):
    parts = await clinic.put_many(12)
    gone, cut, short = parts[0], parts[5], parts[11]
    for part in (gone, cut, short):
        assert len(part.nodes) == 3
    on_1 = {part.part_id: part.nodes.index("node-1") for part in parts}
    clinic.lose(gone, on_1[gone.part_id])
    clinic.lose(cut, on_1[cut.part_id], [1])
    records = clinic.nodes["node-1"].records
    key = RecordKey(short.part_id, on_1[short.part_id], 2)
    records[key] = records[key][:-1]
    found = await reconciler(clinic).reconcile("node-1")
    assert (found.missing, found.queued, found.strays_deleted) == (3, 3, 0)
    queued = {task.part_id: task.reason for task in await clinic.tasks()}
    assert queued[gone.part_id] == "its node does not have it"
    assert queued[cut.part_id] == "its node has 2 of its 3 records"
    assert "bytes" in queued[short.part_id]
    again = await reconciler(clinic).reconcile("node-1")
    assert (again.missing, again.queued) == (3, 0)


async def test_strays_go_when_they_are_old_enough(clinic):
    parts = await clinic.put_many(5)
    old = [stray(clinic, "node-2", shard=shard) for shard in (0, 1, 0, 2, 0, 0, 0)]
    young = stray(clinic, "node-2", age_s=GRACE_S / 2)
    found = await reconciler(clinic).reconcile("node-2")
    assert found.strays_deleted == len(old)
    assert clinic.strays(parts) == [("node-2", young)]
    assert (await clinic.audit()).is_whole


@pytest.mark.parametrize("offset_s", [-HOUR_S, HOUR_S])
async def test_it_is_the_age_by_our_clock_that_counts(clinic, offset_s):
    """Nodes are never asked for the time; a coordinator before us may have had it wrong."""
    key = stray(clinic, "node-1", age_s=offset_s)
    await reconciler(clinic).reconcile("node-1")
    is_old = offset_s > GRACE_S
    assert (key in clinic.nodes["node-1"].records) is not is_old
    clinic.time.now += HOUR_S + 2 * GRACE_S
    await reconciler(clinic).reconcile("node-1")
    assert key not in clinic.nodes["node-1"].records


async def test_a_part_being_written_is_no_stray_however_slow_its_writer_is(clinic):
    first = stray(clinic, "node-1")
    clinic.writer._writing[first.part_id] = ("node-1", "node-2", "node-3")
    await reconciler(clinic).reconcile("node-1")
    assert first in clinic.nodes["node-1"].records
    del clinic.writer._writing[first.part_id]
    await reconciler(clinic).reconcile("node-1")
    assert first not in clinic.nodes["node-1"].records


async def test_a_part_that_is_read_or_repaired_keeps_its_strays(clinic):
    part = await clinic.put("key")
    await clinic.delete("key")
    clinic.time.now += 2 * GRACE_S
    clinic.pins.pin([part])
    assert (await reconciler(clinic).reconcile("node-1")).strays_deleted == 0
    clinic.pins.unpin([part])
    assert (await reconciler(clinic).reconcile("node-1")).strays_deleted == 1


async def test_while_a_stray_is_deleted_nobody_may_repair_its_part(clinic):
    part = await clinic.put("key")
    clinic.time.now += 2 * GRACE_S
    extra = RecordKey(part.part_id, (part.nodes.index("node-1") + 1) % 3, 0)
    node = clinic.nodes["node-1"]
    node.records[extra] = b"x"
    seen = []
    delete = node.delete

    async def deleting(shards):
        seen.append(clinic.pins.is_claimed(part.part_id))
        await delete(shards)

    node.delete = deleting
    await reconciler(clinic).reconcile("node-1")
    assert seen == [True]
    assert not clinic.pins.is_claimed(part.part_id)
    assert extra not in node.records
    assert (await clinic.audit()).is_whole


async def test_what_is_moved_here_in_the_meantime_is_kept(clinic):
    """The parts were read before the shard was named here, the inventory after."""
    clinic.nodes["node-4"] = type(clinic.nodes["node-1"])("node-4")
    await clinic.cluster.add(clinic.record("node-4"))
    part = await clinic.put("key")
    clinic.time.now += 2 * GRACE_S
    shard = part.nodes.index("node-1") if "node-1" in part.nodes else 0
    target = next(node_id for node_id in clinic.nodes if node_id not in part.nodes)
    node, inventory = clinic.nodes[target], clinic.nodes[target].inventory

    async def move_then_tell(after, limit):
        source = clinic.nodes[part.nodes[shard]].records
        node.records |= {k: v for k, v in source.items() if k[:2] == (part.part_id, shard)}
        page = await inventory(after, limit)
        move = ShardMove(part.part_id, shard, part.nodes[shard], target)
        assert await clinic.metadata.move_shards([move]) == [True]
        return page

    node.inventory = move_then_tell
    found = await reconciler(clinic).reconcile(target)
    node.inventory = inventory
    assert found.strays_deleted == 0
    assert (await clinic.audit()).is_whole


async def test_a_part_written_while_it_is_compared_is_neither_wanting_nor_stray(clinic):
    await clinic.put_many(4)
    inventory = clinic.nodes["node-1"].inventory
    written = []

    async def write_then_tell(after, limit):
        if len(written) < 5:
            written.append(await clinic.put(f"late-{len(written)}"))
        return await inventory(after, limit)

    clinic.nodes["node-1"].inventory = write_then_tell
    found = await reconciler(clinic).reconcile("node-1")
    assert written
    assert (found.missing, found.strays_deleted) == (0, 0)


async def test_a_part_dropped_while_it_is_compared_is_not_queued(clinic):
    parts = await clinic.put_many(4)
    for part in parts:
        clinic.lose(part, part.nodes.index("node-1"))
    inventory = clinic.nodes["node-1"].inventory

    async def drop_then_tell(after, limit):
        for key in list(clinic.expected):
            await clinic.delete(key)
        return await inventory(after, limit)

    clinic.nodes["node-1"].inventory = drop_then_tell
    assert (await reconciler(clinic).reconcile("node-1")).queued == 0
    assert await clinic.tasks() == []


async def test_a_node_that_fails_in_the_middle_ends_it(clinic):
    parts = await clinic.put_many(8)
    for part in parts:
        clinic.lose(part, part.nodes.index("node-1"))
    calls = iter([None, NodeUnreachable("gone")])
    clinic.nodes["node-1"].fault = lambda what, _: (
        next(calls, None) if what == "inventory" else None
    )
    task = asyncio.create_task(reconciler(clinic).reconcile("node-1"))
    if reconcile.PAGE == 3:
        with pytest.raises(NodeUnreachable):
            await task
        assert len(await clinic.tasks()) == 3
    assert (await reconciler(clinic).reconcile("node-1")).missing == 8
    await asyncio.gather(task, return_exceptions=True)
    assert len(await clinic.tasks()) == 8


async def test_parts_that_are_queued_already_are_not_counted_twice(clinic):
    part = await clinic.put("key")
    shard = part.nodes.index("node-1")
    clinic.lose(part, shard)
    await clinic.metadata.add_repairs([MissingShard(part.part_id, shard, "write")], 1)
    found = await reconciler(clinic).reconcile("node-1")
    assert (found.missing, found.queued) == (1, 0)
