"""Moves shards towards the ring after nodes came, went, or changed their weight.

Rules:
1. One walk over all parts for each ring (`Cluster.ring_id`), noted when it is done; the walk only
   queues. A restart in the middle walks anew, which queues nothing twice.
2. A shard whose node the ring does not want for its part is moved to one that it does, and that
   has none of the part. Where there is nothing to copy from any more (the node is lost or
   forgotten) it is queued to be rebuilt; the rebuilder puts it where the ring wants it.
3. Moves of a former ring are dropped first: they may lead to nodes that are gone.
4. Nothing starts while a node of the ring is not up. It may be gone for good, and then the ring
   will be another one; if it comes back, the danger is over sooner than parts are moved.
5. At most `shards_per_s` are queued, and while MAX_QUEUED moves wait, none.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

from coordinator.cluster import Cluster, NodeState
from coordinator.healing import RebalanceProgress
from coordinator.objects import Ids
from coordinator.repair.pace import Pace
from coordinator.repair.progress import Rate
from coordinator.repair.worker import Clock, Sleep, Worker
from metadata import MetadataStore, MissingShard, MoveShard, Part, RepairKind, RepairState

PAGE: Final = 500
MAX_QUEUED: Final = 20_000
LOOK_EVERY_S: Final = 1.0
NOTE: Final = "balanced-ring"

log = logging.getLogger(__name__)


class Rebalancer:
    """See the module's rules."""

    def __init__(
        self,
        metadata: MetadataStore,
        cluster: Cluster,
        ids: Ids,
        pace: Pace,
        *,
        shards_per_s: int,
        found: Callable[[], None],
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`found` is called when moves or repairs were queued."""
        self._metadata = metadata
        self._cluster = cluster
        self._ids = ids
        self._pace = pace
        self._shards_per_s = shards_per_s
        self._found = found
        self._clock = clock
        self._sleep = sleep
        self._worker = Worker("rebalance", self.work, idle_s=LOOK_EVERY_S, sleep=sleep)
        self._balanced: str | None = None
        self._is_loaded = False
        self._walking: str | None = None
        self._after = b""
        self._checked = 0
        # Counting parts would cost a walk of its own; most objects have one.
        self._total: int | None = None
        self._queued = 0
        self._rate = Rate(clock)
        cluster.on_record(lambda _: self._worker.wake())
        cluster.on_state(lambda *_: self._worker.wake())

    async def run(self) -> None:
        """Work until cancelled."""
        await self._worker.run()

    def is_balanced(self) -> bool:
        """Whether all parts were checked against the present ring. Moves may still wait."""
        return self._is_loaded and self._balanced == self._cluster.ring_id()

    async def check_again(self) -> None:
        """Something was found where it should not be. Raises MetadataError."""
        await self._metadata.forget_notes(NOTE)
        self._balanced = self._walking = None
        self._worker.wake()

    def progress(self) -> RebalanceProgress:
        """How far it is. The ETA is that of the walk; what waits in the queue has its own."""
        is_running = self._walking is not None
        eta_s = 0.0 if self.is_balanced() else None
        rate = self._rate.per_s()
        if is_running and self._total is not None and rate:
            eta_s = max(0, self._total - self._checked) / rate
        total = None if self._total is None else max(self._total, self._checked)
        return RebalanceProgress(is_running, self._checked, total, self._queued, eta_s)

    # the walk -------------------------------------------------------------------------------------
    async def work(self) -> bool:
        """One page, if there is a reason to walk; whether there are more."""
        if not self._is_loaded:
            self._balanced = (await self._metadata.notes(NOTE)).get(NOTE)
            self._is_loaded = True
        ring_id = self._cluster.ring_id()
        if self._balanced == ring_id:
            self._walking = None
            return False
        if not self._is_ring_up():
            return False
        if self._walking != ring_id:
            await self._begin(ring_id)
        if await self._moves(RepairState.QUEUED) >= MAX_QUEUED:
            return False
        began_at = self._clock()
        has_more, queued = await self._page()
        if not has_more:
            await self._end(ring_id)
        else:
            await self._pace.rest(self._clock() - began_at)
        if queued:
            self._found()
            await self._sleep(queued / self._shards_per_s)
        return has_more

    def _is_ring_up(self) -> bool:
        states = self._cluster.states
        return all(states[node.node_id] is NodeState.UP for node in self._cluster.ring.nodes)

    async def _begin(self, ring_id: str) -> None:
        self._walking = None
        # Forgotten before anything moves: with the former ring back in the middle of the walk,
        # what has moved by then must be found.
        await self._metadata.forget_notes(NOTE)
        self._balanced = None
        for state in RepairState:
            if await self._moves(state):
                await self._drop_moves(state)
        self._walking = ring_id
        self._after, self._checked, self._queued = b"", 0, 0
        self._total = (await self._metadata.totals()).objects
        log.info("rebalancing", extra={"ring": ring_id})

    async def _drop_moves(self, state: RepairState) -> None:
        after = None
        while page := await self._metadata.repairs(state=state, after=after, limit=PAGE):
            after = page[-1]
            moves = [task.name for task in page if task.kind is RepairKind.MOVE]
            if moves:
                await self._metadata.finish_repairs(moves)

    async def _moves(self, state: RepairState) -> int:
        return sum(
            count.tasks
            for count in await self._metadata.repair_counts()
            if count.kind is RepairKind.MOVE and count.state is state
        )

    async def _page(self) -> tuple[bool, int]:
        """Check one page of parts; whether there are more, and how many shards were queued."""
        page = await self._metadata.parts_by_id(self._after, limit=PAGE)
        moves: list[MoveShard] = []
        missing: list[MissingShard] = []
        for named in page:
            self._check(named.part, moves, missing)
        now_ms = self._ids.now_ms()
        queued = 0
        if missing:
            queued += await self._metadata.add_repairs(missing, now_ms)
        if moves:
            queued += await self._metadata.add_moves(moves, now_ms)
        if page:
            self._after = page[-1].part.part_id
        self._checked += len(page)
        self._queued += queued
        self._rate.add(len(page))
        return len(page) == PAGE, queued

    def _check(self, part: Part, moves: list[MoveShard], missing: list[MissingShard]) -> None:
        wanted = self._wanted(part)
        free = [node for node in wanted if node not in part.nodes]
        if not free:
            return
        for shard, node in enumerate(part.nodes):
            if node in wanted:
                continue
            if node not in self._cluster.states or self._cluster.is_lost(node):
                missing.append(MissingShard(part.part_id, shard, f"node {node} is lost"))
            elif free:
                target = free.pop()
                moves.append(MoveShard(part.part_id, shard, target, "the ring wants it there"))

    def _wanted(self, part: Part) -> tuple[str, ...]:
        ring = self._cluster.ring
        if len(part.nodes) == ring.width:
            return self._cluster.wanted(part.part_id)
        return ring.walk(ring.arc(part.part_id), len(part.nodes))  # of another k + m

    async def _end(self, ring_id: str) -> None:
        # With another ring by now the note is of no use, and does no harm.
        await self._metadata.save_note(NOTE, ring_id)
        self._balanced, self._walking = ring_id, None
        log.info("rebalanced", extra={"parts": self._checked, "queued": self._queued})
