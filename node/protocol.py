"""The node's HTTP API as both ends see it: paths, headers and the framing of batches.

Sans-I/O. All requests carry `authorization: Bearer <cluster secret>`, `x-trilith-cluster: <cluster
id>` and `x-trilith-node: <node id>`; a node answers 401 to a wrong secret and 409 to a cluster or
node id that is not its own. A node formatted without a cluster id adopts that of the first
authenticated request, durably, before it answers.

    POST /v1/append     records, one after the other      204 when all are durable, 507 disk full
    POST /v1/read       record keys, 24 bytes each        200 with one answer per key, in order
    POST /v1/delete     shard keys, 24 bytes each         204 when the tombstones are durable
    GET  /v1/inventory  ?after=<hex part id><hex shard>&limit=N    200 JSON
    POST /v1/scrub      JSON {"cursor": str, "max_bytes": N}        200 JSON
    GET  /v1/health     200 JSON: node_id, store_id, cluster_id, zone, weight, state
    GET  /v1/stats      200 JSON: records, shards, live_bytes, dead_bytes, segments, disk_*_bytes

An inventory page: {"shards": [{"part_id", "shard", "records", "bytes"}], "next": the `after` of the
next page or null}. A scrub step checks records after "cursor" ("" at first): {"cursor": the next or
null, "bytes": how many it read, "damaged": [{"part_id", "shard", "stripe", "segment", "offset",
"end", "reason"}]}. A refusal is {"error": code, "detail": text}.

An answer in a read batch: 1 status byte (Outcome), 4 bytes length (little-endian), then, for FOUND,
the whole record (header and payload). A key on the wire is part id (16), shard (u32), stripe (u32),
little-endian; a shard key has stripe 0.

Rules: a framing that is not exactly this raises ValueError (the node answers 400, the client fails
the batch), a record that lies about itself RecordDamaged. What is taken apart here is never copied:
records and answers are views into the body. Payload checksums are the caller's (`check_payload`).
"""

import struct
from collections.abc import Iterable
from enum import IntEnum
from typing import Final

from node.record import (
    HEADER_SIZE,
    MAX_PAYLOAD_BYTES,
    Buffer,
    Header,
    Kind,
    RecordKey,
    ShardKey,
    decode_header,
)

APPEND_PATH: Final = "/v1/append"
READ_PATH: Final = "/v1/read"
DELETE_PATH: Final = "/v1/delete"
INVENTORY_PATH: Final = "/v1/inventory"
SCRUB_PATH: Final = "/v1/scrub"
HEALTH_PATH: Final = "/v1/health"
STATS_PATH: Final = "/v1/stats"

AUTHORIZATION_HEADER: Final = "authorization"
CLUSTER_HEADER: Final = "x-trilith-cluster"
NODE_HEADER: Final = "x-trilith-node"

MAX_RECORD_BYTES: Final = HEADER_SIZE + MAX_PAYLOAD_BYTES
MAX_BATCH_BYTES: Final = MAX_RECORD_BYTES + 1024 * 1024
"""The longest body of an append, and the longest answer to a read: one record of any size fits."""

MAX_BATCH_KEYS: Final = 4096
"""The most records or keys in one batch."""

MAX_INVENTORY_PAGE: Final = 10_000

MAX_ERROR_BYTES: Final = 4096
"""What a client reads of an error's explanation."""

_KEY = struct.Struct("<16sII")
_ANSWER = struct.Struct("<BI")
KEY_SIZE: Final = _KEY.size
ANSWER_HEAD_SIZE: Final = _ANSWER.size


class Outcome(IntEnum):
    """What became of one key of a read batch."""

    FOUND = 0
    MISSING = 1
    DAMAGED = 2


_FOUND: Final = int(Outcome.FOUND)


def request_headers(secret: str, cluster_id: str, node_id: str) -> dict[str, str]:
    """The headers that every request to a node carries."""
    return {
        AUTHORIZATION_HEADER: f"Bearer {secret}",
        CLUSTER_HEADER: cluster_id,
        NODE_HEADER: node_id,
    }


