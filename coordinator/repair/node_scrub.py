"""Makes one node read all it keeps, a little at a time, and queues what it finds damaged.

Rules:
1. A round reads everything once and then compares the inventory (reconcile.py). It is spread over
   `period_s`; one that somebody asked for goes at full speed. Steps never overlap.
2. Damage is queued before the cursor moves past it. Where a round stands is noted every SAVE_S and
   at its end: a restart repeats some steps and leaves none out.
"""

import logging
from collections.abc import Callable
from typing import Any, Final

from coordinator.cluster import Cluster, NodeState
from coordinator.healing import ScrubProgress
from coordinator.metrics import Metrics
from coordinator.objects import Ids
from coordinator.repair.reconcile import Reconciler
from coordinator.repair.scrub_round import Round
from coordinator.repair.worker import Clock, Sleep, Worker
from metadata import MetadataStore, MissingShard

STEP_BYTES: Final = 4 * 1024 * 1024
"""What one step reads at most; it keeps a node's upkeep busy for some milliseconds."""

GENTLE_STEP_S: Final = 10.0
"""A gentle step reads what is due in this time, or the one next record."""

MAX_BEHIND_S: Final = 10.0
"""What was not read in time before is not made up for in a rush."""

EMPTY_S: Final = 600.0
"""A node that had nothing to read is looked at again after so long a time."""

MEASURE_EVERY_S: Final = 60.0
SAVE_S: Final = 5.0
LOOK_EVERY_S: Final = 1.0
BATCH: Final = 1000
NOTES: Final = "scrub/"

log = logging.getLogger(__name__)


class NodeScrub:
    """The scrub of one node. See the module's rules."""

    def __init__(
        self,
        node_id: str,
        metadata: MetadataStore,
        cluster: Cluster,
        reconciler: Reconciler,
        ids: Ids,
        metrics: Metrics,
        *,
        period_s: float,
        found: Callable[[], None],
        clock: Clock,
        sleep: Sleep,
    ) -> None:
        """`found` is called when repairs were queued."""
        self.node_id = node_id
        self._metadata = metadata
        self._cluster = cluster
        self._reconciler = reconciler
        self._ids = ids
        self._metrics = metrics
        self._period_s = period_s
        self._found = found
        self._clock = clock
        self._worker = Worker(f"scrub {node_id}", self.work, idle_s=LOOK_EVERY_S, sleep=sleep)
        self._round = Round()
        self._is_loaded = False
        self._kept_bytes = 0
        self._next_at = self._measure_at = self._save_at = clock()

    async def run(self) -> None:
        """Scrub until cancelled."""
        await self._worker.run()

    async def hurry(self) -> None:
        """Start anew, at full speed; recorded when this returns. Raises MetadataError."""
        await self._load()
        self._round.begin(self._ids.now_ms(), hurried=True)
        await self._save()
        self._worker.wake()

    def progress(self) -> ScrubProgress:
        """How far it is."""
        its = self._round
        share = min(1.0, its.bytes / self._kept_bytes) if self._kept_bytes else 0.0
        return ScrubProgress(
            node_id=self.node_id,
            is_hurried=its.is_hurried,
            share_done=1.0 if its.is_read or not its.is_running else share,
            round_started_at_ms=its.started_at_ms,
            round_bytes=its.bytes,
            damaged_records=its.damaged,
            last_finished_at_ms=its.last_finished_at_ms,
            eta_s=self._eta_s(),
        )

    def _eta_s(self) -> float | None:
        its = self._round
        if not its.is_running:
            return 0.0
        left = max(0, self._kept_bytes - its.bytes)
        if not its.is_hurried:
            return left / self._bytes_per_s()
        elapsed_s = (self._ids.now_ms() - (its.started_at_ms or 0)) / 1000
        return left * elapsed_s / its.bytes if its.bytes else None

    def _bytes_per_s(self) -> float:
        return max(1, self._kept_bytes) / self._period_s

    # the work -------------------------------------------------------------------------------------
    async def work(self) -> bool:
        """One step, if it is time; whether the next one may follow at once."""
        await self._load()
        if self._cluster.states.get(self.node_id) is not NodeState.UP:
            return False
        its = self._round
        if not its.is_running:
            if not self._is_time_for_another():
                return False
            its.begin(self._ids.now_ms(), hurried=False)
        if not its.is_hurried and self._clock() < self._next_at:
            return False
        await self._measure()
        if its.is_read:
            await self._complete()
            return its.is_running
        await self._step()
        return True

    def _is_time_for_another(self) -> bool:
        its = self._round
        if its.started_at_ms is None:
            return True
        pause_s = self._period_s if its.bytes else min(EMPTY_S, self._period_s)
        return self._ids.now_ms() - its.started_at_ms >= pause_s * 1000

    async def _measure(self) -> None:
        if self._clock() >= self._measure_at:
            stats = await self._cluster.client(self.node_id).stats()
            self._kept_bytes = int(stats["live_bytes"])
            self._measure_at = self._clock() + MEASURE_EVERY_S

    async def _step(self) -> None:
        its, rate = self._round, self._bytes_per_s()
        number = its.number
        due = STEP_BYTES if its.is_hurried else max(1, int(rate * GENTLE_STEP_S))
        client = self._cluster.client(self.node_id)
        told = await client.scrub(its.cursor, min(STEP_BYTES, due))
        await self._report(told["damaged"])
        self._metrics.scrubbed_bytes.inc(told["bytes"])
        if its.number != number:
            return  # started anew meanwhile: this step belongs to no round any more
        its.bytes += told["bytes"]
        its.damaged += len(told["damaged"])
        its.cursor, its.is_read = told["cursor"] or "", told["cursor"] is None
        now = self._clock()
        self._next_at = max(self._next_at, now - MAX_BEHIND_S) + told["bytes"] / rate
        if now >= self._save_at:
            await self._save()

    async def _report(self, damaged: list[dict[str, Any]]) -> None:
        shards: dict[tuple[bytes, int], MissingShard] = {}
        for record in damaged:
            part_id, shard = bytes.fromhex(record["part_id"]), int(record["shard"])
            reason = f"scrub, stripe {record['stripe']}: {record['reason']}"
            shards.setdefault((part_id, shard), MissingShard(part_id, shard, reason))
        missing = list(shards.values())
        for start in range(0, len(missing), BATCH):
            now_ms = self._ids.now_ms()
            if await self._metadata.add_repairs(missing[start : start + BATCH], now_ms):
                self._found()
        self._metrics.damaged_records.inc(len(damaged))

    async def _complete(self) -> None:
        its = self._round
        number = its.number
        await self._reconciler.reconcile(self.node_id)
        if its.number != number:
            return
        its.finish(self._ids.now_ms())
        await self._save()
        log.info(
            "node scrubbed",
            extra={"node": self.node_id, "bytes": its.bytes, "damaged": its.damaged},
        )

    # what is remembered ---------------------------------------------------------------------------
    async def _load(self) -> None:
        if not self._is_loaded:
            name = note_name(self.node_id)
            note = (await self._metadata.notes(name)).get(name)
            if not self._is_loaded:  # else somebody else has, meanwhile
                self._round, self._is_loaded = Round.from_note(note), True

    async def _save(self) -> None:
        self._save_at = self._clock() + SAVE_S
        await self._metadata.save_note(note_name(self.node_id), self._round.to_note())


def note_name(node_id: str) -> str:
    """Where a node's round is remembered."""
    # The slash at the end: notes are forgotten by prefix, and node-1 is one of node-10.
    return f"{NOTES}{node_id}/"
