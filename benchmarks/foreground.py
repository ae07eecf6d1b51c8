"""Clients that go on reading and writing while something else happens, and check every byte.

Rules:
1. A fixed rate, whatever the server does: requests are due at even times, and a latency counts from
   then on. So a stall is counted for every request it held up, not for the first one only.
2. A client that was idle counts from when it woke: a late timer is the generator's fault.
3. Every answer is judged: right bytes, wrong bytes, or an error (any other status, or no answer).
   What was acknowledged is read again later; what was not is never asked for.
"""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from benchmarks.connection import Connection, RequestFailed, connect
from benchmarks.content import Content
from benchmarks.dialect import Dialect, Op
from benchmarks.mttr_rows import Request, Verdict

SMALL_BYTES = 4 * 1024
CLIENTS_PER_STREAM = 16


@dataclass(frozen=True)
class Pace:
    """Requests per second of each kind. Gentle: what a store does besides must stay visible."""

    small_gets: float = 100.0
    small_puts: float = 10.0
    stored_gets: float = 5.0


class _Kind(Enum):
    SMALL_GET = "small get"
    SMALL_PUT = "small put"
    STORED_GET = "stored get"


class _Stream:
    """One kind of request at its rate; its clients take turns."""

    def __init__(self, kind: _Kind, per_s: float, begin_s: float) -> None:
        self.kind = kind
        self._per_s = per_s
        self._begin_s = begin_s
        self._taken = 0

    def next_due_s(self) -> float:
        """When the next request of this kind is to be sent."""
        self._taken += 1
        return self._begin_s + self._taken / self._per_s


class Foreground:
    """The clients of one bucket. `requests` grows while `run` runs; times are of `clock`.

    `small` are the keys of 4 KiB objects, `stored` those of the others; all of them exist. New
    keys start with `prefix`, under which there must be none.
    """

    def __init__(
        self,
        address: tuple[str, int],
        dialect: Dialect,
        small: Sequence[str],
        stored: tuple[Content, Sequence[str]],
        prefix: str,
        rng: random.Random,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._address = address
        self._dialect = dialect
        self._small_content = Content(SMALL_BYTES)
        self._small = list(small)
        self._stored_content, stored_keys = stored
        self._stored = list(stored_keys)
        self._prefix = prefix
        self._rng = rng
        self._clock = clock
        self._written = 0
        self.requests: list[Request] = []

    @property
    def small_keys(self) -> list[str]:
        """Every 4 KiB object whose PUT was acknowledged."""
        return self._small

    async def run(self, pace: Pace, stop: asyncio.Event) -> None:
        """Until `stop` is set; requests under way are finished. A failed one is told in
        `requests`, never raised."""
        now_s = self._clock()
        streams = [
            _Stream(kind, per_s, now_s)
            for kind, per_s in (
                (_Kind.SMALL_GET, pace.small_gets),
                (_Kind.SMALL_PUT, pace.small_puts),
                (_Kind.STORED_GET, pace.stored_gets),
            )
            if per_s > 0
        ]
        async with asyncio.TaskGroup() as group:
            for stream in streams:
                for _ in range(CLIENTS_PER_STREAM):
                    group.create_task(self._client(stream, stop))

    async def _client(self, stream: _Stream, stop: asyncio.Event) -> None:
        connection: Connection | None = None
        while not stop.is_set():
            due_s = stream.next_due_s()
            early_s = due_s - self._clock()
            if early_s > 0 and await _is_set_within(stop, early_s):
                break
            begin_s = self._clock() if early_s > 0 else due_s
            verdict = Verdict.ERROR
            try:
                if connection is None or not connection.is_open:
                    connection = await connect(*self._address)
                verdict = await self._ask(connection, stream.kind)
            except RequestFailed:
                connection = None
            took_ms = (self._clock() - begin_s) * 1000
            is_timed = stream.kind is _Kind.SMALL_GET
            self.requests.append(Request(due_s, round(took_ms, 4), is_timed, verdict))
        if connection is not None:
            connection.close()

    async def _ask(self, connection: Connection, kind: _Kind) -> Verdict:
        if kind is _Kind.SMALL_PUT:
            return await self._put(connection)
        is_small = kind is _Kind.SMALL_GET
        content = self._small_content if is_small else self._stored_content
        key = self._rng.choice(self._small if is_small else self._stored)
        check = content.check(key)
        head = self._dialect.head(Op.GET, key, content.size_bytes, "")
        response = await connection.request(head, None, check.feed)
        if response.status != 200:
            return Verdict.ERROR
        return Verdict.RIGHT if check.passed() else Verdict.WRONG

    async def _put(self, connection: Connection) -> Verdict:
        content = self._small_content
        self._written += 1
        key = f"{self._prefix}{self._written:08d}"
        head = self._dialect.head(Op.PUT, key, content.size_bytes, content.sha256(key))
        response = await connection.request(head, content.body(key), None)
        if response.status != 200:
            return Verdict.ERROR
        self._small.append(key)
        return Verdict.RIGHT


async def _is_set_within(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await event.wait()
    except TimeoutError:
        return False
