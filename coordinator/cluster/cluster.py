"""The cluster as the rest of the coordinator sees it: places, states and clients of nodes."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from coordinator.cluster.errors import UnknownNode
from coordinator.cluster.membership import Membership
from coordinator.cluster.placement import Placement
from coordinator.cluster.ring import Ring, RingNode
from coordinator.cluster.states import NodeState
from metadata import NodeRecord
from node.client import Health, NodeClient
from node.errors import NodeError


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How often nodes are asked, and after how long a silence one is down."""

    interval_s: float = 0.5
    down_after_s: float = 2.5


class Cluster:
    """The nodes, and where parts of `width` = k + m shards go on them.

    Rules: `connect` makes the client of a node; the cluster closes what it made. Which nodes there
    are is fixed for the life of this object; their zones and weights are what they themselves say.
    """

    def __init__(
        self,
        nodes: Sequence[NodeRecord],
        width: int,
        connect: Callable[[NodeRecord], NodeClient],
        heartbeat: Heartbeat | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Raises NotEnoughNodes."""
        heartbeat = heartbeat or Heartbeat()
        self._width = width
        self._nodes = {node.node_id: node for node in nodes}
        self._clients = {node.node_id: connect(node) for node in nodes}
        self.membership = Membership(
            nodes,
            lambda node_id: self._clients[node_id].health(),
            interval_s=heartbeat.interval_s,
            down_after_s=heartbeat.down_after_s,
            clock=clock,
            sleep=sleep,
        )
        self._placement = Placement(self._make_ring(), self.membership.states)
        self.membership.on_state(lambda *_: self._placement.states_changed())
        self.membership.on_health(self._learn)
        self._record_listeners: list[Callable[[NodeRecord], None]] = []
        self._worker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Ask every node once, then go on asking in the background."""
        await self.membership.first_round()
        self._worker = asyncio.create_task(self.membership.run())

    async def close(self) -> None:
        """Stop asking; fail what is under way to the nodes."""
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        await asyncio.gather(*(client.close() for client in self._clients.values()))

    def on_record(self, listener: Callable[[NodeRecord], None]) -> None:
        """Call `listener` with what is to be remembered of a node, when that changes."""
        self._record_listeners.append(listener)

    def _learn(self, node_id: str, health: Health) -> None:
        known = self._nodes[node_id]
        # A first store id is recorded; another one means a replaced disk, which must stay known
        # until somebody has dealt with it.
        store_id = known.store_id or health.store_id
        told = replace(known, zone=health.zone or node_id, weight=health.weight, store_id=store_id)
        if told == known:
            return
        self._nodes[node_id] = told
        if (told.zone, told.weight) != (known.zone, known.weight):
            self._placement.use(self._make_ring())
        for listener in self._record_listeners:
            listener(told)

    def _make_ring(self) -> Ring:
        nodes = self._nodes.values()
        return Ring([RingNode(node.node_id, node.zone, node.weight) for node in nodes], self._width)

    def nodes(self) -> list[NodeRecord]:
        """All nodes, by id."""
        return [self._nodes[node_id] for node_id in sorted(self._nodes)]

    def client(self, node_id: str) -> NodeClient:
        """Raises UnknownNode."""
        try:
            return self._clients[node_id]
        except KeyError:
            raise UnknownNode(f"no node {node_id!r} in this cluster") from None

    def place(self, part_id: bytes) -> tuple[str, ...]:
        """The holders of a new part's shards, in order of the shards; down ones last, if any."""
        return self._placement.place(part_id)

    @property
    def states(self) -> Mapping[str, NodeState]:
        """A live view of all states."""
        return self.membership.states

    def state(self, node_id: str) -> NodeState:
        """Raises UnknownNode."""
        return self.membership.state(node_id)

    def note_failure(self, node_id: str, error: NodeError | None = None) -> None:
        """A data request to the node failed. Raises UnknownNode."""
        self.membership.note_failure(node_id, error)
