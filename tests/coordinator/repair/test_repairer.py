"""The repairer: what is lost comes back, where it belongs, once, the most endangered first."""

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.cluster import NodeState
from coordinator.repair import rebuild, repairer
from metadata import MissingShard, RepairState
from node.record import RecordKey
from tests.coordinator.repair.support import Ward


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(1, 2), (2, 1), (3, 2), (4, 2)]),
    st.integers(1, 1500),
    st.data(),
)
def test_any_m_lost_shards_are_rebuilt_in_place(code, size, data) -> None:
    k, m = code
    lost = data.draw(st.sets(st.integers(0, k + m - 1), min_size=1, max_size=m))

    async def run() -> None:
        ward = Ward(k, m)
        part = await ward.put("key", size)
        await ward.lose(part, *lost)
        await ward.heal()
        assert (await ward.part("key")).nodes == part.nodes
        await ward.check()

    asyncio.run(run())


async def test_a_wiped_node_gets_everything_back_in_few_requests() -> None:
    ward = Ward()
    parts = [await ward.put(f"key-{n}") for n in range(600)]
    ward.cluster.wipe("node-2")
    for part in parts:
        await ward.lose(part, part.nodes.index("node-2"))
    for fake in ward.cluster.fakes.values():
        fake.reads.clear()
    await ward.heal()
    await ward.check()
    node_1, node_2 = ward.cluster.fakes["node-1"], ward.cluster.fakes["node-2"]
    assert sum(node_2.bulk_appends) == 600
    assert len(node_2.bulk_appends) <= 4
    assert len(node_1.bulk_reads) <= 4
    assert node_2.bulk_reads == [], "an empty disk was asked for what it can't have"
    done = ward.repairer.progress()
    assert (done.repaired_shards, done.repaired_bytes, done.eta_s) == (600, 600 * 50, 0.0)


async def test_only_what_is_missing_is_written(monkeypatch) -> None:
    monkeypatch.setattr(rebuild, "WINDOW_BYTES", 3 * 128)
    ward = Ward()
    part = await ward.put("key", 128 * 20)
    holder = ward.cluster.fakes[part.nodes[1]]
    for stripe in (3, 17):
        holder.damaged.add(RecordKey(part.part_id, 1, stripe))
    del holder.records[RecordKey(part.part_id, 1, 9)]
    await ward.metadata.add_repairs([MissingShard(part.part_id, 1, "damaged")], 0)
    await ward.heal()
    await ward.check()
    assert not holder.damaged
    assert sum(holder.bulk_appends) == 3
    assert ward.repairer.progress().repaired_bytes == 3 * 64


async def test_what_is_there_after_all_costs_no_write() -> None:
    ward = Ward()
    part = await ward.put("key")
    await ward.metadata.add_repairs([MissingShard(part.part_id, 0, "a false alarm")], 0)
    await ward.heal()
    assert ward.cluster.fakes[part.nodes[0]].bulk_appends == []


async def test_the_most_endangered_go_first_over_all_nodes(monkeypatch) -> None:
    monkeypatch.setattr(rebuild, "WINDOW_PIECES", 1)
    ward = Ward(4, 2, concurrency=1)
    parts = [await ward.put(f"key-{n}") for n in range(8)]
    for part in parts:
        await ward.lose(part, 0)
        ward.time.advance(1)
    for part in parts[::-2]:
        await ward.lose(part, 1)
    order: list[tuple[bytes, int]] = []
    for fake in ward.cluster.fakes.values():
        append = fake.submit_append
        fake.submit_append = lambda record, append=append: (
            order.append((record.key.part_id, record.key.shard)) or append(record)
        )
    await ward.heal()
    await ward.check()
    # The first shard of each that had lost two; then, among equals, in order of age.
    endangered = {part.part_id for part in parts[::-2]}
    assert {part_id for part_id, _ in order[:4]} <= endangered
    assert sorted(part_id for part_id, _ in order).count(parts[0].part_id) == 1
    assert len(order) == len(set(order)) == 12


