"""The node's HTTP API: what the requests of a conversation mean to the engine.

Rules:
1. Whoever lacks the secret gets 401 before a byte of the body is read, whatever the path; then 409
   for another cluster or node. Neither changes anything.
2. A body is admitted by its announced length, and read only when the budget has room for it.
3. Every refusal is JSON: {"error": code, "detail": text}. Errors are mapped here and nowhere else.
"""

import hmac
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

import orjson

from node.budget import ByteBudget
from node.conversation import Request, Stalled
from node.cursor import format_record_cursor, parse_record_cursor
from node.engine import Engine
from node.errors import NodeError, NodeFull, NodeRefused, RecordDamaged, WrongStore
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
from node.record import ShardKey

MAX_KEYS_BYTES: Final = MAX_BATCH_KEYS * KEY_SIZE
MAX_JSON_BYTES: Final = 4096
DEFAULT_INVENTORY_PAGE: Final = 1000
DEFAULT_SCRUB_BYTES: Final = 8 << 20

_AUTHORIZATION: Final = AUTHORIZATION_HEADER.encode()
_CLUSTER: Final = CLUSTER_HEADER.encode()
_NODE: Final = NODE_HEADER.encode()

_BYTES: Final = "application/octet-stream"
_JSON: Final = "application/json"

logger = logging.getLogger(__name__)


class Refusal(Exception):
    """A request that is answered with an error of its own."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code = status, code


@dataclass(frozen=True, slots=True)
class About:
    """What a node says about itself besides its identity."""

    zone: str
    weight: float


Handler = Callable[[Request], None]


class NodeServer:
    """Handles requests, in any thread. `adopt` makes a cluster id the node's own, durably."""

    def __init__(
        self,
        engine: Engine,
        identity: Identity,
        *,
        about: About,
        secret: str,
        adopt: Callable[[str], Identity],
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

    def __call__(self, request: Request) -> None:
        """Answer one request. Raises OSError if the client is gone."""
        try:
            self._admit(request)
            self._handler(request.method, request.path)(request)
        except Refusal as refusal:
            _refuse(request, refusal)
        except Stalled:
            _refuse(request, Refusal(408, "stalled", "the body stopped coming"))
        except (NodeError, ValueError) as error:
            _refuse(request, _refusal_for(error, request.path))

    def _handler(self, method: str, path: str) -> Handler:
        try:
            allowed, handler = self._handlers[path]
        except KeyError:
            raise Refusal(404, "no_such_path", path) from None
        if method != allowed:
            raise Refusal(405, "method_not_allowed", f"{path} wants {allowed}")
        return handler

    def _admit(self, request: Request) -> None:
        given = request.headers.get(_AUTHORIZATION, b"")
        if not hmac.compare_digest(given, self._authorization):
            raise Refusal(401, "unauthorized", "this is not the cluster's secret")
        identity = self._identity
        node_id = _text(request.headers, _NODE)
        if node_id != identity.node_id:
            raise Refusal(409, "wrong_node", f"this is node {identity.node_id}, not {node_id}")
        cluster_id = _text(request.headers, _CLUSTER)
        if not identity.cluster_id and cluster_id:
            self._identity = identity = self._adopt(cluster_id)
        if cluster_id != identity.cluster_id or not cluster_id:
            detail = f"this node belongs to cluster {identity.cluster_id}, not to {cluster_id}"
            raise Refusal(409, "wrong_cluster", detail)

    # data -------------------------------------------------------------------------------------
    def _append(self, request: Request) -> None:
        size = _check_size(request, MAX_BATCH_BYTES)
        with self._budget.hold(size):
            self._engine.append(request.read_body())
        request.answer(204)

    def _read(self, request: Request) -> None:
        _check_size(request, MAX_KEYS_BYTES)
        keys = unpack_record_keys(request.read_body())
        located = self._engine.locate(keys)
        with self._budget.hold(located.answer_bytes):
            request.answer(200, self._engine.read(located), _BYTES)

    def _delete(self, request: Request) -> None:
        _check_size(request, MAX_KEYS_BYTES)
        self._engine.delete(unpack_shard_keys(request.read_body()))
        request.answer(204)

    # upkeep -----------------------------------------------------------------------------------
    def _inventory(self, request: Request) -> None:
        query = parse_qs(request.query)
        after = parse_cursor(query["after"][0]) if "after" in query else None
        limit = int(query.get("limit", [str(DEFAULT_INVENTORY_PAGE)])[0])
        if not 1 <= limit <= MAX_INVENTORY_PAGE:
            raise ValueError(f"limit must be between 1 and {MAX_INVENTORY_PAGE}, got {limit}")
        shards = self._engine.inventory((after.part_id, after.shard) if after else None, limit)
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
        request.answer(200, orjson.dumps(page), _JSON)

    def _scrub(self, request: Request) -> None:
        _check_size(request, MAX_JSON_BYTES)
        wanted = orjson.loads(request.read_body())
        cursor, max_bytes = _scrub_arguments(wanted)
        step = self._engine.scrub(parse_record_cursor(cursor) if cursor else None, max_bytes)
        answer = {
            "cursor": format_record_cursor(step.cursor) if step.cursor else None,
            "bytes": step.bytes,
            "damaged": [report.as_json() for report in step.damaged],
        }
        request.answer(200, orjson.dumps(answer), _JSON)

    def _health(self, request: Request) -> None:
        answer = {
            "node_id": self._identity.node_id,
            "store_id": self._identity.store_id,
            "cluster_id": self._identity.cluster_id,
            "zone": self._about.zone,
            "weight": self._about.weight,
            "state": "full" if self._engine.is_full() else "ok",
        }
        request.answer(200, orjson.dumps(answer), _JSON)

    def _stats(self, request: Request) -> None:
        request.answer(200, orjson.dumps(self._engine.stats()), _JSON)


def _text(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("utf-8", "replace")


def _check_size(request: Request, limit: int) -> int:
    size = request.body_bytes
    if size is None:
        raise Refusal(411, "length_required", "a body needs a content-length")
    if size > limit:
        raise Refusal(413, "too_large", f"{size} bytes, at most {limit} are allowed")
    return size


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


def _refuse(request: Request, refusal: Refusal) -> None:
    body = orjson.dumps({"error": refusal.code, "detail": str(refusal)})
    request.answer(refusal.status, body, _JSON)
