"""The supply of due tasks: a page ahead, never twice, never from an outdated picture."""

import asyncio

import pytest

from coordinator.repair import supply as supply_module
from coordinator.repair.supply import Supply
from metadata import DueRepair, MetadataUnavailable, Part, RepairKind, RepairState, RepairTask

PAGE, LOW = 6, 3


@pytest.fixture(autouse=True)
def low_pages(monkeypatch) -> None:
    monkeypatch.setattr(supply_module, "LOW_SHARE", PAGE // LOW)


def due(number: int, shard: int = 0) -> DueRepair:
    part_id = number.to_bytes(16, "big")
    part = Part(part_id, 1, 10, "", 2, 1, 64, ("a", "b", "c"), 0)
    task = RepairTask(
        part_id, shard, RepairKind.REBUILD, "a", "", "lost", RepairState.QUEUED, 0, 0, number
    )
    return DueRepair(task, part)


class Stage:
    """A store with tasks, and what is taken from it."""

    def __init__(self, *tasks: DueRepair) -> None:
        self.tasks = list(tasks)
        self.asked: list[int] = []
        self.taken: set[bytes] = set()
        self.arrivals = 0
        self.gate: asyncio.Event | None = None
        self.error: MetadataUnavailable | None = None
        self.supply = Supply(self.fetch, self.taken, self.arrived)

    async def fetch(self, limit: int) -> list[DueRepair]:
        self.asked.append(limit)
        found = self.tasks[:limit]
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return found

    def arrived(self) -> None:
        self.arrivals += 1

    async def refill(self) -> None:
        self.supply.refill(PAGE)
        for _ in range(5):
            await asyncio.sleep(0)

    def take(self) -> DueRepair | None:
        if self.supply.first() is None:
            return None
        taken = self.supply.take()
        self.taken.add(taken.part.part_id)
        return taken

    def settle(self, done: DueRepair, *, moved: bool = False, again: bool = False) -> None:
        self.taken.discard(done.part.part_id)
        self.supply.under_way -= 1
        if not again:
            self.tasks.remove(done)
        self.supply.settled(done.task.name, moved=moved)


async def test_every_task_is_given_once_in_order() -> None:
    stage = Stage(*(due(number) for number in range(40)))
    given = []
    while not stage.supply.is_empty:
        await stage.refill()
        while task := stage.take():
            given.append(task.part.part_id)
            await stage.refill()
            if len(stage.taken) > 4:
                stage.settle(next(each for each in stage.tasks if each.part.part_id in stage.taken))
    assert given == [task.part.part_id for task in (due(number) for number in range(40))]


async def test_a_page_is_asked_for_beyond_what_is_under_way() -> None:
    stage = Stage(*(due(number) for number in range(40)))
    await stage.refill()
    for _ in range(4):
        stage.take()
    await stage.refill()
    assert stage.asked == [PAGE, PAGE + 4]
    assert stage.take() == due(4)


async def test_what_was_done_while_a_page_was_on_its_way_is_not_given_again() -> None:
    stage = Stage(*(due(number) for number in range(8)))
    await stage.refill()
    first = [stage.take() for _ in range(4)]
    stage.gate = asyncio.Event()
    await stage.refill()
    for task in first:
        stage.settle(task)
    stage.gate.set()
    await stage.refill()
    assert stage.take() == due(4)


async def test_another_task_of_a_part_waits_until_the_part_is_free() -> None:
    one, other = due(1, shard=0), due(1, shard=1)
    stage = Stage(one, other, due(2))
    await stage.refill()
    assert [stage.take(), stage.take()] == [one, due(2)]
    assert stage.take() is None
    stage.settle(one)
    assert stage.take() == other


async def test_after_a_move_the_part_is_looked_up_anew() -> None:
    one, other = due(1, shard=0), due(1, shard=1)
    stage = Stage(one, other)
    await stage.refill()
    stage.take()
    stage.settle(one, moved=True)
    assert stage.take() is None
    stage.supply.look_again()
    await stage.refill()
    assert stage.take() == other


async def test_a_store_that_fails_is_asked_again_at_the_next_look() -> None:
    stage = Stage(due(1))
    stage.error = MetadataUnavailable("busy")
    await stage.refill()
    assert (stage.arrivals, stage.take()) == (0, None)
    assert not stage.supply.is_empty
    stage.error = None
    await stage.refill()
    assert (stage.arrivals, stage.take()) == (1, due(1))


async def test_looking_again_during_a_question_is_not_lost() -> None:
    stage = Stage(due(1))
    stage.gate = asyncio.Event()
    await stage.refill()
    stage.supply.look_again()
    stage.gate.set()
    await stage.refill()
    await stage.refill()
    assert stage.asked == [PAGE, PAGE]


async def test_closing_ends_the_question() -> None:
    stage = Stage(due(1))
    stage.gate = asyncio.Event()
    await stage.refill()
    await stage.supply.close()
    assert stage.arrivals == 0
