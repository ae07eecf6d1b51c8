"""Compaction: write what still lives of a run of sealed segments into one new segment.

Rules:
1. Order decides what is alive, so a rewritten segment stands exactly where its run stood: only
   neighbours are merged, and records keep their order (see SegmentName).
2. Killed at any point nothing is lost: new file complete and synced -> renamed -> directory synced
   -> index changed durably -> old files unlinked. Until the index has changed, the old files count.
3. A tombstone is copied while a segment before the run holds dead records of its shard.
4. A segment with an unreadable stretch is left as it is: rewriting would turn reported damage into
   silence. (Damaged payloads are copied with their headers, and stay as detectable as before.)
5. The work is cut into steps of about `step_bytes`, so that flushes come between and the pace can
   be set from outside.
"""

import contextlib
import logging
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from node.counters import Counters
from node.disk import File
from node.errors import NodeFailed, NodeFull
from node.index import Index
from node.log import Segment, SegmentLog, temporary, write_error
from node.overlay import Location
from node.record import Kind
from node.relocation import Relocation
from node.segment import MAX_GENERATION, Damage, Entry, SegmentName, scan

COPY_BUFFER_BYTES: Final = 1 << 20
MAX_RUN_SEGMENTS: Final = 64
SMALL_SHARE: Final = 4
"""Neighbours each under 1/SMALL_SHARE of a segment's size are merged, however live they are."""

logger = logging.getLogger(__name__)


class _Unreadable(Exception):
    """A segment of the run has a stretch that is no record."""


