"""The shape of background work: again and again, woken or after a while, whatever fails."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from coordinator.repair.worker import RETRY_S, Worker
from metadata import MetadataUnavailable
from node.errors import NodeUnreachable
from tests.coordinator.repair.support import FakeTime

IDLE_S = 30.0


class Job:
    """Does what it is told, unit by unit; without orders there is nothing to do."""

    def __init__(self) -> None:
        self.orders: list[bool | Exception] = []
        self.units = 0
        self.time = FakeTime()
        self.worker = Worker("test", self.work, idle_s=IDLE_S, sleep=self.time.sleep)

    async def work(self) -> bool:
        self.units += 1
        order = self.orders.pop(0) if self.orders else False
        if isinstance(order, Exception):
            raise order
        return order

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.worker.run())
        await turns()
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_it_goes_on_while_there_is_more() -> None:
    job = Job()
    job.orders = [True, True, True]
    async with job.running():
        assert job.units == 4


async def test_it_waits_and_looks_again() -> None:
    job = Job()
    async with job.running():
        job.time.advance(IDLE_S - 1)
        await turns()
        assert job.units == 1
        job.time.advance(1)
        await turns()
        assert job.units == 2


async def test_it_is_woken() -> None:
    job = Job()
    async with job.running():
        job.worker.wake()
        await turns()
        assert job.units == 2


async def test_work_announced_during_a_unit_is_not_missed() -> None:
    job = Job()
    began = asyncio.Event()
    ends = asyncio.Event()

    async def work() -> bool:
        job.units += 1
        began.set()
        await ends.wait()
        return False

    worker = Worker("test", work, idle_s=IDLE_S, sleep=job.time.sleep)
    task = asyncio.create_task(worker.run())
    await began.wait()
    worker.wake()
    ends.set()
    await turns()
    assert job.units == 2
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    "error", [MetadataUnavailable("disk"), NodeUnreachable("gone"), ZeroDivisionError()]
)
async def test_what_fails_is_tried_again(error: Exception, caplog) -> None:
    job = Job()
    job.orders = [error]
    async with job.running():
        assert job.units == 1
        assert caplog.records[-1].worker == "test"
        job.time.advance(RETRY_S)
        await turns()
        assert job.units == 2
