"""Repairs that put a shard on another node: lost and draining nodes, moves."""

import asyncio

from metadata import MissingShard, MoveShard
from node.errors import NodeFull
from node.record import RecordKey
from tests.coordinator.repair.support import Ward


async def test_the_shards_of_a_lost_node_go_to_others() -> None:
    ward = Ward(count=4)
    parts = [await ward.put(f"key-{n}", 300) for n in range(30)]
    ward.cluster.kill("node-1")
    ward.cluster.off_ring.add("node-1")
    lost = [
        MissingShard(part.part_id, part.nodes.index("node-1"), "lost")
        for part in parts
        if "node-1" in part.nodes
    ]
    await ward.metadata.add_repairs(lost, 0)
    await ward.heal()
    for key in ward.expected:
        assert "node-1" not in (await ward.part(key)).nodes
    reclaims = await ward.metadata.reclaims("node-1", before_ms=10**15, limit=1000)
    assert len(reclaims) == len(lost)
    ward.cluster.fakes["node-1"].records.clear()
    await ward.check()


async def test_what_a_node_lacks_waits_for_it_while_it_is_down() -> None:
    ward = Ward()
    part = await ward.put("key")
    ward.cluster.kill(part.nodes[0])
    await ward.lose(part, 0)
    async with ward.running():
        for _ in range(50):
            ward.time.advance(1)
            await asyncio.sleep(0)
        (task,) = await ward.tasks()
        assert (task.attempts, task.not_before_ms) == (0, 0), "it was not even tried"
        ward.cluster.revive(part.nodes[0])
        await ward.until(ward.is_done)
    await ward.check()


async def test_a_move_copies_the_shard_and_leaves_the_old_one_to_be_reclaimed() -> None:
    ward = Ward(count=4)
    part = await ward.put("key", 1000)
    (spare,) = set(ward.cluster.fakes) - set(part.nodes)
    await ward.metadata.add_moves([MoveShard(part.part_id, 1, spare, "ring")], 0)
    for fake in ward.cluster.fakes.values():
        fake.reads.clear()
    await ward.heal()
    moved = await ward.part("key")
    assert moved.nodes == (part.nodes[0], spare, part.nodes[2])
    read = {key.shard for fake in ward.cluster.fakes.values() for key in fake.reads}
    assert read == {1}, "a healthy shard is copied, not rebuilt"
    (reclaim,) = await ward.metadata.reclaims(part.nodes[1], before_ms=10**15, limit=10)
    await ward.cluster.client(part.nodes[1]).delete([reclaim])
    await ward.check()


async def test_a_move_from_a_damaged_shard_rebuilds_it() -> None:
    ward = Ward(count=4)
    part = await ward.put("key", 1000)
    (spare,) = set(ward.cluster.fakes) - set(part.nodes)
    holder = ward.cluster.fakes[part.nodes[1]]
    holder.damaged.add(RecordKey(part.part_id, 1, 2))
    await ward.metadata.add_moves([MoveShard(part.part_id, 1, spare, "ring")], 0)
    await ward.heal()
    holder.records.clear()
    await ward.check()


async def test_a_draining_node_is_emptied_even_without_a_target() -> None:
    ward = Ward(count=5)
    parts = [await ward.put(f"key-{n}") for n in range(20)]
    ward.cluster.off_ring.add("node-3")
    for part in parts:
        if "node-3" in part.nodes:
            shard = part.nodes.index("node-3")
            target = next(node for node in ward.cluster.fakes if node not in part.nodes)
            move = MoveShard(part.part_id, shard, target, "drain")
            await ward.metadata.add_moves([move], 0)
    ward.cluster.fakes["node-1"].fault = lambda what, _: (
        NodeFull("full") if what == "append" else None
    )
    await ward.heal()
    for key in ward.expected:
        assert "node-3" not in (await ward.part(key)).nodes
    reclaims = await ward.metadata.reclaims("node-3", before_ms=10**15, limit=1000)
    await ward.cluster.client("node-3").delete(reclaims)
    await ward.check()


async def test_a_move_whose_target_left_the_ring_is_forgotten() -> None:
    ward = Ward(count=4)
    part = await ward.put("key")
    (spare,) = set(ward.cluster.fakes) - set(part.nodes)
    await ward.metadata.add_moves([MoveShard(part.part_id, 1, spare, "ring")], 0)
    ward.cluster.off_ring.add(spare)
    await ward.heal()
    assert (await ward.part("key")).nodes == part.nodes


async def test_nothing_is_put_where_a_former_copy_waits_to_be_deleted() -> None:
    ward = Ward(count=4)
    part = await ward.put("key")
    (spare,) = set(ward.cluster.fakes) - set(part.nodes)
    name, home = (part.part_id, 1), part.nodes[1]
    await ward.metadata.add_moves([MoveShard(*name, spare, "ring")], 0)
    await ward.heal()
    await ward.metadata.add_moves([MoveShard(*name, home, "and back")], 0)
    async with ward.running():
        await ward.until(ward.is_idle)
        (task,) = await ward.tasks()
        assert "old copy" in task.reason
        reclaims = await ward.metadata.reclaims(home, before_ms=10**15, limit=10)
        await ward.cluster.client(home).delete(reclaims)
        await ward.metadata.forget_reclaims(reclaims)
        await ward.until(ward.is_done)
    for reclaim in await ward.metadata.reclaims(spare, before_ms=10**15, limit=10):
        await ward.cluster.client(spare).delete([reclaim])
    assert (await ward.part("key")).nodes == part.nodes
    await ward.check()


async def test_two_shards_that_want_the_same_place_do_not_both_get_it() -> None:
    ward = Ward(count=5)
    part = await ward.put("key")
    spares = sorted(set(ward.cluster.fakes) - set(part.nodes))
    ward.cluster.off_ring |= {part.nodes[0], part.nodes[1]}
    await ward.metadata.add_moves(
        [MoveShard(part.part_id, shard, spares[0], "drain") for shard in (0, 1)], 0
    )
    await ward.heal()
    moved = await ward.part("key")
    assert set(moved.nodes) == {*spares, part.nodes[2]}


async def test_a_shard_of_a_node_that_was_removed_is_rebuilt_elsewhere() -> None:
    ward = Ward(count=4)
    part = await ward.put("key")
    ward.cluster.forget(part.nodes[0])
    await ward.metadata.add_repairs([MissingShard(part.part_id, 0, "removed")], 0)
    await ward.heal()
    await ward.check()
