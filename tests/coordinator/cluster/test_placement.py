"""Placements, with nodes in all states."""

import pytest

from coordinator.cluster import NodeState, Placement, Ring, RingNode

UP, SUSPECT, DOWN = NodeState.UP, NodeState.SUSPECT, NodeState.DOWN
PARTS = [number.to_bytes(16, "big") for number in range(200)]


def make(count, width):
    names = [f"node-{n + 1}" for n in range(count)]
    states = dict.fromkeys(names, UP)
    ring = Ring([RingNode(name, "zone", 1.0) for name in names], width)
    return ring, states, Placement(ring, states)


def test_with_all_up_it_is_the_ring():
    ring, _, placement = make(6, 3)
    for part in PARTS:
        assert placement.place(part) == ring.walk(ring.arc(part), 3)


@pytest.mark.parametrize("state", [SUSPECT, DOWN])
def test_others_take_the_place_of_a_node_that_is_not_up(state):
    _, states, placement = make(6, 3)
    before = {part: placement.place(part) for part in PARTS}
    states["node-2"] = state
    placement.states_changed()
    for part in PARTS:
        placed = placement.place(part)
        assert "node-2" not in placed
        if "node-2" not in before[part]:
            assert placed == before[part]
        assert len(set(placed)) == 3
    states["node-2"] = UP
    placement.states_changed()
    assert {part: placement.place(part) for part in PARTS} == before


def test_with_too_few_up_suspects_and_then_those_down_stand_last():
    _, states, placement = make(4, 4)
    states |= {"node-1": DOWN, "node-3": SUSPECT}
    placement.states_changed()
    for part in PARTS:
        assert [states[node] for node in placement.place(part)] == [UP, UP, SUSPECT, DOWN]


def test_with_none_up_there_are_still_holders():
    ring, states, placement = make(5, 3)
    states |= dict.fromkeys(states, DOWN)
    placement.states_changed()
    for part in PARTS:
        assert placement.place(part) == ring.walk(ring.arc(part), 3)
