"""Passes what reads find missing or damaged on to the persistent repair queue.

Rules: a read never waits for this; a report already made lately is not made again; the waiting
reports are bounded, and what overflows is found again by the next read or scrub.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable

from coordinator.metrics import Metrics
from coordinator.objects.ids import Ids
from metadata import MetadataError, MetadataStore, MissingShard, ShardName

MAX_WAITING = 10_000
MAX_REMEMBERED = 100_000
BATCH = 1000

log = logging.getLogger(__name__)


class RepairReports:
    """Collects reports from the readers and queues them in batches."""

    def __init__(self, metadata: MetadataStore, ids: Ids, metrics: Metrics) -> None:
        self._metadata = metadata
        self._ids = ids
        self._metrics = metrics
        self._waiting: list[MissingShard] = []
        self._reported: OrderedDict[ShardName, None] = OrderedDict()
        self._wake = asyncio.Event()

    def report(self, missing: MissingShard) -> None:
        """Note the shard for repair."""
        name = ShardName(missing.part_id, missing.shard)
        if name in self._reported or len(self._waiting) >= MAX_WAITING:
            return
        self._reported[name] = None
        if len(self._reported) > MAX_REMEMBERED:
            self._reported.popitem(last=False)
        self._waiting.append(missing)
        self._metrics.shards_reported.inc()
        self._wake.set()

    def forget(self, names: Iterable[ShardName]) -> None:
        """These shards are whole again: what is reported of them from now on is news."""
        for name in names:
            self._reported.pop(name, None)

    async def run(self) -> None:
        """Queue reports until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch = self._waiting[:BATCH]
                try:
                    added = await self._metadata.add_repairs(batch, self._ids.now_ms())
                except MetadataError as error:
                    log.error("repair reports not queued", extra={"error": str(error)})
                    for missing in batch:
                        self._reported.pop(ShardName(missing.part_id, missing.shard), None)
                else:
                    if added:
                        log.warning("shards queued for repair", extra={"count": added})
                del self._waiting[: len(batch)]
