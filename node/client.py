"""What the coordinator asks of one node: appends and reads in batches, and everything else.

Rules:
1. What `append` has returned for is durable on the node. What `read` returns was checked here:
   header, key and payload checksum; anything else is Outcome.DAMAGED, however the node called it.
2. The returned payloads are views into a batch's answer: holding one of them holds the batch.
3. Requests of users go one by one by `submit_*`, which batches whatever waits together. Bulk work
   (`append`, `read`) has batches and connections of its own: no user's request stands behind it.
"""

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

import orjson

from node.batching import BatchLimits, Lane
from node.caller import Caller, Request
from node.connection import Patience
from node.errors import NodeFailed, NodeRefused
from node.protocol import (
    ANSWER_HEAD_SIZE,
    APPEND_PATH,
    DELETE_PATH,
    HEALTH_PATH,
    INVENTORY_PATH,
    MAX_BATCH_KEYS,
    READ_PATH,
    SCRUB_PATH,
    STATS_PATH,
    Outcome,
    format_cursor,
    pack_record_keys,
    pack_shard_keys,
    unpack_answers,
)
from node.record import (
    HEADER_SIZE,
    Buffer,
    RecordKey,
    ShardKey,
    encode_header,
    is_record,
)

MIB: Final = 1024 * 1024
COPY_LIMIT_BYTES: Final = 16 * 1024
"""Up to here copying a payload into one buffer with its neighbours beats a write of its own."""

GATHER_TURNS: Final = 8
"""A batch costs both ends as much as several of its items: with 16 clients these turns gather
enough for 1.2 to 1.4 times the writes and 1.1 times the reads; a lone read takes 3 % longer."""

APPEND_LIMITS: Final = BatchLimits(
    batch_bytes=4 * MIB,
    batch_items=1024,
    in_flight=2,
    queue_bytes=16 * MIB,
    overlap_bytes=MIB // 4,
    gather_turns=GATHER_TURNS,
)
READ_LIMITS: Final = BatchLimits(
    batch_bytes=4 * MIB,
    batch_items=1024,
    in_flight=2,
    queue_bytes=32 * MIB,
    overlap_bytes=MIB // 4,
    gather_turns=GATHER_TURNS,
)

__all__ = [
    "ClientLimits",
    "Health",
    "NodeClient",
    "Outcome",
    "Record",
    "make_record",
]

log = logging.getLogger(__name__)


class Record(NamedTuple):
    """A unit ready to be appended."""

    key: RecordKey
    header: bytes
    payload: Buffer


def make_record(key: RecordKey, payload: Buffer) -> Record:
    """Seal a payload with its header. Raises ValueError if a field does not fit."""
    return Record(key, encode_header(key, payload), payload)


@dataclass(frozen=True, slots=True)
class ClientLimits:
    """Batches and time limits of a client."""

    append: BatchLimits = APPEND_LIMITS
    read: BatchLimits = READ_LIMITS
    connect_timeout_s: float = 1.0
    stall_timeout_s: float = 10.0
    """How long a node may keep silent after a request was sent, or within its answer."""

    total_timeout_s: float = 30.0
    health_timeout_s: float = 2.0
    scrub_timeout_s: float = 120.0


@dataclass(frozen=True, slots=True)
class Health:
    """What a node says of itself. `store_id` was made when its disk was formatted."""

    node_id: str
    store_id: str
    cluster_id: str
    zone: str
    weight: float
    state: str


