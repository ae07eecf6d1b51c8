"""A whole coordinator but its surfaces, over nodes in memory, with a clock that a test moves.

Rules: cluster, writer, reader, healer and audit are the real ones; nodes and the metadata outlive
`restart`. Nothing happens but in `tick`: half a second of fake time, one heartbeat, and as many
turns of the event loop as it takes to get quiet.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from coordinator.audit import Finding, Summary, audit
from coordinator.cluster import Cluster, Heartbeat, NodeRecords
from coordinator.metrics import Metrics
from coordinator.objects import (
    CodeSettings,
    Ids,
    NewObject,
    Objects,
    PartReader,
    PartWriter,
    Pins,
    Reclaimer,
    RepairReports,
)
from coordinator.repair import Healer, HealSettings
from erasure import codec
from metadata import MemoryStore, NodeRecord, Part, RepairTask
from node.client import Health
from node.errors import NodeFailed, NodeUnreachable
from node.record import RecordKey
from tests.coordinator.objects.fakes import FakeNode, body_of
from tests.coordinator.objects.test_writer_reader import Md5, bucket_of, get
from tests.coordinator.repair.support import FakeTime

BEAT_S = 0.5
DOWN_AFTER_S = 2.5
LOST_AFTER_S = 60.0
RECLAIM_GRACE_S = 5.0
TURNS = 60
MAX_TICKS = 600


class ClinicNode(FakeNode):
    """A fake node that also answers heartbeats, and whose disk can be wiped."""

    def __init__(self, node_id: str) -> None:
        super().__init__(node_id)
        self.stores = 1

    async def health(self) -> Health:
        self._check("health")
        store_id = f"{self.node_id}, disk {self.stores}"
        return Health(self.node_id, store_id, "cluster", self.node_id, 1.0, "ok")

    async def stats(self) -> dict[str, int]:
        self._check("stats")
        return {"live_bytes": sum(map(len, self.records.values()))}

    async def close(self) -> None:
        """The client's end; the node lives on."""

    def die(self) -> None:
        """Answers nothing any more."""
        self.fault = lambda *_: NodeUnreachable(f"{self.node_id} is dead")

    def only_heartbeats(self) -> None:
        """Says that it lives, and fails at everything else."""
        self.fault = lambda what, _: None if what == "health" else NodeFailed("disk error")

    def return_(self) -> None:
        """Answers as before."""
        self.fault = lambda *_: None

    def wipe(self) -> None:
        """Another, empty disk."""
        self.stores += 1
        self.records.clear()
        self.damaged.clear()


