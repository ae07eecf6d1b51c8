"""The pace of repair: a bound on bytes, and rest while users are served."""

import asyncio

import pytest

from coordinator.repair.pace import BUSY_SHARE, MAX_REST_S, QUIET_AFTER_S, REST_RATIO, Pace


class Stage:
    """A pace whose sleeps take no time but are added up."""

    def __init__(self, bytes_per_s: int = 0) -> None:
        self.now = 100.0
        self.served = 0
        self.slept: list[float] = []
        self.pace = Pace(bytes_per_s, lambda: self.served, clock=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds


async def pass_through(pace: Pace, size_bytes: int) -> None:
    async with pace.turn(size_bytes):
        pass


async def test_without_a_bound_nothing_waits() -> None:
    stage = Stage()
    for _ in range(10):
        await pass_through(stage.pace, 10**9)
    assert stage.slept == []


async def test_the_bound_holds_from_the_first_byte_on() -> None:
    stage = Stage(bytes_per_s=1000)
    for _ in range(20):
        await pass_through(stage.pace, 500)
    assert stage.now - 100 == 9.5, "the last one is admitted when those before it are paid for"


async def test_idle_time_is_not_saved_up() -> None:
    stage = Stage(bytes_per_s=1000)
    await pass_through(stage.pace, 1000)
    stage.now += 60
    for _ in range(3):
        await pass_through(stage.pace, 1000)
    assert sum(stage.slept) == 2


async def test_chunks_that_wait_together_are_admitted_one_after_the_other() -> None:
    stage = Stage(bytes_per_s=1000)

    async def sleep(seconds: float) -> None:
        stage.slept.append(seconds)

    pace = Pace(1000, lambda: 0, clock=lambda: stage.now, sleep=sleep)
    await asyncio.gather(*(pass_through(pace, 1000) for _ in range(4)))
    assert stage.slept == [1, 2, 3]


async def test_rest_follows_the_work_while_users_are_served() -> None:
    stage = Stage()
    await stage.pace.rest(0.1)
    assert stage.slept == []
    stage.served += 1
    assert stage.pace.is_busy()
    await stage.pace.rest(0.1)
    assert stage.slept == [0.1 * REST_RATIO]


async def test_windows_go_one_at_a_time_while_users_are_served() -> None:
    stage = Stage()
    under_way: list[str] = []

    async def work(name: str) -> None:
        async with stage.pace.turn(1):
            under_way.append(name)
            stage.now += 0.2
            await asyncio.sleep(0)
            under_way.append(name)

    await asyncio.gather(work("a"), work("b"))
    assert under_way == ["a", "b", "a", "b"]
    under_way.clear()
    stage.served += 1
    await asyncio.gather(work("a"), work("b"))
    assert under_way == ["a", "a", "b", "b"]
    assert stage.slept[0] == pytest.approx(0.2 * REST_RATIO)


async def test_rest_is_bounded() -> None:
    stage = Stage()
    stage.served += 1
    await stage.pace.rest(3600)
    assert stage.slept == [MAX_REST_S]


def test_it_is_quiet_again_after_a_while() -> None:
    stage = Stage()
    stage.served += 1
    assert stage.pace.is_busy()
    stage.now += QUIET_AFTER_S * 0.9
    assert stage.pace.is_busy()
    stage.now += QUIET_AFTER_S * 0.2
    assert not stage.pace.is_busy()


def test_pages_are_small_while_users_are_served() -> None:
    stage = Stage()
    assert stage.pace.page(1000) == 1000
    stage.served += 1
    assert stage.pace.page(1000) == 1000 // BUSY_SHARE
    assert stage.pace.page(1) == 1
