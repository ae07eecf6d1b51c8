"""Lanes: what is coalesced, what waits, and who learns of a failure."""

import asyncio

import pytest

from node.batching import BatchLimits, Lane
from node.errors import NodeFailed, NodeFull, NodeUnreachable

LIMITS = BatchLimits(batch_bytes=100, batch_items=4, in_flight=2, queue_bytes=200)


class Batches:
    """Performs batches when told to."""

    def __init__(self) -> None:
        self.begun: list[list[int]] = []
        self._ended = []

    def perform(self, items, ended) -> None:
        self.begun.append(list(items))
        self._ended.append(ended)

    async def finish(self, number: int, error: Exception | None = None) -> None:
        self._ended[number](error or [item * 10 for item in self.begun[number]])
        await settle()


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def batches():
    return Batches()


@pytest.fixture
async def lane(batches):
    lane = Lane(batches.perform, LIMITS)
    yield lane
    lane.close()


async def test_one_turn_of_the_loop_is_one_batch(lane, batches):
    futures = [lane.submit(n, 1) for n in (1, 2, 3)]
    await settle()
    assert batches.begun == [[1, 2, 3]]
    await batches.finish(0)
    assert [future.result() for future in futures] == [10, 20, 30]


async def test_what_is_submitted_in_the_turn_in_which_a_batch_ends_leaves_too():
    lane = Lane(lambda items, ended: ended(items), LIMITS)
    async with asyncio.timeout(10):
        for number in range(10):
            assert await lane.submit(number, 1) == number
    lane.close()


async def test_a_first_small_item_waits_some_turns_for_company_a_large_one_does_not(batches):
    limits = BatchLimits(100, 4, in_flight=1, queue_bytes=200, overlap_bytes=50, gather_turns=3)
    lane = Lane(batches.perform, limits)
    for n in (1, 2, 3, 4, 5):
        lane.submit(n, 1)
        await asyncio.sleep(0)
    assert batches.begun == [[1, 2, 3, 4]]
    await batches.finish(0)
    assert batches.begun == [[1, 2, 3, 4], [5]]  # it had waited already
    await batches.finish(1)
    lane.submit(6, 50)
    await asyncio.sleep(0)
    assert batches.begun[2:] == [[6]]
    lane.close()


async def test_small_items_wait_for_the_batch_under_way_large_ones_overlap_it(batches):
    limits = BatchLimits(100, 4, in_flight=2, queue_bytes=200, overlap_bytes=50)
    lane = Lane(batches.perform, limits)
    for n, size in ((1, 10), (2, 20), (3, 20)):
        lane.submit(n, size)
        await settle()
    assert batches.begun == [[1]]
    lane.submit(4, 10)
    await settle()
    assert batches.begun == [[1], [2, 3, 4]]
    lane.close()


async def test_what_comes_while_batches_are_under_way_goes_out_together(lane, batches):
    for n in range(1, 6):
        lane.submit(n, 1)
        await settle()
    assert batches.begun == [[1], [2]]
    await batches.finish(1)
    assert batches.begun == [[1], [2], [3, 4, 5]]


async def test_batches_have_limits(lane, batches):
    for n in range(6):
        lane.submit(n, 1)
    await settle()
    assert [len(batch) for batch in batches.begun] == [4]  # the lane starts one worker per turn
    lane.submit(6, 60)
    lane.submit(7, 60)
    lane.submit(8, 1000)
    await settle()
    await batches.finish(0)
    await batches.finish(1)
    await batches.finish(2)
    assert batches.begun[1:] == [[4, 5, 6], [7], [8]]  # an item over the limit goes alone


async def test_a_failure_reaches_each_of_its_batch_and_nobody_else(lane, batches):
    first = [lane.submit(n, 1) for n in (1, 2)]
    await settle()
    other = lane.submit(3, 1)
    await settle()
    await batches.finish(0, NodeFull("full"))
    await batches.finish(1)
    errors = [future.exception() for future in first]
    assert [type(error) for error in errors] == [NodeFull, NodeFull]
    assert errors[0] is not errors[1]
    assert other.result() == 30


async def test_an_unexpected_failure_leaves_nobody_waiting(lane, batches, caplog):
    future = lane.submit(1, 1)
    await settle()
    await batches.finish(0, ZeroDivisionError("bug"))
    with pytest.raises(NodeFailed, match="bug"):
        await future
    assert "ZeroDivisionError" in caplog.text


async def test_a_cancelled_caller_takes_only_its_own_item_back(lane, batches):
    lane.submit(1, 1)
    await settle()
    lane.submit(2, 1)
    await settle()
    waiting = [lane.submit(n, 1) for n in (3, 4, 5)]
    waiting[1].cancel()
    await batches.finish(0)
    assert batches.begun[2] == [3, 5]
    waiting[0].cancel()  # under way already: its answer is dropped
    await batches.finish(2)
    assert waiting[2].result() == 50
    await batches.finish(1)
    assert lane.pending_bytes == 0


async def test_room_is_awaited_in_bytes(lane, batches):
    lane.submit(1, 90)
    lane.submit(2, 90)
    assert lane.has_room
    await asyncio.wait_for(lane.room(), 1)
    lane.submit(3, 90)
    assert not lane.has_room
    room = asyncio.create_task(lane.room())
    await settle()
    assert not room.done()
    await batches.finish(0)
    assert room.done()


async def test_a_batch_that_cannot_even_begin_leaves_nobody_waiting(caplog):
    lane = Lane(lambda items, ended: items[0] / 0, LIMITS)
    for _ in range(3):
        with pytest.raises(NodeFailed, match="division"):
            await asyncio.wait_for(lane.submit(1, 1), 1)
    assert lane.pending_bytes == 0


async def test_cancelled_items_alone_are_no_batch(lane, batches):
    lane.submit(1, 100).cancel()
    await settle()
    assert batches.begun == []
    assert lane.pending_bytes == 0
    lane.submit(2, 1)
    await settle()
    assert batches.begun == [[2]]


async def test_closing_fails_what_waits(batches):
    lane = Lane(batches.perform, LIMITS)
    futures = []
    for n in range(4):
        futures.append(lane.submit(n, 1))
        await settle()
    lane.close()
    futures.append(lane.submit(9, 1))
    for future in futures[2:]:
        assert isinstance(future.exception(), NodeUnreachable)
    await batches.finish(0, NodeUnreachable("the client was closed"))
    await batches.finish(1)
    assert isinstance(futures[0].exception(), NodeUnreachable)
    assert futures[1].result() == 10
    assert batches.begun == [[0], [1]]
    assert lane.pending_bytes == 0
