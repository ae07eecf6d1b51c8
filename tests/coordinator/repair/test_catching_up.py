"""Nodes that go and come back, or come back empty: until they are members again."""

import pytest

from coordinator.cluster import NodeState
from coordinator.objects import Unreadable, WriteFailed
from metadata import Standing
from tests.coordinator.objects.test_writer_reader import get
from tests.coordinator.repair.clinic import Clinic, clinic_of


def is_down(clinic: Clinic, *node_ids: str):
    return lambda: all(clinic.cluster.state(node_id) is NodeState.DOWN for node_id in node_ids)


def is_state(clinic: Clinic, node_id: str, state: str):
    return lambda: clinic.cluster.shown_state(node_id) == state


async def test_a_returned_node_gets_what_it_missed_and_no_more():
    async with clinic_of() as clinic:
        await clinic.put_many(10)
        kept = dict(clinic.nodes["node-2"].records)
        clinic.nodes["node-2"].die()
        await clinic.until(is_down(clinic, "node-2"))
        await clinic.put_many(6)
        await clinic.delete("key-0")
        assert not (await clinic.audit()).is_whole
        clinic.nodes["node-2"].return_()
        clinic.nodes["node-2"].bulk_appends.clear()
        await clinic.until(is_state(clinic, "node-2", "up"))
        assert (await clinic.audit()).is_whole, clinic.findings
        # Three stripes each, all in what it missed.
        assert sum(clinic.nodes["node-2"].bulk_appends) == 6 * 3
        # What was deleted while it was away goes, too.
        await clinic.until(lambda: len(clinic.nodes["node-2"].records) == len(kept) - 3 + 6 * 3)
        assert clinic.strays(await clinic.parts()) == []


async def test_a_replaced_node_gets_everything():
    async with clinic_of() as clinic:
        await clinic.put_many(40)
        clinic.nodes["node-1"].wipe()
        await clinic.until(is_state(clinic, "node-1", "replaced"))
        await clinic.until(is_state(clinic, "node-1", "up"))
        assert (await clinic.audit()).is_whole, clinic.findings
        assert await clinic.tasks() == []
        assert clinic.cluster.standing("node-1") is Standing.MEMBER


async def test_reads_are_right_all_the_time_a_wiped_node_is_refilled():
    async with clinic_of() as clinic:
        await clinic.put_many(30)
        clinic.nodes["node-3"].wipe()
        for _ in range(20):
            await clinic.read_all()
            await clinic.tick()
        assert (await clinic.audit()).is_whole


@pytest.mark.parametrize("is_replaced", [True, False])
async def test_a_coordinator_that_restarts_goes_on_where_it_was(is_replaced):
    async with clinic_of() as clinic:
        parts = await clinic.put_many(30)
        for part in parts:  # a returned disk that lost things nobody knows of
            clinic.lose(part, part.nodes.index("node-1"))
        if is_replaced:
            clinic.nodes["node-1"].wipe()
        clinic.nodes["node-1"].die()
        await clinic.until(is_down(clinic, "node-1"))
        if is_replaced:
            clinic.nodes["node-1"].only_heartbeats()
            await clinic.tick()
        await clinic.restart()
        clinic.nodes["node-1"].return_()
        expected = Standing.REPLACED if is_replaced else Standing.RETURNED
        assert clinic.cluster.standing("node-1") is expected
        await clinic.until(is_state(clinic, "node-1", "up"))
        assert (await clinic.audit()).is_whole, clinic.findings


async def test_wiped_once_more_while_it_is_refilled_it_is_refilled_once_more():
    async with clinic_of() as clinic:
        await clinic.put_many(30)
        clinic.nodes["node-1"].wipe()
        await clinic.until(is_state(clinic, "node-1", "replaced"))
        await clinic.until(lambda: len(clinic.nodes["node-1"].records) > 0)
        clinic.nodes["node-1"].wipe()
        await clinic.tick()
        assert clinic.cluster.shown_state("node-1") == "replaced"
        await clinic.until(is_state(clinic, "node-1", "up"))
        assert (await clinic.audit()).is_whole, clinic.findings


async def test_a_node_that_fails_its_comparison_is_compared_again():
    async with clinic_of() as clinic:
        parts = await clinic.put_many(10)
        node = clinic.nodes["node-1"]
        node.die()
        await clinic.until(is_down(clinic, "node-1"))
        for part in parts:
            clinic.lose(part, part.nodes.index("node-1"))
        dead = node.fault
        failures = iter([dead("inventory", None)] * 5)
        node.return_()
        node.fault = lambda what, _: next(failures, None) if what == "inventory" else None
        await clinic.until(is_state(clinic, "node-1", "up"))
        assert next(failures, None) is None
        assert (await clinic.audit()).is_whole


async def test_with_more_than_m_nodes_lost_nothing_is_thrown_away_and_all_comes_back():
    async with clinic_of(2, 1, count=4) as clinic:
        parts = await clinic.put_many(30)
        shards = {key for node in clinic.nodes.values() for key in node.records}
        clinic.nodes["node-1"].die()
        clinic.nodes["node-2"].die()
        await clinic.until(is_down(clinic, "node-1", "node-2"))
        await clinic.until(lambda: clinic.cluster.is_lost("node-2"))
        both = {"node-1", "node-2"}
        doomed = [part for part in parts if both <= set(part.nodes)]
        safe = [part for part in parts if not both <= set(part.nodes)]
        assert doomed
        assert safe
        names = {part.part_id: key for key, part in zip(clinic.expected, parts, strict=True)}
        await clinic.tick(20)
        for part in doomed:
            with pytest.raises(Unreadable):
                await get(clinic, names[part.part_id])
        for part in safe:
            key = names[part.part_id]
            assert await get(clinic, key) == clinic.expected[key]
        # With k nodes left writes go on, a shard short.
        await clinic.put("meanwhile")
        assert await get(clinic, "meanwhile") == clinic.expected["meanwhile"]
        summary = await clinic.audit()
        assert summary.lost == len(doomed)
        assert not summary.is_whole
        assert await clinic.metadata.repairs(state="dead") == []
        for node_id in both:
            clinic.nodes[node_id].return_()
        await clinic.until(clinic.is_healed)
        assert (await clinic.audit()).is_whole, clinic.findings
        await clinic.read_all()
        assert shards <= {key for node in clinic.nodes.values() for key in node.records}


async def test_with_fewer_than_k_nodes_writes_are_refused_and_go_on_when_they_return():
    async with clinic_of() as clinic:
        await clinic.put("before")
        for node_id in ("node-1", "node-3"):
            clinic.nodes[node_id].die()
        await clinic.until(is_down(clinic, "node-1", "node-3"))
        with pytest.raises(WriteFailed):
            await clinic.put("during")
        for node_id in ("node-1", "node-3"):
            clinic.nodes[node_id].return_()
        await clinic.until(clinic.is_healed)
        await clinic.put("during")
        assert (await clinic.audit()).is_whole
        await clinic.read_all()
