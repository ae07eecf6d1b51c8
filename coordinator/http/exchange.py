"""One request and its response: what the app gets as receive() and send().

Rules:
1. The head waits for the first bytes of the body (or the end), so that a small response leaves in
   one write: head and body apart cost 40 ms a request where delayed ACKs meet Nagle. It also means
   that an app which fails before that still gets to answer 500. The head is made then, too: what
   is wrong with a start is raised by the send() of its body.
2. "100 Continue" is sent when the app first asks for the body. An app that answers without asking
   ends the connection, for the client may or may not send the body now. A client that expects it
   for an empty body gets it before the answer: some misread the next answer otherwise.
3. receive() never returns short without saying so: the body's end is more_body False, everything
   else is http.disconnect or RequestStalled.
4. send() raises ClientGone once the connection is lost, so that no handler works for nobody.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from http import HTTPStatus
from typing import Any, Final, Protocol

from uvicorn.protocols.http.flow_control import FlowControl

from coordinator.http.head import CONTINUE, render, seal
from coordinator.http.limits import KIB, Limits
from node.record import Buffer

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

JOIN_LIMIT_BYTES: Final = 64 * KIB
"""Up to here copying a body behind its head costs less than handing both to the kernel."""

_BODYLESS: Final = frozenset({204, 304})

log = logging.getLogger(__name__)


class RequestStalled(Exception):
    """The client sent nothing of the body for `body_stall_s`. An answer can still be sent; it is
    408 if the app leaves this exception to us."""


class ClientGone(ConnectionError):
    """The connection was lost; nobody reads the response."""


class Wire(Protocol):
    """What an exchange needs of its connection."""

    loop: asyncio.AbstractEventLoop
    limits: Limits
    flow: FlowControl

    def date(self) -> bytes:
        """The date header's value, or nothing."""

    def write(self, *pieces: Buffer) -> None:
        """Queue bytes to be sent in one go."""

    def resume_reading(self) -> None:
        """The app has taken what was there."""

    def finished(self, exchange: "Exchange") -> None:
        """The response is complete."""

    def cut(self) -> None:
        """The response can't be completed: close, so that the client notices."""

    def ended(self, exchange: "Exchange") -> None:
        """The app has returned, or failed: its task is as good as done."""


