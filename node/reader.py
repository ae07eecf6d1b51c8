"""Reading records: look up, read, check, and frame the answers of a batch in one buffer.

Rules:
1. A record is read straight to its place in the answer: no copies but the kernel's.
2. Everything is checked: header, key, payload. A record that fails is DAMAGED, is noted, and is
   never answered as MISSING; neither is one whose segment cannot be read.
3. Any thread may read.
"""

import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from node.counters import Counters
from node.damage import DamageLog, DamageReport
from node.errors import NodeRefused, RecordDamaged
from node.index import Index
from node.log import SegmentLog
from node.overlay import Location
from node.protocol import ANSWER_HEAD_SIZE, MAX_BATCH_BYTES, Outcome, pack_answer_head
from node.record import (
    HEADER_SIZE,
    Kind,
    RecordKey,
    check_payload,
    decode_header,
    is_record,
)

MAX_LOOKUPS_PER_READ: Final = 8
"""How often a record may move (be compacted) under a reader before we call it damaged."""


@dataclass(slots=True)
class Located:
    """Where the records of a batch lie, and how long the answer is if none turns out damaged."""

    records: Sequence[tuple[RecordKey, Location | None]]
    answer_bytes: int


class Reader:
    """See the module's rules."""

    def __init__(
        self, index: Index, log: SegmentLog, damage: DamageLog, counters: Counters
    ) -> None:
        self._index = index
        self._log = log
        self._damage = damage
        self._counters = counters
        self._counting = threading.Lock()

    def locate(self, keys: Iterable[RecordKey]) -> Located:
        """Where the records lie. NodeRefused if together they are too much for one answer."""
        records = self._index.find_all(keys)
        size = ANSWER_HEAD_SIZE * len(records)
        size += sum([location.length for _, location in records if location is not None])
        if size > MAX_BATCH_BYTES:
            raise NodeRefused(f"the answer would have {size} bytes, over {MAX_BATCH_BYTES}")
        return Located(records, size)

    def fill(self, located: Located) -> memoryview:
        """The body of the answer."""
        body = memoryview(bytearray(located.answer_bytes))
        outcomes: list[Outcome] = []
        end = 0
        for key, location in located.records:
            start = end + ANSWER_HEAD_SIZE
            outcome, length = Outcome.MISSING, 0
            if location is not None:
                record = body[start : start + location.length]
                outcome = self._outcome(key, location, record)
                length = location.length if outcome is Outcome.FOUND else 0
            body[end:start] = pack_answer_head(outcome, length)
            outcomes.append(outcome)
            end = start + length
        self._count(outcomes, end - ANSWER_HEAD_SIZE * len(outcomes))
        # A damaged record leaves its room unused, at the end.
        return body[:end]

    def _count(self, outcomes: Sequence[Outcome], size: int) -> None:
        counters = self._counters
        with self._counting:
            counters.read_records += len(outcomes)
            counters.read_bytes += size
            counters.missing_records += outcomes.count(Outcome.MISSING)
            counters.damaged_reads += outcomes.count(Outcome.DAMAGED)

    def _outcome(self, key: RecordKey, location: Location, record: memoryview) -> Outcome:
        reason = "its segment is missing"
        for _ in range(MAX_LOOKUPS_PER_READ):
            try:
                self.read_record(key, location, record)
            except KeyError:
                # Compaction removed the segment between look-up and read: look again.
                moved = self._index.find(key)
                if moved is None or moved.length != location.length:
                    return Outcome.MISSING
                location = moved
            except RecordDamaged as error:
                reason = str(error)
                break
            else:
                return Outcome.FOUND
        self.report(key, location, reason)
        return Outcome.DAMAGED

    def read_record(self, key: RecordKey, location: Location, record: memoryview) -> None:
        """Fill `record`.

        Raises KeyError if there is no such segment, RecordDamaged if that is not the record or
        the disk cannot read it.
        """
        try:
            count = self._log.file(location.segment).read_into(record, location.offset)
        except OSError as error:
            raise RecordDamaged(f"cannot be read: {error}") from error
        if count < len(record):
            raise RecordDamaged("record reaches beyond the end of its segment")
        check_record(key, record)

    def report(self, key: RecordKey, location: Location, reason: str) -> DamageReport:
        """Note that the record at that place is not what it should be."""
        segment = self._log.segments.get(location.segment)
        name = str(segment.name) if segment else f"segment id {location.segment}"
        end = location.offset + location.length
        report = DamageReport(name, location.offset, end, reason, key)
        self._damage.add(report)
        return report


def check_record(key: RecordKey, record: memoryview) -> None:
    """Raises RecordDamaged unless these bytes are an intact data record of that key."""
    if is_record(key, record):
        return
    header = decode_header(record)
    if header.key != key or header.kind is not Kind.DATA:
        raise RecordDamaged(f"another record stands there: {header.key}")
    check_payload(header, record[HEADER_SIZE:])
