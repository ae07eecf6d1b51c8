"""Finds the records in a node's segment files, as a stranger who has only read the format.

Rules: nothing of the node is imported, for what damages it must not depend on it. A record lives if
no later record takes its place and no later tombstone buries its shard; later means further on in
the order of (segment, offset). The files are only looked at. What a running node appends, rewrites
or unlinks meanwhile may be missed.
"""

import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HEADER_BYTES = 56
_MAGIC = b"TRIL"
_DATA, _TOMBSTONE = 1, 2
_HEAD = struct.Struct("<4sBBBB16sII")
"""Magic, format, kind, shard, zero, part id, stripe, length; the checksums follow."""

_NAME = re.compile(r"(\d{12})-\d{12}\.(\d{5})\.segment")


class Place(NamedTuple):
    """Where a record stands: header and payload together."""

    path: Path
    offset: int
    length: int

    @property
    def end(self) -> int:
        """The first byte behind it."""
        return self.offset + self.length


def segment_files(node: Path) -> list[Path]:
    """The segments of a node's data directory, in the order of the log."""
    found = [(_NAME.fullmatch(path.name), path) for path in (node / "segments").glob("*.segment")]
    return [
        path for match, path in sorted((match.groups(), path) for match, path in found if match)
    ]


def live_records(node: Path) -> list[Place]:
    """The places of all records that live, in no particular but a repeatable order."""
    shards: dict[bytes, dict[int, Place]] = {}
    for path in segment_files(node):
        for offset, length, kind, shard, stripe in _records(_content(path)):
            if kind == _TOMBSTONE:
                shards.pop(shard, None)
            else:
                shards.setdefault(shard, {})[stripe] = Place(path, offset, length)
    return [place for stripes in shards.values() for place in stripes.values()]


def _records(data: bytes) -> Iterator[tuple[int, int, int, bytes, int]]:
    """Offset, length with header, kind, shard (part id and index) and stripe of each record.

    Damage (perhaps ours, of before) is stepped over to where the next header may stand.
    """
    offset = 0
    while 0 <= offset <= len(data) - HEADER_BYTES:
        magic, _, kind, shard, _, part_id, stripe, length = _HEAD.unpack_from(data, offset)
        whole = HEADER_BYTES + length
        if magic != _MAGIC or kind not in (_DATA, _TOMBSTONE) or offset + whole > len(data):
            offset = data.find(_MAGIC, offset + 1)
            continue
        yield offset, whole, kind, part_id + bytes([shard]), stripe
        offset += whole


def _content(path: Path) -> bytes:
    # Read, not mapped: a page that the node cuts off meanwhile would end this process (SIGBUS).
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""  # compacted away just now
