"""Scrub: read every live record from the disk itself and check it, a bounded step at a time.

Rules:
1. Steps go in key order, so a cursor survives compaction and restarts, and every record that lives
   for the whole scrub is read. Part ids begin with their time: key order is nearly disk order.
2. Cached pages are dropped first; a check of memory would prove nothing about the disk.
"""

from dataclasses import dataclass
from typing import Final

from node.counters import Counters
from node.damage import DamageReport
from node.errors import RecordDamaged
from node.index import Index
from node.log import SegmentLog
from node.overlay import Location
from node.reader import Reader
from node.record import RecordKey

MAX_STEP_BYTES: Final = 16 << 20
MAX_STEP_RECORDS: Final = 4096


@dataclass(frozen=True, slots=True)
class ScrubStep:
    """What one step looked at. `cursor` continues; None: that was the last record."""

    cursor: RecordKey | None
    bytes: int
    damaged: list[DamageReport]


class Scrubber:
    """See the module's rules. Belongs to the maintenance thread."""

    def __init__(self, index: Index, log: SegmentLog, reader: Reader, counters: Counters) -> None:
        self._index = index
        self._log = log
        self._reader = reader
        self._counters = counters

    def step(self, cursor: RecordKey | None, max_bytes: int) -> ScrubStep:
        """Check records after `cursor`: at least one, then no more than `max_bytes` allow."""
        self._index.flush()
        limit = min(max_bytes, MAX_STEP_BYTES)
        damaged: list[DamageReport] = []
        size = count = 0
        for key, location in self._index.catalog.records_after(cursor, MAX_STEP_RECORDS):
            if count and size + location.length > limit:
                break
            count, size, cursor = count + 1, size + location.length, key
            report = self._check(key, location)
            if report:
                damaged.append(report)
        self._counters.scrubbed_records += count
        self._counters.scrubbed_bytes += size
        return ScrubStep(cursor if count else None, size, damaged)

    def _check(self, key: RecordKey, location: Location) -> DamageReport | None:
        try:
            self._log.file(location.segment).forget(location.offset, location.length)
            self._reader.read_record(key, location, memoryview(bytearray(location.length)))
            return None
        except KeyError:
            reason = "its segment is missing"
        except (OSError, RecordDamaged) as error:
            reason = str(error)
        if self._index.find(key) != location:
            return None  # written anew or deleted while we read: no longer our concern
        return self._reader.report(key, location, reason)
