"""A repairer over fake nodes and the reference metadata, with a clock that a test moves."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from coordinator.metrics import Metrics
from coordinator.objects import Ids, NewObject, RepairReports
from coordinator.repair.pace import Pace
from coordinator.repair.repairer import Repairer
from metadata import MissingShard, Part, RepairState, RepairTask
from node.record import RecordKey
from tests.coordinator.objects.fakes import Bench, body_of
from tests.coordinator.objects.test_writer_reader import Md5, bucket_of, get

TURNS = 20_000
"""Of the event loop that anything here may take."""

TURN_S = 0.1
"""How long a turn takes, by the fake clock."""


class FakeTime:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        future = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, future))
        await future

    def advance(self, seconds: float) -> None:
        self.now += seconds
        for due, future in self._sleepers:
            if due <= self.now and not future.done():
                future.set_result(None)
        self._sleepers = [(due, future) for due, future in self._sleepers if not future.done()]


class Ward:
    """Objects on fake nodes, and the repairer that looks after them."""

    def __init__(self, k: int = 2, m: int = 1, *, count: int = 0, concurrency: int = 4) -> None:
        self.bench = Bench(k, m, count=count)
        self.cluster = self.bench.cluster
        self.metadata = self.bench.metadata
        self.time = FakeTime()
        self.ids = Ids(clock=self.time)
        self.metrics = Metrics()
        self.reports = RepairReports(self.metadata, self.ids, self.metrics)
        self.concurrency = concurrency
        self.pace = Pace(
            0, lambda: self.metrics.foreground_requests, clock=self.time, sleep=self.time.sleep
        )
        self.repairer = self.make_repairer()
        self.expected: dict[str, bytes] = {}

    def make_repairer(self) -> Repairer:
        return Repairer(
            self.metadata,
            self.cluster,
            self.bench.pins,
            self.reports,
            self.ids,
            self.metrics,
            self.pace,
            concurrency=self.concurrency,
            clock=self.time,
            sleep=self.time.sleep,
        )

    async def put(self, key: str, size: int = 100) -> Part:
        data = random.Random(key).randbytes(size)
        await self.bench.objects.put(
            await bucket_of(self.bench), key, body_of(data), Md5(), NewObject("root")
        )
        self.expected[key] = data
        return await self.part(key)

    async def part(self, key: str) -> Part:
        return (await self.bench.objects.look_up("bucket", key)).parts[0]

    async def lose(self, part: Part, *shards: int) -> None:
        """The shards vanish, and their repair is queued."""
        for shard in shards:
            records = self.cluster.fakes[part.nodes[shard]].records
            for key in [k for k in records if (k.part_id, k.shard) == (part.part_id, shard)]:
                del records[key]
        await self.metadata.add_repairs(
            [MissingShard(part.part_id, shard, "lost") for shard in shards], self.ids.now_ms()
        )

    async def check(self) -> None:
        """Every object is whole: all units on their nodes, nothing else, every byte right."""
        found = {
            (node_id, key) for node_id, fake in self.cluster.fakes.items() for key in fake.records
        }
        wanted = set()
        for key, data in self.expected.items():
            part = await self.part(key)
            assert len(set(part.nodes)) == part.k + part.m
            stripes = -(-part.size // (part.k * part.unit_size))
            wanted |= {
                (node_id, RecordKey(part.part_id, shard, stripe))
                for shard, node_id in enumerate(part.nodes)
                for stripe in range(stripes)
            }
            # From each set of k shards that leaves one node out.
            for node_id in part.nodes[: part.m]:
                self.cluster.kill(node_id)
                assert await get(self.bench, key) == data
                self.cluster.revive(node_id)
        assert found == wanted

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.repairer.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def heal(self) -> None:
        """Repair all there is to repair, however long it takes."""
        async with self.running():
            await self.until(self.is_done)

    async def is_done(self) -> bool:
        self.time.advance(TURN_S)
        return not await self.tasks() and not self.repairer.progress().in_flight_shards

    async def is_idle(self) -> bool:
        """Nothing under way, nothing due."""
        due = [task for task in await self.tasks() if task.not_before_ms <= self.ids.now_ms()]
        return not due and not self.repairer.progress().in_flight_shards

    async def tasks(self, state: RepairState = RepairState.QUEUED) -> list[RepairTask]:
        return await self.metadata.repairs(state=state, limit=10_000)

    async def until(self, condition: Callable[[], Awaitable[bool]]) -> None:
        for _ in range(TURNS):
            if await condition():
                return
            await asyncio.sleep(0)
        raise AssertionError(f"never: {condition.__qualname__}")
