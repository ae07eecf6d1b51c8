"""Batches on their way into the log: checked here, once, before anything of them is written.

Rules: what a `Write` holds is whole and intact; its buffers are written exactly as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from node.protocol import split_records
from node.record import (
    HEADER_SIZE,
    Buffer,
    Header,
    Kind,
    RecordKey,
    ShardKey,
    check_payload,
    decode_header,
    encode_header,
)

MAX_SHARD: Final = 255


@dataclass(slots=True)
class Write:
    """One request's share of a commit: whole, checked records, all data or all tombstones."""

    buffers: Sequence[Buffer]
    headers: Sequence[Header]
    size: int
    is_delete: bool


def append_of(body: Buffer) -> Write:
    """Check an append body and make a commit's share of it. Raises RecordDamaged, ValueError."""
    records = split_records(body)
    for header, payload in records:
        check_payload(header, payload)
    return Write([body], [header for header, _ in records], len(body), is_delete=False)


def delete_of(shards: Sequence[ShardKey]) -> Write:
    """Tombstones for the shards. Raises ValueError."""
    if any(shard.shard > MAX_SHARD for shard in shards):
        raise ValueError(f"shard numbers end at {MAX_SHARD}")
    buffers = [
        encode_header(RecordKey(shard.part_id, shard.shard, 0), b"", Kind.TOMBSTONE)
        for shard in shards
    ]
    headers = [decode_header(buffer) for buffer in buffers]
    return Write(buffers, headers, len(buffers) * HEADER_SIZE, is_delete=True)