class NodeClient:
    """One node, as the coordinator uses it. Not to be shared between event loops."""

    def __init__(
        self,
        node_id: str,
        url: str,
        *,
        secret: str,
        cluster_id: str,
        limits: ClientLimits | None = None,
    ) -> None:
        """`url` has no path."""
        self.node_id = node_id
        self.url = url
        self._cluster_id = cluster_id
        self._caller = Caller(node_id, url, secret, cluster_id)
        limits = self._limits = limits or ClientLimits()
        self._patience = self._patience_of(limits.total_timeout_s, limits.stall_timeout_s)
        self._appends: Lane[Record, None] = Lane(
            lambda records, ended: self._caller.send(self._append_request(records), ended),
            limits.append,
        )
        self._reads: Lane[RecordKey, memoryview | Outcome] = Lane(
            lambda keys, ended: self._caller.send(self._read_request(keys), ended), limits.read
        )

    def _patience_of(self, total_s: float, stall_s: float) -> Patience:
        return Patience(min(self._limits.connect_timeout_s, total_s), stall_s, total_s)

    # appends --------------------------------------------------------------------------------
    async def append(self, records: Sequence[Record]) -> None:
        """Store records; durable on the node when this returns.

        Raises NodeUnreachable, NodeFull, NodeRefused, NodeFailed; some of the records may have
        been stored then.
        """
        sizes = [HEADER_SIZE + len(record.payload) for record in records]
        for batch in _batches(sizes, self._limits.append):
            await self._caller.call(self._append_request(records[batch]))

    def submit_append(self, record: Record) -> asyncio.Future[None]:
        """Store one record together with what else waits. The future raises as `append`."""
        return self._appends.submit(record, HEADER_SIZE + len(record.payload))

    @property
    def has_append_room(self) -> bool:
        """Whether users of submit_append need not wait for `append_room`."""
        return self._appends.has_room

    async def append_room(self) -> None:
        """Wait until the queue of appends has room."""
        await self._appends.room()

    def _append_request(self, records: Sequence[Record]) -> Request[Sequence[None]]:
        nothing = [None] * len(records)
        return Request(
            "POST", APPEND_PATH, self._patience, _pieces(records), lambda _answered: nothing
        )

    # reads ----------------------------------------------------------------------------------
    async def read(self, wanted: Sequence[tuple[RecordKey, int]]) -> list[memoryview | Outcome]:
        """The payloads of records, each asked for with its expected length in bytes.

        An answer is the payload, or Outcome.MISSING or DAMAGED. Raises NodeUnreachable,
        NodeRefused, NodeFailed.
        """
        sizes = [ANSWER_HEAD_SIZE + HEADER_SIZE + length for _, length in wanted]
        keys = [key for key, _ in wanted]
        answers: list[memoryview | Outcome] = []
        for batch in _batches(sizes, self._limits.read):
            of_batch = await self._caller.call(self._read_request(keys[batch]))
            answers += of_batch
        return answers

    def submit_read(self, key: RecordKey, length: int) -> asyncio.Future[memoryview | Outcome]:
        """Read one record together with what else waits. The future raises as `read`."""
        return self._reads.submit(key, ANSWER_HEAD_SIZE + HEADER_SIZE + length)

    def _read_request(self, keys: Sequence[RecordKey]) -> Request[Sequence[memoryview | Outcome]]:
        body = [pack_record_keys(keys)]
        return Request("POST", READ_PATH, self._patience, body, partial(self._parse_read, keys))

    def _parse_read(
        self, keys: Sequence[RecordKey], body: memoryview
    ) -> Sequence[memoryview | Outcome]:
        try:
            answers = unpack_answers(body, len(keys))
        except ValueError as error:
            raise NodeFailed(f"{self.node_id} gave a malformed answer: {error}") from error
        return [self._verify(key, answer) for key, answer in zip(keys, answers, strict=True)]

    def _verify(self, key: RecordKey, answer: memoryview | Outcome) -> memoryview | Outcome:
        if isinstance(answer, Outcome):
            return answer
        if is_record(key, answer):
            return answer[HEADER_SIZE:]
        # The node checks before it answers: this happened on the way, or in its memory.
        log.error(
            "a node's record arrived damaged",
            extra={
                "node": self.node_id,
                "asked": str(key),
                "got": bytes(answer[:HEADER_SIZE]).hex(),
            },
        )
        return Outcome.DAMAGED

    # everything else ------------------------------------------------------------------------
    async def delete(self, shards: Sequence[ShardKey]) -> None:
        """Delete shards; durable when this returns. What is not there counts as deleted.

        Raises NodeUnreachable, NodeFull, NodeRefused, NodeFailed; some may be deleted then.
        """
        for start in range(0, len(shards), MAX_BATCH_KEYS):
            body = [pack_shard_keys(shards[start : start + MAX_BATCH_KEYS])]
            await self._caller.call(
                Request("POST", DELETE_PATH, self._patience, body, lambda _answered: None)
            )

    async def health(self) -> Health:
        """Raises NodeUnreachable, NodeRefused, NodeFailed."""
        timeout_s = self._limits.health_timeout_s
        patience = self._patience_of(timeout_s, timeout_s)
        answer = await self._caller.call_json("GET", HEALTH_PATH, patience)
        try:
            health = Health(**{name: answer[name] for name in Health.__slots__})
        except KeyError as error:
            raise NodeFailed(f"{self.node_id} says nothing of its {error}") from error
        if health.cluster_id != self._cluster_id:
            raise NodeRefused(f"{self.node_id} belongs to cluster {health.cluster_id}")
        return health

    async def stats(self) -> dict[str, Any]:
        """Counts and sizes, as in node.protocol. Raises as health."""
        return await self._caller.call_json("GET", STATS_PATH, self._patience)

    async def inventory(self, after: ShardKey | None, limit: int) -> dict[str, Any]:
        """One page of the shards kept there, in order, after the given one. Raises as health."""
        query = {"limit": str(limit)}
        if after is not None:
            query["after"] = format_cursor(after)
        path = f"{INVENTORY_PATH}?{urlencode(query)}"
        return await self._caller.call_json("GET", path, self._patience)

    async def scrub(self, cursor: str, max_bytes: int) -> dict[str, Any]:
        """Make the node read and check about `max_bytes` of what it keeps. Raises as health."""
        body = orjson.dumps({"cursor": cursor, "max_bytes": max_bytes})
        timeout_s = self._limits.scrub_timeout_s
        patience = self._patience_of(timeout_s, timeout_s)
        return await self._caller.call_json("POST", SCRUB_PATH, patience, [body])

    async def close(self) -> None:
        """Fail what is under way and close the connections."""
        self._appends.close()
        self._reads.close()
        self._caller.close()


def _pieces(records: Sequence[Record]) -> list[Buffer]:
    """The body of an append. Small neighbours are joined, large payloads stay where they are."""
    pieces: list[Buffer] = []
    small: list[Buffer] = []
    for record in records:
        small.append(record.header)
        if len(record.payload) <= COPY_LIMIT_BYTES:
            small.append(record.payload)
        else:
            pieces += (b"".join(small), record.payload)
            small.clear()
    if small:
        pieces.append(b"".join(small))
    return pieces


def _batches(sizes: Sequence[int], limits: BatchLimits) -> Iterator[slice]:
    """Cut items of these sizes into runs within the limits; an item of any size fits alone."""
    start = size = 0
    for at, more in enumerate(sizes):
        if at > start and (size + more > limits.batch_bytes or at - start == limits.batch_items):
            yield slice(start, at)
            start, size = at, 0
        size += more
    if start < len(sizes):
        yield slice(start, len(sizes))