class Compactor:
    """See the module's rules. Belongs to the maintenance thread."""

    def __init__(
        self,
        index: Index,
        log: SegmentLog,
        counters: Counters,
        *,
        segment_size_bytes: int,
        compact_below: float,
        step_bytes: int,
    ) -> None:
        self._index = index
        self._log = log
        self._counters = counters
        self._segment_size_bytes = segment_size_bytes
        self._small_bytes = segment_size_bytes // SMALL_SHARE
        self._compact_below = compact_below
        self._step_bytes = step_bytes
        self._left_alone: set[int] = set()
        self._halted = False

    # choosing ---------------------------------------------------------------------------------
    def choose(self) -> list[Segment]:
        """The next run worth rewriting, in log order; empty if there is none.

        Raises NodeFull, NodeFailed.
        """
        if self._halted:
            return []
        self._index.flush()
        watermark_id, _ = self._index.catalog.watermark
        live = self._index.catalog.live_bytes()
        # What lies before the watermark is settled: all its records are in the catalog.
        settled = [s for s in self._log.sealed() if s.segment_id < watermark_id]
        seed = self._seed(settled, live)
        if seed is None:
            return []
        run = self._run_around(settled, seed, live)
        needed_bytes = sum(live.get(segment.segment_id, 0) for segment in run)
        return run if needed_bytes <= self._log.disk.free_bytes() // 2 else run[:0]

    def _eligible(self, segment: Segment) -> bool:
        return (
            segment.segment_id not in self._left_alone and segment.name.generation < MAX_GENERATION
        )

    def _seed(self, settled: Sequence[Segment], live: dict[int, int]) -> int | None:
        shares = [
            (live.get(segment.segment_id, 0) / max(1, segment.end), at)
            for at, segment in enumerate(settled)
            if self._eligible(segment)
        ]
        share, at = min(shares, default=(1.0, 0))
        if share < self._compact_below:
            return at
        for at, pair in enumerate(pairwise(settled)):
            if all(
                self._eligible(segment) and segment.end <= self._small_bytes for segment in pair
            ):
                return at
        return None

    def _run_around(
        self, settled: Sequence[Segment], seed: int, live: dict[int, int]
    ) -> list[Segment]:
        """The seed and as many neighbours worth rewriting as make no more than one segment."""
        first = last = seed
        total = live.get(settled[seed].segment_id, 0)

        def joins(at: int) -> bool:
            if not 0 <= at < len(settled) or last - first + 1 >= MAX_RUN_SEGMENTS:
                return False
            segment = settled[at]
            size = live.get(segment.segment_id, 0)
            worth = size < self._compact_below * segment.end or segment.end <= self._small_bytes
            return self._eligible(segment) and worth and total + size <= self._segment_size_bytes

        while joins(last + 1):
            last += 1
            total += live.get(settled[last].segment_id, 0)
        while joins(first - 1):
            first -= 1
            total += live.get(settled[first].segment_id, 0)
        return list(settled[first : last + 1])

    # rewriting --------------------------------------------------------------------------------
    def rewrite(self, run: Sequence[Segment]) -> Iterator[int]:
        """Rewrite the run; yields the bytes each step has handled. Raises NodeFull, NodeFailed.

        May be abandoned between steps: nothing has changed then but a temporary file.
        """
        name = SegmentName(
            run[0].name.first,
            run[-1].name.last,
            1 + max(segment.name.generation for segment in run),
        )
        relocation = Relocation(self._index.catalog, [segment.segment_id for segment in run])
        try:
            copy = _Copy(self._log.disk.create(temporary(name)), relocation)
            for segment in run:
                yield from self._copy_live(segment, copy)
            copy.finish()
            self._swap(run, name, copy.end, relocation)
        except _Unreadable as error:
            logger.error("segment is damaged and not compacted", extra={"reason": str(error)})
            self._drop_temporary(name)
        except OSError as error:
            self._drop_temporary(name)
            raise write_error(error, "compacting") from error

    def _copy_live(self, segment: Segment, copy: "_Copy") -> Iterator[int]:
        file = self._log.file(segment.segment_id)
        handled_from = 0
        for found in scan(file, 0, check_payloads=False):
            if isinstance(found, Damage):
                self._left_alone.add(segment.segment_id)
                raise _Unreadable(f"{segment.name} at {found.offset}: {found.reason}")
            copy.take(segment.segment_id, file, found)
            if found.end - handled_from >= self._step_bytes:
                yield found.end - handled_from
                handled_from = found.end
        yield segment.end - handled_from

    def _swap(
        self, run: Sequence[Segment], name: SegmentName, size: int, relocation: Relocation
    ) -> None:
        disk = self._log.disk
        if size:
            self._publish(run, name, size)
        else:
            disk.unlink(temporary(name))
        self._commit(run, name, size, relocation)
        # Should anything fail from here on, the next start finds segments that the index does not
        # know and rebuilds it; until then no tombstone may go that still hides their records.
        self._halted = True
        for segment in run:
            self._log.remove(segment.segment_id)
            disk.unlink(str(segment.name))
        disk.sync_directory()
        self._halted = False
        old_bytes = sum(segment.end for segment in run)
        self._counters.compactions += 1
        self._counters.compacted_bytes += old_bytes
        logger.info(
            "segments rewritten",
            extra={"segment": str(name), "segments": len(run), "from": old_bytes, "to": size},
        )

    def _publish(self, run: Sequence[Segment], name: SegmentName, size: int) -> None:
        disk = self._log.disk
        disk.rename(temporary(name), str(name))
        try:
            disk.sync_directory()
        except OSError:
            self._withdraw(run, name)
            raise
        self._log.install(Segment(name, size))

    def _withdraw(self, run: Sequence[Segment], name: SegmentName) -> None:
        """Give up a renamed segment. Its run rests until the next start, which sees who counts:
        another rewriting now could take the same place while this file is still there."""
        self._left_alone.update(segment.segment_id for segment in run)
        with contextlib.suppress(OSError):
            self._log.disk.unlink(str(name))

    def _commit(
        self, run: Sequence[Segment], name: SegmentName, size: int, relocation: Relocation
    ) -> None:
        try:
            relocation.commit(name.segment_id if size else None)
        except NodeFull:
            if size:
                self._log.remove(name.segment_id)
                self._withdraw(run, name)
            raise
        except NodeFailed:
            # A commit whose sync failed may yet turn out to have happened. Both sides stay on the
            # disk, untouched, and the next start goes by what the index then says.
            self._left_alone.update(segment.segment_id for segment in run)
            if size:
                self._log.remove(name.segment_id)
            raise

    def _drop_temporary(self, name: SegmentName) -> None:
        # If it cannot be removed now (or was renamed already), the next start does it.
        with contextlib.suppress(OSError):
            self._log.disk.unlink(temporary(name))


class _Copy:
    """The new segment while it is written."""

    def __init__(self, file: File, relocation: Relocation) -> None:
        self.end = 0
        self._file = file
        self._relocation = relocation
        self._buffers: list[memoryview] = []
        self._buffered_bytes = 0

    def take(self, segment_id: int, source: File, entry: Entry) -> None:
        """Copy the record if it lives or, being a tombstone, is still needed."""
        key = entry.header.key
        length = entry.end - entry.offset
        if entry.header.kind is Kind.TOMBSTONE:
            if not self._relocation.keep_tombstone((key.part_id, key.shard)):
                return
        elif self._relocation.is_live(key, segment_id, entry.offset):
            old = Location(segment_id, entry.offset, length)
            self._relocation.keep_record(key, old, self.end + self._buffered_bytes)
        else:
            return
        record = memoryview(bytearray(length))
        if source.read_into(record, entry.offset) < length:
            raise _Unreadable(f"the record at {entry.offset} is cut short")
        self._buffers.append(record)
        self._buffered_bytes += length
        if self._buffered_bytes >= COPY_BUFFER_BYTES:
            self._write()

    def _write(self) -> None:
        self._file.write(self._buffers, self.end)
        self.end += self._buffered_bytes
        self._buffers, self._buffered_bytes = [], 0

    def finish(self) -> None:
        """Write the rest and make it durable."""
        if self._buffers:
            self._write()
        if self.end:
            self._file.sync()
