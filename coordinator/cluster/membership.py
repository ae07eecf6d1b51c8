"""Knows which nodes are up: counts missed heartbeats, and says so when a state changes.

    up --missed heartbeat, failed request--> suspect --silent for down_after_s--> down
    any --answered heartbeat--> up

Rules:
1. Silence is counted in beats, not in seconds: when this process itself was stalled no beat was
   sent, and none was missed.
2. A node that refuses connections is suspect at once but not down at once: a restart takes no
   longer than `down_after_s`, and must not start a repair. One that is silent for `lost_after_s`
   is lost: it may still return, but nothing waits for it any more.
3. Only a heartbeat's answer makes a node up, and it must come from the node that is meant.
"""

import asyncio
import logging
import math
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from coordinator.cluster.errors import UnknownNode
from coordinator.cluster.states import NodeState
from node.client import Health
from node.errors import NodeError, NodeFailed, NodeUnreachable

StateListener = Callable[[str, NodeState, NodeState], None]
"""Called with node id, old state, new state."""

HealthListener = Callable[[str, Health], None]
"""Called with node id and what the node said, at every answer."""

LostListener = Callable[[str], None]
"""Called with the id of a node that became lost."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """How often nodes are asked, and after how long a silence one is down, and lost."""

    interval_s: float = 0.5
    down_after_s: float = 2.5
    lost_after_s: float = 600.0


@dataclass(slots=True)
class _Watch:
    """What we know of one node."""

    node_id: str
    state: NodeState = NodeState.SUSPECT
    heard_since_beat: bool = False
    missed_beats: int = 0
    health: Health | None = None
    heard_at_s: float | None = None
    probe: asyncio.Task[None] | None = None
    trouble: str = ""
    """Why it did not answer the last time."""


class Membership:
    """The states of all nodes of the cluster."""

    def __init__(
        self,
        node_ids: Iterable[str],
        probe: Callable[[str], Awaitable[Health]],
        heartbeat: Heartbeat,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`probe` asks a node for its health, raising NodeError. `clock` is monotonic seconds."""
        self._watches = {node_id: _Watch(node_id) for node_id in node_ids}
        self._states = dict.fromkeys(self._watches, NodeState.SUSPECT)
        self.states: Mapping[str, NodeState] = MappingProxyType(self._states)
        self._probe = probe
        self._interval_s = heartbeat.interval_s
        self._down_after_beats = self._beats(heartbeat.down_after_s)
        self._lost_after_beats = max(self._down_after_beats, self._beats(heartbeat.lost_after_s))
        self._clock = clock
        self._sleep = sleep
        self._state_listeners: list[StateListener] = []
        self._health_listeners: list[HealthListener] = []
        self._lost_listeners: list[LostListener] = []

    def _beats(self, seconds: float) -> int:
        return max(1, math.ceil(seconds / self._interval_s))

    # what others ask ------------------------------------------------------------------------
    def state(self, node_id: str) -> NodeState:
        """Raises UnknownNode."""
        return self._watch(node_id).state

    def health(self, node_id: str) -> Health | None:
        """What the node said last, None before its first answer. Raises UnknownNode."""
        return self._watch(node_id).health

    def silent_for_s(self, node_id: str) -> float | None:
        """Seconds since its last answer, None if there was none. Raises UnknownNode."""
        heard_at_s = self._watch(node_id).heard_at_s
        return None if heard_at_s is None else self._clock() - heard_at_s

    def is_lost(self, node_id: str) -> bool:
        """Whether it has been silent for `lost_after_s`. Raises UnknownNode."""
        return self._watch(node_id).missed_beats >= self._lost_after_beats

    def on_state(self, listener: StateListener) -> None:
        """Call `listener` at every change of state."""
        self._state_listeners.append(listener)

    def on_health(self, listener: HealthListener) -> None:
        """Call `listener` at every answer, before the state that it leads to."""
        self._health_listeners.append(listener)

    def on_lost(self, listener: LostListener) -> None:
        """Call `listener` when a node that is down becomes lost."""
        self._lost_listeners.append(listener)

    def _watch(self, node_id: str) -> _Watch:
        try:
            return self._watches[node_id]
        except KeyError:
            raise UnknownNode(f"no node {node_id!r} in this cluster") from None

    # who belongs to it ----------------------------------------------------------------------
    def add(self, node_id: str) -> None:
        """Watch one more node. The caller asks it at once."""
        assert node_id not in self._watches, "added twice"
        self._watches[node_id] = _Watch(node_id)
        self._states[node_id] = NodeState.SUSPECT

    def remove(self, node_id: str) -> None:
        """Forget a node. Raises UnknownNode."""
        watch = self._watch(node_id)
        del self._watches[node_id], self._states[node_id]
        if watch.probe is not None:
            watch.probe.cancel()

    # what happens to nodes ------------------------------------------------------------------
    def note_failure(self, node_id: str, error: NodeError | None = None) -> None:
        """A data request failed: suspect at once, if the error says that the node is at fault."""
        watch = self._watch(node_id)
        at_fault = error is None or isinstance(error, NodeUnreachable | NodeFailed)
        if at_fault and watch.state is NodeState.UP:
            watch.trouble = str(error)
            self._change(watch, NodeState.SUSPECT)

    def heard(self, node_id: str, health: Health) -> None:
        """The node answered a heartbeat."""
        watch = self._watch(node_id)
        if health.node_id != node_id:
            watch.trouble = f"another node answers: {health.node_id}"
            return
        watch.heard_since_beat = True
        watch.missed_beats = 0
        watch.health = health
        watch.trouble = ""
        for listener in self._health_listeners:
            listener(node_id, health)
        self._change(watch, NodeState.UP)
        # Last: the listeners may want to know how long it was silent.
        watch.heard_at_s = self._clock()

    def missed(self, node_id: str, error: NodeError) -> None:
        """The node failed to answer a heartbeat. How long it was silent is counted by `beat`."""
        watch = self._watch(node_id)
        watch.trouble = str(error)
        if watch.state is NodeState.UP:
            self._change(watch, NodeState.SUSPECT)

    def beat(self) -> None:
        """An interval has passed since the last heartbeats were sent."""
        for watch in list(self._watches.values()):
            if watch.heard_since_beat:
                watch.heard_since_beat = False
                continue
            watch.missed_beats += 1
            if watch.missed_beats >= self._down_after_beats:
                self._change(watch, NodeState.DOWN)
            elif watch.state is NodeState.UP:
                self._change(watch, NodeState.SUSPECT)
            if watch.missed_beats == self._lost_after_beats:
                log.error("node lost", extra={"node": watch.node_id})
                for listener in self._lost_listeners:
                    listener(watch.node_id)

    def _change(self, watch: _Watch, state: NodeState) -> None:
        old = watch.state
        if old is state:
            return
        watch.state = state
        node_id = watch.node_id
        self._states[node_id] = state
        log.log(
            logging.INFO if state is NodeState.UP else logging.WARNING,
            "node state",
            extra={"node": node_id, "old": str(old), "new": str(state), "detail": watch.trouble},
        )
        for listener in self._state_listeners:
            listener(node_id, old, state)

    # the worker -----------------------------------------------------------------------------
    async def first_round(self) -> None:
        """Ask every node once and wait for all answers or failures, so that we start informed."""
        await asyncio.gather(*(self.ask(node_id) for node_id in self._watches))

    async def ask(self, node_id: str) -> None:
        """Ask one node now, and wait for its answer or failure."""
        try:
            health = await self._probe(node_id)
        except NodeError as error:
            if node_id in self._watches:  # else it was removed meanwhile
                self.missed(node_id, error)
        else:
            if node_id in self._watches:
                self.heard(node_id, health)

    async def run(self) -> None:
        """Send heartbeats until cancelled."""
        try:
            while True:
                for node_id, watch in self._watches.items():
                    # A node that is slow to answer gets no second question meanwhile.
                    if watch.probe is None or watch.probe.done():
                        watch.probe = asyncio.create_task(self.ask(node_id))
                await self._sleep(self._interval_s)
                self.beat()
        finally:
            for watch in self._watches.values():
                if watch.probe is not None:
                    watch.probe.cancel()
