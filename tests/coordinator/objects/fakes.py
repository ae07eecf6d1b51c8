"""A cluster in memory: nodes that are dicts, and that fail when told to.

Rules: the fakes keep the contracts of node.client and coordinator.cluster (futures, errors, checked
records); what is tested, the writer and the reader, is the real thing.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from coordinator.cluster import NodeState, Ring, RingNode, UnknownNode
from coordinator.cluster.membership import StateListener
from coordinator.cluster.vouching import Vouchers
from coordinator.metrics import Metrics
from coordinator.objects import CodeSettings, Ids, Objects, PartReader, PartWriter, Pins
from erasure import codec
from metadata import MissingShard, NodeRecord, Standing
from metadata.memory import MemoryStore
from node.client import Outcome, Record
from node.errors import NodeError, NodeUnreachable
from node.protocol import format_cursor
from node.record import HEADER_SIZE, RecordKey, ShardKey, check_payload, decode_header


class FakeNode:
    """A node's client and its disk in one. `fault(operation, key)` may return an error to raise,
    or a future to wait for."""

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id
        self.records: dict[RecordKey, bytes] = {}
        self.damaged: set[RecordKey] = set()
        self.reads: list[RecordKey] = []
        self.bulk_reads: list[int] = []
        self.bulk_appends: list[int] = []
        self.fault: Callable[[str, RecordKey | None], NodeError | None] = lambda *_: None
        self.hangs = False
        self.has_append_room = True

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
        self.damaged.discard(record.key)
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

    async def append(self, records: Sequence[Record]) -> None:
        """In bulk: all are tried, the first error is raised."""
        self.bulk_appends.append(len(records))
        futures = [self.submit_append(record) for record in records]
        for future in futures:
            future.exception()
        for future in futures:
            await future

    async def read(self, wanted: Sequence[tuple[RecordKey, int]]) -> list[memoryview | Outcome]:
        """In bulk, as `append`."""
        self.bulk_reads.append(len(wanted))
        await asyncio.sleep(0)
        futures = [self.submit_read(key, length) for key, length in wanted]
        for future in futures:
            if future.done():
                future.exception()
        return [await future for future in futures]

    async def inventory(self, after: ShardKey | None, limit: int) -> dict[str, Any]:
        self._check("inventory")
        shards: dict[ShardKey, list[int]] = {}
        for key, payload in sorted(self.records.items()):
            name = ShardKey(key.part_id, key.shard)
            if after is None or name > after:
                shards.setdefault(name, []).append(HEADER_SIZE + len(payload))
        page = list(shards.items())[:limit]
        return {
            "shards": [
                {
                    "part_id": name.part_id.hex(),
                    "shard": name.shard,
                    "records": len(sizes),
                    "bytes": sum(sizes),
                }
                for name, sizes in page
            ],
            "next": format_cursor(page[-1][0]) if len(page) == limit else None,
        }

    async def scrub(self, cursor: str, max_bytes: int) -> dict[str, Any]:
        """A cursor is the number of records behind it, in order of their keys."""
        self._check("scrub")
        keys = sorted(self.records)
        at, read, damaged = int(cursor or "0"), 0, []
        while at < len(keys) and read < max_bytes:
            key = keys[at]
            read += HEADER_SIZE + len(self.records[key])
            at += 1
            if key in self.damaged:
                damaged.append(
                    {
                        "part_id": key.part_id.hex(),
                        "shard": key.shard,
                        "stripe": key.stripe,
                        "segment": "1.segment",
                        "offset": 0,
                        "end": len(self.records[key]),
                        "reason": "payload does not match its checksum",
                    }
                )
        return {
            "cursor": str(at) if at < len(keys) else None,
            "bytes": read,
            "damaged": damaged,
        }

    def _check(self, operation: str) -> None:
        error = self.fault(operation, None)
        if error is not None:
            raise error

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
        self.standings = dict.fromkeys(self.fakes, Standing.MEMBER)
        self.off_ring: set[str] = set()
        """Draining, lost, or forgotten."""

        self.vouchers = Vouchers()
        self._outages = Counter[str]()
        self._width = width
        self._listeners: list[StateListener] = []
        self._rings: dict[frozenset[str], Ring] = {}

    def client(self, node_id: str) -> FakeNode:
        try:
            return self.fakes[node_id]
        except KeyError:
            raise UnknownNode(node_id) from None

    def standing(self, node_id: str) -> Standing:
        return self.standings[node_id]

    def outages(self, node_id: str) -> int:
        if node_id not in self.fakes:
            raise UnknownNode(node_id)
        return self._outages[node_id]

    def outages_of(self, node_ids: Iterable[str]) -> list[int | None]:
        return [self._outages[each] if each in self.fakes else None for each in node_ids]

    @property
    def ring(self) -> Ring:
        on_ring = frozenset(self.fakes.keys() - self.off_ring)
        if on_ring not in self._rings:
            nodes = [RingNode(node_id, node_id, 1.0) for node_id in on_ring]
            self._rings[on_ring] = Ring(nodes, self._width)
        return self._rings[on_ring]

    def wanted(self, part_id: bytes) -> tuple[str, ...]:
        return self.ring.walk(self.ring.arc(part_id), self._width)

    def on_state(self, listener: StateListener) -> None:
        self._listeners.append(listener)

    def set_state(self, node_id: str, state: NodeState) -> None:
        """As membership does, with the consequences that the real cluster draws."""
        old = self.states[node_id]
        if state is old:
            return
        self.states[node_id] = state
        if state is NodeState.DOWN:
            self._outages[node_id] += 1
            if self.standings[node_id] is Standing.MEMBER:
                self.standings[node_id] = Standing.RETURNED
        for listener in self._listeners:
            listener(node_id, old, state)

    def wipe(self, node_id: str) -> None:
        """Another, empty disk stands in its place."""
        self.fakes[node_id].records.clear()
        self.fakes[node_id].damaged.clear()
        self.standings[node_id] = Standing.REPLACED
        self._outages[node_id] += 1

    def forget(self, node_id: str) -> None:
        """The node is no member any more."""
        self.off_ring.add(node_id)
        del self.fakes[node_id], self.states[node_id], self.standings[node_id]

    def state(self, node_id: str) -> NodeState:
        return self.states[node_id]

    @property
    def asked_first(self) -> set[str]:
        return {
            node_id
            for node_id, state in self.states.items()
            if state is not NodeState.DOWN and self.standings[node_id] is not Standing.REPLACED
        }

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
            self.set_state(node_id, NodeState.DOWN)

    def revive(self, node_id: str) -> None:
        self.fakes[node_id].fault = lambda *_: None
        self.fakes[node_id].hangs = False
        self.set_state(node_id, NodeState.UP)


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
