"""The storage engine as the server uses it: the store, its threads, and its background work.

Who does what:
- a request's own thread looks up, reads and checks; of those that append, one commits for all
  (group_commit.py), and only who commits appends to the log;
- the maintenance thread flushes the index, compacts, scrubs, lists: one job at a time, short ones.

Rules: the overlay is bounded. Past `overlay_records` a flush begins; past twice that, commits wait
for it. Background work that fails is logged and tried again; it never ends by itself.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

from node.batch import Write, append_of, delete_of
from node.catalog import ShardListing
from node.errors import NodeError
from node.group_commit import GroupCommit
from node.overlay import Shard
from node.reader import Located
from node.record import Buffer, RecordKey, ShardKey
from node.scrub import ScrubStep
from node.store import Store

T = TypeVar("T")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often background work looks for something to do, and how fast it may go."""

    overlay_records: int = 10_000
    flush_interval_s: float = 1.0
    compaction_interval_s: float = 10.0
    compaction_bytes_per_s: float = 50e6


class Engine:
    """See the module's rules. Any thread may call it; `close` it."""

    def __init__(self, store: Store, pace: Pace, stopping: threading.Event | None = None) -> None:
        """`stopping` is what background work waits on between its rounds."""
        self._store = store
        self._pace = pace
        self._stopping = stopping or threading.Event()
        self._maintenance = ThreadPoolExecutor(1, "node-maintenance")
        self._flushing: Future[None] | None = None
        self._commits = GroupCommit(self._commit)
        self._background = [
            threading.Thread(target=self._forever, args=work, name="node-background", daemon=True)
            for work in (
                (self._flush_regularly, pace.flush_interval_s),
                (self._compact, pace.compaction_interval_s),
            )
        ]
        for thread in self._background:
            thread.start()

    def close(self) -> None:
        """Finish what was accepted and leave a clean store behind. Raises NodeError."""
        self._stopping.set()
        for thread in self._background:
            thread.join()
        self._commits.close()
        try:
            self._upkeep(self._store.close)
        finally:
            self._maintenance.shutdown()

    # requests ---------------------------------------------------------------------------------
    def append(self, body: Buffer) -> None:
        """Store a batch of records; durable when this returns.

        Raises RecordDamaged, ValueError (malformed), NodeFull, NodeFailed: nothing was stored.
        """
        write = append_of(body)
        if write.headers:
            self._commits.submit(write)

    def delete(self, shards: Sequence[ShardKey]) -> None:
        """Delete the shards; durable when this returns. Raises ValueError, NodeFull, NodeFailed."""
        if shards:
            self._commits.submit(delete_of(shards))

    def locate(self, keys: Sequence[RecordKey]) -> Located:
        """Where the records of a read batch lie. Raises NodeRefused (too large), NodeFailed."""
        return self._store.reader.locate(keys)

    def read(self, located: Located) -> memoryview:
        """The body of the read answer. Raises NodeFailed."""
        return self._store.reader.fill(located)

    def is_full(self) -> bool:
        """Whether appends are refused for want of space."""
        return self._store.is_full()

    def inventory(self, after: Shard | None, limit: int) -> list[ShardListing]:
        """The next `limit` shards in (part id, shard) order. Raises NodeError."""
        return self._upkeep(self._store.inventory, after, limit)

    def scrub(self, cursor: RecordKey | None, max_bytes: int) -> ScrubStep:
        """Check the next records. Raises NodeError."""
        return self._upkeep(self._store.scrubber.step, cursor, max_bytes)

    def stats(self) -> dict[str, Any]:
        """Sizes, counts and counters. Raises NodeError."""
        return self._upkeep(self._store.stats)

    def _upkeep(self, job: Callable[..., T], *args: object) -> T:
        return self._maintenance.submit(job, *args).result()

    # whoever has the turn to commit ---------------------------------------------------------------
    def _commit(self, writes: Sequence[Write]) -> Sequence[NodeError | None]:
        limit = self._pace.overlay_records
        if self._store.index.pending >= limit:
            if self._flushing is None or self._flushing.done():
                self._flushing = self._maintenance.submit(self._store.index.flush)
            if self._store.index.pending >= 2 * limit:
                try:
                    self._flushing.result()
                except NodeError as error:
                    return [error] * len(writes)
        return self._store.commit(writes)

    # background -------------------------------------------------------------------------------
    def _forever(self, work: Callable[[], None], interval_s: float) -> None:
        while not self._stopping.wait(interval_s):
            try:
                work()
            except NodeError as error:
                logger.error("background work failed", extra={"reason": str(error)})
            except Exception:
                logger.exception("background work failed")

    def _flush_regularly(self) -> None:
        if self._store.index.pending:
            self._upkeep(self._store.index.flush)

    def _compact(self) -> None:
        """Rewrite runs, one step after the other at the allowed pace, until none is worth it."""
        compactor = self._store.compactor
        while run := self._upkeep(compactor.choose):
            steps = compactor.rewrite(run)
            while (handled_bytes := self._upkeep(next, steps, None)) is not None:
                if self._stopping.wait(handled_bytes / self._pace.compaction_bytes_per_s):
                    return
