"""The node's HTTP API: a plain ASGI app over the engine.

Rules:
1. Whoever lacks the secret gets 401 before a byte of the body is read, whatever the path; then 409
   for another cluster or node. Neither changes anything.
2. A body is admitted by its announced length, and read only when the budget has room for it.
3. Every refusal is JSON: {"error": code, "detail": text}. Errors are mapped here and nowhere else.
"""

import hmac
import logging
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs

import orjson

from node.budget import ByteBudget
from node.cursor import format_record_cursor, parse_record_cursor
from node.engine import Engine
from node.errors import NodeError, NodeFull, NodeRefused, RecordDamaged, WrongStore
from node.http import RequestStalled
from node.identity import Identity
from node.protocol import (
    APPEND_PATH,
    AUTHORIZATION_HEADER,
    CLUSTER_HEADER,
    DELETE_PATH,
    HEALTH_PATH,
    INVENTORY_PATH,
    KEY_SIZE,
    MAX_BATCH_BYTES,
    MAX_BATCH_KEYS,
    MAX_INVENTORY_PAGE,
    NODE_HEADER,
    READ_PATH,
    SCRUB_PATH,
    STATS_PATH,
    format_cursor,
    parse_cursor,
    unpack_record_keys,
    unpack_shard_keys,
)
from node.record import Buffer, ShardKey

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_KEYS_BYTES: Final = MAX_BATCH_KEYS * KEY_SIZE
MAX_JSON_BYTES: Final = 4096
DEFAULT_INVENTORY_PAGE: Final = 1000
DEFAULT_SCRUB_BYTES: Final = 8 << 20

_AUTHORIZATION: Final = AUTHORIZATION_HEADER.encode()
_CLUSTER: Final = CLUSTER_HEADER.encode()
_NODE: Final = NODE_HEADER.encode()

_BYTES: Final = b"application/octet-stream"
_JSON: Final = b"application/json"

logger = logging.getLogger(__name__)


class Refusal(Exception):
    """A request that is answered with an error of its own."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code = status, code


class _Disconnected(Exception):
    """The client left before its body was complete."""


@dataclass(frozen=True, slots=True)
class About:
    """What a node says about itself besides its identity."""

    zone: str
    weight: float


@dataclass(slots=True)
class _Request:
    headers: Mapping[bytes, bytes]
    query: bytes
    receive: Receive
    send: Send


Handler = Callable[[_Request], Awaitable[None]]


class NodeServer:
    """The ASGI app. `adopt` makes a cluster id the node's own, durably; it may block."""

    def __init__(
        self,
        engine: Engine,
        identity: Identity,
        *,
        about: About,
        secret: str,
        adopt: Callable[[str], Awaitable[Identity]],
        budget: ByteBudget,
    ) -> None:
        self._engine = engine
        self._identity = identity
        self._about = about
        self._authorization = f"Bearer {secret}".encode()
        self._adopt = adopt
        self._budget = budget
        self._handlers: dict[str, tuple[str, Handler]] = {
            APPEND_PATH: ("POST", self._append),
            READ_PATH: ("POST", self._read),
            DELETE_PATH: ("POST", self._delete),
            INVENTORY_PATH: ("GET", self._inventory),
            SCRUB_PATH: ("POST", self._scrub),
            HEALTH_PATH: ("GET", self._health),
            STATS_PATH: ("GET", self._stats),
        }

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        assert scope["type"] == "http", "served without lifespan and websockets"
        request = _Request(dict(scope["headers"]), scope["query_string"], receive, send)
        try:
            await self._admit(request)
            await self._handler(scope["method"], scope["path"])(request)
        except _Disconnected:
            logger.info("client left within its request", extra={"path": scope["path"]})
        except Refusal as refusal:
            await _refuse(send, refusal)
        except (NodeError, ValueError) as error:
            await _refuse(send, _refusal_for(error, scope["path"]))

    def _handler(self, method: str, path: str) -> Handler:
        try:
            allowed, handler = self._handlers[path]
        except KeyError:
            raise Refusal(404, "no_such_path", path) from None
        if method != allowed:
            raise Refusal(405, "method_not_allowed", f"{path} wants {allowed}")
        return handler

    async def _admit(self, request: _Request) -> None:
        given = request.headers.get(_AUTHORIZATION, b"")
        if not hmac.compare_digest(given, self._authorization):
            raise Refusal(401, "unauthorized", "this is not the cluster's secret")
        identity = self._identity
        node_id = _text(request.headers, _NODE)
        if node_id != identity.node_id:
            raise Refusal(409, "wrong_node", f"this is node {identity.node_id}, not {node_id}")
        cluster_id = _text(request.headers, _CLUSTER)
        if not identity.cluster_id and cluster_id:
            self._identity = identity = await self._adopt(cluster_id)
        if cluster_id != identity.cluster_id or not cluster_id:
            detail = f"this node belongs to cluster {identity.cluster_id}, not to {cluster_id}"
            raise Refusal(409, "wrong_cluster", detail)

    # data -------------------------------------------------------------------------------------
    async def _append(self, request: _Request) -> None:
        size = _announced_size(request, MAX_BATCH_BYTES)
        async with self._budget.hold(size):
            await self._engine.append(await _read_body(request, size))
        await _answer(request.send, 204)

    async def _read(self, request: _Request) -> None:
        size = _announced_size(request, MAX_KEYS_BYTES)
        keys = unpack_record_keys(await _read_body(request, size))
        located = self._engine.locate(keys)
        async with self._budget.hold(located.answer_bytes):
            await _answer(request.send, 200, await self._engine.read(located), _BYTES)

    async def _delete(self, request: _Request) -> None:
        size = _announced_size(request, MAX_KEYS_BYTES)
        await self._engine.delete(unpack_shard_keys(await _read_body(request, size)))
        await _answer(request.send, 204)

    # upkeep -----------------------------------------------------------------------------------
    async def _inventory(self, request: _Request) -> None:
        query = parse_qs(request.query.decode("ascii", "replace"))
        after = parse_cursor(query["after"][0]) if "after" in query else None
        limit = int(query.get("limit", [str(DEFAULT_INVENTORY_PAGE)])[0])
        if not 1 <= limit <= MAX_INVENTORY_PAGE:
            raise ValueError(f"limit must be between 1 and {MAX_INVENTORY_PAGE}, got {limit}")
        shards = await self._engine.inventory(
            (after.part_id, after.shard) if after else None, limit
        )
        more = len(shards) == limit
        page = {
            "shards": [
                {
                    "part_id": shard.part_id.hex(),
                    "shard": shard.shard,
                    "records": shard.records,
                    "bytes": shard.stored_bytes,
                }
                for shard in shards
            ],
            "next": format_cursor(ShardKey(*shards[-1][:2])) if more else None,
        }
        await _answer(request.send, 200, orjson.dumps(page), _JSON)

    async def _scrub(self, request: _Request) -> None:
        size = _announced_size(request, MAX_JSON_BYTES)
        wanted = orjson.loads(await _read_body(request, size))
        cursor, max_bytes = _scrub_arguments(wanted)
        step = await self._engine.scrub(parse_record_cursor(cursor) if cursor else None, max_bytes)
        answer = {
            "cursor": format_record_cursor(step.cursor) if step.cursor else None,
            "bytes": step.bytes,
            "damaged": [report.as_json() for report in step.damaged],
        }
        await _answer(request.send, 200, orjson.dumps(answer), _JSON)

    async def _health(self, request: _Request) -> None:
        answer = {
            "node_id": self._identity.node_id,
            "store_id": self._identity.store_id,
            "cluster_id": self._identity.cluster_id,
            "zone": self._about.zone,
            "weight": self._about.weight,
            "state": "full" if self._engine.is_full() else "ok",
        }
        await _answer(request.send, 200, orjson.dumps(answer), _JSON)

    async def _stats(self, request: _Request) -> None:
        await _answer(request.send, 200, orjson.dumps(await self._engine.stats()), _JSON)


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("utf-8", "replace")