async def test_a_part_is_in_one_chunk_at_a_time() -> None:
    ward = Ward(2, 2)
    parts = [await ward.put(f"key-{n}") for n in range(20)]
    for part in parts:
        await ward.lose(part, 0, 1)
    under_way: set[bytes] = set()
    work = ward.repairer._rebuilder.rebuild

    async def watched(chunk):
        part_ids = [due.part.part_id for due in chunk]
        assert len(set(part_ids)) == len(part_ids)
        assert not under_way & set(part_ids)
        assert all(part_id in ward.bench.pins for part_id in part_ids)
        under_way.update(part_ids)
        attempts = await work(chunk)
        under_way.difference_update(part_ids)
        return attempts

    ward.repairer._rebuilder.rebuild = watched
    await ward.heal()
    await ward.check()
    assert not any(part.part_id in ward.bench.pins for part in parts)


async def test_tasks_that_come_later_are_found_without_being_announced() -> None:
    ward = Ward()
    part = await ward.put("key")
    async with ward.running():
        await ward.until(ward.is_idle)
        await ward.lose(part, 1)
        await ward.until(ward.is_done)
    await ward.check()


async def test_more_tasks_than_a_page(monkeypatch) -> None:
    monkeypatch.setattr(repairer, "PAGE", 10)
    monkeypatch.setattr(rebuild, "WINDOW_PIECES", 3)
    ward = Ward()
    for number in range(100):
        await ward.lose(await ward.put(f"key-{number}"), number % 3)
    await ward.heal()
    await ward.check()


async def test_large_windows_are_rebuilt_in_a_thread(monkeypatch) -> None:
    monkeypatch.setattr(rebuild, "INLINE_BYTES", 0)
    ward = Ward()
    parts = [await ward.put(f"key-{n}", 1000) for n in range(5)]
    for part in parts:
        await ward.lose(part, 1)
    async with ward.running():
        while await ward.tasks():
            ward.time.advance(1)
            await asyncio.to_thread(lambda: None)
    await ward.check()


async def test_a_unit_of_another_length_is_no_unit() -> None:
    ward = Ward()
    part = await ward.put("key", 1000)
    key = RecordKey(part.part_id, 0, 1)
    ward.cluster.fakes[part.nodes[0]].records[key] = b"short"
    await ward.metadata.add_repairs([MissingShard(part.part_id, 0, "odd")], 0)
    await ward.heal()
    await ward.check()


TURNS_BUSY = 5000


async def test_while_users_are_served_windows_are_small_and_single() -> None:
    ward = Ward()
    for number in range(300):
        part = await ward.put(f"key-{number}")
        await ward.lose(part, part.nodes.index("node-1"))
    node = ward.cluster.fakes["node-1"]
    under_way = most = 0
    append = node.append

    async def watched(records) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0)
        await append(records)
        under_way -= 1

    node.append = watched
    ward.metrics.foreground_requests += 1
    async with ward.running():
        for _ in range(TURNS_BUSY):
            ward.metrics.foreground_requests += 1
            if not await ward.tasks():
                break
            await asyncio.sleep(0)
            ward.time.advance(0.01)
    assert not await ward.tasks()
    assert max(node.bulk_appends) <= rebuild.BUSY_WINDOW_PIECES
    assert most == 1
    await ward.check()


@pytest.mark.parametrize("seed", range(60))
def test_random_losses_heal(seed: int) -> None:
    """Within what the code allows, whatever fails on the way."""

    async def run() -> None:
        dice = random.Random(seed)
        k, m = dice.choice([(2, 1), (1, 2), (3, 2), (4, 2)])
        ward = Ward(k, m, count=k + m + dice.choice([0, 1, 2]), concurrency=dice.randint(1, 4))
        for number in range(dice.randint(1, 40)):
            part = await ward.put(f"key-{number}", dice.choice([1, 64, 100, 1000]))
            await ward.lose(part, *dice.sample(range(k + m), dice.randint(0, m)))
        names = sorted(ward.cluster.fakes)
        async with ward.running():
            for _ in range(dice.randint(0, 20)):
                name = dice.choice(names)
                if ward.cluster.states[name] is NodeState.UP:
                    ward.cluster.kill(name, noticed=dice.random() < 0.5)
                else:
                    ward.cluster.revive(name)
                for _ in range(dice.randint(0, 30)):
                    await asyncio.sleep(0)
                ward.time.advance(dice.random() * 3)
            for name in names:
                ward.cluster.set_state(name, NodeState.SUSPECT)
                ward.cluster.revive(name)
            await ward.until(ward.is_done)
        assert not await ward.tasks(RepairState.DEAD)
        await ward.check()

    asyncio.run(run())
