"""Chooses the nodes of a new part: the ring's order, with what is known of the nodes' states.

Rules:
1. Nodes that are up come first; those the ring has next take the places of nodes that are not.
2. With too few up, suspect nodes and then those that are down take the last places all the same:
   each part has its k+m holders from the start, and repair knows where its lost shards belong.
   Standing last they get parity, if there is any, so that reads need no rebuilding.
3. Where a part should be in the long run (`wanted`) is the ring's choice alone.
"""

from collections.abc import Mapping

from coordinator.cluster.ring import Ring
from coordinator.cluster.states import NodeState

_WORSE_THAN_UP = (NodeState.SUSPECT, NodeState.DOWN)


class Placement:
    """Places parts on a ring. Told of every change of a node's state."""

    def __init__(self, ring: Ring, states: Mapping[str, NodeState]) -> None:
        """`states` is looked at anew after each `states_changed`."""
        self._ring = ring
        self._states = states
        # A look-up walks the ring once per arc and set of states; there are only so many arcs.
        self._by_arc: dict[int, tuple[str, ...]] = {}
        self._wanted_by_arc: dict[int, tuple[str, ...]] = {}

    def states_changed(self) -> None:
        """Some node's state is not what it was."""
        self._by_arc.clear()

    def use(self, ring: Ring) -> None:
        """Place new parts on another ring."""
        self._ring = ring
        self._by_arc.clear()
        self._wanted_by_arc.clear()

    def place(self, part_id: bytes) -> tuple[str, ...]:
        """The holders of shards 0, 1, ...: `ring.width` distinct nodes."""
        arc = self._ring.arc(part_id)
        chosen = self._by_arc.get(arc)
        if chosen is None:
            chosen = self._by_arc[arc] = self._choose(arc)
        return chosen

    def wanted(self, part_id: bytes) -> tuple[str, ...]:
        """The nodes that the ring chooses for a part, whatever their states."""
        arc = self._ring.arc(part_id)
        chosen = self._wanted_by_arc.get(arc)
        if chosen is None:
            chosen = self._wanted_by_arc[arc] = self._ring.walk(arc, self._ring.width)
        return chosen

    def _choose(self, arc: int) -> tuple[str, ...]:
        states = self._states
        width = self._ring.width
        excluded = {node for node, state in states.items() if state is not NodeState.UP}
        chosen = self._ring.walk(arc, width, excluded)
        for state in _WORSE_THAN_UP:
            if len(chosen) == width:
                break
            others = {node for node, its_state in states.items() if its_state is not state}
            chosen += self._ring.walk(arc, width - len(chosen), others)
        return chosen
