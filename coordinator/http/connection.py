"""One TCP connection: requests parsed by httptools, in order, each answered by an Exchange.

It stands in the place of uvicorn's HttpToolsProtocol, whose structure it keeps. Rules:

1. What can't be parsed, is too large or has a target that is not a plain path gets one error
   response and a lingering close; never a traceback, never a guess where the next request starts.
2. At most one exchange runs at a time; pipelined ones wait, and while they do nothing is read.
3. Deadlines are plain numbers that the server's sweep compares with the clock: no timer per
   request or chunk. The sweep also notices a client that takes nothing of its response.
4. A connection that ends while its client may still be sending is closed for writing first, and
   read for a while: closing it at once would reset it, and the client would lose the response.
"""

import asyncio
import logging
import re
import socket
from collections import deque
from typing import Any, Final, cast
from urllib.parse import unquote

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from coordinator.http.exchange import App, Exchange, Scope
from coordinator.http.head import render, seal
from coordinator.http.limits import Limits
from node.record import Buffer

NEVER: Final = float("inf")
_TARGET = re.compile(rb"/[!\"$-~]*")  # visible ASCII without "#"
_ASGI: Final = {"version": "3.0", "spec_version": "2.4"}

log = logging.getLogger(__name__)


class _Refused(Exception):
    """A request that is not passed on; raised within the parser's callbacks."""


