"""The JSON API as the client sees it: its contract, and the shape of one request and its answer.

Sans-I/O: operations.py makes an `Operation` (what to send, and how to read the answer); `Client`
and `AsyncClient` carry it out. All paths stand under /_api/v1; authentication is HTTP Basic with
access key and secret over TLS or loopback, SigV4 with an unsigned payload elsewhere.

    GET    /cluster                 {cluster_id, health, k, m, nodes: [Node], totals, ...}
    GET    /nodes                   {nodes: [Node]}; Node: {node_id, url, zone, weight, state}, here
                                    also stats, repairs_queued and drain: null or
                                    {shards_left, is_safe_to_remove, eta_s}
    POST   /nodes                   {node_id, url} -> 201 Node
    POST   /nodes/{id}/drain        Node; also /undrain
    DELETE /nodes/{id}              204; 409 while anything is kept there
    GET    /repairs                 {queued, dead, queued_bytes, counts, progress: {shards_per_s,
                                    bytes_per_s, eta_s, ...}, rebalance, drains, scrubs}
    GET    /repairs/tasks?state=&after=&limit=    {tasks, next_after}
    POST   /repairs/retry           {shards: [{part_id, shard}] or null} -> {revived}
    POST   /scrub                   {node_id: id or null} -> 202
    GET    /incidents               {incidents: [...]}
    POST   /verify                  {bucket: name or null, deep} -> JSON lines, each with a `type`:
                                    finding, silent_node, progress, and at the end summary
    GET    /users                   {users: [User]}
    POST   /users                   {user_id, display_name, email?, access_key?, secret_key?}
                                    -> 201 AccessKey
    DELETE /users/{id}              204
    POST   /users/{id}/keys         {access_key?, secret_key?} -> 201 AccessKey
    DELETE /keys/{access_key}       204
    GET    /groups                  {groups: [{name, created_at_ms, users, policies, attached}]}
    POST   /groups                  {name} -> 201
    DELETE /groups/{name}           204; 409 while it has users or policies
    PUT    /groups/{name}/users/{id}       204; also DELETE
    GET    /users/{id}/policies     {policies: [name], attached: [name]}; also below /groups/{name},
                                    as the next four
    PUT    /users/{id}/policies/{name}     {document} -> 204
    GET    /users/{id}/policies/{name}     {name, document}
    DELETE /users/{id}/policies/{name}     204
    PUT    /users/{id}/attached/{policy}   204; also DELETE
    GET    /policies                {policies: [{name, arn, is_built_in}]}
    POST   /policies                {name, document} -> 201
    GET    /policies/{name}         {name, document}
    DELETE /policies/{name}         204; 409 while somebody has it
    GET    /encryption-keys         {keys: [EncryptionKey]}
    POST   /encryption-keys         {key_id} -> 201 EncryptionKey: {key_id, created_at_ms}
    GET    /buckets?after=&limit=   {buckets: [Bucket], next_after}
    PUT    /buckets/{bucket}        201 Bucket
    DELETE /buckets/{bucket}        204
    PUT    /objects/{bucket}/{key}  the bytes, with or without Content-Length -> 200 Entry
    GET    /objects/{bucket}/{key}  the bytes; 206 with Content-Range if Range was sent
    HEAD   /objects/{bucket}/{key}  the same headers as GET
    DELETE /objects/{bucket}/{key}  204, or 404 if there was none
    GET    /objects/{bucket}?prefix=&delimiter=&after=&limit=    {objects, prefixes, next_after}
    GET    /info/{bucket}/{key}?offset=   Entry's fields, bucket, owner_id,
                                    attributes: {headers, user, checksums}, next_offset, parts:
                                    [{part_id, number, offset, size, etag, k, m, unit_size,
                                    shards: [{shard, node_id, zone, state}]}]

GET and HEAD answer content-length, content-type, etag (quoted), last-modified, x-trilith-version-id
and x-amz-meta-*; PUT takes content-type, x-amz-meta-*, if-match, if-none-match: *; GET also takes
if-match and range. Keys are percent-encoded UTF-8; dots of `.` and `..` segments are encoded too,
so that nothing on the way resolves them. values.py has the fields of Entry, User, AccessKey and
Bucket. An error is {"code", "message", "request_id"} as JSON with a fitting status; a HEAD shows
only the status. Fields that a client does not know are to be ignored.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from trilith.errors import (
    AccessDenied,
    ApiError,
    Conflict,
    InvalidRequest,
    NotFound,
    PreconditionFailed,
    ServerFailed,
    Unavailable,
    UnexpectedAnswer,
    UsageError,
)

API = "/_api/v1"

T = TypeVar("T")

_ERRORS: dict[int, type[ApiError]] = {
    401: AccessDenied,
    403: AccessDenied,
    404: NotFound,
    409: Conflict,
    412: PreconditionFailed,
    500: ServerFailed,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A complete response; `headers` has lower-case names."""

    status: int
    headers: Mapping[str, str]
    content: bytes = b""

    def json(self) -> Any:
        """The body as JSON. Raises UnexpectedAnswer."""
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise UnexpectedAnswer("the answer is not JSON: is this a Trilith endpoint?") from error


@dataclass(frozen=True, slots=True)
class Operation(Generic[T]):
    """One request and how to read its answer.

    `idempotent`: carrying it out twice is as good as once, so an attempt whose outcome is unknown
    may be repeated. `gone_is_done`: a 404 to such a repetition means that the first one worked.
    """

    method: str
    path: str
    parse: Callable[[Answer], T]
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    idempotent: bool = True
    gone_is_done: bool = False


def raise_for(answer: Answer) -> None:
    """Raise the error that the answer stands for, if any."""
    if answer.status < 300:
        return
    kind = _ERRORS.get(answer.status)
    if kind is None:
        kind = InvalidRequest if 400 <= answer.status < 500 else ServerFailed
    try:
        told = json.loads(answer.content)
    except ValueError:
        told = None
    if not isinstance(told, dict):
        told = {}
    message = str(told.get("message") or f"the cluster answered {_phrase(answer.status)}")
    raise kind(
        message,
        status=answer.status,
        code=str(told.get("code", "")),
        request_id=str(told.get("request_id", "")),
    )


def _phrase(status: int) -> str:
    known = status in HTTPStatus.__members__.values()
    return f"{status} {HTTPStatus(status).phrase}" if known else str(status)


def object_path(bucket: str, key: str, family: str = "objects") -> str:
    """The percent-encoded path of an object. Raises UsageError for an empty bucket or key."""
    if not key:
        raise UsageError("the key is empty")
    return (
        f"{API}/{family}/{segment(bucket, 'bucket name')}/{'/'.join(map(_quote, key.split('/')))}"
    )


def _quote(segment: str) -> str:
    encoded = quote(segment, safe="")
    return encoded.replace(".", "%2E") if segment in (".", "..") else encoded


def segment(name: str, what: str) -> str:
    """A name as one segment of a path. Raises UsageError if it is empty."""
    if not name:
        raise UsageError(f"the {what} is empty")
    return _quote(name)
