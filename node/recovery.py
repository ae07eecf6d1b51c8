"""What happens to a data directory before it is used: put the log in order, bring the index up.

Rules:
1. Temporary files are removed. Of a segment and those it replaces one side is complete: the index
   knows which, because it is changed durably before anything is unlinked (see relocation.py).
   Without an index the rewritten one is: it got its name only when it was.
2. The log is scanned from the index's watermark on, or whole if there is no usable index.
3. A torn tail is cut: bytes at the very end of the last segment, after the watermark, with no
   intact record behind them. Anything else that is no record is damage, and reported.
4. What is found at the end is made durable before it is served: a killed process may have left
   records that were never synced. A sync alone would not do: after a failed one the cache may call
   pages clean that never reached the disk. So the tail after the watermark is written again.
"""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from node.catalog import Catalog
from node.damage import DamageLog, DamageReport
from node.disk import Disk
from node.errors import NodeFailed, RecordDamaged
from node.index import Index
from node.log import FULL_ERRNOS, Segment, SegmentLog
from node.overlay import Location
from node.record import HEADER_SIZE, Kind, check_payload
from node.schema import discard
from node.segment import SCAN_CHUNK_BYTES, TEMPORARY_SUFFIX, Damage, Entry, SegmentName, scan

FLUSH_EVERY_RECORDS: Final = 10_000

logger = logging.getLogger(__name__)


def open_index(disk: Disk, catalog_path: Path, store_id: str) -> Index:
    """The index as the disk has it, or an empty one if it does not fit the segments there."""
    catalog = Catalog(catalog_path, store_id)
    try:
        fits = _fits(disk, catalog)
    except NodeFailed as error:
        logger.warning("the index is damaged", extra={"reason": str(error)})
        fits = False
    if not fits:
        catalog.close(clean=False)
        discard(catalog_path)
        catalog = Catalog(catalog_path, store_id)
    return Index(catalog)


def _fits(disk: Disk, catalog: Catalog) -> bool:
    """Whether the catalog knows every segment that its watermark has passed."""
    known = set(catalog.live_bytes())
    watermark_id, _ = catalog.watermark
    strangers = [
        str(name)
        for name in _put_in_order(disk, known)
        if name.segment_id <= watermark_id and name.segment_id not in known
    ]
    # A removal that did not last, or a file put back by hand: let the log itself speak. Empty
    # segments say nothing.
    strangers = [name for name in strangers if disk.open(name).size()]
    if strangers:
        logger.warning("the index does not know a segment", extra={"segments": strangers})
    return not strangers


def recover(log: SegmentLog, index: Index, damage: DamageLog) -> None:
    """Fill the log and the index from the disk, ready to append. Raises OSError, NodeError."""
    live = index.catalog.live_bytes()
    names = _put_in_order(log.disk, set(live))
    for name in names:
        log.install(Segment(name, log.disk.open(str(name)).size()))
    for segment_id in live.keys() - log.segments.keys():
        if live[segment_id]:
            reason = "the segment is missing"
            damage.add(DamageReport(f"segment id {segment_id}", 0, 0, reason, None))
    start_id, start_offset = index.catalog.watermark
    last_is_whole = True
    # An empty segment at the end proves nothing: its start may have failed, and the one before it
    # was appended to once more.
    appended_to = max((name for name in names if log.segments[name.segment_id].end), default=None)
    for name in names:
        if name.segment_id < start_id:
            continue
        start = start_offset if name.segment_id == start_id else 0
        segment = log.segments[name.segment_id]
        last_is_whole = segment.end >= start
        if last_is_whole and (appended_to is None or name >= appended_to):
            _Replay(log, index, damage, segment).last(start)
        elif last_is_whole:
            _Replay(log, index, damage, segment).sealed(start)
        else:
            reason = "the segment is shorter than what was acknowledged in it"
            damage.add(DamageReport(str(name), segment.end, start, reason, None))
    if names and last_is_whole:
        log.continue_in(log.segments[names[-1].segment_id])
    else:
        log.roll()
    log.disk.sync_directory()
    index.flush()


