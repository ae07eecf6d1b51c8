"""One connection to the node: requests come one after the other, each is answered before the next.

The server's side of HTTP/1.1 for exactly what `node.connection` speaks, on a blocking socket that
has a thread to itself. Rules:

1. A small request is one receive, a small answer one send; there is no other system call.
2. A body has a Content-Length. Its bytes go from the socket straight to their place, and only when
   the handler asks for them.
3. Silence is bounded by the socket's own time limit, a head that trickles by a deadline, a body
   that trickles by the least that a receive must bring.
4. Who is answered before their body was read is hung up on gently: closing at once would reset the
   connection, and they would lose the answer.
"""

import contextlib
import logging
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from node.record import Buffer

HEAD_BYTES: Final = 64 * 1024
JOIN_LIMIT_BYTES: Final = 64 * 1024
"""Up to here copying a body behind its head costs less than a second system call."""

MIB: Final = 1024 * 1024

_END_OF_HEAD: Final = b"\r\n\r\n"
_STATUS_LINES: Final = {
    status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus
}
_TIMEVAL: Final = struct.Struct("@ll")

logger = logging.getLogger(__name__)


class Stalled(Exception):
    """The client does not send the body that it announced."""


class Gone(ConnectionError):
    """The client left within its request."""


class _Malformed(Exception):
    """What came is no request, or none after which another one could be told apart."""

    def __init__(self, status: HTTPStatus, detail: str) -> None:
        super().__init__(detail)
        self.status = status


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a client may take, and how little it may send."""

    silence_s: float = 30.0
    """Between two requests, within one, and while an answer is not taken."""

    head_s: float = 20.0
    """From a head's first byte to its last."""

    least_bytes: int = 4096
    """What a receive must bring of a body: a byte now and then is no progress."""

    linger_s: float = 5.0
    linger_bytes: int = 64 * MIB
    """What a refused client may still send before it has read its answer."""


@dataclass(slots=True)
class Request:
    """A request whose head has come. `read_body` it, or not; `answer` it once."""

    method: str
    path: str
    query: str
    headers: Mapping[bytes, bytes]
    body_bytes: int | None
    """The announced length; None where there is none."""

    keeps: bool
    """Whether the client wants to go on after the answer."""

    conversation: "Conversation"

    def read_body(self) -> bytearray:
        """The whole body. Raises Stalled, Gone, OSError."""
        return self.conversation.read_body()

    def answer(self, status: int, body: Buffer = b"", content_type: str = "") -> None:
        """Send the whole answer. Raises OSError."""
        self.conversation.answer(status, body, content_type)


Handler = Callable[[Request], None]


