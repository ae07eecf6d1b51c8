"""The facade: what it puts together, and what it knows of nodes that go, return, are replaced."""

import asyncio
from dataclasses import replace

import pytest

from coordinator.cluster import (
    Cluster,
    Heartbeat,
    NodeExists,
    NodeRecords,
    NodeState,
    NotEnoughNodes,
    UnknownNode,
)
from metadata import MemoryStore, MetadataUnavailable, NodeRecord, Standing
from node.client import Health
from node.errors import NodeUnreachable

UP, SUSPECT, DOWN = NodeState.UP, NodeState.SUSPECT, NodeState.DOWN
PART = b"p" * 16
PARTS = [number.to_bytes(16, "big") for number in range(300)]
BEATS_TO_DOWN = 5
BEATS_TO_LOST = 20


class FakeClient:
    """Answers heartbeats, or not."""

    def __init__(self, record: NodeRecord) -> None:
        self.record = record
        self.closed = False
        self.is_dead = False
        self.store_id = f"store of {record.node_id}"
        self.weight = 1.0

    async def health(self) -> Health:
        if self.is_dead:
            raise NodeUnreachable("dead")
        node_id = self.record.node_id
        return Health(node_id, self.store_id, "cluster", f"zone of {node_id}", self.weight, "ok")

    async def close(self) -> None:
        self.closed = True


def records(count: int) -> list[NodeRecord]:
    return [NodeRecord(f"node-{n}", f"http://{n}", "zone", 1.0) for n in range(count, 0, -1)]


class Stage:
    """A cluster whose heartbeats are sent by `beat`, and what it wants remembered."""

    def __init__(self, nodes: list[NodeRecord], width: int = 3) -> None:
        self.told: list[NodeRecord] = []
        self.metadata = MemoryStore()
        self.born_dead: set[str] = set()
        self.cluster = Cluster(
            nodes,
            width,
            self.connect,
            Heartbeat(0.5, 0.5 * BEATS_TO_DOWN, 0.5 * BEATS_TO_LOST),
            records=NodeRecords(self.metadata),
            clock=float,
        )
        self.cluster.on_record(self.told.append)

    def connect(self, record: NodeRecord) -> FakeClient:
        client = FakeClient(record)
        client.is_dead = record.node_id in self.born_dead
        return client

    async def beat(self, times: int = 1) -> None:
        for _ in range(times):
            await self.cluster.membership.first_round()
            self.cluster.membership.beat()

    def set_dead(self, *node_ids: str, dead: bool = True) -> None:
        for node_id in node_ids:
            self.cluster.client(node_id).is_dead = dead

    def standing(self, node_id: str = "node-1") -> Standing:
        assert self.told[-1] == self.cluster.record(self.told[-1].node_id)
        return self.cluster.standing(node_id)


@pytest.fixture
async def stage():
    stage = Stage(records(4))
    await stage.beat()
    yield stage
    await stage.cluster.close()


async def test_it_places_by_what_it_hears():
    cluster = Cluster(records(3), 3, FakeClient)
    cluster.client("node-2").is_dead = True
    await cluster.start()
    try:
        assert cluster.states == {"node-1": UP, "node-2": SUSPECT, "node-3": UP}
        assert cluster.place(PART)[2] == "node-2"
        cluster.client("node-2").is_dead = False
        await cluster.membership.first_round()
        cluster.note_failure("node-3", NodeUnreachable("timeout"))
        assert cluster.place(PART)[2] == "node-3"
        assert cluster.state("node-3") is SUSPECT
        assert [node.node_id for node in cluster.nodes()] == ["node-1", "node-2", "node-3"]
    finally:
        await cluster.close()
    assert all(cluster.client(node.node_id).closed for node in cluster.nodes())
    assert len(asyncio.all_tasks()) == 1


def test_it_needs_as_many_nodes_as_shards():
    with pytest.raises(NotEnoughNodes):
        Cluster(records(2), 3, FakeClient)


async def test_it_knows_only_its_own_nodes():
    cluster = Cluster(records(1), 1, FakeClient)
    for call in (
        cluster.client,
        cluster.state,
        cluster.note_failure,
        cluster.record,
        cluster.standing,
        cluster.is_draining,
        cluster.is_lost,
        cluster.shown_state,
        cluster.outages,
        cluster.caught_up,
    ):
        with pytest.raises(UnknownNode):
            call("node-9")
    for act in (cluster.remove("node-9"), cluster.drain("node-9", True)):
        with pytest.raises(UnknownNode):
            await act


