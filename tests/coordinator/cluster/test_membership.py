"""Heartbeats on a fake clock: when a node is up, suspect and down."""

import asyncio

import pytest

from coordinator.cluster import Heartbeat, Membership, NodeState, UnknownNode
from node.client import Health
from node.errors import NodeFailed, NodeFull, NodeRefused, NodeUnreachable

UP, SUSPECT, DOWN = NodeState.UP, NodeState.SUSPECT, NodeState.DOWN


def health(node_id="a", store_id="disk-1") -> Health:
    return Health(node_id, store_id, "cluster", "zone", 1.0, "ok")


class Stage:
    """Nodes a and b, a clock, and a sleep that waits for `beat`. An answer may be a Health, an
    error, or None for silence."""

    def __init__(self) -> None:
        self.now_s = 100.0
        self.answers = {"a": health("a"), "b": health("b")}
        self.asked = {"a": 0, "b": 0}
        self.changes: list[tuple[str, NodeState, NodeState]] = []
        self.heard: list[tuple[str, str]] = []
        self.lost: list[str] = []
        self._wake = asyncio.Event()
        self.membership = Membership(
            ["a", "b"],
            self.probe,
            Heartbeat(interval_s=0.5, down_after_s=2.5, lost_after_s=10.0),
            clock=lambda: self.now_s,
            sleep=self.sleep,
        )
        self.membership.on_state(lambda *change: self.changes.append(change))
        self.membership.on_health(lambda name, said: self.heard.append((name, said.store_id)))
        self.membership.on_lost(self.lost.append)

    async def probe(self, node_id: str) -> Health:
        self.asked[node_id] += 1
        answer = self.answers[node_id]
        if answer is None:
            await asyncio.Event().wait()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def sleep(self, seconds: float) -> None:
        await self._wake.wait()
        self._wake.clear()
        self.now_s += seconds

    async def beat(self, times: int = 1) -> None:
        for _ in range(times):
            self._wake.set()
            for _ in range(10):
                await asyncio.sleep(0)

    def state(self, node_id: str = "a") -> NodeState:
        return self.membership.state(node_id)


@pytest.fixture
async def stage():
    stage = Stage()
    await stage.membership.first_round()
    worker = asyncio.create_task(stage.membership.run())
    await stage.beat()
    yield stage
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


async def test_before_the_first_answer_a_node_is_suspect():
    stage = Stage()
    assert stage.membership.states == {"a": SUSPECT, "b": SUSPECT}
    stage.answers["b"] = NodeUnreachable("refused")
    await stage.membership.first_round()
    assert stage.membership.states == {"a": UP, "b": SUSPECT}
    assert stage.changes == [("a", SUSPECT, UP)]


async def test_nodes_that_answer_stay_up(stage):
    await stage.beat(20)
    assert stage.membership.states == {"a": UP, "b": UP}
    assert stage.asked["a"] >= 20
    assert stage.membership.silent_for_s("a") <= 0.5


@pytest.mark.parametrize("failure", [None, NodeUnreachable("refused")])
async def test_a_node_that_falls_silent_is_down_within_three_seconds(stage, failure):
    stage.answers["a"] = failure
    died_s = stage.now_s
    await stage.beat(2)
    assert stage.state() is SUSPECT
    while stage.state() is not DOWN:
        await stage.beat()
        assert stage.now_s - died_s <= 3.0
    assert stage.now_s - died_s >= 2.0
    assert stage.state("b") is UP
    assert [change[1:] for change in stage.changes[2:]] == [(UP, SUSPECT), (SUSPECT, DOWN)]


async def test_a_slow_node_is_not_asked_twice_at_once(stage):
    stage.answers["a"] = None
    await stage.beat()
    asked = stage.asked["a"]
    await stage.beat(10)
    assert stage.asked["a"] == asked


async def test_an_answer_makes_it_up_again(stage):
    stage.answers["a"] = NodeUnreachable("refused")
    await stage.beat(10)
    assert stage.state() is DOWN
    stage.answers["a"] = health("a")
    await stage.beat()
    assert stage.state() is UP
    assert stage.changes[-1] == ("a", DOWN, UP)
    stage.answers["a"] = NodeUnreachable("refused")
    await stage.beat(3)
    assert stage.state() is SUSPECT  # what it missed before is forgotten


async def test_when_we_were_stalled_ourselves_nobody_is_to_blame(stage):
    stage.now_s += 1000
    await stage.beat()
    assert stage.membership.states == {"a": UP, "b": UP}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NodeUnreachable("timeout"), SUSPECT),
        (NodeFailed("500"), SUSPECT),
        (None, SUSPECT),
        (NodeFull("507"), UP),
        (NodeRefused("400"), UP),
    ],
)
async def test_a_failed_request_is_a_hint(stage, error, expected):
    stage.membership.note_failure("a", error)
    assert stage.state() is expected
    await stage.beat()
    assert stage.state() is UP


async def test_a_failed_request_does_not_lift_a_node_that_is_down(stage):
    stage.answers["a"] = NodeUnreachable("refused")
    await stage.beat(10)
    stage.membership.note_failure("a", NodeUnreachable("refused"))
    assert stage.state() is DOWN


async def test_what_a_node_says_is_passed_on_before_the_state_it_leads_to():
    stage = Stage()
    stage.membership.on_state(lambda name, old, new: stage.heard.append((name, new)))
    await stage.membership.ask("a")
    assert stage.heard == [("a", "disk-1"), ("a", UP)]


async def test_a_node_that_stays_down_is_lost_until_it_answers(stage):
    stage.answers["a"] = NodeUnreachable("refused")
    await stage.beat(10)
    assert stage.state() is DOWN
    assert not stage.membership.is_lost("a")
    stage.now_s += 10_000  # our own stall makes nobody lost
    await stage.beat(5)
    assert not stage.membership.is_lost("a")
    await stage.beat(10)
    assert stage.membership.is_lost("a")
    assert stage.lost == ["a"]
    stage.answers["a"] = health("a")
    await stage.beat()
    assert not stage.membership.is_lost("a")


async def test_nodes_come_and_go_while_it_watches(stage):
    stage.answers["c"], stage.asked["c"] = health("c"), 0
    stage.membership.add("c")
    assert stage.state("c") is SUSPECT
    await stage.beat()
    assert stage.state("c") is UP
    stage.answers["c"] = None
    await stage.beat(2)
    stage.membership.remove("c")
    asked = stage.asked["c"]
    await stage.beat(10)
    assert stage.asked["c"] == asked
    assert dict(stage.membership.states) == {"a": UP, "b": UP}
    with pytest.raises(UnknownNode):
        stage.state("c")


async def test_an_answer_that_comes_after_the_removal_is_nobodys(stage):
    for answer in (health("a"), NodeUnreachable("refused")):
        stage.answers["late"], stage.asked["late"] = answer, 0
        stage.membership.add("late")
        asking = asyncio.create_task(stage.membership.ask("late"))
        stage.membership.remove("late")
        await asking


async def test_an_answer_of_another_node_does_not_count(stage):
    stage.answers["a"] = health("b")
    await stage.beat(10)
    assert stage.state() is DOWN


def test_unknown_nodes():
    membership = Membership([], Stage.probe, Heartbeat(), clock=float)
    for call in (
        membership.state,
        membership.health,
        membership.note_failure,
        membership.silent_for_s,
        membership.is_lost,
        membership.remove,
    ):
        with pytest.raises(UnknownNode):
            call("x")
