"""Seeded random programs over a cluster in memory whose nodes fail: what must hold, always holds.

A seed decides the program and every fault; it is the test's id, so a failure replays by its name.
"""

import asyncio
import hashlib
import random

import pytest

from coordinator.metrics import Metrics
from coordinator.objects import NewObject, Reclaimer, Unreadable, WriteFailed
from metadata import NoSuchKey
from node.errors import NodeFull, NodeUnreachable
from tests.coordinator.objects.fakes import Bench, body_of
from tests.coordinator.objects.test_writer_reader import Md5, bucket_of, get

SEEDS = range(300)
STEPS = 60
KEYS = ["a", "a/b", "a//b", "../x", "\x01", "🪨"]


class Program:
    """One random run; `expected` is what a client was promised."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        k, m = self.random.choice([(2, 1), (1, 2), (3, 2), (4, 2)])
        spare = self.random.choice([0, 0, 1, 2])
        self.bench = Bench(k, m, unit_size=self.random.choice([1, 16, 64]), count=k + m + spare)
        self.expected: dict[str, bytes] = {}
        self.troubled: set[str] = set()
        self.reclaimer = Reclaimer(
            self.bench.metadata, self.bench.cluster, self.bench.pins, self.bench.ids, Metrics(), 0
        )

    async def put(self) -> None:
        key = self.random.choice(KEYS)
        data = self.random.randbytes(self.random.choice([0, 1, 15, 64, 65, 300, 1000]))
        cut = self.random.randint(0, len(data))
        bucket = await bucket_of(self.bench)
        try:
            await self.bench.objects.put(
                bucket, key, body_of(data[:cut], data[cut:]), Md5(), NewObject("root")
            )
        except WriteFailed:
            assert len(self.troubled) > self.bench.m, "a write must survive m failing nodes"
        else:
            self.expected[key] = data

    async def delete(self) -> None:
        key = self.random.choice(KEYS)
        await self.bench.metadata.delete_version("bucket", key)
        self.expected.pop(key, None)

    async def read(self) -> None:
        key = self.random.choice(KEYS)
        try:
            found = await get(self.bench, key)
        except NoSuchKey:
            assert key not in self.expected
        except Unreadable:
            assert key in self.expected
        else:
            assert found == self.expected[key]

    async def break_off(self) -> None:
        async def broken():
            yield self.random.randbytes(self.random.randint(0, 500))
            raise ConnectionError

        bucket = await bucket_of(self.bench)
        with pytest.raises((ConnectionError, WriteFailed)):
            await self.bench.objects.put(
                bucket, self.random.choice(KEYS), broken(), Md5(), NewObject("root")
            )

    async def fail_a_node(self) -> None:
        name = self.random.choice(sorted(self.bench.cluster.fakes))
        self.troubled.add(name)
        node = self.bench.cluster.fakes[name]
        kind = self.random.choice(["dead", "noticed", "full", "flaky"])
        chance = random.Random(self.random.random())
        if kind == "full":
            node.fault = lambda what, _: NodeFull("full") if what == "append" else None
        elif kind == "flaky":
            node.fault = lambda *_: NodeUnreachable("lost") if chance.random() < 0.3 else None
        else:
            self.bench.cluster.kill(name, noticed=kind == "noticed")

    async def heal_a_node(self) -> None:
        name = self.random.choice(sorted(self.bench.cluster.fakes))
        self.troubled.discard(name)
        self.bench.cluster.revive(name)

    async def reclaim(self) -> None:
        await self.reclaimer.work()

    async def run(self) -> None:
        await bucket_of(self.bench)
        steps = [self.put] * 4 + [self.read] * 3 + [
            self.delete, self.break_off, self.fail_a_node, self.heal_a_node, self.reclaim,
        ]  # fmt: skip
        for _ in range(STEPS):
            await self.random.choice(steps)()
        await self.bench.writer.close()
        for name in self.bench.cluster.fakes:
            self.bench.cluster.revive(name)
        await self.check()

    async def check(self) -> None:
        """With all nodes back (fakes lose nothing): promises kept, shortages queued."""
        listing = await self.bench.metadata.list_current("bucket", limit=1000)
        assert {version.key for version in listing.versions} == self.expected.keys()
        queued = {(task.part_id, task.shard) for task in await self.bench.metadata.repairs()}
        for key, data in self.expected.items():
            stored = await self.bench.objects.look_up("bucket", key)
            assert stored.version.etag == hashlib.md5(data).hexdigest()
            self.check_shards(stored.parts, queued)
            assert await get(self.bench, key) == data
        while await self.reclaimer.work():
            pass

    def check_shards(self, parts, queued) -> None:
        for part in parts:
            for shard, node in enumerate(part.nodes):
                records = self.bench.cluster.fakes[node].records
                stripes = -(-part.size // (part.k * part.unit_size))
                held = sum((key.part_id, key.shard) == (part.part_id, shard) for key in records)
                assert held == stripes or (part.part_id, shard) in queued


@pytest.mark.parametrize("seed", SEEDS)
def test_program(seed: int) -> None:
    asyncio.run(Program(seed).run())
