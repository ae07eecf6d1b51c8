"""Comparisons wait for what is being recorded of their node, and for nothing else."""

import asyncio

import pytest

from coordinator.cluster.vouching import Vouchers


async def is_done_soon(task: asyncio.Task[None]) -> bool:
    for _ in range(5):
        await asyncio.sleep(0)
    return task.done()


async def test_a_record_under_way_is_waited_for() -> None:
    vouchers = Vouchers()
    with vouchers.vouch(["node-1", "node-2"]):
        waiting = asyncio.create_task(vouchers.settled("node-1"))
        assert not await is_done_soon(waiting)
    assert await is_done_soon(waiting)


async def test_records_of_others_and_later_ones_are_not() -> None:
    vouchers = Vouchers()
    with vouchers.vouch(["node-1"]):
        await vouchers.settled("node-2")
        waiting = asyncio.create_task(vouchers.settled("node-1"))
        await asyncio.sleep(0)
        later = vouchers.vouch(["node-1"])
        later.__enter__()
    assert await is_done_soon(waiting)
    later.__exit__(None, None, None)


async def test_all_that_are_under_way_are_waited_for_whichever_ends_first() -> None:
    for first, second in ((0, 1), (1, 0)):
        vouchers = Vouchers()
        both = [vouchers.vouch(["node-1"]), vouchers.vouch(["node-1"])]
        for voucher in both:
            voucher.__enter__()
        waiting = asyncio.create_task(vouchers.settled("node-1"))
        assert not await is_done_soon(waiting)
        both[first].__exit__(None, None, None)
        assert not await is_done_soon(waiting)
        both[second].__exit__(None, None, None)
        assert await is_done_soon(waiting)


async def test_a_record_that_failed_is_over() -> None:
    vouchers = Vouchers()
    with pytest.raises(ConnectionError), vouchers.vouch(["node-1"]):
        raise ConnectionError
    await vouchers.settled("node-1")
