"""One kept-alive HTTP/1.1 connection of the load generator: a request out, its response in.

Rules: one request at a time; the head and a small body leave in one write; a response's body goes
to the caller's sink as it arrives and is not kept. The generator shares its cores with the servers
it measures, so nothing here may cost more than it must: no header objects, no per-request tasks.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

import httptools

REQUEST_TIMEOUT_S = 60.0
_JOIN_BYTES = 64 * 1024

Sink = Callable[[bytes], None]


class RequestFailed(Exception):
    """The connection broke, or the answer did not come in time."""


@dataclass(slots=True)
class Response:
    """Status and size of an answer; `headers` has lower-case names."""

    status: int = 0
    body_bytes: int = 0
    headers: dict[bytes, bytes] = field(default_factory=dict)


class Connection(asyncio.Protocol):
    """Made by `connect`. After a RequestFailed it is closed and of no further use."""

    def __init__(self, loop: asyncio.AbstractEventLoop, timeout_s: float) -> None:
        self._loop = loop
        self._timeout_s = timeout_s
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._response = Response()
        self._sink: Sink | None = None
        self._is_head = False
        self._waiter: asyncio.Future[Response] | None = None

    @property
    def is_open(self) -> bool:
        """Whether another request may be sent."""
        return self._transport is not None and not self._transport.is_closing()

    async def request(self, head: bytes, body: memoryview | None, sink: Sink | None) -> Response:
        """Send and wait for the whole answer. `sink` gets the body's pieces. RequestFailed."""
        assert self._waiter is None, "one request at a time"
        if self._transport is None or self._transport.is_closing():
            raise RequestFailed("the connection is closed")
        self._response = Response()
        self._sink = sink
        self._is_head = head.startswith(b"HEAD ")
        waiter: asyncio.Future[Response] = self._loop.create_future()
        self._waiter = waiter
        timer = self._loop.call_later(self._timeout_s, self._give_up)
        if body is None:
            self._transport.write(head)
        elif len(body) <= _JOIN_BYTES:
            self._transport.write(b"".join((head, body)))
        else:
            self._transport.writelines((head, body))
        try:
            return await waiter
        finally:
            timer.cancel()
            self._waiter = None

    def close(self) -> None:
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    # asyncio.Protocol ----------------------------------------------------------
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not registered as asyncio.Transport: isinstance would say no.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._fail(f"not HTTP: {error}")
        if self._is_head and (self._waiter is None or self._waiter.done()):
            # httptools cannot be told that an answer to HEAD has no body, whatever its length says.
            self._parser = httptools.HttpResponseParser(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._fail(f"connection lost: {exc or 'closed by the server'}")

    # httptools -----------------------------------------------------------------
    def on_header(self, name: bytes, value: bytes) -> None:
        self._response.headers[name.lower()] = value

    def on_headers_complete(self) -> None:
        self._response.status = self._parser.get_status_code()
        if self._is_head:
            self._finish()

    def on_body(self, piece: bytes) -> None:
        self._response.body_bytes += len(piece)
        if self._sink is not None:
            self._sink(piece)

    def on_message_complete(self) -> None:
        if not self._parser.should_keep_alive():
            self.close()
        self._finish()

    # ends of a request -----------------------------------------------------------
    def _finish(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(self._response)

    def _fail(self, reason: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(RequestFailed(reason))
        self.close()

    def _give_up(self) -> None:
        self._fail(f"no whole answer within {self._timeout_s:g} s")


async def connect(host: str, port: int, timeout_s: float = REQUEST_TIMEOUT_S) -> Connection:
    """Open a connection. Raises RequestFailed."""
    loop = asyncio.get_running_loop()
    try:
        _, connection = await loop.create_connection(
            lambda: Connection(loop, timeout_s), host, port
        )
    except OSError as error:
        raise RequestFailed(f"cannot connect to {host}:{port}: {error}") from error
    return connection
