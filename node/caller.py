"""Requests to one node: over a few connections kept open, with every failure mapped to ours.

Rules:
1. Foreign exceptions end here. NodeUnreachable says nothing about the outcome; the other errors
   say that nothing was done.
2. Every request may be repeated (appends are idempotent), so one that dies before any answer, as
   on a connection kept open to a node that was restarted, is sent once more.
3. A request on a connection kept open takes no task and no turn of the event loop of its own:
   `send` writes it, and `ended` is called where its answer arrives.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Generic, NamedTuple, TypeVar
from urllib.parse import urlsplit

import orjson

from node.connection import Connection, Lost, Malformed, Patience, open_connection
from node.errors import NodeFailed, NodeFull, NodeRefused, NodeUnreachable
from node.protocol import MAX_BATCH_BYTES, MAX_ERROR_BYTES, request_headers
from node.record import Buffer

CONNECTIONS: Final = 16
DEFAULT_PORT: Final = 80

Result = TypeVar("Result")


class Request(NamedTuple, Generic[Result]):
    """What to ask a node, and what to make of the body of its answer."""

    method: str
    path: str
    patience: Patience
    body: Sequence[Buffer]
    parse: Callable[[memoryview], Result]
    """May raise a NodeError."""


class Caller:
    """Sends requests to one node and reads their answers."""

    def __init__(self, node_id: str, url: str, secret: str, cluster_id: str) -> None:
        """`url` is http://host[:port]. Raises ValueError for anything else."""
        parts = urlsplit(url)
        if parts.scheme != "http" or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError(f"a node's URL is http://HOST:PORT, not {url!r}")
        self._name = f"{node_id} at {url}"
        self._host, self._port = parts.hostname, parts.port or DEFAULT_PORT
        headers = {"host": parts.netloc, **request_headers(secret, cluster_id, node_id)}
        self._headers = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._idle: list[Connection] = []
        self._under_way: set[_Exchange[Any]] = set()
        self._waiting: deque[_Exchange[Any]] = deque()
        self._closed = False

    async def call(self, request: Request[Result]) -> Result:
        """What is made of the answer. Raises NodeUnreachable, NodeFull, NodeRefused, NodeFailed."""
        answered: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        exchange = self.send(request, partial(_settle, answered))
        try:
            return await answered
        except asyncio.CancelledError:
            exchange.give_up("nobody waits for it any more")
            raise

    async def call_json(
        self, method: str, path: str, patience: Patience, body: Sequence[Buffer] = ()
    ) -> dict[str, Any]:
        """The answer's JSON object. Raises as `call`."""
        return await self.call(Request(method, path, patience, body, self._parse_json))

    def send(
        self, request: Request[Result], ended: Callable[[Result | Exception], None]
    ) -> "_Exchange[Result]":
        """Call `ended` with what was made of the answer, or what `call` would raise."""
        method, path, _, body, _ = request
        length = sum(map(len, body))
        head = f"{method} {path} HTTP/1.1\r\n{self._headers}content-length: {length}\r\n\r\n"
        exchange = _Exchange(self, request, [head.encode("latin-1"), *body], ended)
        if len(self._under_way) < CONNECTIONS:
            self._begin(exchange)
        else:
            self._waiting.append(exchange)
        return exchange

    def _begin(self, exchange: "_Exchange[Any]") -> None:
        self._under_way.add(exchange)
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                exchange.send_by(connection)
                return
        exchange.connect()

    # for exchanges --------------------------------------------------------------------------
    async def connect(self, patience: Patience) -> Connection:
        """A new connection. Raises OSError, TimeoutError."""
        if self._closed:
            raise ConnectionAbortedError("the client is closed")
        return await open_connection(self._host, self._port, patience, MAX_BATCH_BYTES)

    def keep(self, connection: Connection) -> None:
        """It has had its answer."""
        if connection.is_usable:
            self._idle.append(connection)
        else:
            connection.close()

    def forget_idle(self) -> None:
        """The node has gone since a connection was opened; so have the others to it."""
        for stale in self._idle:
            stale.close()
        self._idle.clear()

    def ended(self, exchange: "_Exchange[Any]") -> None:
        """It makes room for one that waits, or was such a one itself."""
        if exchange in self._waiting:
            self._waiting.remove(exchange)
            return
        self._under_way.remove(exchange)
        if self._waiting:
            self._begin(self._waiting.popleft())

    def refusal(self, status: int, body: memoryview) -> NodeFull | NodeRefused | NodeFailed:
        """What an answer means that is no success."""
        text = bytes(body[:MAX_ERROR_BYTES]).decode("utf-8", "replace")
        message = f"{self._name} answered {status}: {text}"
        if status == 507:
            return NodeFull(message)
        if 400 <= status < 500:
            return NodeRefused(message)
        return NodeFailed(message)

    def failure(self, error: Exception) -> Exception:
        """What it means that there is no answer."""
        failure: Exception
        if isinstance(error, Malformed):
            failure = NodeFailed(f"{self._name}: {error}")
        elif isinstance(error, OSError):  # TimeoutError is one
            failure = NodeUnreachable(f"{self._name}: {str(error) or type(error).__name__}")
        else:
            return error
        failure.__cause__ = error
        return failure

    def _parse_json(self, body: memoryview) -> dict[str, Any]:
        try:
            parsed = orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise NodeFailed(f"{self._name} answered no JSON: {error}") from error
        if not isinstance(parsed, dict):
            raise NodeFailed(f"{self._name} answered JSON that is no object")
        return parsed

    def close(self) -> None:
        """Close all connections; what waits or is under way fails as NodeUnreachable."""
        self._closed = True
        for exchange in (*self._waiting, *self._under_way):
            exchange.give_up("the client is closed")
        self.forget_idle()


