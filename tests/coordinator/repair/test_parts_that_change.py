"""Parts that are dropped, claimed or left halfway by a crash while their shards are repaired."""

import asyncio

from metadata import MissingShard, MoveShard
from tests.coordinator.repair.support import Ward


async def test_a_part_dropped_during_its_repair_leaves_nothing_behind() -> None:
    ward = Ward()
    part = await ward.put("key")
    await ward.lose(part, 0)
    holder = ward.cluster.fakes[part.nodes[0]]
    append = holder.append

    async def append_late(records) -> None:
        """As if it had been dropped, and reclaimed, before we had it in hand."""
        await ward.metadata.delete_version("bucket", "key", "null")
        for node_id in part.nodes:
            reclaims = await ward.metadata.reclaims(node_id, before_ms=10**15, limit=10)
            await ward.cluster.client(node_id).delete(reclaims)
            await ward.metadata.forget_reclaims(reclaims)
        await append(records)

    holder.append = append_late
    ward.expected.clear()
    await ward.heal()
    await ward.check()


async def test_a_part_dropped_during_a_move_leaves_nothing_on_the_target() -> None:
    ward = Ward(count=4)
    part = await ward.put("key")
    (spare,) = set(ward.cluster.fakes) - set(part.nodes)
    await ward.metadata.add_moves([MoveShard(part.part_id, 1, spare, "ring")], 0)
    append = ward.cluster.fakes[spare].append

    async def append_late(records) -> None:
        await append(records)
        await ward.metadata.delete_version("bucket", "key", "null")

    ward.cluster.fakes[spare].append = append_late
    await ward.heal()
    assert not ward.cluster.fakes[spare].records


async def test_a_crash_after_the_append_repeats_nothing_but_a_look() -> None:
    ward = Ward()
    part = await ward.put("key", 1000)
    await ward.lose(part, 0)
    finish = ward.metadata.finish_repairs

    async def crash(names) -> None:
        raise asyncio.CancelledError

    ward.metadata.finish_repairs = crash
    async with ward.running():
        holder = ward.cluster.fakes[part.nodes[0]]

        async def is_appended() -> bool:
            return bool(holder.bulk_appends) and not ward.repairer.progress().in_flight_shards

        await ward.until(is_appended)
    ward.metadata.finish_repairs = finish
    holder.bulk_appends.clear()
    ward.repairer = ward.make_repairer()
    await ward.heal()
    assert holder.bulk_appends == []
    await ward.check()


async def test_parts_that_are_being_cleared_of_strays_wait() -> None:
    ward = Ward()
    part = await ward.put("key")
    await ward.lose(part, 0)
    async with ward.running():
        with ward.bench.pins.claim([part.part_id]) as claimed:
            assert claimed
            for _ in range(200):
                ward.time.advance(0.1)
                await asyncio.sleep(0)
            assert not ward.cluster.fakes[part.nodes[0]].bulk_appends
        await ward.until(ward.is_done)
    await ward.check()


async def test_a_repaired_shard_may_be_reported_again() -> None:
    ward = Ward()
    part = await ward.put("key")
    reporting = asyncio.create_task(ward.reports.run())
    try:
        for _ in range(2):
            ward.reports.report(MissingShard(part.part_id, 0, "read found it missing"))

            async def is_queued() -> bool:
                return bool(await ward.tasks())

            await ward.until(is_queued)
            await ward.heal()
    finally:
        reporting.cancel()
