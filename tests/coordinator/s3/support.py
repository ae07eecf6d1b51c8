"""The S3 endpoint over nodes and metadata in memory, and a client that signs what it sends.

Rules: everything but the nodes is the real thing, from the request's head to the answer's last
byte; a test may put another metadata store below.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring

from coordinator.auth.accounts import Accounts
from coordinator.auth.signer import sign_headers
from coordinator.iam.identities import Identities
from coordinator.metrics import Metrics
from coordinator.objects import (
    CodeSettings,
    Ids,
    Multipart,
    Objects,
    PartReader,
    PartWriter,
    Pins,
)
from coordinator.s3.endpoint import S3Endpoint
from coordinator.s3.logging_delivery import AccessLogs
from coordinator.s3.settings import SettingsReader
from coordinator.s3.surface import Surface
from erasure import codec
from metadata import AccessKey, MemoryStore, MetadataStore, User
from tests.coordinator.api.support import raw_call
from tests.coordinator.objects.fakes import FakeCluster

HOST = "127.0.0.1:9000"
NOW_S = 1_800_000_000.0
"""2027-01-15T08:00:00Z, when a test begins."""

BUCKET = "bucket"
WEBSITE_DOMAIN = "s3-website.localhost"
LOG_ROLL_S = 300.0


@dataclass(frozen=True, slots=True)
class Keys:
    """Who signs."""

    access_key: str
    secret_key: str


ROOT = Keys("ROOTKEY", "root's own secret")
ALICE = Keys("ALICEKEY", "alice's own secret")
BOB = Keys("BOBKEY", "bob's own secret")


class Clock:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now_s = NOW_S

    def __call__(self) -> float:
        return self.now_s

    def now_ms(self) -> int:
        return int(self.now_s * 1000)

    def forward(self, seconds: float) -> None:
        self.now_s += seconds


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def version_id(self) -> str | None:
        return self.headers.get("x-amz-version-id")

    @property
    def is_marker(self) -> bool:
        return self.headers.get("x-amz-delete-marker") == "true"

    @property
    def etag(self) -> str:
        return self.headers["etag"]

    @property
    def code(self) -> str:
        """The error's code; the status where there is no document (HEAD, 304)."""
        return self.text("Code") if self.body else str(self.status)

    def tree(self) -> Element:
        """The document, its names without a namespace."""
        root: Element = fromstring(self.body)
        for node in root.iter():
            node.tag = node.tag.rpartition("}")[2]
        return root

    def text(self, name: str) -> str:
        """The text of the first element of that name, "" without one."""
        return self.tree().findtext(f".//{name}") or ""

    def texts(self, path: str) -> list[str]:
        """The texts of all elements there."""
        return [node.text or "" for node in self.tree().findall(path)]


@dataclass
class Stand:
    """One endpoint and what stands behind it."""

    metadata: MetadataStore | None = None
    cluster: FakeCluster = field(default_factory=lambda: FakeCluster(3, 3))
    clock: Clock = field(default_factory=Clock)
    unit_size: int = 4096

    def __post_init__(self) -> None:
        self.store = self.metadata or MemoryStore(self.clock.now_ms)
        ids = Ids(clock=self.clock)
        metrics = Metrics()
        code = CodeSettings(2, 1, self.unit_size, 2)
        self.writer = PartWriter(self.cluster, codec(2, 1), code, ids, metrics)
        reader = PartReader(self.cluster, Pins(), 60.0, lambda missing: None, metrics)
        self.objects = Objects(self.store, self.writer, reader, ids)
        self.surface = Surface(
            self.objects,
            Multipart(self.objects),
            Accounts(self.store, identities=Identities(self.store)),
            "us-east-1",
            ("localhost",),
            SettingsReader(self.store),
            WEBSITE_DOMAIN,
        )
        self.access_logs = AccessLogs(self.surface, LOG_ROLL_S, monotonic=self.clock)
        self.endpoint = S3Endpoint(self.surface, metrics, self.clock, self.access_logs)

    async def start(self) -> "Stand":
        """Add root, alice and bob, and alice's bucket."""
        for user_id, keys in (("root", ROOT), ("alice", ALICE), ("bob", BOB)):
            user = User(user_id, user_id.title(), user_id == "root", 1)
            key = AccessKey(keys.access_key, keys.secret_key, user_id, 1)
            await self.store.put_user(user, [key])
        answer = await self.call("PUT", f"/{BUCKET}")
        assert answer.status == 200, answer.body
        return self

    async def close(self) -> None:
        await self.writer.close()
        await self.store.close()

    async def call(
        self,
        method: str,
        path: str = f"/{BUCKET}/key",
        body: bytes | str = b"",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        keys: Keys | None = ALICE,
    ) -> Answer:
        """One request. `path` is not yet percent-encoded."""
        data = body.encode() if isinstance(body, str) else body
        raw_path = quote(path, safe="/~")
        query_string = urlencode(query or {}, quote_via=quote)
        sent = {"content-length": str(len(data)), **(headers or {})}
        if keys is not None:
            url = f"http://{HOST}{raw_path}" + (f"?{query_string}" if query_string else "")
            sent = sign_headers(
                method=method,
                url=url,
                headers=sent,
                access_key=keys.access_key,
                secret_key=keys.secret_key,
                now=self.clock(),
                payload_hash=sha256(data).hexdigest(),
            )
        messages: list[Any] = [{"type": "http.request", "body": data}]
        wire = await raw_call(
            self.endpoint,
            method,
            raw_path.encode(),
            headers=sent,
            query=query_string.encode(),
            messages=messages,
        )
        return Answer(wire.status, wire.headers, wire.body)

    async def set_versioning(self, state: str = "Enabled", bucket: str = BUCKET) -> None:
        """Turn versioning on, or suspend it."""
        document = f"<VersioningConfiguration><Status>{state}</Status></VersioningConfiguration>"
        answer = await self.call("PUT", f"/{bucket}", document, query={"versioning": ""})
        assert answer.status == 200, answer.body