class _Exchange(Generic[Result]):
    """One request on its way to an answer: by a connection kept open, or else by a new one."""

    def __init__(
        self,
        caller: Caller,
        request: Request[Result],
        pieces: Sequence[Buffer],
        ended: Callable[[Result | Exception], None],
    ) -> None:
        self._caller = caller
        self._request = request
        self._pieces = pieces
        self._ended = ended
        self._connection: Connection | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._is_repeated = False
        self._is_over = False

    def send_by(self, connection: Connection) -> None:
        """Send it; what comes of it is told to `answered` or `failed`."""
        self._connection = connection
        connection.send(self._pieces, self._request.patience, self)

    def connect(self) -> None:
        """Send it by a new connection."""
        self._connecting = asyncio.get_running_loop().create_task(self._connect())

    async def _connect(self) -> None:
        try:
            connection = await self._caller.connect(self._request.patience)
        except Exception as error:
            self._end(self._caller.failure(error))
        else:
            self.send_by(connection)

    def give_up(self, reason: str) -> None:
        """Fail it, wherever it is; no effect when it has ended."""
        if self._is_over:
            return
        error = ConnectionAbortedError(reason)
        if self._connection is not None:
            self._connection.fail(error)  # what comes now would be taken for the next answer
            return
        if self._connecting is not None:
            self._connecting.cancel()
        self._end(self._caller.failure(error))

    # the connection's callbacks -------------------------------------------------------------
    def answered(self, status: int, body: memoryview) -> None:
        """The node has answered."""
        assert self._connection is not None, "who else would call this"
        self._caller.keep(self._connection)
        outcome: Result | Exception
        if status in (200, 204):
            try:
                outcome = self._request.parse(body)
            except Exception as error:
                outcome = error
        else:
            outcome = self._caller.refusal(status, body)
        self._end(outcome)

    def failed(self, error: Exception) -> None:
        """There is no answer, not by this connection."""
        self._connection = None
        if isinstance(error, Lost) and not error.answered and not self._is_repeated:
            self._is_repeated = True
            self._caller.forget_idle()
            self.connect()
        else:
            self._end(self._caller.failure(error))

    def _end(self, outcome: Result | Exception) -> None:
        self._is_over = True
        self._caller.ended(self)
        self._ended(outcome)


def _settle(future: asyncio.Future[Result], outcome: Result | Exception) -> None:
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)
