"""Nodes that come and go for good: parts follow the ring, at a bounded pace, through restarts."""

from collections import Counter

import pytest

from coordinator.cluster import NodeState, UnknownNode
from coordinator.repair import HealSettings, rebalance
from metadata import MoveShard, RepairKind
from node.errors import NodeFull
from tests.coordinator.repair.clinic import Clinic, ClinicNode, clinic_of


async def add_node(clinic: Clinic, node_id: str) -> None:
    clinic.nodes[node_id] = ClinicNode(node_id)
    await clinic.cluster.add(clinic.record(node_id))


async def misplaced(clinic: Clinic) -> int:
    """Shards that are not where the ring wants them."""
    return sum(
        len(set(part.nodes) - set(clinic.cluster.wanted(part.part_id)))
        for part in await clinic.parts()
    )


def drain_of(clinic: Clinic, node_id: str):
    drains = {drain.node_id: drain for drain in clinic.healer.status().drains}
    return drains.get(node_id)


def is_safe(clinic: Clinic, node_id: str):
    def condition() -> bool:
        drain = drain_of(clinic, node_id)
        return drain is not None and drain.is_safe_to_remove

    return condition


async def assert_whole(clinic: Clinic) -> None:
    assert (await clinic.audit()).is_whole, clinic.findings
    await clinic.read_all()
    await clinic.until(no_strays(clinic))


def no_strays(clinic: Clinic):
    async def condition() -> bool:
        return clinic.strays(await clinic.parts()) == []

    return condition


async def test_a_new_node_gets_its_share_and_no_more():
    async with clinic_of() as clinic:
        await clinic.put_many(120)
        await clinic.until(clinic.is_balanced)
        before = {part.part_id: set(part.nodes) for part in await clinic.parts()}
        await add_node(clinic, "node-4")
        await clinic.until(clinic.is_balanced)
        assert await misplaced(clinic) == 0
        held = Counter(node_id for part in await clinic.parts() for node_id in part.nodes)
        assert held["node-4"] == pytest.approx(90, rel=0.3)
        moved = sum(len(set(part.nodes) - before[part.part_id]) for part in await clinic.parts())
        assert moved == held["node-4"], "nothing moves but to the new node"
        await assert_whole(clinic)


async def test_it_moves_at_a_bounded_pace(monkeypatch):
    monkeypatch.setattr(rebalance, "PAGE", 5)
    settings = HealSettings(rebalance_shards_per_s=10)
    async with clinic_of(settings=settings) as clinic:
        await clinic.put_many(120)
        await clinic.until(clinic.is_balanced)
        await add_node(clinic, "node-4")
        began_s = clinic.time()
        queued = []
        while await misplaced(clinic):
            await clinic.tick()
            progress = clinic.healer.status().rebalance
            queued.append(progress.shards_queued)
            assert progress.shards_queued <= 10 * (clinic.time() - began_s) + 5
            if progress.is_running and 0 < progress.parts_checked < 120:
                assert progress.parts_total == 120
        assert clinic.time() - began_s >= queued[-1] / 10 - 1
        assert len(set(queued)) > 5, "it was seen to make progress"
        await clinic.until(clinic.is_balanced)
        await assert_whole(clinic)


async def test_while_many_moves_wait_no_more_are_queued(monkeypatch):
    monkeypatch.setattr(rebalance, "PAGE", 5)
    monkeypatch.setattr(rebalance, "MAX_QUEUED", 10)
    async with clinic_of(count=4) as clinic:
        await clinic.put_many(60)
        await clinic.until(clinic.is_balanced)
        for node in clinic.nodes.values():  # nothing can be moved
            node.fault = lambda what, _: NodeFull("no space") if what == "append" else None
        await clinic.cluster.drain("node-4", True)
        most = 0
        for _ in range(20):
            await clinic.tick()
            most = max(most, len(await clinic.tasks()))
        assert 10 <= most <= 15
        for node in clinic.nodes.values():
            node.return_()
        await clinic.until(is_safe(clinic, "node-4"))
        await assert_whole(clinic)


@pytest.mark.parametrize("restarts", [0, 1, 4])
async def test_a_restart_in_the_middle_of_a_rebalance(monkeypatch, restarts):
    monkeypatch.setattr(rebalance, "PAGE", 5)
    async with clinic_of(settings=HealSettings(rebalance_shards_per_s=20)) as clinic:
        await clinic.put_many(100)
        await clinic.until(clinic.is_balanced)
        await add_node(clinic, "node-4")
        assert await misplaced(clinic)
        for _ in range(restarts):
            await clinic.tick(2)
            assert await misplaced(clinic), "too late to be a test"
            await clinic.restart()
            assert "node-4" in clinic.cluster.states, "nodes that joined are remembered"
        await clinic.until(clinic.is_balanced)
        assert await misplaced(clinic) == 0
        await assert_whole(clinic)


