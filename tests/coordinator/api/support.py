"""The API over nodes and metadata in memory, and a client of it.

Rules: everything but the nodes is the real thing; a test says what it sends as bytes on the wire
where that matters.
"""

import base64
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx

from coordinator.api import create_api
from coordinator.auth.accounts import Accounts
from coordinator.cluster import NodeExists, NodeState, NotEnoughNodes, UnknownNode
from coordinator.healing import HealStatus, RepairProgress
from coordinator.iam.identities import Identities
from coordinator.metrics import Metrics
from coordinator.objects import CodeSettings, Ids, Objects, PartReader, PartWriter, Pins
from coordinator.settings import CoordinatorSettings
from erasure import codec
from metadata import (
    AccessKey,
    MemoryStore,
    MetadataStore,
    NodeRecord,
    ShardName,
    Standing,
    User,
)
from node.record import Buffer
from tests.coordinator.audit.fakes import WatchedNode
from tests.coordinator.objects.fakes import FakeCluster

ENDPOINT = "http://127.0.0.1:9000"
API = "/_api/v1"
ROOT = ("ROOTKEY", "root's own secret")
ALICE = ("ALICEKEY", "alice's own secret")
BOB = ("BOBKEY", "bob's own secret")
NOW_S = 1_700_000_000.0


class MeasuredFakeNode(WatchedNode):
    """A fake node that also counts."""

    async def stats(self) -> dict[str, int]:
        error = self.fault("stats", None)
        if error is not None:
            raise error
        held = sum(len(record) for record in self.records.values())
        return {"records": len(self.records), "live_bytes": held, "disk_free_bytes": 1000}


class ZonedFakeCluster(FakeCluster):
    """Nodes in two zones, which come and go when told to."""

    def __init__(self, count: int, width: int) -> None:
        super().__init__(count, width)
        self.fakes = {name: MeasuredFakeNode(name) for name in self.fakes}
        self.shown: dict[str, str] = {}
        self.added: dict[str, NodeRecord] = {}
        self.draining: set[str] = set()

    def nodes(self) -> list[NodeRecord]:
        return [self.record(name) for name in self.fakes]

    def record(self, node_id: str) -> NodeRecord:
        if node_id in self.added:
            return self.added[node_id]
        zone = list(self.fakes).index(node_id) % 2
        return NodeRecord(
            node_id, f"http://{node_id}:9100", f"zone-{zone}", 1.0, f"store-{node_id}"
        )

    def state(self, node_id: str) -> NodeState:
        if node_id not in self.states:
            raise UnknownNode(node_id)
        return super().state(node_id)

    def shown_state(self, node_id: str) -> str:
        state = self.state(node_id)
        if state is NodeState.UP and node_id in self.draining:
            return "draining"
        return self.shown.get(node_id, state.value)

    def is_draining(self, node_id: str) -> bool:
        return node_id in self.draining

    async def add(self, record: NodeRecord) -> None:
        if record.node_id in self.fakes:
            raise NodeExists(record.node_id)
        if ":badport" in record.url:
            raise ValueError(record.url)
        self.fakes[record.node_id] = MeasuredFakeNode(record.node_id)
        self.states[record.node_id] = NodeState.SUSPECT
        self.standings[record.node_id] = Standing.MEMBER
        self.added[record.node_id] = record

    async def remove(self, node_id: str) -> None:
        if len(self.fakes) <= self._width:
            raise NotEnoughNodes(node_id)
        self.forget(node_id)

    async def drain(self, node_id: str, draining: bool) -> None:
        if draining and len(self.fakes) <= self._width:
            raise NotEnoughNodes(node_id)
        (self.draining.add if draining else self.draining.discard)(node_id)


class FakeHealing:
    """A healer that says what it is told to, and remembers its orders."""

    def __init__(self) -> None:
        self.told = HealStatus(RepairProgress(eta_s=0.0))
        self.orders: list[tuple[str, Any]] = []

    def status(self) -> HealStatus:
        return self.told

    async def retry_dead(self, names: Sequence[ShardName] | None = None) -> int:
        self.orders.append(("retry", names))
        return 7 if names is None else len(names)

    async def scrub_now(self, node_id: str | None = None) -> None:
        if node_id == "node-9":
            raise UnknownNode(node_id)
        self.orders.append(("scrub", node_id))


