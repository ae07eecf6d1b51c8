"""The load generator: keeps a number of connections busy with one operation and times each.

Rules: closed loop, one request in flight per connection. An operation's clock runs from before its
request is signed until the last byte of the answer was read and checked; making the body is not
in it. A row is kept for every operation, failed ones too: what fails is counted, not dropped.
"""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.connection import Connection, RequestFailed, Response, connect
from benchmarks.content import Content
from benchmarks.dialect import LIST_PAGE_KEYS, Dialect, Op

NO_ANSWER_STATUS = 0
MAX_OPERATIONS = 5_000_000


class Row(NamedTuple):
    """One operation. `verified` says that the answer is the right one: for a GET all its bytes,
    for a HEAD the size, for a LIST the number of keys, for the others the status."""

    op: str
    size_bytes: int
    concurrency: int
    start_s: float
    latency_ms: float
    status: int
    bytes: int
    verified: bool


class Outcome(NamedTuple):
    """What a phase did: its rows in order of their end, the keys that a PUT has written, and
    those of which it is not known, because the answer was an error or none."""

    rows: list[Row]
    written: list[str]
    doubtful: list[str]


@dataclass(frozen=True)
class Phase:
    """One operation at one size and concurrency, for `seconds` or `operations`, what ends first.

    A PUT writes new keys that start with `prefix`; GET and HEAD go round the keys they are given;
    DELETE takes each of them once; a LIST asks for the first page below `prefix`.
    """

    op: Op
    content: Content
    concurrency: int
    prefix: str
    seconds: float
    operations: int = MAX_OPERATIONS


class Load:
    """Runs phases against one server. `start` is when the run began, for the rows' start_s."""

    def __init__(self, host: str, port: int, dialect: Dialect) -> None:
        self._host = host
        self._port = port
        self._dialect = dialect
        self._idle: list[Connection] = []
        self._begin = time.perf_counter()

    async def create_bucket(self) -> None:
        """Raises RequestFailed when the server refuses."""
        await self._plain(self._dialect.create_bucket())

    async def delete_bucket(self) -> None:
        """Raises RequestFailed when the server refuses."""
        await self._plain(self._dialect.delete_bucket())

    async def run(self, phase: Phase, keys: list[str]) -> Outcome:
        """Run the phase to its end. Raises RequestFailed if it cannot connect."""
        outcome = Outcome([], [], [])
        source = self._keys(phase, keys)
        listed = min(len(keys), LIST_PAGE_KEYS)
        deadline = time.perf_counter() + phase.seconds

        async def work() -> None:
            connection = await self._take()
            for key in source:
                if not connection.is_open:
                    connection = await self._take()
                row = await self._one(connection, phase, key, listed)
                outcome.rows.append(row)
                if phase.op is Op.PUT:
                    (outcome.written if row.verified else outcome.doubtful).append(key)
                if time.perf_counter() >= deadline:
                    break
            if connection.is_open:
                self._idle.append(connection)

        async with asyncio.TaskGroup() as group:
            for _ in range(phase.concurrency):
                group.create_task(work())
        return outcome

    def close(self) -> None:
        """Close all connections."""
        for connection in self._idle:
            connection.close()

    def _keys(self, phase: Phase, keys: list[str]) -> Iterator[str]:
        for number in range(phase.operations):
            if phase.op is Op.PUT:
                yield f"{phase.prefix}{number:08d}"
            elif phase.op is Op.LIST:
                yield phase.prefix
            elif keys and (phase.op is not Op.DELETE or number < len(keys)):
                yield keys[number % len(keys)]
            else:
                return

    async def _one(self, connection: Connection, phase: Phase, key: str, listed: int) -> Row:
        content, op = phase.content, phase.op
        body = content.body(key) if op is Op.PUT else None
        hashed = content.sha256(key) if op is Op.PUT else ""
        check = content.check(key)
        pieces: list[bytes] = []
        sink = pieces.append if op is Op.LIST else check.feed if op is Op.GET else None
        begin = time.perf_counter()
        try:
            head = self._dialect.head(op, key, content.size_bytes, hashed)
            response = await connection.request(head, body, sink)
        except RequestFailed:
            response = Response(status=NO_ANSWER_STATUS)
        verified = 200 <= response.status < 300
        if op is Op.GET:
            verified = verified and check.passed()
        end = time.perf_counter()
        if op is Op.LIST:
            verified = verified and self._dialect.listed(b"".join(pieces)) == listed
        elif op is Op.HEAD:
            length = int(response.headers.get(b"content-length", b"-1"))
            verified = verified and length == content.size_bytes
        return Row(
            op.value,
            content.size_bytes,
            phase.concurrency,
            round(begin - self._begin, 6),
            round((end - begin) * 1000, 4),
            response.status,
            content.size_bytes if body is not None else response.body_bytes,
            verified,
        )

    async def _take(self) -> Connection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return await connect(self._host, self._port)

    async def _plain(self, head: bytes) -> None:
        connection = await self._take()
        pieces: list[bytes] = []
        response = await connection.request(head, None, pieces.append)
        if not 200 <= response.status < 300:
            detail = b"".join(pieces).decode(errors="replace")
            raise RequestFailed(f"the server answered {response.status}: {detail[:500]}")
        self._idle.append(connection)