@pytest.mark.parametrize("restarts", [0, 3])
async def test_a_drained_node_can_be_taken_away(monkeypatch, restarts):
    monkeypatch.setattr(rebalance, "PAGE", 5)
    settings = HealSettings(rebalance_shards_per_s=20)
    async with clinic_of(count=4, settings=settings) as clinic:
        await clinic.put_many(60)
        await clinic.until(clinic.is_balanced)
        await clinic.cluster.drain("node-2", True)
        shown = []
        for _ in range(restarts):
            await clinic.tick(2)
            assert not is_safe(clinic, "node-2")()
            await clinic.restart()
            assert clinic.cluster.is_draining("node-2")
        while not is_safe(clinic, "node-2")():
            await clinic.tick()
            drain = drain_of(clinic, "node-2")
            shown.append(drain.shards_left)
            if any("node-2" in part.nodes for part in await clinic.parts()):
                assert not drain.is_safe_to_remove
        assert next(left for left in shown if left is not None) > 0
        assert shown[-1] == 0
        assert drain_of(clinic, "node-2").eta_s == 0.0
        assert await clinic.metadata.parts_naming("node-2") == 0
        await clinic.cluster.remove("node-2")
        clinic.nodes["node-2"].die()
        await clinic.restart()
        with pytest.raises(UnknownNode):
            clinic.cluster.state("node-2")
        del clinic.nodes["node-2"]
        await clinic.tick(3)
        await clinic.put_many(10)
        await assert_whole(clinic)


async def test_a_part_that_is_being_written_keeps_a_drained_node_from_going():
    async with clinic_of(count=4) as clinic:
        await clinic.put_many(10)
        await clinic.until(clinic.is_balanced)
        late = clinic.ids.part_id()
        clinic.writer._writing[late] = ("node-1", "node-2", "node-3")
        await clinic.cluster.drain("node-2", True)
        await clinic.tick(60)
        assert drain_of(clinic, "node-2").shards_left == 0
        assert not is_safe(clinic, "node-2")()
        del clinic.writer._writing[late]
        await clinic.until(is_safe(clinic, "node-2"))


async def test_what_was_written_with_a_placement_from_before_is_found(monkeypatch):
    async with clinic_of(count=4) as clinic:
        await clinic.put_many(10)
        await clinic.until(clinic.is_balanced)
        await clinic.cluster.drain("node-2", True)
        await clinic.until(is_safe(clinic, "node-2"))
        # As if its writer had begun before the drain, with an id that was passed already.
        place = clinic.cluster.place
        clinic.cluster.place = lambda _: ("node-1", "node-2", "node-3")
        now, clinic.time.now = clinic.time.now, clinic.time.now - 3600
        await clinic.put("late")
        clinic.cluster.place, clinic.time.now = place, now
        await clinic.restart()
        assert not is_safe(clinic, "node-2")()
        await clinic.until(is_safe(clinic, "node-2"))
        assert "node-2" not in (await clinic.part("late")).nodes
        await assert_whole(clinic)


async def test_undrained_it_gets_its_share_again():
    async with clinic_of(count=4) as clinic:
        await clinic.put_many(40)
        await clinic.until(clinic.is_balanced)
        await clinic.cluster.drain("node-2", True)
        await clinic.tick(4)
        await clinic.cluster.drain("node-2", False)
        await clinic.until(clinic.is_balanced)
        assert await misplaced(clinic) == 0
        assert drain_of(clinic, "node-2") is None
        await assert_whole(clinic)


async def test_a_draining_node_that_dies_is_rebuilt_elsewhere():
    async with clinic_of(count=4) as clinic:
        await clinic.put_many(40)
        await clinic.until(clinic.is_balanced)
        await clinic.cluster.drain("node-2", True)
        clinic.nodes["node-2"].die()
        await clinic.until(is_safe(clinic, "node-2"))
        await clinic.cluster.remove("node-2")
        del clinic.nodes["node-2"]
        assert (await clinic.audit()).is_whole, clinic.findings


async def test_a_lost_node_is_replaced_by_the_others_and_welcome_back():
    async with clinic_of(count=4) as clinic:
        await clinic.put_many(40)
        await clinic.until(clinic.is_balanced)
        clinic.nodes["node-3"].die()
        await clinic.until(lambda: clinic.cluster.is_lost("node-3"))
        assert (await clinic.audit()).degraded > 0
        await clinic.until(clinic.is_balanced)
        assert (await clinic.audit()).is_whole, clinic.findings
        assert await clinic.metadata.parts_naming("node-3") == 0
        clinic.nodes["node-3"].return_()
        await clinic.until(lambda: clinic.cluster.shown_state("node-3") == "up")
        await clinic.until(clinic.is_balanced)
        assert await misplaced(clinic) == 0
        await assert_whole(clinic)


