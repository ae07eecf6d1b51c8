"""One segment file: its name, and how its records are found again after anything happened to it.

Rules:
1. A segment is records, one after the other, then perhaps zeros: space written ahead so that a
   small append does not change the file's size (see log.py). Zeros up to the end are no damage.
2. The log's order is (segment id, offset), and it decides what is alive. A rewritten segment keeps
   the place of those it replaces: its name says which, its id sorts where they stood.
3. An intact header is believed about its length even if its payload is damaged: nothing inside a
   payload is ever taken for a record, for users may well store segment files in Trilith.
4. Only where a header is damaged do we look for the next one: first where its own length field
   points, then by searching for MAGIC; the header's checksum makes an accident unlikely (2^-64).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Self

from node.disk import File
from node.errors import RecordDamaged
from node.record import HEADER_SIZE, MAGIC, MAX_PAYLOAD_BYTES, Header, check_payload, decode_header

SCAN_CHUNK_BYTES: Final = 1 << 20
MAX_GENERATION: Final = (1 << 16) - 1
TEMPORARY_SUFFIX: Final = ".tmp"

_NAME = re.compile(r"(\d{12})-(\d{12})\.(\d{5})\.segment")
_LENGTH_AT: Final = 28  # where a header keeps its payload length


@dataclass(frozen=True, slots=True, order=True)
class SegmentName:
    """Stands for the log's pieces `first` to `last`, as rewritten `generation` times."""

    first: int
    last: int
    generation: int

    @property
    def segment_id(self) -> int:
        """Unique for ever within a store, and sorts as the log does."""
        return self.first << 16 | self.generation

    def replaces(self, other: Self) -> bool:
        """Whether this is a rewriting of `other` (perhaps together with its neighbours)."""
        return (
            self.first <= other.first
            and other.last <= self.last
            and self.generation > other.generation
        )

    def __str__(self) -> str:
        return f"{self.first:012d}-{self.last:012d}.{self.generation:05d}.segment"

    @classmethod
    def parse(cls, filename: str) -> Self | None:
        """The name a file bears, or None if it is no segment."""
        match = _NAME.fullmatch(filename)
        return cls(*map(int, match.groups())) if match else None


@dataclass(frozen=True, slots=True)
class Entry:
    """An intact record found at `offset`."""

    offset: int
    header: Header

    @property
    def end(self) -> int:
        return self.offset + HEADER_SIZE + self.header.length


@dataclass(frozen=True, slots=True)
class Damage:
    """Bytes [offset, end) that are no intact record. `header` is set if the header is intact."""

    offset: int
    end: int
    reason: str
    header: Header | None = None


class _Window:
    """A forward-moving view of a file, read in large pieces."""

    def __init__(self, file: File) -> None:
        self._file = file
        self.size = file.size()
        self._start = 0
        self._data = memoryview(b"")

    def get(self, offset: int, length: int) -> memoryview:
        """Up to `length` bytes at `offset`; fewer only at the end of the file."""
        length = max(0, min(length, self.size - offset))
        at = offset - self._start
        if at < 0 or at + length > len(self._data):
            buffer = memoryview(bytearray(max(length, min(SCAN_CHUNK_BYTES, self.size - offset))))
            got = self._file.read_into(buffer, offset)
            self._start, self._data, at = offset, buffer[:got], 0
        return self._data[at : at + length]


def scan(file: File, start: int, *, check_payloads: bool) -> Iterator[Entry | Damage]:
    """All records from `start` (which must be a record's start) to the end, in order.

    Without `check_payloads` large payloads are skipped unread; reads and scrubs check them.
    """
    window = _Window(file)
    offset = start
    while offset < window.size:
        found = _record_at(window, offset, check_payloads)
        if isinstance(found, Damage) and found.header is None:
            if _is_zero(window, offset):
                return
            found = _resync(window, found)
        yield found
        offset = found.end


def _record_at(window: _Window, offset: int, check_payloads: bool) -> Entry | Damage:
    try:
        header = decode_header(window.get(offset, HEADER_SIZE))
    except RecordDamaged as error:
        return Damage(offset, window.size, str(error))
    entry = Entry(offset, header)
    if entry.end > window.size:
        reason = f"record of {header.length} bytes reaches beyond the end of its segment"
        return Damage(offset, window.size, reason, header)
    if check_payloads:
        try:
            check_payload(header, window.get(offset + HEADER_SIZE, header.length))
        except RecordDamaged as error:
            return Damage(offset, entry.end, str(error), header)
    return entry


def _is_zero(window: _Window, offset: int) -> bool:
    while offset < window.size:
        piece = window.get(offset, SCAN_CHUNK_BYTES)
        if len(piece) == 0:
            break
        if bytes(piece).count(0) != len(piece):
            return False
        offset += len(piece)
    return True


def _resync(window: _Window, damage: Damage) -> Damage:
    """The damaged stretch, ended where the next intact header stands or the file ends."""
    hint = window.get(damage.offset + _LENGTH_AT, 4)
    length = int.from_bytes(hint, "little")
    hinted = damage.offset + HEADER_SIZE + length
    if length <= MAX_PAYLOAD_BYTES and _is_header(window, hinted):
        return Damage(damage.offset, hinted, damage.reason)
    offset = damage.offset + 1
    while offset < window.size:
        piece = bytes(window.get(offset, SCAN_CHUNK_BYTES))
        at = piece.find(MAGIC)
        while at >= 0:
            if _is_header(window, offset + at):
                return Damage(damage.offset, offset + at, damage.reason)
            at = piece.find(MAGIC, at + 1)
        # Pieces overlap, so that a MAGIC across their border is not missed.
        offset += max(1, len(piece) - len(MAGIC) + 1)
    return damage


def _is_header(window: _Window, offset: int) -> bool:
    try:
        decode_header(window.get(offset, HEADER_SIZE))
    except RecordDamaged:
        return False
    return True
