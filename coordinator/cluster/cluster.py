"""The cluster as the rest of the coordinator sees it: places, states and clients of nodes."""

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from coordinator.cluster.eligible import is_eligible, ring_nodes
from coordinator.cluster.errors import NodeExists, NotEnoughNodes, UnknownNode
from coordinator.cluster.membership import Heartbeat, Membership, StateListener
from coordinator.cluster.placement import Placement
from coordinator.cluster.records import NodeRecords
from coordinator.cluster.ring import Ring
from coordinator.cluster.states import NodeState
from coordinator.cluster.vouching import Vouchers
from metadata import NodeRecord, Standing
from node.client import Health, NodeClient
from node.errors import NodeError

log = logging.getLogger(__name__)

RecordListener = Callable[[NodeRecord], None]


class Cluster:
    """The nodes, and where parts of `width` = k + m shards go on them.

    Rules:
    1. `connect` makes the client of a node; the cluster closes what it made.
    2. Zones and weights are what the nodes say of themselves.
    3. Whoever was down, or answers with another store than the recorded one, stands in doubt
       (`standing`) until somebody has compared what it keeps and says `caught_up`. That is
       recorded when it goes, not when it comes back: we may be restarted in between.
    4. The ring is for new parts, and for where parts should be. Nodes that are draining, lost, or
       were never heard of are not on it, as long as enough others are.
    """

    def __init__(
        self,
        nodes: Sequence[NodeRecord],
        width: int,
        connect: Callable[[NodeRecord], NodeClient],
        heartbeat: Heartbeat | None = None,
        *,
        records: NodeRecords | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`records`: None remembers nothing. Raises NotEnoughNodes."""
        self._width = width
        self._connect = connect
        self._records = records
        self._nodes = {node.node_id: node for node in nodes}
        self._clients = {node.node_id: connect(node) for node in nodes}
        self._outages = dict.fromkeys(self._nodes, 0)
        self._joining: set[str] = set()
        self._record_listeners: list[RecordListener] = []
        self.membership = Membership(
            self._nodes,
            lambda node_id: self._clients[node_id].health(),
            heartbeat or Heartbeat(),
            clock=clock,
            sleep=sleep,
        )
        self._ring = Ring(ring_nodes(self._nodes.values(), width, self.membership.is_lost), width)
        self._placement = Placement(self._ring, self.membership.states)
        self.asked_first: frozenset[str] = frozenset()
        """Nodes that reads turn to before others: neither down nor replaced."""

        self.membership.on_health(self._learn)
        self.membership.on_state(self._state_changed)
        self.membership.on_lost(lambda _: self._nodes_changed())
        self.vouchers = Vouchers()
        self._workers: list[asyncio.Task[None]] = []
        self._nodes_changed()

    async def start(self) -> None:
        """Ask every node once, then go on asking in the background."""
        if self._records is not None:
            self._workers.append(asyncio.create_task(self._records.run()))
        await self.membership.first_round()
        self._workers.append(asyncio.create_task(self.membership.run()))

    async def close(self) -> None:
        """Stop asking; fail what is under way to the nodes."""
        for worker in self._workers:
            worker.cancel()
        for worker in self._workers:
            with contextlib.suppress(asyncio.CancelledError):
                await worker
        await asyncio.gather(*(client.close() for client in self._clients.values()))

    # which nodes there are --------------------------------------------------------------------
    def nodes(self) -> list[NodeRecord]:
        """All nodes, by id."""
        return [self._nodes[node_id] for node_id in sorted(self._nodes)]

    def record(self, node_id: str) -> NodeRecord:
        """Raises UnknownNode."""
        try:
            return self._nodes[node_id]
        except KeyError:
            raise UnknownNode(f"no node {node_id!r} in this cluster") from None

    def client(self, node_id: str) -> NodeClient:
        """Raises UnknownNode."""
        try:
            return self._clients[node_id]
        except KeyError:
            raise UnknownNode(f"no node {node_id!r} in this cluster") from None

    def on_record(self, listener: RecordListener) -> None:
        """Call `listener` with what is to be remembered of a node, when that changes."""
        self._record_listeners.append(listener)

    async def add(self, record: NodeRecord) -> None:
        """One more node, asked at once; it is a member from now on, whether it answers or not.

        Raises NodeExists, MetadataError, ValueError (its URL).
        """
        node_id = record.node_id
        if node_id in self._nodes or node_id in self._joining:
            raise NodeExists(f"there is a node {node_id!r} already")
        client = self._connect(record)
        self._joining.add(node_id)
        try:
            if self._records is not None:
                await self._records.save(record)
        except BaseException:
            await client.close()
            raise
        finally:
            self._joining.discard(node_id)
        self._clients[node_id] = client
        self._outages[node_id] = 0
        self.membership.add(node_id)
        self._use(record)
        await self.membership.ask(node_id)

    async def remove(self, node_id: str) -> None:
        """Forget a node. The caller knows that no part names it any more.

        Raises UnknownNode, NotEnoughNodes, MetadataError.
        """
        self.record(node_id)
        if len(self._nodes) - 1 < self._width:
            raise NotEnoughNodes(f"without {node_id} there are fewer nodes than {self._width}")
        if self._records is not None:
            await self._records.forget(node_id)
        self.membership.remove(node_id)
        del self._nodes[node_id], self._outages[node_id]
        client = self._clients.pop(node_id)
        self._nodes_changed()
        await client.close()

    async def drain(self, node_id: str, draining: bool) -> None:
        """Begin (or give up) to empty a node. Raises UnknownNode, NotEnoughNodes, MetadataError."""
        record = self.record(node_id)
        others = sum(
            is_eligible(other, self.is_lost(other.node_id))
            for other in self._nodes.values()
            if other is not record
        )
        if draining and others < self._width:
            raise NotEnoughNodes(
                f"{self._width} other nodes are needed to take over what {node_id} keeps"
            )
        told = replace(record, is_draining=draining)
        if self._records is not None:
            await self._records.save(told)
        # Noted once more: something else about it may have changed while that was written.
        self._tell(replace(self.record(node_id), is_draining=draining))

    # how they are -------------------------------------------------------------------------------
    @property
    def states(self) -> Mapping[str, NodeState]:
        """A live view of all states."""
        return self.membership.states

    def state(self, node_id: str) -> NodeState:
        """Raises UnknownNode."""
        return self.membership.state(node_id)

    def on_state(self, listener: StateListener) -> None:
        """Call `listener` with node id, old and new state at every change of a state."""
        self.membership.on_state(listener)

    def standing(self, node_id: str) -> Standing:
        """How far what it keeps can be trusted. Raises UnknownNode."""
        return self.record(node_id).standing

    def is_draining(self, node_id: str) -> bool:
        """Whether it is being emptied. Raises UnknownNode."""
        return self.record(node_id).is_draining

    def is_lost(self, node_id: str) -> bool:
        """Whether it has been silent for so long that nobody waits for it. Raises UnknownNode."""
        return self.membership.is_lost(node_id)

    def shown_state(self, node_id: str) -> str:
        """The one word for people. Raises UnknownNode."""
        state, record = self.state(node_id), self.record(node_id)
        if state is not NodeState.UP:
            return state.value
        if record.is_draining:
            return "draining"
        return state.value if record.standing is Standing.MEMBER else record.standing.value

    def outages(self, node_id: str) -> int:
        """How often what it keeps came into doubt while we looked: tells whether something that
        took a while was overtaken. Raises UnknownNode."""
        self.record(node_id)
        return self._outages[node_id]

    def outages_of(self, node_ids: Iterable[str]) -> list[int | None]:
        """The same of several nodes; None of one that is not in this cluster."""
        return [*map(self._outages.get, node_ids)]

    def note_failure(self, node_id: str, error: NodeError | None = None) -> None:
        """A data request to the node failed. Raises UnknownNode."""
        self.membership.note_failure(node_id, error)

    def caught_up(self, node_id: str) -> None:
        """What it keeps was compared, and what it missed was made up for. Raises UnknownNode."""
        record = self.record(node_id)
        if record.standing is not Standing.MEMBER:
            log.info("node caught up", extra={"node": node_id, "was": str(record.standing)})
            self._tell(replace(record, standing=Standing.MEMBER))

    def _learn(self, node_id: str, health: Health) -> None:
        known = self._nodes[node_id]
        told = replace(known, zone=health.zone or node_id, weight=health.weight)
        if known.store_id != health.store_id:
            told = replace(told, store_id=health.store_id)
            if known.store_id:
                # Together with the new id: else a restart in between would take it for a member.
                told = replace(told, standing=Standing.REPLACED)
                self._outages[node_id] += 1
                log.error(
                    "node has another store than before",
                    extra={"node": node_id, "old": known.store_id, "new": health.store_id},
                )
        if told != known:
            self._tell(told)

    def _state_changed(self, node_id: str, old: NodeState, new: NodeState) -> None:
        known = self._nodes[node_id]
        if new is NodeState.DOWN:
            self._outages[node_id] += 1
            if known.store_id and known.standing is Standing.MEMBER:
                self._tell(replace(known, standing=Standing.RETURNED))
                return
        self._nodes_changed()

    def _tell(self, record: NodeRecord) -> None:
        if self._records is not None:
            self._records.note(record)
        self._use(record)

    def _use(self, record: NodeRecord) -> None:
        self._nodes[record.node_id] = record
        self._nodes_changed()
        for listener in self._record_listeners:
            listener(record)

    # where parts go -----------------------------------------------------------------------------
    def place(self, part_id: bytes) -> tuple[str, ...]:
        """The holders of a new part's shards, in order of the shards; down ones last, if any."""
        return self._placement.place(part_id)

    @property
    def ring(self) -> Ring:
        """The ring that parts are placed on now."""
        return self._ring

    def ring_id(self) -> str:
        """Which ring that is: the same in every process for the same nodes, zones and weights."""
        ring = self._ring
        nodes = [[node.node_id, node.zone, node.weight] for node in ring.nodes]
        return hashlib.sha256(json.dumps([ring.width, nodes]).encode()).hexdigest()[:32]

    def wanted(self, part_id: bytes) -> tuple[str, ...]:
        """The nodes that the ring chooses for a part, short outages disregarded."""
        return self._placement.wanted(part_id)

    def _nodes_changed(self) -> None:
        """Something about a node is not what it was: what is derived from it follows."""
        states = self.membership.states
        self.asked_first = frozenset(
            node_id
            for node_id, record in self._nodes.items()
            if states[node_id] is not NodeState.DOWN and record.standing is not Standing.REPLACED
        )
        chosen = ring_nodes(self._nodes.values(), self._width, self.membership.is_lost)
        if chosen != self._ring.nodes:
            log.info("ring", extra={"nodes": [node.node_id for node in chosen]})
            self._ring = Ring(chosen, self._width)
            self._placement.use(self._ring)
        else:
            self._placement.states_changed()
