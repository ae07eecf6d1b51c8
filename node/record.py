"""The record: one shard unit as it travels and as it lies on disk, byte for byte the same.

A record is a header of HEADER_SIZE bytes and a payload. The coordinator makes it, the node checks
it and appends the very same bytes to a segment, and a reader gets them back and checks them again:
one checksum from end to end. Layout of the header (little-endian):

    offset size field
         0    4 magic b"TRIL"
         4    1 format version (1)
         5    1 kind: 1 data, 2 tombstone (a deleted shard; stripe and length are 0)
         6    1 shard index
         7    1 zero
         8   16 part id
        24    4 stripe number
        28    4 payload length in bytes
        32   16 XXH3-128 of the payload
        48    8 XXH3-64 of bytes 0..47

Rules: the payload checksum stands in the header, so that a stream of records can be checked and
skipped without look-ahead, and a header alone tells whether it is intact. Keys and headers are
tuples: they are made for every record, and a frozen dataclass takes five times as long to make.
"""

import struct
from enum import IntEnum
from typing import Final, NamedTuple

import xxhash

from node.errors import RecordDamaged

Buffer = bytes | bytearray | memoryview
"""Contiguous bytes; payloads travel as memoryviews of the encoder's arrays, without copies."""

MAGIC: Final = b"TRIL"
FORMAT_VERSION: Final = 1
HEADER_SIZE: Final = 56
MAX_PAYLOAD_BYTES: Final = 16 * 1024 * 1024

_FIELDS = struct.Struct("<4sBBBB16sII16s")
_SEAL = struct.Struct("<Q")
_HEADER = struct.Struct("<4sBBBB16sII16sQ")


class Kind(IntEnum):
    """What a record says."""

    DATA = 1
    TOMBSTONE = 2


_KINDS: Final = {int(kind): kind for kind in Kind}


class ShardKey(NamedTuple):
    """Names a shard: shard `shard` of part `part_id` (16 bytes)."""

    part_id: bytes
    shard: int


class RecordKey(NamedTuple):
    """Names a record: one unit of a shard."""

    part_id: bytes
    shard: int
    stripe: int


class Header(NamedTuple):
    """A decoded record header."""

    kind: Kind
    key: RecordKey
    length: int
    checksum: bytes


def encode_header(key: RecordKey, payload: Buffer, kind: Kind = Kind.DATA) -> bytes:
    """The HEADER_SIZE bytes that go before the payload. ValueError if a field does not fit."""
    if len(key.part_id) != 16:
        raise ValueError(f"part id must be 16 bytes, got {len(key.part_id)}")
    if len(payload) > MAX_PAYLOAD_BYTES:
        raise ValueError(f"payload of {len(payload)} bytes is over {MAX_PAYLOAD_BYTES}")
    fields = _FIELDS.pack(
        MAGIC,
        FORMAT_VERSION,
        kind,
        key.shard,
        0,
        key.part_id,
        key.stripe,
        len(payload),
        xxhash.xxh3_128_digest(payload),
    )
    return fields + _SEAL.pack(xxhash.xxh3_64_intdigest(fields))


def decode_header(header: Buffer) -> Header:
    """Check and decode the first HEADER_SIZE bytes of `header`. Raises RecordDamaged."""
    if len(header) < HEADER_SIZE:
        raise RecordDamaged(f"record header cut short at {len(header)} of {HEADER_SIZE} bytes")
    magic, version, number, shard, zero, part_id, stripe, length, checksum, seal = (
        _HEADER.unpack_from(header)
    )
    if seal != xxhash.xxh3_64_intdigest(header[: _FIELDS.size]):
        raise RecordDamaged("record header does not match its checksum")
    kind = _KINDS.get(number)
    if magic != MAGIC or version != FORMAT_VERSION or zero != 0 or kind is None:
        raise RecordDamaged(f"not a record of format {FORMAT_VERSION}: {bytes(header[:8]).hex()}")
    if length > MAX_PAYLOAD_BYTES:
        raise RecordDamaged(f"record announces {length} bytes, over {MAX_PAYLOAD_BYTES}")
    return Header(kind, RecordKey(part_id, shard, stripe), length, checksum)


def check_payload(header: Header, payload: Buffer) -> None:
    """Raises RecordDamaged unless the payload is the one the header was made for."""
    if len(payload) != header.length:
        raise RecordDamaged(f"payload of {len(payload)} bytes, the header says {header.length}")
    if xxhash.xxh3_128_digest(payload) != header.checksum:
        raise RecordDamaged("payload does not match its checksum")


def is_record(key: RecordKey, record: memoryview) -> bool:
    """Whether these bytes are an intact data record of that key.

    Sealing the payload once more proves key, kind, length and both checksums in one comparison, at
    a third of what taking the header apart costs: that is for those who want to know what is wrong.
    """
    try:
        sealed = encode_header(key, record[HEADER_SIZE:])
    except (ValueError, struct.error):
        return False  # no record has such a key, or such a length
    return bytes(record[:HEADER_SIZE]) == sealed
