"""The storage engine as the server uses it: the store, its threads, and its background work.

Who does what:
- the event loop looks up records and reads those in the page cache: no thread hop for a hot read;
- the writer thread (group_commit.py) commits, and alone appends to the log;
- the maintenance thread flushes the index, compacts, scrubs, lists: one job at a time, short ones;
- reader threads wait for the disk, and move large answers.

Rules: the overlay is bounded. Past `overlay_records` a flush begins; past twice that, commits wait
for it. Background work that fails is logged and tried again; it never ends by itself.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from node.batch import Write, append_of, delete_of
from node.catalog import ShardListing
from node.errors import NodeError
from node.group_commit import GroupCommit
from node.overlay import Shard
from node.reader import Located
from node.record import Buffer, RecordKey, ShardKey
from node.scrub import ScrubStep
from node.store import Store

CHECK_INLINE_BYTES: Final = 1 << 20
"""Bodies up to here are checked on the loop (some 100 us at most), larger ones by a thread."""

READ_INLINE_BYTES: Final = 256 << 10
"""Answers up to here are read on the loop, if they are in the page cache."""

READER_THREADS: Final = 4

Sleep = Callable[[float], Awaitable[None]]
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
    """See the module's rules. Made on a running event loop; `close` it."""

    def __init__(self, store: Store, pace: Pace, sleep: Sleep = asyncio.sleep) -> None:
        self._store = store
        self._pace = pace
        self._sleep = sleep
        self._loop = asyncio.get_running_loop()
        self._readers = ThreadPoolExecutor(READER_THREADS, "node-reader")
        self._maintenance = ThreadPoolExecutor(1, "node-maintenance")
        self._flushing: Future[None] | None = None
        self._commits = GroupCommit(self._commit)
        self._background = [
            asyncio.create_task(self._forever(self._flush_regularly, pace.flush_interval_s)),
            asyncio.create_task(self._forever(self._compact, pace.compaction_interval_s)),
        ]

    async def close(self) -> None:
        """Finish what was accepted and leave a clean store behind. Raises NodeError."""
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self._commits.close()
        try:
            await self._upkeep(self._store.close)
        finally:
            self._maintenance.shutdown()
            self._readers.shutdown()

    # requests ---------------------------------------------------------------------------------
    async def append(self, body: Buffer) -> None:
        """Store a batch of records; durable when this returns.

        Raises RecordDamaged, ValueError (malformed), NodeFull, NodeFailed: nothing was stored.
        """
        if len(body) <= CHECK_INLINE_BYTES:
            write = append_of(body)
        else:
            write = await self._loop.run_in_executor(self._readers, append_of, body)
        if write.headers:
            await self._commits.submit(write)

    async def delete(self, shards: Sequence[ShardKey]) -> None:
        """Delete the shards; durable when this returns. Raises ValueError, NodeFull, NodeFailed."""
        if shards:
            await self._commits.submit(delete_of(shards))

    def locate(self, keys: Sequence[RecordKey]) -> Located:
        """Where the records of a read batch lie. Raises NodeRefused (too large), NodeFailed."""
        return self._store.reader.locate(keys)

    async def read(self, located: Located) -> memoryview:
        """The body of the read answer. Raises NodeFailed."""
        reader = self._store.reader
        if located.answer_bytes <= READ_INLINE_BYTES:
            body = reader.fill(located, cached_only=True)
            if body is not None:
                return body
        body = await self._loop.run_in_executor(self._readers, reader.fill, located)
        assert body is not None, "a reader that may wait always answers"
        return body

    def is_full(self) -> bool:
        """Whether appends are refused for want of space."""
        return self._store.is_full()

    async def inventory(self, after: Shard | None, limit: int) -> list[ShardListing]:
        """The next `limit` shards in (part id, shard) order. Raises NodeError."""
        return await self._upkeep(self._store.inventory, after, limit)

    async def scrub(self, cursor: RecordKey | None, max_bytes: int) -> ScrubStep:
        """Check the next records. Raises NodeError."""
        return await self._upkeep(self._store.scrubber.step, cursor, max_bytes)

    async def stats(self) -> dict[str, Any]:
        """Sizes, counts and counters. Raises NodeError."""
        return await self._upkeep(self._store.stats)

    async def _upkeep(self, job: Callable[..., T], *args: object) -> T:
        return await self._loop.run_in_executor(self._maintenance, job, *args)

    # writer thread ----------------------------------------------------------------------------
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
    async def _forever(self, work: Callable[[], Awaitable[None]], interval_s: float) -> None:
        while True:
            await self._sleep(interval_s)
            try:
                await work()
            except NodeError as error:
                logger.error("background work failed", extra={"reason": str(error)})
            except Exception:
                logger.exception("background work failed")

    async def _flush_regularly(self) -> None:
        if self._store.index.pending:
            await self._upkeep(self._store.index.flush)

    async def _compact(self) -> None:
        """Rewrite runs, one step after the other at the allowed pace, until none is worth it."""
        compactor = self._store.compactor
        while run := await self._upkeep(compactor.choose):
            steps = compactor.rewrite(run)
            while (handled_bytes := await self._upkeep(next, steps, None)) is not None:
                await self._sleep(handled_bytes / self._pace.compaction_bytes_per_s)
