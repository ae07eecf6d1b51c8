"""One connection to a node: a request at a time, its answer received without copies.

A minimal HTTP/1.1 client for exactly what a node speaks. A general one costs a third of all
the coordinator does for a small read: measured side by side at one request at a time, aiohttp took
141-161 us of CPU, this one 39-48.

Rules:
1. The head is received into a small buffer, together with whatever of the body comes along; the
   rest of the body goes straight from the socket to its final place.
2. An answer has a Content-Length or no body. Anything else is not from a node: Malformed.
3. Silence for `stall_s`, or `total_s` in all, ends the connection and fails the request. One timer
   per connection looks after that; it outlives the requests.
4. A request is no coroutine: whoever sent it is called back where its answer arrives.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Protocol, cast

import numpy as np

from node.record import Buffer

HEAD_BYTES: Final = 64 * 1024
KNOWN_HEADS: Final = 256
"""How many different heads are remembered: those of small answers repeat byte for byte."""

NEVER: Final = float("inf")
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


class Sender(Protocol):
    """Who sent a request: called once when it ended, with the connection free for the next."""

    def answered(self, status: int, body: memoryview) -> None:
        """A complete answer. Must not raise."""

    def failed(self, error: Exception) -> None:
        """Lost, Malformed, TimeoutError, or anything else; the connection is closed."""


class Connection(asyncio.BufferedProtocol):
    """Connected by `open_connection`; `max_body_bytes` bounds what an answer may hold."""

    def __init__(self, max_body_bytes: int) -> None:
        self.is_usable = False
        """Whether another request may be sent."""

        self._max_body_bytes = max_body_bytes
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._head = bytearray(HEAD_BYTES)
        self._head_view = memoryview(self._head)
        self._body: memoryview | None = None
        self._received = 0
        self._status = 0
        self._sender: Sender | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._checked_at = NEVER

    def send(self, pieces: Sequence[Buffer], patience: Patience, sender: Sender) -> None:
        """Send a whole request, head and body; `sender` is told what comes of it."""
        assert self._sender is None, "one request at a time"
        self._sender = sender
        transport = self._transport
        if transport is None or not self.is_usable:
            self.fail(Lost("the connection is closed", answered=False))
            return
        self._patience = patience
        now = self._started_at = self._heard_at = self._loop.time()
        if now + patience.stall_s < self._checked_at:
            self._check_at(now + patience.stall_s)
        try:
            transport.writelines(pieces)
        except Exception as error:
            self.fail(error)

    def close(self) -> None:
        """End the connection at once."""
        self.is_usable = False
        if self._transport is not None:
            self._transport.abort()

    def fail(self, error: Exception) -> None:
        """End the connection at once, and the request under way with it."""
        self.close()
        sender, self._sender = self._sender, None
        if sender is not None:
            sender.failed(error)

    def _check_at(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_at(when, self._check_patience)
        self._checked_at = when

    def _check_patience(self) -> None:
        self._checked_at = NEVER
        if self._sender is None:
            return
        patience, now = self._patience, self._loop.time()
        ends_at = min(self._heard_at + patience.stall_s, self._started_at + patience.total_s)
        if now < ends_at:
            self._check_at(ends_at)
        else:
            self.fail(TimeoutError(f"no answer for {now - self._heard_at:.1f} s"))

    # asyncio's callbacks --------------------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one only by its ways
        self.is_usable = True

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        place = self._head_view if self._body is None else self._body
        return place[self._received :]

    def buffer_updated(self, nbytes: int) -> None:
        """Bytes have come."""
        self._heard_at = self._loop.time()
        self._received += nbytes
        if self._sender is None:
            self.close()  # nobody asked
        elif self._body is None:
            try:
                self._read_head()
            except ValueError as error:
                self.fail(Malformed(str(error)))
        elif self._received == len(self._body):
            self._complete(self._body)

    def _read_head(self) -> None:
        end = self._head.find(_END_OF_HEAD, 0, self._received)
        if end < 0:
            if self._received == HEAD_BYTES:
                raise ValueError("the answer's head does not end")
            return
        self._status, length, keeps = _parse_head(self._head_view[:end].tobytes())
        if not 0 <= length <= self._max_body_bytes:
            raise ValueError(f"the answer has more than {self._max_body_bytes} bytes")
        self.is_usable = self.is_usable and keeps
        start = end + len(_END_OF_HEAD)
        came_along = self._received - start
        if came_along > length:
            raise ValueError("the answer is longer than it says")
        if came_along == length:
            self._complete(memoryview(self._head[start : self._received]))
        else:
            # Not a bytearray: that would be filled with zeros first.
            self._body = np.empty(length, np.uint8).data
            self._body[:came_along] = self._head_view[start : self._received]
            self._received = came_along

    def _complete(self, body: memoryview) -> None:
        sender = self._sender
        assert sender is not None, "an answer to a request"
        # What comes next, if only the end, needs a buffer that is not full.
        self._sender, self._body, self._received = None, None, 0
        sender.answered(self._status, body)

    def eof_received(self) -> bool:
        """The node closed its side; there is nothing more to say."""
        self.is_usable = False
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """Ended, by whichever side."""
        if self._timer is not None:
            self._timer.cancel()
        reason = str(error) if error else "the connection was closed"
        self.fail(Lost(reason, answered=self._received > 0 or self._body is not None))


@lru_cache(KNOWN_HEADS)
def _parse_head(head: bytes) -> tuple[int, int, bool]:
    """Status, length of the body, whether the connection is kept. Raises ValueError."""
    status_line, *lines = head.split(b"\r\n")
    version, _, rest = status_line.partition(b" ")
    if version != b"HTTP/1.1" or not rest[:3].isdigit():
        raise ValueError(f"not an HTTP/1.1 answer: {status_line[:40]!r}")
    length, keeps = 0, True
    for line in lines:
        name, _, value = line.partition(b":")
        name, value = name.lower(), value.strip()
        if name == b"content-length":
            length = int(value)
        elif name == b"transfer-encoding":
            raise ValueError("the answer has no content-length")
        elif name == b"connection" and value.lower() == b"close":
            keeps = False
    return int(rest[:3]), length, keeps


async def open_connection(
    host: str, port: int, patience: Patience, max_body_bytes: int
) -> Connection:
    """Connect. Raises OSError, TimeoutError."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(patience.connect_s):
        _, connection = await loop.create_connection(lambda: Connection(max_body_bytes), host, port)
    return connection
