"""A cluster in memory: nodes that are dicts, and that fail when told to.

Rules: the fakes keep the contracts of node.client and coordinator.cluster (futures, errors, checked
records); what is tested, the writer and the reader, is the real thing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field

from coordinator.cluster import NodeState
from coordinator.metrics import Metrics
from coordinator.objects import CodeSettings, Ids, Objects, PartReader, PartWriter, Pins
from erasure import codec
from metadata import MissingShard, NodeRecord
from metadata.memory import MemoryStore
from node.client import Outcome
from node.errors import NodeError, NodeUnreachable
from node.record import RecordKey, ShardKey, check_payload, decode_header


class FakeNode:
    """A node's client and its disk in one. `fault(operation, key)` may return an error to raise,
    or a future to wait for."""

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id
        self.records: dict[RecordKey, bytes] = {}
        self.damaged: set[RecordKey] = set()
        self.reads: list[RecordKey] = []
        self.fault: Callable[[str, RecordKey | None], NodeError | None] = lambda *_: None
        self.hangs = False

    async def append_room(self) -> None:
        """There always is."""

    def submit_append(self, record) -> asyncio.Future[None]:
        future = asyncio.get_running_loop().create_future()
        error = self.fault("append", record.key)
        if error is not None:
            future.set_exception(error)
            return future
        header = decode_header(record.header)
        check_payload(header, record.payload)
        assert header.key == record.key
        self.records[record.key] = bytes(record.payload)
        future.set_result(None)
        return future

    def submit_read(self, key: RecordKey, length: int) -> asyncio.Future[memoryview | Outcome]:
        future = asyncio.get_running_loop().create_future()
        self.reads.append(key)
        if self.hangs:
            return future
        error = self.fault("read", key)
        if error is not None:
            future.set_exception(error)
        elif key in self.damaged:
            future.set_result(Outcome.DAMAGED)
        elif key in self.records:
            future.set_result(memoryview(self.records[key]))
        else:
            future.set_result(Outcome.MISSING)
        return future

    async def delete(self, shards: Iterable[ShardKey]) -> None:
        error = self.fault("delete", None)
        if error is not None:
            raise error
        for shard in shards:
            for key in [
                k for k in self.records if (k.part_id, k.shard) == (shard.part_id, shard.shard)
            ]:
                del self.records[key]


class FakeCluster:
    """Nodes in memory; a part's shards go to the first k + m of them, rotated by its id."""

    def __init__(self, count: int, width: int) -> None:
        self.fakes = {f"node-{i + 1}": FakeNode(f"node-{i + 1}") for i in range(count)}
        self.states = dict.fromkeys(self.fakes, NodeState.UP)
        self.failures: list[tuple[str, NodeError]] = []
        self._width = width

    def client(self, node_id: str) -> FakeNode:
        return self.fakes[node_id]

    def state(self, node_id: str) -> NodeState:
        return self.states[node_id]

    def nodes(self) -> list[NodeRecord]:
        return [NodeRecord(node_id, f"http://{node_id}", "zone", 1.0) for node_id in self.fakes]

    def place(self, part_id: bytes) -> tuple[str, ...]:
        names = sorted(self.fakes)
        turn = part_id[-1] % len(names)
        return tuple((names + names)[turn : turn + self._width])

    def note_failure(self, node_id: str, error: NodeError) -> None:
        self.failures.append((node_id, error))

    def kill(self, node_id: str, *, noticed: bool = True) -> None:
        """The node answers nothing any more; `noticed` by membership or not yet."""
        self.fakes[node_id].fault = lambda *_: NodeUnreachable(f"{node_id} is dead")
        if noticed:
            self.states[node_id] = NodeState.DOWN

    def revive(self, node_id: str) -> None:
        self.fakes[node_id].fault = lambda *_: None
        self.fakes[node_id].hangs = False
        self.states[node_id] = NodeState.UP


@dataclass
class Bench:
    """Objects over fake nodes and the reference metadata."""

    k: int = 2
    m: int = 1
    unit_size: int = 64
    count: int = 0
    required: int | None = None
    hedge_after_s: float = 60.0
    reports: list[MissingShard] = field(default_factory=list)

    def __post_init__(self) -> None:
        ticks = iter(range(10**9))
        numbers = iter(range(10**9))
        self.ids = Ids(
            clock=lambda: 1_700_000_000 + next(ticks) / 1000,
            random_bytes=lambda n: (next(numbers) * 2654435761 % 2**64).to_bytes(n, "big"),
        )
        self.cluster = FakeCluster(self.count or self.k + self.m, self.k + self.m)
        self.metadata = MemoryStore()
        self.pins = Pins()
        metrics = Metrics()
        code = CodeSettings(self.k, self.m, self.unit_size, self.required or self.k)
        self.writer = PartWriter(self.cluster, codec(self.k, self.m), code, self.ids, metrics)
        self.reader = PartReader(
            self.cluster, self.pins, self.hedge_after_s, self.reports.append, metrics
        )
        self.objects = Objects(self.metadata, self.writer, self.reader, self.ids)

    def record_count(self) -> int:
        """Records on all nodes."""
        return sum(len(node.records) for node in self.cluster.fakes.values())


async def body_of(*chunks: bytes) -> AsyncIterator[bytes]:
    """A body that arrives in these chunks."""
    for chunk in chunks:
        yield chunk