class Exchange:
    """One request/response pair on a connection. The connection feeds it, the app drains it."""

    __slots__ = (
        "_chunked",
        "_chunks",
        "_event",
        "_expects_continue",
        "_head_sent",
        "_left",
        "_received",
        "_silent",
        "_start",
        "_told_end",
        "_waited_at",
        "_waited_s",
        "_wire",
        "body_complete",
        "buffered",
        "complete",
        "declared",
        "gone",
        "input_over",
        "keep_alive",
        "scope",
        "stalled",
        "task",
        "waiting_since",
    )

    def __init__(
        self,
        wire: Wire,
        scope: Scope,
        *,
        keep_alive: bool,
        expects_continue: bool,
        declared: int | None,
    ) -> None:
        """`declared` is the request's Content-Length."""
        self._wire = wire
        self.scope = scope
        self.keep_alive = keep_alive
        self.declared = declared
        self.task: asyncio.Task[None] | None = None

        self._expects_continue = expects_continue
        self._chunks: deque[bytes] = deque()
        self.buffered = 0
        self._received = 0
        self.body_complete = False
        self._told_end = False
        self.input_over = False
        self.stalled = False
        self.gone = False
        self._event: asyncio.Event | None = None
        self.waiting_since: float | None = None
        self._waited_s = 0.0
        self._waited_at = 0

        self._start: Message | None = None
        self._head_sent = False
        self._silent = False
        self._chunked = False
        self._left: int | None = None
        self.complete = False

    # what the connection tells --------------------------------------------------------------
    def feed(self, chunk: bytes) -> None:
        """More of the body arrived."""
        self._expects_continue = False
        self._received += len(chunk)
        if not self.complete:
            self._chunks.append(chunk)
            self.buffered += len(chunk)
        self._wake()

    def end_body(self) -> None:
        """The whole body has arrived."""
        self.body_complete = True
        self._wake()

    def end_input(self) -> None:
        """Nothing more will arrive: the client closed its side, or sent garbage."""
        self.input_over = True
        self.keep_alive = False
        self._wake()

    def stall(self) -> None:
        """The client has sent nothing for too long."""
        self.stalled = True
        self._wake()

    def lose(self) -> None:
        """The connection is lost."""
        self.gone = True
        self._chunks.clear()
        self._wake()

    def _wake(self) -> None:
        if self._event is not None:
            self._event.set()

    # what the app calls ---------------------------------------------------------------------
    async def receive(self) -> Message:
        """ASGI receive(). Raises RequestStalled."""
        if self._expects_continue and not self._head_sent and not self.gone:
            self._expects_continue = False
            self._wire.write(CONTINUE)
        while True:
            if self.gone or self.complete:
                return {"type": "http.disconnect"}
            if self._chunks or (self.body_complete and not self._told_end):
                return self._take()
            if self.input_over:
                return {"type": "http.disconnect"}
            if self.stalled and not self.body_complete:
                raise RequestStalled
            await self._wait()

    def _take(self) -> Message:
        chunks = self._chunks
        body = chunks.popleft() if chunks else b""
        limit = self._wire.limits.receive_bytes
        if chunks and len(body) + len(chunks[0]) <= limit:
            taken, size = [body], len(body)
            while chunks and size + len(chunks[0]) <= limit:
                size += len(chunks[0])
                taken.append(chunks.popleft())
            body = b"".join(taken)
        self.buffered -= len(body)
        self._told_end = self.body_complete and not chunks
        if not self.body_complete and not chunks:
            self._wire.resume_reading()
        return {"type": "http.request", "body": body, "more_body": not self._told_end}

    async def _wait(self) -> None:
        if self._event is None:
            self._event = asyncio.Event()
        self._event.clear()
        begin = self._wire.loop.time()
        if not self.body_complete:
            # As if it had begun earlier: waits that brought next to nothing count together.
            self.waiting_since = begin - self._waited_s
        try:
            await self._event.wait()
        finally:
            self.waiting_since = None
            self._waited_s += self._wire.loop.time() - begin
            if self._received - self._waited_at >= self._wire.limits.body_least_bytes:
                self._waited_s, self._waited_at = 0.0, self._received

    async def send(self, message: Message) -> None:
        """ASGI send(). Raises ClientGone; RuntimeError and ValueError for a wrong response."""
        flow = self._wire.flow
        if flow.write_paused and not self.gone:
            await flow.drain()
        if self.gone:
            raise ClientGone("the client closed the connection")
        kind = message["type"]
        if kind == "http.response.body" and self._start is not None and not self.complete:
            self._send_body(message.get("body", b""), message.get("more_body", False))
        elif kind == "http.response.start" and self._start is None:
            self._start = message
        else:
            raise RuntimeError(f"unexpected ASGI message {kind!r}")

    def _send_body(self, body: Buffer, more: bool) -> None:
        size = body.nbytes if isinstance(body, memoryview) else len(body)
        head = b""
        if not self._head_sent:
            if more and not size:
                return
            head = self._make_head(size, more)
        if self._silent:
            size, body = 0, b""
        if self._left is not None:
            self._left -= size
            if self._left < 0 or (self._left and not more):
                raise RuntimeError(f"response misses its content-length by {self._left} bytes")
        self._head_sent = True
        if self._chunked:
            self._write(size, head, *_chunk(body, size, more))
        elif head:
            self._write(size, head, body)
        elif size:
            self._wire.write(body)
        if not more:
            self.complete = True
            self._chunks.clear()
            self._wake()
            self._wire.finished(self)

    def _write(self, size: int, *pieces: Buffer) -> None:
        if size <= JOIN_LIMIT_BYTES:
            self._wire.write(b"".join(pieces))
        else:
            self._wire.write(*pieces)

    def _make_head(self, size: int, more: bool) -> bytes:
        start = self._start
        assert start is not None, "a body comes after its start"
        status: int = start["status"]
        lines, length, is_chunked, closes = render(
            status, start.get("headers", ()), self._wire.date()
        )
        self._left, self._chunked = None, False
        self._silent = self.scope["method"] == "HEAD" or status in _BODYLESS
        if length is None and not is_chunked and not more and (size or not self._silent):
            length = size
            if status not in _BODYLESS:
                lines.append(b"content-length: %d" % size)
        if self._silent:
            self._left = 0
        elif length is not None:
            if is_chunked:
                raise ValueError("a response has a content-length or is chunked, not both")
            self._left = length
        elif self.scope["http_version"] == "1.1":
            self._chunked = True
            lines.append(b"transfer-encoding: chunked")
        else:
            self.keep_alive = False  # an HTTP/1.0 client reads until the end
        if closes or not (self.body_complete or self._leaves_connection_usable()):
            self.keep_alive = False
        if not self.keep_alive:
            lines.append(b"connection: close")
        head = seal(lines)
        if self._expects_continue and self.body_complete:
            return CONTINUE + head
        return head

    def _leaves_connection_usable(self) -> bool:
        """Whether what is still to come of the request can be skipped cheaply and surely."""
        if self._expects_continue or self.stalled or self.declared is None:
            return False
        return self.declared - self._received <= self._wire.limits.drain_bytes

    # the app itself -------------------------------------------------------------------------
    async def run(self, app: App) -> None:
        """Run the app for this request; whatever it does, the client gets an answer or a cut."""
        try:
            error_status = 500
            try:
                await app(self.scope, self.receive, self.send)
            except RequestStalled:
                log.info("request stalled", extra={"path": _printable(self.scope["raw_path"])})
                error_status = 408
            except Exception as error:
                self._report(error)
            else:
                if not (self._head_sent or self.gone):
                    log.error("no response", extra={"path": _printable(self.scope["raw_path"])})
            if self.complete or self.gone:
                return
            if self._head_sent:
                # An app that returns here does so on purpose: the client must notice.
                self._wire.cut()
            else:
                await self._send_error(error_status)
        except asyncio.CancelledError:
            if not self.complete:
                self._wire.cut()
            raise
        finally:
            self._wire.ended(self)

    def _report(self, error: Exception) -> None:
        if isinstance(error, ClientGone):
            log.debug("client left before its response was sent")
            return
        extra = {"path": _printable(self.scope["raw_path"])}
        if self.gone:  # frameworks wrap ClientGone in errors of their own
            log.info("request given up", extra={**extra, "reason": repr(error)})
        else:
            log.exception("request failed", extra=extra)

    async def _send_error(self, status: int) -> None:
        self._start = None
        headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
        text = HTTPStatus(status).phrase.encode()
        try:
            await self.send({"type": "http.response.start", "status": status, "headers": headers})
            await self.send({"type": "http.response.body", "body": text})
        except ClientGone:
            log.debug("client left before it could be told of an error")


def _chunk(body: Buffer, size: int, more: bool) -> Sequence[Buffer]:
    """The body's bytes in the chunked transfer coding."""
    end = b"" if more else b"0\r\n\r\n"
    if not size:
        return (end,)
    return b"%x\r\n" % size, body, b"\r\n" + end


def _printable(raw_path: bytes) -> str:
    return raw_path.decode("ascii", "backslashreplace")