def pack_record_keys(keys: Iterable[RecordKey]) -> bytes:
    """The body of a read."""
    return b"".join([_KEY.pack(key.part_id, key.shard, key.stripe) for key in keys])


def pack_shard_keys(keys: Iterable[ShardKey]) -> bytes:
    """The body of a delete."""
    return b"".join([_KEY.pack(key.part_id, key.shard, 0) for key in keys])


def unpack_record_keys(body: Buffer) -> list[RecordKey]:
    """The keys of a read. Raises ValueError."""
    _check_key_count(body)
    return [RecordKey(part, shard, stripe) for part, shard, stripe in _KEY.iter_unpack(body)]


def unpack_shard_keys(body: Buffer) -> list[ShardKey]:
    """The keys of a delete. Raises ValueError."""
    _check_key_count(body)
    keys = []
    for part, shard, stripe in _KEY.iter_unpack(body):
        if stripe != 0:
            raise ValueError(f"a shard key has stripe 0, got {stripe}")
        keys.append(ShardKey(part, shard))
    return keys


def _check_key_count(body: Buffer) -> None:
    if len(body) % KEY_SIZE:
        raise ValueError(f"{len(body)} bytes are not a whole number of {KEY_SIZE}-byte keys")
    if len(body) > MAX_BATCH_KEYS * KEY_SIZE:
        raise ValueError(f"{len(body) // KEY_SIZE} keys, at most {MAX_BATCH_KEYS} are allowed")


def format_cursor(after: ShardKey) -> str:
    """`after` of the inventory: where the last page ended."""
    return f"{after.part_id.hex()}{after.shard:02x}"


def parse_cursor(text: str) -> ShardKey:
    """The other way round. Raises ValueError."""
    data = bytes.fromhex(text)
    if len(data) != 17:
        raise ValueError(f"a cursor is 34 hex digits, got {len(text)}")
    return ShardKey(data[:16], data[16])


def split_records(body: Buffer) -> list[tuple[Header, memoryview]]:
    """The records of an append body: each one's header, decoded, and its payload, a view.

    Raises RecordDamaged, ValueError.
    """
    view = memoryview(body)
    size = len(view)
    records: list[tuple[Header, memoryview]] = []
    offset = 0
    while offset < size:
        start = offset + HEADER_SIZE
        header = decode_header(view[offset:start])
        end = start + header.length
        if end > size:
            raise ValueError(f"the last record lacks {end - size} bytes")
        if header.kind is not Kind.DATA:
            raise ValueError("only data records may be appended")
        if len(records) == MAX_BATCH_KEYS:
            raise ValueError(f"more than {MAX_BATCH_KEYS} records in one batch")
        records.append((header, view[start:end]))
        offset = end
    return records


def pack_answer_head(outcome: Outcome, record_length: int = 0) -> bytes:
    """What stands before the record in a read answer, or is all of it if there is none."""
    return _ANSWER.pack(outcome, record_length)


def unpack_answers(body: Buffer, count: int) -> list[memoryview | Outcome]:
    """The `count` answers of a read: whole records as views into the body. Raises ValueError."""
    view = memoryview(body)
    size = len(view)
    answers: list[memoryview | Outcome] = []
    offset = 0
    for _ in range(count):
        start = offset + ANSWER_HEAD_SIZE
        if start > size:
            raise ValueError(f"the body ends within answer {len(answers)} of {count}")
        status, length = _ANSWER.unpack_from(view, offset)
        offset = start + length
        if offset > size:
            raise ValueError(f"answer {len(answers)} of {count} lacks {offset - size} bytes")
        if status == _FOUND:
            answers.append(view[start:offset])
            continue
        outcome = Outcome(status)
        if length:
            raise ValueError(f"an answer that is {outcome.name} carries {length} bytes")
        answers.append(outcome)
    if offset != len(view):
        raise ValueError(f"{len(view) - offset} bytes after the last answer")
    return answers
