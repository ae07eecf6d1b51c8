"""One timer for the hedges of all reads: whoever is late is raced, and nobody else."""

import asyncio
import random

import pytest

from coordinator.objects.stripe import Hedges
from tests.coordinator.objects.fakes import Bench
from tests.coordinator.objects.test_writer_reader import get, put
from tests.simulation.virtual_time import Stuck, run


class Late:
    """A read that can be raced."""

    def __init__(self) -> None:
        self.at_s: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        """When it was, which may be only once."""

    def race(self) -> None:
        self.at_s.set_result(asyncio.get_running_loop().time())


def test_whoever_is_late_is_raced_when_it_is_late() -> None:
    async def program() -> None:
        loop = asyncio.get_running_loop()
        hedges = Hedges(1.0)
        done, first, second, after = Late(), Late(), Late(), Late()
        for read in (done, first):
            hedges.begin(read)
        hedges.end(done)
        hedges.end(done)
        loop.call_later(0.5, hedges.begin, second)
        assert [await first.at_s, await second.at_s] == [1.0, 1.5]
        hedges.begin(after)
        assert await after.at_s == 2.5
        assert not done.at_s.done()

    run(program())


def test_reads_that_are_done_in_time_leave_no_timer_behind_for_long() -> None:
    async def program() -> None:
        hedges = Hedges(1.0)
        for _ in range(3):
            read = Late()
            hedges.begin(read)
            hedges.end(read)
        await asyncio.Event().wait()

    with pytest.raises(Stuck, match="no timer is set"):
        run(program())


async def test_reads_that_overlap_are_all_hedged() -> None:
    bench = Bench(hedge_after_s=0.01)
    payloads = {f"key-{number}": random.Random(number).randbytes(300) for number in range(5)}
    for key, payload in payloads.items():
        await put(bench, key, payload)
    bench.cluster.fakes["node-2"].hangs = True
    async with asyncio.timeout(10):
        for _ in range(2):
            found = await asyncio.gather(*(get(bench, key) for key in payloads))
            assert found == list(payloads.values())
