"""One connection to a node: a request at a time, its answer received without copies.

A minimal HTTP/1.1 client for exactly what `node.server` speaks. A general one costs a third of all
the coordinator does for a small read: measured side by side at one request at a time, aiohttp took
141-161 us of CPU, this one 39-48.

Rules:
1. The head is received into a small buffer, together with whatever of the body comes along; the
   rest of the body goes straight from the socket to its final place.
2. An answer has a Content-Length or no body. Anything else is not from a node: Malformed.
3. Silence for `stall_s`, or `total_s` in all, ends the connection and fails the request.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, cast

import numpy as np

from node.record import Buffer

HEAD_BYTES: Final = 64 * 1024
_END_OF_HEAD: Final = b"\r\n\r\n"


class Malformed(Exception):
    """The answer is not one that a node gives."""


class Lost(ConnectionError):
    """The connection ended before the answer was complete. `answered`: some of it had come."""

    def __init__(self, reason: str, *, answered: bool) -> None:
        super().__init__(reason)
        self.answered = answered


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait: to connect, in silence, and for one request in all."""

    connect_s: float
    stall_s: float
    total_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete answer."""

    status: int
    body: memoryview


class Connection(asyncio.BufferedProtocol):
    """Connected by `open_connection`; `max_body_bytes` bounds what an answer may hold."""

    def __init__(self, max_body_bytes: int) -> None:
        self._max_body_bytes = max_body_bytes
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._head = bytearray(HEAD_BYTES)
        self._body: memoryview | None = None
        self._received = 0
        self._status = 0
        self._answer: asyncio.Future[Answer] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._keeps = True

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent."""
        transport = self._transport
        return self._keeps and transport is not None and not transport.is_closing()

    async def request(self, pieces: Sequence[Buffer], patience: Patience) -> Answer:
        """Send a whole request, head and body, and receive its answer.

        Raises Lost, Malformed, TimeoutError; then the connection is of no further use.
        """
        assert self._answer is None, "one request at a time"
        transport = self._transport
        if transport is None or transport.is_closing():
            raise Lost("the connection is closed", answered=False)
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._answer = answer
        self._started_at = self._heard_at = self._loop.time()
        self._patience = patience
        self._timer = self._loop.call_later(patience.stall_s, self._check_patience)
        try:
            if len(pieces) == 1:
                transport.write(pieces[0])
            else:
                transport.writelines(pieces)
            return await answer
        finally:
            self._timer.cancel()
            self._answer = None
            if not answer.done() or answer.cancelled():
                self.close()  # what comes now would be taken for the next answer

    def close(self) -> None:
        """End the connection at once."""
        self._keeps = False
        if self._transport is not None:
            self._transport.abort()

    def _check_patience(self) -> None:
        patience, now = self._patience, self._loop.time()
        left_s = min(
            self._heard_at + patience.stall_s - now, self._started_at + patience.total_s - now
        )
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._check_patience)
        else:
            self._fail(TimeoutError(f"no answer for {now - self._heard_at:.1f} s"))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)
        self.close()

    # asyncio's callbacks --------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one only by its ways

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        place = memoryview(self._head) if self._body is None else self._body
        return place[self._received :]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        self._heard_at = self._loop.time()
        self._received += nbytes
        if self._answer is None:
            self.close()  # nobody asked
        elif self._body is None:
            try:
                self._read_head()
            except ValueError as error:
                self._fail(Malformed(str(error)))
        elif self._received == len(self._body):
            self._complete(self._body)

    def _read_head(self) -> None:
        end = self._head.find(_END_OF_HEAD, 0, self._received)
        if end < 0:
            if self._received == HEAD_BYTES:
                raise ValueError("the answer's head does not end")
            return
        length = self._parse(bytes(self._head[:end]))
        start = end + len(_END_OF_HEAD)
        came_along = self._received - start
        if came_along > length:
            raise ValueError("the answer is longer than it says")
        # Not a bytearray: that would be filled with zeros first.
        body: memoryview = np.empty(length, np.uint8).data
        body[:came_along] = self._head[start : self._received]
        if came_along == length:
            self._complete(body)
        else:
            self._body, self._received = body, came_along

    def _parse(self, head: bytes) -> int:
        """Take in status and headers; the body's length. Raises ValueError."""
        status_line, *lines = head.split(b"\r\n")
        version, _, rest = status_line.partition(b" ")
        if version != b"HTTP/1.1" or not rest[:3].isdigit():
            raise ValueError(f"not an HTTP/1.1 answer: {status_line[:40]!r}")
        self._status = int(rest[:3])
        length = 0
        for line in lines:
            name, _, value = line.partition(b":")
            name, value = name.lower(), value.strip()
            if name == b"content-length":
                length = int(value)
            elif name == b"transfer-encoding":
                raise ValueError("the answer has no content-length")
            elif name == b"connection" and value.lower() == b"close":
                self._keeps = False
        if not 0 <= length <= self._max_body_bytes:
            raise ValueError(f"the answer has more than {self._max_body_bytes} bytes")
        return length

    def _complete(self, body: memoryview) -> None:
        assert self._answer is not None, "an answer to a request"
        if not self._answer.done():
            self._answer.set_result(Answer(self._status, body))
        # What comes next, if only the end, needs a buffer that is not full.
        self._body, self._received = None, 0

    def eof_received(self) -> bool:
        """The node closed its side; there is nothing more to say."""
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Ended, by whichever side."""
        self._keeps = False
        if self._answer is not None and not self._answer.done():
            reason = str(error) if error else "the connection was closed"
            answered = self._received > 0 or self._body is not None
            self._answer.set_exception(Lost(reason, answered=answered))


async def open_connection(
    host: str, port: int, patience: Patience, max_body_bytes: int
) -> Connection:
    """Connect. Raises OSError, TimeoutError."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(patience.connect_s):
        _, connection = await loop.create_connection(lambda: Connection(max_body_bytes), host, port)
    return connection
