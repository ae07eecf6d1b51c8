"""The facade: what it puts together."""

import asyncio

import pytest

from coordinator.cluster import Cluster, NodeState, NotEnoughNodes, UnknownNode
from metadata import NodeRecord
from node.client import Health
from node.errors import NodeUnreachable

PART = b"p" * 16


class FakeClient:
    """Answers heartbeats, or not."""

    def __init__(self, record: NodeRecord) -> None:
        self.record = record
        self.closed = False
        self.is_dead = record.node_id == "node-2"

    async def health(self) -> Health:
        if self.is_dead:
            raise NodeUnreachable("dead")
        return Health(self.record.node_id, "disk", "cluster", "zone", 1.0, "ok")

    async def close(self) -> None:
        self.closed = True


def records(count: int) -> list[NodeRecord]:
    return [NodeRecord(f"node-{n}", f"http://{n}", "zone", 1.0) for n in range(count, 0, -1)]


async def test_it_places_by_what_it_hears():
    cluster = Cluster(records(3), 3, FakeClient)
    await cluster.start()
    try:
        assert cluster.states == {
            "node-1": NodeState.UP,
            "node-2": NodeState.SUSPECT,
            "node-3": NodeState.UP,
        }
        assert cluster.place(PART)[2] == "node-2"
        cluster.client("node-2").is_dead = False
        await cluster.membership.first_round()
        cluster.note_failure("node-3", NodeUnreachable("timeout"))
        assert cluster.place(PART)[2] == "node-3"
        assert cluster.state("node-3") is NodeState.SUSPECT
        assert [node.node_id for node in cluster.nodes()] == ["node-1", "node-2", "node-3"]
    finally:
        await cluster.close()
    assert all(cluster.client(node.node_id).closed for node in cluster.nodes())
    assert len(asyncio.all_tasks()) == 1


def test_it_needs_as_many_nodes_as_shards():
    with pytest.raises(NotEnoughNodes):
        Cluster(records(2), 3, FakeClient)


def test_it_knows_only_its_own_nodes():
    cluster = Cluster(records(1), 1, FakeClient)
    for call in (cluster.client, cluster.state, cluster.note_failure):
        with pytest.raises(UnknownNode):
            call("node-9")
