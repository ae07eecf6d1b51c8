"""Requests to one node: over a few connections kept open, with every failure mapped to ours.

Rules: foreign exceptions end here. NodeUnreachable says nothing about the outcome; the other errors
say that nothing was done. Every request may be repeated (appends are idempotent), so one that dies
before any answer, as on a connection kept open to a node that was restarted, is sent once more.
"""

import asyncio
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import orjson

from node.connection import Answer, Connection, Lost, Malformed, Patience, open_connection
from node.errors import NodeFailed, NodeFull, NodeRefused, NodeUnreachable
from node.protocol import MAX_BATCH_BYTES, MAX_ERROR_BYTES, request_headers
from node.record import Buffer

CONNECTIONS: Final = 16
DEFAULT_PORT: Final = 80


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
        self._busy: set[Connection] = set()
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._closed = False

    async def call(
        self,
        method: str,
        path: str,
        patience: Patience,
        body: Sequence[Buffer] = (),
        query: dict[str, str] | None = None,
    ) -> memoryview:
        """The answer's body. Raises NodeUnreachable, NodeFull, NodeRefused, NodeFailed."""
        if query:
            path = f"{path}?{urlencode(query)}"
        length = sum(map(len, body))
        head = f"{method} {path} HTTP/1.1\r\n{self._headers}content-length: {length}\r\n\r\n"
        pieces: list[Buffer] = [head.encode("latin-1"), *body]
        try:
            async with self._free:
                answer = await self._send(pieces, patience)
        except Malformed as error:
            raise NodeFailed(f"{self._name}: {error}") from error
        except (TimeoutError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise NodeUnreachable(f"{self._name}: {reason}") from error
        if answer.status in (200, 204):
            return answer.body
        raise self._refusal(answer)

    async def call_json(
        self,
        method: str,
        path: str,
        patience: Patience,
        body: Sequence[Buffer] = (),
        query: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """The answer's JSON object. Raises as `call`."""
        answered = await self.call(method, path, patience, body, query)
        try:
            parsed = orjson.loads(answered)
        except orjson.JSONDecodeError as error:
            raise NodeFailed(f"{self._name} answered no JSON: {error}") from error
        if not isinstance(parsed, dict):
            raise NodeFailed(f"{self._name} answered JSON that is no object")
        return parsed

    async def _send(self, pieces: Sequence[Buffer], patience: Patience) -> Answer:
        try:
            connection = self._take_idle() or await self._connect(patience)
            return await self._exchange(connection, pieces, patience)
        except Lost as error:
            if error.answered:
                raise
        # The node has gone since the connection was opened; so have the others to it.
        for stale in self._idle:
            stale.close()
        self._idle.clear()
        return await self._exchange(await self._connect(patience), pieces, patience)

    def _take_idle(self) -> Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
        return None

    async def _connect(self, patience: Patience) -> Connection:
        return await open_connection(self._host, self._port, patience, MAX_BATCH_BYTES)

    async def _exchange(
        self, connection: Connection, pieces: Sequence[Buffer], patience: Patience
    ) -> Answer:
        self._busy.add(connection)
        try:
            answer = await connection.request(pieces, patience)
        finally:
            self._busy.discard(connection)
        if not connection.is_usable or self._closed:
            connection.close()
        else:
            self._idle.append(connection)
        return answer

    def _refusal(self, answer: Answer) -> NodeFull | NodeRefused | NodeFailed:
        text = bytes(answer.body[:MAX_ERROR_BYTES]).decode("utf-8", "replace")
        message = f"{self._name} answered {answer.status}: {text}"
        if answer.status == 507:
            return NodeFull(message)
        if 400 <= answer.status < 500:
            return NodeRefused(message)
        return NodeFailed(message)

    def close(self) -> None:
        """Close all connections; what is under way fails as NodeUnreachable."""
        self._closed = True
        for connection in (*self._idle, *self._busy):
            connection.close()
        self._idle.clear()