def _put_in_order(disk: Disk, known: set[int]) -> list[SegmentName]:
    """The names of the segments that count, in log order; the others are removed."""
    names: list[SegmentName] = []
    for filename in disk.names():
        name = SegmentName.parse(filename)
        if name:
            names.append(name)
        elif filename.endswith(TEMPORARY_SUFFIX):
            disk.unlink(filename)
    useless = {loser for name in names for loser in _losers(name, names, known)}
    for name in useless:
        logger.warning("removing what a rewriting left", extra={"segment": str(name)})
        disk.unlink(str(name))
    return sorted(set(names) - useless)


def _losers(
    name: SegmentName, names: Iterable[SegmentName], known: set[int]
) -> Iterable[SegmentName]:
    replaced = [other for other in names if name.replaces(other)]
    if name.segment_id not in known and any(other.segment_id in known for other in replaced):
        return [name]
    return replaced


class _Replay:
    """Applies what one segment says from `start` on."""

    def __init__(self, log: SegmentLog, index: Index, damage: DamageLog, segment: Segment) -> None:
        self._index = index
        self._damage = damage
        self._segment = segment
        self._file = log.disk.open(str(segment.name))

    def sealed(self, start: int) -> None:
        """A segment that others follow: all of it was durable before they began."""
        for found in scan(self._file, start, check_payloads=False):
            if isinstance(found, Damage):
                self._take_damage(found)
            else:
                self._take_unchecked(found)

    def last(self, start: int) -> None:
        """The segment that was appended to when the process ended."""
        self._write_again(start)
        end = start
        doubtful: list[Damage] = []
        for found in scan(self._file, start, check_payloads=True):
            if isinstance(found, Damage):
                doubtful.append(found)
                continue
            for piece in doubtful:
                self._take_damage(piece)
            doubtful.clear()
            self._take(found)
            end = found.end
        if doubtful:
            fields = {"segment": str(self._segment.name), "offset": end}
            logger.warning("cutting a torn tail", extra=fields | {"reason": doubtful[0].reason})
            self._file.truncate(end)
            self._file.sync()
        self._segment.end = end

    def _write_again(self, start: int) -> None:
        """Bring to the disk what may be in the page cache only, before anyone relies on it."""
        offset, size = start, self._file.size()
        try:
            while offset < size:
                piece = memoryview(bytearray(min(SCAN_CHUNK_BYTES, size - offset)))
                count = self._file.read_into(piece, offset)
                self._file.write([piece[:count]], offset)
                offset += max(1, count)
        except OSError as error:
            if error.errno not in FULL_ERRNOS:
                raise
            # A copy-on-write file system that is full must still start, to serve and delete.
            logger.warning("no room to write the log's tail again", extra={"reason": str(error)})
        self._file.sync()

    def _take(self, entry: Entry) -> None:
        segment_id = self._segment.segment_id
        key, length = entry.header.key, HEADER_SIZE + entry.header.length
        with self._index.applying((segment_id, entry.end)) as layer:
            if entry.header.kind is Kind.DATA:
                layer.put(key, Location(segment_id, entry.offset, length))
            else:
                layer.delete((key.part_id, key.shard), segment_id)
        if self._index.pending >= FLUSH_EVERY_RECORDS:
            self._index.flush()

    def _take_unchecked(self, entry: Entry) -> None:
        """Payloads in sealed segments are for reads and scrubs to check, except where believing
        one would hide an earlier copy."""
        header = entry.header
        if header.kind is Kind.DATA and self._index.find(header.key) is not None:
            payload = memoryview(bytearray(header.length))
            try:
                count = self._file.read_into(payload, entry.offset + HEADER_SIZE)
                check_payload(header, payload[:count])
            except RecordDamaged as error:
                self._take_damage(Damage(entry.offset, entry.end, str(error), header))
                return
        self._take(entry)

    def _take_damage(self, found: Damage) -> None:
        """Report it; if the header is intact, index the record, so that reading it says DAMAGED.

        Not if an earlier copy lives: this is then a retried append that a power cut tore, and
        records of one key have the same bytes.
        """
        key = found.header.key if found.header else None
        name = str(self._segment.name)
        self._damage.add(DamageReport(name, found.offset, found.end, found.reason, key))
        if found.header and self._index.find(found.header.key) is None:
            self._take(Entry(found.offset, found.header))