# standing -----------------------------------------------------------------------------------------
async def test_who_was_down_has_returned_until_it_caught_up(stage):
    stage.set_dead("node-1")
    await stage.beat(BEATS_TO_DOWN)
    assert stage.cluster.shown_state("node-1") == "down"
    # Recorded when it goes: a coordinator that is restarted meanwhile must know.
    assert stage.standing() is Standing.RETURNED
    stage.set_dead("node-1", dead=False)
    await stage.beat()
    assert stage.cluster.state("node-1") is UP
    assert stage.cluster.shown_state("node-1") == "returned"
    stage.cluster.caught_up("node-1")
    assert stage.standing() is Standing.MEMBER
    assert stage.cluster.shown_state("node-1") == "up"
    assert stage.cluster.outages("node-1") == 1
    assert stage.cluster.outages_of(["node-2", "node-1", "node-9"]) == [0, 1, None]


async def test_a_short_silence_leaves_no_doubt(stage):
    before = list(stage.told)
    stage.set_dead("node-1")
    await stage.beat(2)
    assert stage.cluster.shown_state("node-1") == "suspect"
    stage.set_dead("node-1", dead=False)
    await stage.beat()
    assert (stage.told, stage.cluster.outages("node-1")) == (before, 0)


@pytest.mark.parametrize("was_down", [False, True])
async def test_another_store_is_a_replacement_known_at_once(stage, was_down):
    stage.set_dead("node-1", dead=was_down)
    await stage.beat(BEATS_TO_DOWN)
    stage.set_dead("node-1", dead=False)
    stage.cluster.client("node-1").store_id = "another"
    told = len(stage.told)
    await stage.beat()
    # The new store's id and what it means, in one record.
    assert [(one.store_id, one.standing) for one in stage.told[told:]] == [
        ("another", Standing.REPLACED)
    ]
    assert stage.cluster.shown_state("node-1") == "replaced"
    assert stage.cluster.asked_first == all_but("node-1")
    # It stays replaced, whatever happens to it, until it was refilled.
    stage.set_dead("node-1")
    await stage.beat(BEATS_TO_DOWN)
    stage.set_dead("node-1", dead=False)
    await stage.beat()
    assert stage.standing() is Standing.REPLACED
    stage.cluster.caught_up("node-1")
    assert stage.standing() is Standing.MEMBER
    assert stage.cluster.asked_first == all_but()


async def test_a_first_store_replaces_nothing():
    stage = Stage(records(3))
    await stage.beat()
    assert {one.standing for one in stage.told} == {Standing.MEMBER}
    assert {one.store_id for one in stage.cluster.nodes()} == {
        f"store of node-{n}" for n in (1, 2, 3)
    }


async def test_before_it_was_ever_heard_a_silent_node_misses_nothing():
    stage = Stage(records(3))
    stage.set_dead("node-1")
    await stage.beat(BEATS_TO_DOWN)
    assert stage.cluster.shown_state("node-1") == "down"
    assert stage.cluster.standing("node-1") is Standing.MEMBER


async def test_reads_turn_to_nodes_that_are_down_last(stage):
    stage.set_dead("node-2")
    await stage.beat(BEATS_TO_DOWN)
    assert stage.cluster.asked_first == all_but("node-2")


async def test_a_returned_node_gets_new_parts_at_once(stage):
    for node_id in ("node-1", "node-2"):
        stage.set_dead(node_id)
    await stage.beat(BEATS_TO_DOWN)
    for node_id in ("node-1", "node-2"):
        stage.set_dead(node_id, dead=False)
    stage.cluster.client("node-2").store_id = "another"
    await stage.beat()
    placed = {node for part in PARTS for node in stage.cluster.place(part)}
    assert placed == {"node-1", "node-2", "node-3", "node-4"}


# the ring -----------------------------------------------------------------------------------------
def all_but(*node_ids: str) -> set[str]:
    """Of the stage's nodes."""
    return {node.node_id for node in records(4)}.difference(node_ids)


def on_ring(cluster: Cluster) -> list[str]:
    return [node.node_id for node in cluster.ring.nodes]


async def test_a_lost_node_leaves_the_ring_and_comes_back_when_it_is_heard(stage):
    cluster, before = stage.cluster, stage.cluster.ring_id()
    stage.set_dead("node-2")
    await stage.beat(BEATS_TO_DOWN)
    assert cluster.ring_id() == before
    assert any("node-2" in cluster.wanted(part) for part in PARTS), "it may soon be back"
    assert not any("node-2" in cluster.place(part) for part in PARTS)
    await stage.beat(BEATS_TO_LOST)
    assert on_ring(cluster) == ["node-1", "node-3", "node-4"]
    assert cluster.ring_id() != before
    assert not any("node-2" in cluster.wanted(part) for part in PARTS)
    stage.set_dead("node-2", dead=False)
    await stage.beat()
    assert cluster.ring_id() == before


async def test_with_too_few_others_a_lost_node_keeps_its_place(stage):
    stage.set_dead("node-2", "node-3")
    await stage.beat(BEATS_TO_LOST)
    assert on_ring(stage.cluster) == ["node-1", "node-2", "node-4"]


