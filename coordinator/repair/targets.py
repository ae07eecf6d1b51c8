"""Decides on which node a shard is to stand when its repair is done.

Rules:
1. A lost shard is rebuilt where it belongs, as long as its node is on the ring. A node that left
   the ring (draining, silent for too long, removed) gets nothing; another takes over, one that
   holds no shard of the part: first where the ring would put it, else whoever comes next.
2. What can't be decided now is Blocked: a node is away or full, and may not be so for ever.
3. A move whose reason has gone (its target left the ring or holds the part by now) is Needless;
   whoever wanted it will look at the new ring.
"""

from collections.abc import Iterator
from typing import Final

from coordinator.cluster import Cluster, NodeState, Ring
from coordinator.repair.worker import Clock
from metadata import DueRepair, Part, RepairKind

FULL_FOR_S: Final = 10.0
"""How long a node that refused for want of space is not asked again. Its own tasks stay due
meanwhile; the chunk that asks next finds out."""


class Blocked(Exception):
    """Not now; the message says why."""


class Needless(Exception):
    """There is nothing to do."""


class Targets:
    """See the module's rules."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._full_until: dict[str, float] = {}
        self._ring: Ring | None = None
        self._on_ring: frozenset[str] = frozenset()

    def note_full(self, node_id: str) -> None:
        """The node refused a shard for want of space."""
        self._full_until[node_id] = self._clock() + FULL_FOR_S

    def is_full(self, node_id: str) -> bool:
        """Whether it refused lately."""
        return self._full_until.get(node_id, 0.0) > self._clock()

    def is_wanted(self, node_id: str) -> bool:
        """Whether shards belong on the node: whether it is on the ring."""
        ring = self._cluster.ring
        if ring is not self._ring:
            self._ring = ring
            self._on_ring = frozenset(node.node_id for node in ring.nodes)
        return node_id in self._on_ring

    def choose(self, due: DueRepair) -> str:
        """The node to put the shard on. Raises Blocked, Needless."""
        task, part = due.task, due.part
        holder = part.nodes[task.shard]
        stays = self.is_wanted(holder)
        if stays and task.kind is RepairKind.REBUILD:
            return self._usable(holder)
        if stays:
            if not self.is_wanted(task.target) or task.target in part.nodes:
                raise Needless
            if task.target in due.barred:
                raise Blocked(f"node {task.target} still has an old copy of it")
            return self._usable(task.target)
        reasons = []
        for node_id in self._candidates(task.target, part):
            if node_id in part.nodes or node_id in due.barred or not self.is_wanted(node_id):
                continue
            try:
                return self._usable(node_id)
            except Blocked as blocked:
                reasons.append(str(blocked))
        raise Blocked("; ".join(reasons) or f"no node is left that could take it from {holder}")

    def _candidates(self, target: str, part: Part) -> Iterator[str]:
        yield target
        yield from self._cluster.wanted(part.part_id)
        ring = self._cluster.ring
        yield from ring.walk(ring.arc(part.part_id), len(ring.nodes), part.nodes)

    def _usable(self, node_id: str) -> str:
        state = self._cluster.states.get(node_id, NodeState.DOWN)
        if state is not NodeState.UP:
            raise Blocked(f"node {node_id} is {state}")
        if self.is_full(node_id):
            raise Blocked(f"node {node_id} is full")
        return node_id