@dataclass
class Stand:
    """One API and what stands behind it. `client`: the address requests come from."""

    metadata: MetadataStore = field(default_factory=MemoryStore)
    nodes: int = 3
    unit_size: int = 4096
    client: tuple[str, int] | None = ("127.0.0.1", 40000)
    scheme: str = "http"

    def __post_init__(self) -> None:
        settings = CoordinatorSettings(k=2, m=1, unit_size_bytes=self.unit_size, _env_file=None)
        ids = Ids(clock=lambda: NOW_S)
        self.cluster = ZonedFakeCluster(self.nodes, 3)
        self.healing = FakeHealing()
        self.metrics = Metrics()
        code = CodeSettings(2, 1, self.unit_size, 2)
        self.writer = PartWriter(self.cluster, codec(2, 1), code, ids, self.metrics)
        reader = PartReader(self.cluster, Pins(), 60.0, lambda missing: None, self.metrics)
        self.objects = Objects(self.metadata, self.writer, reader, ids)
        self.app = create_api(
            objects=self.objects,
            accounts=Accounts(self.metadata, identities=Identities(self.metadata)),
            cluster=self.cluster,
            healing=self.healing,
            metrics=self.metrics,
            settings=settings,
            clock=lambda: NOW_S,
        )
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=True, client=self.client),
            base_url=ENDPOINT.replace("http:", f"{self.scheme}:"),
        )

    async def start(self) -> "Stand":
        """Add root, two users, and a bucket of each user."""
        await self.metadata.cluster_id("fake-cluster")
        users = (("root", ROOT), ("alice", ALICE), ("bob", BOB))
        for user_id, pair in users:
            user = User(user_id, user_id.title(), user_id == "root", 1)
            await self.metadata.put_user(user, [AccessKey(*pair, user_id, 1)])
        await self.metadata.create_bucket("alices", "alice", "us-east-1", 1)
        await self.metadata.create_bucket("bobs", "bob", "us-east-1", 1)
        return self

    async def close(self) -> None:
        await self.http.aclose()
        await self.writer.close()
        await self.metadata.close()

    async def call(
        self,
        method: str,
        path: str,
        keys: tuple[str, str] | None = ALICE,
        headers: Mapping[str, str] | None = None,
        **rest: Any,
    ) -> httpx.Response:
        """One request under /_api/v1 (or to the path itself, when it starts with /_)."""
        sent = dict(headers or {})
        if keys is not None:
            sent = {"authorization": basic(*keys), **sent}
        target = path if path.startswith("/_") else API + path
        lines = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
        return await self.http.request(method, target, headers=lines, **rest)


def basic(access_key: str, secret_key: str) -> str:
    """An Authorization header."""
    return "Basic " + base64.b64encode(f"{access_key}:{secret_key}".encode()).decode()


def object_path(bucket: str, key: str, family: str = "objects") -> str:
    """The path of a key, with everything encoded that something on the way might touch."""
    encoded = quote(key, safe="/").replace(".", "%2E")
    return f"/{family}/{bucket}/{encoded}"


async def in_pieces(data: bytes, size: int) -> AsyncIterator[bytes]:
    """The data as a body that arrives in pieces."""
    for start in range(0, len(data), size):
        yield data[start : start + size]


@dataclass(frozen=True, slots=True)
class Wire:
    """An answer as it went out; not `is_whole` when the connection would have been cut."""

    status: int
    headers: dict[str, str]
    body: bytes
    is_whole: bool

    def json(self) -> Any:
        return json.loads(self.body)


async def raw_call(
    app: Any,
    method: str,
    raw_path: bytes,
    *,
    headers: Mapping[str, str] | None = None,
    query: bytes = b"",
    messages: list[Any] | None = None,
    client: tuple[str, int] | None = ("127.0.0.1", 40000),
    sink: Callable[[Buffer], object] | None = None,
) -> Wire:
    """A request exactly as it would come off the wire. `sink` takes the body instead of Wire."""
    waiting = messages if messages is not None else [{"type": "http.request", "body": b""}]
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        message = waiting.pop(0) if waiting else {"type": "http.disconnect"}
        if isinstance(message, Exception):
            raise message
        return message

    async def send(message: Any) -> None:
        if sink is not None and message["type"] == "http.response.body":
            sink(message["body"])
            message = {**message, "body": b""}
        sent.append(message)

    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": raw_path.decode("latin-1"),
        "raw_path": raw_path,
        "root_path": "",
        "query_string": query,
        "headers": [
            (name.lower().encode(), value.encode("latin-1"))
            for name, value in {"host": "127.0.0.1:9000", **(headers or {})}.items()
        ],
        "client": client,
        "server": ("127.0.0.1", 9000),
    }
    await app(scope, receive, send)
    answered = {
        name.decode("latin-1"): value.decode("latin-1") for name, value in sent[0]["headers"]
    }
    body = b"".join(bytes(message["body"]) for message in sent[1:])
    return Wire(sent[0]["status"], answered, body, is_whole=not sent[-1].get("more_body", False))
