"""The worker that repairs: takes the most endangered tasks first and keeps a few chunks under way.

Rules:
1. One part is in one chunk at a time, so no shard is ever twice in flight and no two repairs of
   a part disagree about where it is.
2. A chunk holds tasks of one holder and one degree of danger, as many as go through one window
   (rebuild.py); a shard that is larger goes alone.
3. A holder's tasks are worked on while it is up, or when it has left the ring and others take
   over. When a node comes up everything that was put off is looked at again, and if it was down,
   so is what was given up: it may have brought what was wanting.
4. A chunk that fails in an unforeseen way is logged and its tasks stay queued.
"""

import asyncio
import logging
import time
from collections.abc import Sequence
from typing import Final

from coordinator.cluster import Cluster, NodeState
from coordinator.healing import RepairProgress
from coordinator.metrics import Metrics
from coordinator.objects import Ids, Pins, RepairReports
from coordinator.repair.attempt import Attempt
from coordinator.repair.ledger import Ledger
from coordinator.repair.pace import Pace
from coordinator.repair.progress import Progress
from coordinator.repair.rebuild import Rebuilder, window_limits
from coordinator.repair.supply import PAGE, Supply
from coordinator.repair.targets import Targets
from coordinator.repair.worker import RETRY_S, Clock, Sleep, Worker
from erasure import Layout
from metadata import DueRepair, MetadataError, MetadataStore, ShardName

LOOK_EVERY_S: Final = 1.0
"""How often tasks are looked for that nobody has announced."""

CLAIMED_S: Final = 0.05
"""How long to wait when all parts of a chunk are being cleared of stray shards."""

log = logging.getLogger(__name__)