class Conversation:
    """See the module's rules. The socket belongs to whoever made it."""

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self._socket = sock
        self._limits = limits
        self._buffer = bytearray(HEAD_BYTES)
        self._view = memoryview(self._buffer)
        self._have = 0
        self._unread = 0
        self._is_answered = True
        self._is_idle = False
        self._is_leaving = False
        self._bound_silence(limits.silence_s)
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _bound_silence(self, limit_s: float) -> None:
        # The kernel's time limit; with Python's own each receive would be a poll() more.
        whole_s = int(limit_s)
        limit = _TIMEVAL.pack(whole_s, int((limit_s - whole_s) * 1_000_000))
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, limit)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, limit)

    def leave(self) -> None:
        """Let the request under way be the last one. Any thread may ask for it."""
        self._is_leaving = True
        if self._is_idle:  # its thread waits in a receive
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RD)

    def cut(self) -> None:
        """End it at once, whatever is under way. Any thread may."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def run(self, handle: Handler) -> None:
        """Have requests handled until one of the two sides ends it. Raises OSError."""
        try:
            while request := self._next_request():
                self._handle(request, handle)
                if self._unread:
                    self._linger()
                    return
                if not request.keeps:
                    return
        except _Malformed as error:
            self.answer(error.status, str(error).encode(), "text/plain", is_last=True)
            self._linger()

    def _handle(self, request: Request, handle: Handler) -> None:
        try:
            handle(request)
        except OSError:
            raise
        except Exception:
            logger.exception("request failed", extra={"path": request.path})
            if self._is_answered:
                raise ConnectionAbortedError("its answer failed") from None
            self.answer(HTTPStatus.INTERNAL_SERVER_ERROR, b"unexpected failure", "text/plain")

    def _next_request(self) -> Request | None:
        """Wait for a head; None where none comes. Raises _Malformed, OSError."""
        self._is_idle = True
        # Looked at after that was set: either it is seen here or the receive is ended.
        if self._is_leaving:
            return None
        began_at = time.monotonic()
        end = self._buffer.find(_END_OF_HEAD, 0, self._have) if self._have else -1
        while end < 0:
            if self._have == HEAD_BYTES:
                raise _Malformed(
                    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "the head does not end"
                )
            count = self._receive(self._view[self._have :])
            if not count:
                return None
            if not self._have:
                began_at = time.monotonic()
            elif time.monotonic() - began_at > self._limits.head_s:
                return None
            self._have += count
            end = self._buffer.find(_END_OF_HEAD, 0, self._have)
        self._is_idle = False
        request = self._parse(bytes(self._view[:end]))
        self._consume(end + len(_END_OF_HEAD))
        # A chunked body ends nobody knows where: it stays unread, and nothing follows it.
        self._unread = 1 if b"transfer-encoding" in request.headers else request.body_bytes or 0
        self._is_answered = False
        return request

    def _receive(self, place: memoryview, flags: int = 0) -> int:
        """How many bytes came; 0 at the end, or when nothing comes."""
        try:
            return self._socket.recv_into(place, 0, flags)
        except BlockingIOError:  # the time limit
            return 0

    def _consume(self, count: int) -> None:
        left = self._have - count
        if left:
            self._view[:left] = bytes(self._view[count : self._have])
        self._have = left

    def _parse(self, head: bytes) -> Request:
        line, *fields = head.split(b"\r\n")
        method, _, rest = line.partition(b" ")
        target, _, version = rest.partition(b" ")
        if version not in (b"HTTP/1.1", b"HTTP/1.0") or not target.startswith(b"/"):
            raise _Malformed(HTTPStatus.BAD_REQUEST, "not an HTTP/1.1 request")
        headers: dict[bytes, bytes] = {}
        for field in fields:
            name, colon, value = field.partition(b":")
            name = name.lower()
            if not colon or name in headers:
                raise _Malformed(HTTPStatus.BAD_REQUEST, "a header is malformed, or there twice")
            headers[name] = value.strip()
        announced = headers.get(b"content-length")
        if announced is not None and (not announced.isdigit() or b"transfer-encoding" in headers):
            raise _Malformed(HTTPStatus.BAD_REQUEST, "the body's length is not clear")
        path, _, query = target.decode("latin-1").partition("?")
        return Request(
            method.decode("latin-1"),
            path,
            query,
            headers,
            None if announced is None else int(announced),
            version == b"HTTP/1.1" and headers.get(b"connection", b"").lower() != b"close",
            self,
        )

    def read_body(self) -> bytearray:
        """The whole body of the request. Raises Stalled, Gone, OSError."""
        body = bytearray(self._unread)
        place = memoryview(body)
        done = min(self._have, len(body))
        place[:done] = self._view[:done]
        self._consume(done)
        while done < len(body):
            try:
                count = self._socket.recv_into(place[done:], 0, socket.MSG_WAITALL)
            except BlockingIOError:
                raise Stalled from None
            if not count:
                raise Gone("the client left within its request")
            done += count
            if done < len(body) and count < self._limits.least_bytes:
                raise Stalled
        self._unread = 0
        return body

    def answer(
        self, status: int, body: Buffer, content_type: str, *, is_last: bool = False
    ) -> None:
        """Send a whole answer. Raises OSError."""
        lines = _STATUS_LINES[status]
        if content_type:
            lines += f"content-type: {content_type}\r\n"
        if status != HTTPStatus.NO_CONTENT:
            lines += f"content-length: {len(body)}\r\n"
        if self._unread or is_last:
            lines += "connection: close\r\n"
        head = f"{lines}\r\n".encode()
        self._is_answered = True
        if len(body) <= JOIN_LIMIT_BYTES:
            self._socket.sendall(head + body)
        else:
            self._socket.sendall(head, socket.MSG_MORE)
            self._socket.sendall(body)

    def _linger(self) -> None:
        left, deadline = self._limits.linger_bytes, time.monotonic() + self._limits.linger_s
        self._socket.shutdown(socket.SHUT_WR)
        self._bound_silence(self._limits.linger_s)
        while left > 0 and time.monotonic() < deadline and (count := self._receive(self._view)):
            left -= count