async def test_who_was_never_heard_of_gets_no_parts():
    stage = Stage(records(4))
    stage.set_dead("node-3")
    await stage.beat()
    assert on_ring(stage.cluster) == ["node-1", "node-2", "node-4"]


def test_the_ring_is_known_by_the_same_name_everywhere():
    heard = [replace(node, store_id="x") for node in records(4)]
    assert Cluster(heard, 3, FakeClient).ring_id() == Cluster(heard[::-1], 3, FakeClient).ring_id()
    heavier = [replace(heard[0], weight=2.0), *heard[1:]]
    wider = Cluster(heard, 4, FakeClient).ring_id()
    ids = {Cluster(nodes, 3, FakeClient).ring_id() for nodes in (heard, heavier, heard[1:])}
    assert len({*ids, wider}) == 4
    assert Cluster(heard, 3, FakeClient).ring_id() == "f50397c2ab350e73081f9e35803ada76"


# nodes that come and go ---------------------------------------------------------------------------
async def test_a_new_node_is_asked_at_once_and_stands_on_the_ring(stage):
    cluster = stage.cluster
    await cluster.add(NodeRecord("node-5", "http://5", "node-5", 1.0))
    assert cluster.state("node-5") is UP
    assert cluster.record("node-5").store_id == "store of node-5"
    assert on_ring(cluster)[-1] == "node-5"
    assert cluster.asked_first == all_but() | {"node-5"}
    assert any("node-5" in cluster.place(part) for part in PARTS)
    assert [node.node_id for node in await stage.metadata.nodes()] == ["node-5"]
    with pytest.raises(NodeExists):
        await cluster.add(NodeRecord("node-5", "http://6", "node-5", 1.0))


async def test_a_new_node_that_is_silent_gets_nothing_yet(stage):
    cluster = stage.cluster
    before = cluster.ring_id()
    stage.born_dead.add("node-5")
    await cluster.add(NodeRecord("node-5", "http://5", "node-5", 1.0))
    assert cluster.state("node-5") is SUSPECT
    assert cluster.ring_id() == before


async def test_what_cannot_be_recorded_is_not_done(stage):
    cluster = stage.cluster

    async def fail(*_):
        raise MetadataUnavailable("full")

    stage.metadata.put_node = stage.metadata.remove_node = fail
    with pytest.raises(MetadataUnavailable):
        await cluster.add(NodeRecord("node-5", "http://5", "node-5", 1.0))
    with pytest.raises(MetadataUnavailable):
        await cluster.drain("node-1", True)
    with pytest.raises(MetadataUnavailable):
        await cluster.remove("node-1")
    assert [node.node_id for node in cluster.nodes()] == [f"node-{n}" for n in (1, 2, 3, 4)]
    assert not cluster.is_draining("node-1")
    assert cluster.state("node-1") is UP


async def test_a_removed_node_is_forgotten(stage):
    cluster = stage.cluster
    client = cluster.client("node-4")
    await cluster.remove("node-4")
    assert client.closed
    assert on_ring(cluster) == ["node-1", "node-2", "node-3"]
    assert "node-4" not in cluster.states
    assert cluster.asked_first == all_but("node-4")
    with pytest.raises(UnknownNode):
        cluster.client("node-4")
    with pytest.raises(NotEnoughNodes):
        await cluster.remove("node-3")
    await stage.beat(3)


async def test_a_draining_node_gets_nothing_new_and_still_serves(stage):
    cluster = stage.cluster
    await cluster.drain("node-4", True)
    assert cluster.is_draining("node-4")
    assert cluster.shown_state("node-4") == "draining"
    assert on_ring(cluster) == ["node-1", "node-2", "node-3"]
    assert cluster.asked_first == all_but()
    assert (await stage.metadata.nodes())[0].is_draining
    with pytest.raises(NotEnoughNodes):
        await cluster.drain("node-3", True)
    await cluster.drain("node-4", False)
    assert cluster.shown_state("node-4") == "up"
    assert len(on_ring(cluster)) == 4


async def test_a_draining_node_stands_in_for_one_that_is_lost(stage):
    await stage.cluster.drain("node-4", True)
    stage.set_dead("node-1")
    await stage.beat(BEATS_TO_LOST)
    assert on_ring(stage.cluster) == ["node-2", "node-3", "node-4"]


async def test_nothing_drains_onto_a_node_that_is_gone(stage):
    stage.set_dead("node-1")
    await stage.beat(BEATS_TO_LOST)
    with pytest.raises(NotEnoughNodes):
        await stage.cluster.drain("node-2", True)
    await stage.cluster.drain("node-1", True)
    assert stage.cluster.shown_state("node-1") == "down"
