"""The storage engine without its threads: the parts put together, and the commit.

Rules:
1. Everything here blocks and nothing here waits for another call, so that a test can drive it step
   by step through any crash. engine.py says which thread may call what.
2. Order of a commit: bytes durable in the log, then the index overlay, then the answer. A reader
   sees nothing that a crash could take back.
3. A node decides nothing: bytes in, bytes out.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from node.batch import Write
from node.catalog import ShardListing
from node.compaction import Compactor
from node.counters import Counters
from node.damage import DamageLog
from node.disk import Disk
from node.errors import NodeError, NodeFailed, NodeFull
from node.log import PADDING_BYTES, SegmentLog
from node.overlay import Location, Shard
from node.reader import Reader
from node.record import HEADER_SIZE, Kind
from node.recovery import open_index, recover
from node.scrub import Scrubber


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """How a store lays out its data, when it refuses more, and when it compacts.

    `free_floor_bytes` are kept for deletes, the index and compaction: appends stop above them.
    A sealed segment is rewritten when less than `compact_below` of it is live.
    """

    segment_size_bytes: int = 64 << 20
    padding_bytes: int = PADDING_BYTES
    free_floor_bytes: int = 64 << 20
    compact_below: float = 0.5
    compaction_step_bytes: int = 512 << 10


class Store:
    """See the module's rules. Opening one recovers what a crash left."""

    def __init__(
        self, disk: Disk, catalog_path: Path, store_id: str, options: StoreOptions
    ) -> None:
        self.disk = disk
        self.options = options
        self.counters = Counters()
        self.damage = DamageLog()
        self.index = open_index(disk, catalog_path, store_id)
        self.log = SegmentLog(disk, options.segment_size_bytes, options.padding_bytes)
        recover(self.log, self.index, self.damage)
        self.reader = Reader(self.index, self.log, self.damage, self.counters)
        self.scrubber = Scrubber(self.index, self.log, self.reader, self.counters)
        self.compactor = Compactor(
            self.index,
            self.log,
            self.counters,
            segment_size_bytes=options.segment_size_bytes,
            compact_below=options.compact_below,
            step_bytes=options.compaction_step_bytes,
        )

    def close(self) -> None:
        """Flush the index, so that the next start has nothing to scan. Raises NodeFull,
        NodeFailed: then it has."""
        self.log.close()
        is_flushed = False
        try:
            self.index.flush()
            is_flushed = True
        finally:
            self.index.catalog.close(clean=is_flushed)

    # writing ----------------------------------------------------------------------------------
    def commit(self, writes: Sequence[Write]) -> list[NodeError | None]:
        """Make the writes durable together; for each None, or why nothing of it was stored."""
        outcome = self._append(writes)
        if isinstance(outcome, NodeFull) and any(write.is_delete for write in writes):
            # Deletes are how a full disk gets room again: they must not share the appends' fate.
            for_deletes = self._append([write for write in writes if write.is_delete])
            return [for_deletes if write.is_delete else outcome for write in writes]
        return [outcome] * len(writes)

    def _append(self, writes: Sequence[Write]) -> NodeError | None:
        size = sum(write.size for write in writes)
        if size == 0:
            return None
        try:
            if not all(write.is_delete for write in writes):
                self._refuse_if_full(size)
            buffers = [buffer for write in writes for buffer in write.buffers]
            segment, offset = self.log.append(buffers, size)
        except NodeFull as error:
            self.counters.refused_full += 1
            return error
        except NodeFailed as error:
            self.counters.failed_writes += 1
            return error
        self._apply(writes, segment, offset)
        self.counters.commits += 1
        self.counters.largest_commit_bytes = max(self.counters.largest_commit_bytes, size)
        return None

    def _refuse_if_full(self, size: int) -> None:
        free_bytes = self.disk.free_bytes()
        if free_bytes < self.options.free_floor_bytes + size:
            raise NodeFull(
                f"{free_bytes} bytes free, of which {self.options.free_floor_bytes} are kept for"
                " deletes, the index and compaction"
            )

    def is_full(self) -> bool:
        """Whether there is no room for appends."""
        return self.disk.free_bytes() <= self.options.free_floor_bytes

    def _apply(self, writes: Sequence[Write], segment: int, offset: int) -> None:
        with self.index.applying(self.log.position) as layer:
            for write in writes:
                for header in write.headers:
                    length = HEADER_SIZE + header.length
                    if header.kind is Kind.DATA:
                        layer.put(header.key, Location(segment, offset, length))
                    else:
                        layer.delete((header.key.part_id, header.key.shard), segment)
                    offset += length
                if write.is_delete:
                    self.counters.deleted_shards += len(write.headers)
                else:
                    self.counters.appended_records += len(write.headers)
                    self.counters.appended_bytes += write.size

    # upkeep (maintenance thread) ----------------------------------------------------------------
    def inventory(self, after: Shard | None, limit: int) -> list[ShardListing]:
        """The next `limit` shards in (part id, shard) order."""
        self.index.flush()
        return self.index.catalog.shards_after(after, limit)

    def stats(self) -> dict[str, Any]:
        """Sizes, counts and counters, as JSON."""
        self.index.flush()
        totals = self.index.catalog.totals()
        log_bytes = sum(segment.end for segment in list(self.log.segments.values()))
        return {
            "records": totals.records,
            "shards": totals.shards,
            "live_bytes": totals.live_bytes,
            "dead_bytes": max(0, log_bytes - totals.live_bytes),
            "segments": len(self.log.segments),
            "disk_total_bytes": self.disk.total_bytes(),
            "disk_free_bytes": self.disk.free_bytes(),
            "disk_used_bytes": log_bytes,
            "damaged": self.damage.count,
            "fsyncs": self.log.syncs,
            **asdict(self.counters),
        }