class Connection(HttpToolsProtocol):
    """Given to uvicorn as its HTTP protocol; `config.limits` holds the limits."""

    flow: FlowControl

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.limits: Limits = config.limits  # type: ignore[attr-defined]
        self.asgi_app = cast(App, self.app)
        self.deadline = NEVER
        self._running: Exchange | None = None
        self._waiting: deque[Exchange] = deque()
        self._newest: Exchange | None = None

        self._in_head = False
        self._head_bytes = 0
        self._declared: int | None = None
        self._expects_continue = False
        self._progressed = False
        self._idle_bytes = 0
        self._refusal = (400, "Bad Request")
        self._deaf = False
        self._at_eof = False

        self._written = 0
        self._taken = 0
        self._taken_at = 0.0
        self._linger_left = 0

    # transport callbacks --------------------------------------------------------------------
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A client connected."""
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.deadline = self.loop.time() + self.limits.head_timeout_s

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing can be sent or received any more."""
        self.connections.discard(self)
        for exchange in (self._running, *self._waiting):
            if exchange is not None:
                exchange.lose()
        self._waiting.clear()
        self.flow.resume_writing()
        self._newest = None
        self.parser = None  # type: ignore[assignment]  # it refers back to us

    def eof_received(self) -> bool:  # type: ignore[override]
        """The client closed its side. Whether ours stays open: only for a response under way."""
        if self._running is None or self._newest is None:
            return False
        # Perhaps it only stopped sending: the handler may notice (by receive) or go on.
        self._deaf = self._at_eof = True
        self._running.end_input()
        self._newest.end_input()
        return True

    def data_received(self, data: bytes) -> None:
        """Feed the parser, which calls the on_... methods."""
        if self._deaf:
            self._swallow(len(data))
            return
        self._progressed = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # We speak nothing else: the request is served, what follows it can't be understood.
            self._stop_listening()
        except httptools.HttpParserError:
            self._refuse()
        else:
            # A head, trailer or framing without end; httptools would keep it all in memory.
            self._idle_bytes = 0 if self._progressed else self._idle_bytes + len(data)
            if self._idle_bytes > self.limits.head_bytes:
                self._refusal = (431, "Request Header Fields Too Large")
                self._refuse()

    # parser callbacks -----------------------------------------------------------------------
    def on_message_begin(self) -> None:
        """A request begins."""
        self.url = b""
        self.headers = []
        self._in_head = self._progressed = True
        self._head_bytes = 0
        self._declared = None
        self._expects_continue = False
        self._refusal = (400, "Bad Request")
        self.deadline = self.loop.time() + self.limits.head_timeout_s

    def on_url(self, url: bytes) -> None:
        """A piece of the request target."""
        self.url += url
        if len(self.url) > self.limits.target_bytes:
            self._reject(414, "URI Too Long")

    def on_header(self, name: bytes, value: bytes) -> None:
        """A whole header, or a trailer, which nobody here wants."""
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > self.limits.head_bytes:
            self._reject(431, "Request Header Fields Too Large")
        if not self._in_head:
            return
        name = name.lower()
        if name == b"content-length":
            self._declared = int(value)
        elif name == b"expect" and value.lower() == b"100-continue":
            self._expects_continue = True
        self.headers.append((name, value))
        if len(self.headers) > self.limits.headers:
            self._reject(431, "Request Header Fields Too Large")

    def on_headers_complete(self) -> None:
        """The head is there: start the app, or queue behind the request before."""
        self._in_head = False
        self.deadline = NEVER
        version = self.parser.get_http_version()
        if not _TARGET.fullmatch(self.url) or version not in ("1.1", "1.0"):
            self._reject(400, "Bad Request")
        if self.parser.should_upgrade() and self._has_body():
            self._reject(400, "Bad Request")  # the parser would not give us the body
        path, _, query = self.url.partition(b"?")
        scope: Scope = {
            "type": "http",
            "asgi": _ASGI,
            "http_version": version,
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "method": self.parser.get_method().decode("ascii"),
            "root_path": self.root_path,
            "path": unquote(path.decode("ascii")),
            "raw_path": path,
            "query_string": query,
            "headers": self.headers,
            "state": {},
        }
        exchange = self._newest = Exchange(
            self,
            scope,
            keep_alive=version == "1.1" and self.parser.should_keep_alive(),
            expects_continue=self._expects_continue and version == "1.1",
            declared=self._declared,
        )
        if self._running is None:
            self._start(exchange)
        else:
            self.flow.pause_reading()
            self._waiting.append(exchange)

    def on_body(self, body: bytes) -> None:
        """A piece of the body of the newest request."""
        self._progressed = True
        exchange = self._newest
        assert exchange is not None, "a body comes after its head"
        exchange.feed(body)
        if exchange.buffered > self.limits.receive_bytes:
            self.flow.pause_reading()

    def on_message_complete(self) -> None:
        """The newest request is there to its last byte."""
        exchange = self._newest
        assert exchange is not None, "an end comes after its head"
        exchange.end_body()
        if self._running is None:  # answered before it was read: now it is out of the way
            self.deadline = self.loop.time() + self.limits.keep_alive_s

    def _has_body(self) -> bool:
        return bool(self._declared) or any(n == b"transfer-encoding" for n, _ in self.headers)

    def _reject(self, status: int, reason: str) -> None:
        self._refusal = (status, reason)
        raise _Refused(reason)

    # exchanges ------------------------------------------------------------------------------
    def _start(self, exchange: Exchange) -> None:
        self._running = exchange
        app = self.asgi_app
        if len(self.connections) > self.limits.connections:
            app = _overloaded
        exchange.task = self.loop.create_task(exchange.run(app))
        self.tasks.add(exchange.task)

    def date(self) -> bytes:
        """What uvicorn's clock put into its default headers."""
        headers = self.server_state.default_headers
        return headers[0][1] if headers else b""

    def write(self, *pieces: Buffer) -> None:
        """Queue bytes to be sent in one go."""
        if self.transport.is_closing():
            return
        for piece in pieces:
            self._written += len(piece)
        if len(pieces) == 1:
            self.transport.write(pieces[0])
        else:
            self.transport.writelines(pieces)

    def resume_reading(self) -> None:
        """The app has taken what was there."""
        if not (self._waiting or self._deaf or self.transport.is_closing()):
            self.flow.resume_reading()

    def finished(self, exchange: Exchange) -> None:
        """The running exchange is complete: the next one, or none, or the end."""
        self._running = None
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        if not exchange.keep_alive:
            may_be_sending = self._deaf or self._waiting or not exchange.body_complete
            if may_be_sending and not self._at_eof:
                self._linger()
            else:
                self.transport.close()
        elif self._waiting:
            self._start(self._waiting.popleft())
            self.resume_reading()
        else:
            limits = self.limits
            allowed_s = limits.keep_alive_s
            if self._in_head:
                allowed_s = limits.head_timeout_s
            elif not exchange.body_complete:
                allowed_s = limits.body_stall_s
            self.deadline = self.loop.time() + allowed_s
            self.flow.resume_reading()

    def cut(self) -> None:
        """A response can't be completed: close, so that the client notices."""
        self._running = None
        self.transport.close()

    def ended(self, exchange: Exchange) -> None:
        """The app's task is about to end."""
        self.tasks.discard(cast(asyncio.Task[None], exchange.task))

    # refusing and closing -------------------------------------------------------------------
    def _refuse(self) -> None:
        """What arrived is not acceptable HTTP."""
        newest = self._newest
        if self._running is not None and newest is not None:
            if not newest.body_complete:
                newest.end_input()
            self._stop_listening()
            return
        status, reason = self._refusal
        log.debug("request refused", extra={"status": status, "reason": reason})
        if newest is None or newest.body_complete:  # else it has had its response
            body = reason.encode()
            headers = [
                (b"content-type", b"text/plain"),
                (b"content-length", b"%d" % len(body)),
            ]
            lines, *_ = render(status, headers, self.date())
            self.write(seal([*lines, b"connection: close"]) + body)
        self._linger()

    def _stop_listening(self) -> None:
        """Answer what is under way, then close."""
        self._deaf = True
        if self._newest is not None:
            self._newest.keep_alive = False
        self.flow.pause_reading()

    def _linger(self) -> None:
        self._deaf = True
        self._linger_left = self.limits.linger_bytes
        self.deadline = self.loop.time() + self.limits.linger_s
        if self.transport.is_closing():
            return
        self.transport.write_eof()
        self.flow.resume_reading()

    def _swallow(self, size: int) -> None:
        self._linger_left -= size
        if self._running is None and self._linger_left < 0:
            self.transport.abort()

    def shutdown(self) -> None:
        """The server stops: end when the response under way is complete."""
        if self._running is None:
            self.transport.close()
        else:
            self._running.keep_alive = False

    # the server's sweep ---------------------------------------------------------------------
    def sweep(self, now: float) -> None:
        """Act on what took too long. `now` is the loop's time."""
        if self._is_write_stalled(now):
            self.transport.abort()
            return
        running = self._running
        if running is None:
            if now >= self.deadline:
                self._expire()
        elif (
            running.waiting_since is not None
            and now - running.waiting_since >= self.limits.body_stall_s
        ):
            running.stall()

    def _is_write_stalled(self, now: float) -> bool:
        unsent = self.transport.get_write_buffer_size()
        taken = self._written - unsent
        if not unsent or taken != self._taken:
            self._taken, self._taken_at = taken, now
        return now - self._taken_at >= self.limits.write_stall_s

    def _expire(self) -> None:
        if not self._deaf:
            self.transport.close()
        elif not self.transport.get_write_buffer_size():  # else it is _is_write_stalled's matter
            self.transport.abort()


async def _overloaded(scope: Scope, receive: Any, send: Any) -> None:
    headers = [(b"content-type", b"text/plain"), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": b"Too Many Connections"})