def _announced_size(request: _Request, limit: int) -> int:
    announced = request.headers.get(b"content-length")
    if announced is None:
        raise Refusal(411, "length_required", "a body needs a content-length")
    size = int(announced)
    if size > limit:
        raise Refusal(413, "too_large", f"{size} bytes, at most {limit} are allowed")
    return size


async def _read_body(request: _Request, size: int) -> Buffer:
    pieces: list[bytes] = []
    more = True
    while more:
        try:
            message = await request.receive()
        except RequestStalled as error:
            raise Refusal(408, "stalled", "the body stopped coming") from error
        if message["type"] == "http.disconnect":
            raise _Disconnected
        pieces.append(message.get("body", b""))
        more = message.get("more_body", False)
    body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
    if len(body) != size:
        raise ValueError(f"{len(body)} bytes came, {size} were announced")
    return body


def _scrub_arguments(wanted: object) -> tuple[str, int]:
    if not isinstance(wanted, dict):
        raise ValueError("a JSON object is wanted")
    cursor = wanted.get("cursor") or ""
    max_bytes = wanted.get("max_bytes", DEFAULT_SCRUB_BYTES)
    if not isinstance(cursor, str) or not isinstance(max_bytes, int) or max_bytes < 1:
        raise ValueError("cursor must be a string and max_bytes a positive number")
    return cursor, max_bytes


def _refusal_for(error: NodeError | ValueError, path: str) -> Refusal:
    match error:
        case NodeFull():
            return Refusal(507, "disk_full", str(error))
        case RecordDamaged():
            return Refusal(400, "record_damaged", str(error))
        case NodeRefused():
            return Refusal(413, "too_large", str(error))
        case WrongStore():
            return Refusal(409, "wrong_cluster", str(error))
        case ValueError():
            return Refusal(400, "malformed", str(error))
    logger.error("request failed", extra={"path": path, "reason": str(error)})
    return Refusal(500, "node_failed", str(error))


async def _refuse(send: Send, refusal: Refusal) -> None:
    body = orjson.dumps({"error": refusal.code, "detail": str(refusal)})
    await _answer(send, refusal.status, body, _JSON)


async def _answer(
    send: Send, status: int, body: Buffer = b"", content_type: bytes | None = None
) -> None:
    headers: Sequence[tuple[bytes, bytes]] = ()
    if content_type:
        headers = [(b"content-type", content_type), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