class Repairer:
    """See the module's rules."""

    def __init__(
        self,
        metadata: MetadataStore,
        cluster: Cluster,
        pins: Pins,
        reports: RepairReports,
        ids: Ids,
        metrics: Metrics,
        pace: Pace,
        *,
        concurrency: int,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`concurrency`: chunks under way at once."""
        self._metadata = metadata
        self._cluster = cluster
        self._pins = pins
        self._ids = ids
        self._concurrency = concurrency
        self._clock = clock
        self._sleep = sleep
        self._progress = Progress(metrics, clock)
        self._pace = pace
        self._targets = Targets(cluster, clock)
        self._rebuilder = Rebuilder(cluster, self._targets, pace)
        self._ledger = Ledger(metadata, cluster, reports, ids, self._progress)
        self._worker = Worker("repair", self._look, idle_s=LOOK_EVERY_S, sleep=sleep)
        self._supplies: dict[str, Supply] = {}
        self._taken: set[bytes] = set()
        self._chunks: set[asyncio.Task[None]] = set()
        self._look_at = 0.0
        # At the start as if all had come up: what a former process put off is looked at again.
        self._has_risen = True
        self._has_returned = False
        cluster.on_state(self._state_changed)

    # what others ask and tell -------------------------------------------------------------------
    def progress(self) -> RepairProgress:
        """What was done since the start, and how fast it goes."""
        return self._progress.snapshot()

    def wake(self) -> None:
        """There are new tasks."""
        self._look_at = 0.0
        self._worker.wake()

    def _state_changed(self, node_id: str, old: NodeState, new: NodeState) -> None:
        if new is NodeState.UP:
            self._has_risen = True
            self._has_returned |= old is NodeState.DOWN
        if NodeState.DOWN in (old, new):
            # What is in danger is not what it was.
            for supply in self._supplies.values():
                supply.look_again()
        self.wake()

    # the worker -----------------------------------------------------------------------------------
    async def run(self) -> None:
        """Repair until cancelled."""
        try:
            await self._worker.run()
        finally:
            for chunk in self._chunks:
                chunk.cancel()
            await asyncio.gather(*self._chunks, return_exceptions=True)
            for supply in self._supplies.values():
                await supply.close()

    async def _look(self) -> bool:
        """Start what may be started. Called again whenever something has changed."""
        await self._welcome()
        if self._clock() >= self._look_at:
            self._look_at = self._clock() + LOOK_EVERY_S
            await self._find_holders()
        workable = [supply for holder, supply in self._supplies.items() if self._may_work(holder)]
        page = self._pace.page(PAGE)
        for supply in workable:
            supply.refill(page)
        # Windows go one at a time then (pace.py): more chunks would only wait, and be read again
        # with every page.
        limit = 1 if self._pace.is_busy() else self._concurrency
        while len(self._chunks) < limit and (chosen := _most_endangered(workable)):
            self._start(chosen)
            chosen.refill(page)
        return False

    async def _welcome(self) -> None:
        """A node has come up: what it was needed for need not wait."""
        if self._has_risen:
            self._has_risen = False
            await self._metadata.wake_repairs()
            self._look_at = 0.0
        if self._has_returned:
            self._has_returned = False
            if revived := await self._metadata.revive_repairs():
                log.info("repairs revived", extra={"count": revived})

    async def _find_holders(self) -> None:
        holders = {count.node_id for count in await self._metadata.repair_counts()}
        self._progress.queued = (await self._metadata.totals()).repair_queued
        for holder in holders - self._supplies.keys():
            self._supplies[holder] = self._supply_of(holder)
        for holder, supply in list(self._supplies.items()):
            if supply.is_empty and holder in holders:
                supply.look_again()
            elif supply.is_empty and not supply.under_way:
                del self._supplies[holder]

    def _supply_of(self, holder: str) -> Supply:
        async def fetch(limit: int) -> list[DueRepair]:
            now_ms = self._ids.now_ms()
            return await self._metadata.due_repairs(holder, now_ms=now_ms, limit=limit)

        return Supply(fetch, self._taken, self._worker.wake)

    def _may_work(self, holder: str) -> bool:
        if not self._targets.is_wanted(holder):
            return True
        is_up = self._cluster.states.get(holder) is NodeState.UP
        return is_up and not self._targets.is_full(holder)

    # chunks ---------------------------------------------------------------------------------------
    def _start(self, supply: Supply) -> None:
        chunk = self._take(supply)
        task = asyncio.create_task(self._run(chunk, supply))
        self._chunks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._chunks.discard(task)
        self._worker.wake()

    def _take(self, supply: Supply) -> list[DueRepair]:
        chunk: list[DueRepair] = []
        most_bytes, most_pieces = window_limits(self._pace)
        size = pieces = 0
        while due := supply.first():
            part = due.part
            size += part.size
            pieces += Layout(part.size, part.unit_size, part.k).stripes
            is_alike = not chunk or chunk[0].task.spare == due.task.spare
            if chunk and not (is_alike and size <= most_bytes and pieces <= most_pieces):
                break
            chunk.append(supply.take())
            self._taken.add(part.part_id)
        return chunk

    async def _run(self, chunk: Sequence[DueRepair], supply: Supply) -> None:
        self._progress.in_flight += len(chunk)
        stayed: set[ShardName] = set()
        try:
            attempts = await self._repair(chunk)
            stayed.update(each.due.task.name for each in attempts if not each.moves)
        except MetadataError as error:
            log.error("repair waits for the metadata", extra={"detail": str(error)})
            await self._sleep(RETRY_S)
        except Exception:
            log.exception("repair failed")
            await self._sleep(RETRY_S)
        finally:
            self._progress.in_flight -= len(chunk)
            supply.under_way -= len(chunk)
            self._taken.difference_update(due.part.part_id for due in chunk)
            for other in self._supplies.values():
                for due in chunk:
                    other.settled(due.task.name, moved=due.task.name not in stayed)

    async def _repair(self, chunk: Sequence[DueRepair]) -> list[Attempt]:
        # Stray shards of these parts are being deleted: what we wrote would go with them.
        chunk = [due for due in chunk if not self._pins.is_claimed(due.part.part_id)]
        if not chunk:
            await self._sleep(CLAIMED_S)
        parts = [due.part for due in chunk]
        self._pins.pin(parts)
        try:
            attempts = await self._rebuilder.rebuild(chunk)
            await self._ledger.settle(attempts)
            return attempts
        finally:
            self._pins.unpin(parts)


def _most_endangered(supplies: Sequence[Supply]) -> Supply | None:
    """The supply whose first task has the fewest spare shards, and then is the oldest."""
    best: tuple[int, int] | None = None
    chosen = None
    for supply in supplies:
        due = supply.first()
        if due is None:
            continue
        danger = (due.task.spare, due.task.created_at_ms)
        if best is None or danger < best:
            best, chosen = danger, supply
    return chosen
