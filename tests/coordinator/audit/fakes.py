"""A store in memory to be audited: real writer and metadata, nodes that are dicts.

Rules: objects are written by the real writer; a test then breaks the nodes' dicts by hand, so that
the audit has to find what nobody told it.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from coordinator.audit import Finding, Progress, SilentNode, Summary, audit
from coordinator.metrics import Metrics
from coordinator.objects import (
    CodeSettings,
    Digested,
    Ids,
    NewObject,
    Objects,
    PartReader,
    PartWriter,
    Pins,
)
from erasure import codec
from metadata import Bucket, MemoryStore, Part, Version
from node.client import Outcome
from node.record import RecordKey, ShardKey
from tests.coordinator.objects.fakes import FakeCluster, FakeNode, body_of

UNIT = 64


class WatchedNode(FakeNode):
    """A fake node that is watched: `on_ask` is called before each inventory, `on_read` before each
    read."""

    def __init__(self, node_id: str) -> None:
        super().__init__(node_id)
        self.on_ask: Callable[[], None] = lambda: None
        self.on_read: Callable[[], None] = lambda: None
        self.inventories = 0
        self.bytes_under_way = 0
        self.most_bytes_under_way = 0

    async def inventory(self, after: ShardKey | None, limit: int) -> dict[str, Any]:
        self.inventories += 1
        self.on_ask()
        return await super().inventory(after, limit)

    async def read(self, wanted: Sequence[tuple[RecordKey, int]]) -> list[memoryview | Outcome]:
        self.on_read()
        size = sum(length for _, length in wanted)
        self.bytes_under_way += size
        self.most_bytes_under_way = max(self.most_bytes_under_way, self.bytes_under_way)
        try:
            return await super().read(wanted)
        finally:
            self.bytes_under_way -= size


class Md5:
    """A body's digest."""

    def __init__(self) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)

    def update(self, data) -> None:
        self._md5.update(data)

    def finish(self) -> Digested:
        return Digested(self._md5.hexdigest())


@dataclass
class Report:
    """All that an audit told."""

    findings: list[Finding] = field(default_factory=list)
    silent: list[SilentNode] = field(default_factory=list)
    progress: list[Progress] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)

    @property
    def shown(self) -> list[tuple[str, str, int | None]]:
        """Key, defect and shard of each finding, in order."""
        return [(found.named.key, found.flaw.defect, found.flaw.shard) for found in self.findings]


@dataclass
class Store:
    """Objects of 2 + 1 shards unless told otherwise, in the buckets `photos` and `films`."""

    k: int = 2
    m: int = 1
    count: int = 0
    unit: int = UNIT

    def __post_init__(self) -> None:
        ticks = iter(range(10**9))
        numbers = iter(range(10**9))
        ids = Ids(
            clock=lambda: 1_700_000_000 + next(ticks) / 1000,
            random_bytes=lambda n: next(numbers).to_bytes(n, "big"),
        )
        self.cluster = FakeCluster(self.count or self.k + self.m, self.k + self.m)
        self.cluster.fakes = {name: WatchedNode(name) for name in self.cluster.fakes}
        self.metadata = MemoryStore()
        metrics = Metrics()
        code = CodeSettings(self.k, self.m, self.unit, self.k)
        self.writer = PartWriter(self.cluster, codec(self.k, self.m), code, ids, metrics)
        reader = PartReader(self.cluster, Pins(), 60.0, lambda missing: None, metrics)
        self.objects = Objects(self.metadata, self.writer, reader, ids)
        self.buckets: dict[str, Bucket] = {}

    async def start(self) -> "Store":
        for name in ("photos", "films"):
            self.buckets[name] = await self.metadata.create_bucket(name, "root", "", 1)
        return self

    async def put(self, key: str, data: bytes, bucket: str = "photos") -> Version:
        return await self.objects.put(
            self.buckets[bucket], key, body_of(data), Md5(), NewObject("root")
        )

    async def part(self, key: str, bucket: str = "photos") -> Part:
        return (await self.metadata.version(bucket, key)).parts[0]

    def node(self, part: Part, shard: int) -> WatchedNode:
        return self.cluster.fakes[part.nodes[shard]]

    def drop(self, part: Part, shard: int, *stripes: int) -> None:
        """Lose these stripes of a shard, or all of it."""
        records = self.node(part, shard).records
        for key in [key for key in records if key[:2] == (part.part_id, shard)]:
            if not stripes or key.stripe in stripes:
                del records[key]

    def rewrite(self, part: Part, shard: int, stripe: int, payload: bytes) -> None:
        """Put another record there, intact in itself."""
        self.node(part, shard).records[RecordKey(part.part_id, shard, stripe)] = payload

    def payload(self, part: Part, shard: int, stripe: int = 0) -> bytes:
        return self.node(part, shard).records[RecordKey(part.part_id, shard, stripe)]

    async def audit(self, *, bucket: str | None = None, deep: bool = False) -> Report:
        report = Report()
        async for told in audit(self.metadata, self.cluster, bucket=bucket, deep=deep):
            if isinstance(told, Finding):
                report.findings.append(told)
            elif isinstance(told, SilentNode):
                report.silent.append(told)
            elif isinstance(told, Progress):
                report.progress.append(told)
            else:
                report.summary = told
        return report