class Clinic:
    """See the module."""

    def __init__(
        self,
        k: int = 2,
        m: int = 1,
        *,
        count: int = 0,
        settings: HealSettings | None = None,
        metadata: MemoryStore | None = None,
    ) -> None:
        self.code = CodeSettings(k, m, 64, k)
        self.settings = settings or HealSettings(orphan_grace_s=100.0)
        self.nodes = {f"node-{n}": ClinicNode(f"node-{n}") for n in range(1, (count or k + m) + 1)}
        self.configured = [self.record(node_id) for node_id in self.nodes]
        self.time = FakeTime()
        self.metadata = metadata or MemoryStore(lambda: int(self.time.now * 1000))
        numbers = iter(range(1, 10**9))
        self.ids = Ids(
            clock=self.time,
            random_bytes=lambda n: (next(numbers) * 2654435761 % 2**64).to_bytes(n, "big"),
        )
        self.expected: dict[str, bytes] = {}

    @staticmethod
    def record(node_id: str) -> NodeRecord:
        return NodeRecord(node_id, f"http://{node_id}", node_id, 1.0)

    # its life -------------------------------------------------------------------------------------
    async def start(self) -> "Clinic":
        """What coordinator.app puts together."""
        code = self.code
        self.metrics, self.pins = Metrics(), Pins()
        records = NodeRecords(self.metadata, self.time.sleep)
        self.cluster = Cluster(
            await records.load(self.configured),
            code.k + code.m,
            lambda record: self.nodes[record.node_id],
            Heartbeat(BEAT_S, DOWN_AFTER_S, LOST_AFTER_S),
            records=records,
            clock=self.time,
        )
        self.writer = PartWriter(self.cluster, codec(code.k, code.m), code, self.ids, self.metrics)
        self.reports = RepairReports(self.metadata, self.ids, self.metrics)
        reader = PartReader(self.cluster, self.pins, 60.0, self.reports.report, self.metrics)
        self.objects = Objects(self.metadata, self.writer, reader, self.ids)
        self.reclaimer = Reclaimer(
            self.metadata, self.cluster, self.pins, self.ids, self.metrics, RECLAIM_GRACE_S
        )
        self.healer = Healer(
            self.metadata,
            self.cluster,
            self.writer.writing,
            self.pins,
            self.reports,
            self.ids,
            self.metrics,
            self.settings,
            clock=self.time,
            sleep=self.time.sleep,
        )
        await self.cluster.membership.first_round()
        workers = (records, self.reports, self.healer)
        self._tasks = [asyncio.create_task(worker.run()) for worker in workers]
        return self

    async def stop(self) -> None:
        """As a crash, but for open files."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.writer.close()
        await self.cluster.close()

    async def restart(self) -> None:
        await self.stop()
        await self.start()

    async def tick(self, times: int = 1) -> None:
        for _ in range(times):
            await self.cluster.membership.first_round()
            self.cluster.membership.beat()
            self.time.advance(BEAT_S)
            await self.settle()
            await self.reclaimer.work()

    async def settle(self) -> None:
        for _ in range(TURNS):
            await asyncio.sleep(0)

    async def until(self, condition: Callable[[], Awaitable[bool] | bool]) -> None:
        for _ in range(MAX_TICKS):
            # A condition may be a coroutine function.
            met = condition()
            if met if isinstance(met, bool) else await met:
                return
            await self.tick()
        raise AssertionError(f"never: {condition.__qualname__}")

    # what is kept ---------------------------------------------------------------------------------
    async def put(self, key: str, size: int = 300) -> Part:
        data = random.Random(key).randbytes(size)
        await self.objects.put(await bucket_of(self), key, body_of(data), Md5(), NewObject("root"))
        self.expected[key] = data
        return await self.part(key)

    async def put_many(self, count: int, size: int = 300) -> list[Part]:
        return [await self.put(f"key-{len(self.expected)}", size) for _ in range(count)]

    async def delete(self, key: str) -> None:
        await self.metadata.delete_version("bucket", key, "null")
        del self.expected[key]

    async def part(self, key: str) -> Part:
        return (await self.objects.look_up("bucket", key)).parts[0]

    async def read_all(self) -> None:
        """Every object reads as it was written."""
        for key, data in self.expected.items():
            assert await get(self, key) == data, key

    async def audit(self) -> Summary:
        """What the auditor, who shares nothing with the healer, says of it now."""
        self.findings = []
        async for told in audit(self.metadata, self.cluster, deep=True):
            if isinstance(told, Finding):
                self.findings.append(told)
        assert isinstance(told, Summary)
        return told

    async def tasks(self) -> list[RepairTask]:
        return await self.metadata.repairs(limit=10_000)

    def lose(self, part: Part, shard: int, stripes: Sequence[int] | None = None) -> None:
        """Records of the shard vanish, unnoticed."""
        records = self.nodes[part.nodes[shard]].records
        for key in list(records):
            if key[:2] == (part.part_id, shard) and (stripes is None or key.stripe in stripes):
                del records[key]

    def strays(self, parts: Sequence[Part]) -> list[tuple[str, RecordKey]]:
        """Records on nodes that no part names there."""
        named = {
            (node_id, part.part_id, shard)
            for part in parts
            for shard, node_id in enumerate(part.nodes)
        }
        return [
            (node_id, key)
            for node_id, node in self.nodes.items()
            for key in node.records
            if (node_id, *key[:2]) not in named
        ]

    async def parts(self) -> list[Part]:
        return [await self.part(key) for key in self.expected]

    # conditions to wait for -----------------------------------------------------------------------
    async def is_healed(self) -> bool:
        """By the healer's own account."""
        shown = {self.cluster.shown_state(node.node_id) for node in self.cluster.nodes()}
        return shown <= {"up", "draining"} and not await self.tasks()

    async def is_balanced(self) -> bool:
        progress = self.healer.status().rebalance
        return not progress.is_running and progress.eta_s == 0.0 and not await self.tasks()


@asynccontextmanager
async def clinic_of(*arguments, **named):
    """A clinic that is open."""
    clinic = await Clinic(*arguments, **named).start()
    try:
        yield clinic
    finally:
        await clinic.stop()