async def test_nothing_moves_for_a_short_outage():
    async with clinic_of(count=4) as clinic:
        await clinic.put_many(20)
        await clinic.until(clinic.is_balanced)
        before = await clinic.parts()
        clinic.nodes["node-3"].die()
        await clinic.until(lambda: clinic.cluster.state("node-3") is NodeState.DOWN)
        await clinic.tick(20)
        assert await clinic.tasks() == []
        assert await clinic.parts() == before


async def test_with_no_node_to_spare_a_lost_ones_shards_wait_for_it():
    async with clinic_of() as clinic:
        await clinic.put_many(10)
        clinic.nodes["node-3"].die()
        await clinic.until(lambda: clinic.cluster.is_lost("node-3"))
        await clinic.tick(10)
        assert await clinic.tasks() == []
        # A new node is what it takes.
        await add_node(clinic, "node-4")
        await clinic.until(clinic.is_balanced)
        assert (await clinic.audit()).is_whole, clinic.findings
        assert await clinic.metadata.parts_naming("node-3") == 0


async def test_it_waits_until_all_nodes_of_the_ring_are_up():
    async with clinic_of(count=4) as clinic:
        await clinic.put_many(20)
        await clinic.until(clinic.is_balanced)
        clinic.nodes["node-3"].die()
        await clinic.until(lambda: clinic.cluster.state("node-3") is NodeState.DOWN)
        await add_node(clinic, "node-5")
        await clinic.tick(10)
        progress = clinic.healer.status().rebalance
        assert (progress.is_running, progress.eta_s) == (False, None)
        assert await clinic.tasks() == []
        clinic.nodes["node-3"].return_()
        await clinic.until(clinic.is_healed)
        await clinic.until(clinic.is_balanced)
        assert await misplaced(clinic) == 0
        await assert_whole(clinic)


async def test_moves_towards_a_former_ring_are_dropped():
    async with clinic_of(count=4) as clinic:
        await clinic.put_many(20)
        await clinic.until(clinic.is_balanced)
        part = (await clinic.parts())[0]
        target = next(node_id for node_id in clinic.nodes if node_id not in part.nodes)
        await clinic.cluster.drain(target, True)
        move = MoveShard(part.part_id, 0, target, "a former ring wanted it there")
        assert await clinic.metadata.add_moves([move], clinic.ids.now_ms()) == 1
        await clinic.until(is_safe(clinic, target))
        await assert_whole(clinic)


async def test_moves_that_nobody_wants_any_more_are_dropped():
    async with clinic_of(count=4) as clinic:
        await clinic.put_many(20)
        await clinic.until(clinic.is_balanced)
        before = await clinic.parts()
        for node in clinic.nodes.values():  # nothing can be moved
            node.fault = lambda what, _: NodeFull("no space") if what == "append" else None
        await clinic.cluster.drain("node-4", True)
        await clinic.tick(4)
        assert await clinic.tasks()
        await clinic.cluster.drain("node-4", False)
        await clinic.tick(4)
        assert await clinic.tasks() == []
        for node in clinic.nodes.values():
            node.return_()
        await clinic.tick(200)
        assert await clinic.parts() == before
        await assert_whole(clinic)


async def test_a_ring_that_comes_back_in_the_middle_is_walked_again(monkeypatch):
    monkeypatch.setattr(rebalance, "PAGE", 5)
    async with clinic_of(count=4, settings=HealSettings(rebalance_shards_per_s=20)) as clinic:
        await clinic.put_many(60)
        await clinic.until(clinic.is_balanced)
        ring_id = clinic.cluster.ring_id()
        await clinic.cluster.drain("node-1", True)
        await clinic.tick(6)
        await clinic.restart()
        await clinic.cluster.drain("node-1", False)
        assert clinic.cluster.ring_id() == ring_id
        await clinic.until(clinic.is_balanced)
        assert await misplaced(clinic) == 0
        await assert_whole(clinic)


async def test_once_balanced_a_restart_walks_no_more():
    async with clinic_of() as clinic:
        await clinic.put_many(10)
        await clinic.until(clinic.is_balanced)
        await clinic.restart()
        await clinic.tick(5)
        assert clinic.healer.status().rebalance.parts_checked == 0
        assert await clinic.is_balanced()
        assert not any(task.kind is RepairKind.MOVE for task in await clinic.tasks())
