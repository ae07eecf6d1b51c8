"""The bound on bodies in memory."""

import os
import threading
from concurrent.futures import ThreadPoolExecutor

from node.budget import ByteBudget

GENEROUS_S = 20.0


class Holder:
    """A thread that wants some of the budget, has it, and gives it back when it is told to."""

    def __init__(self, pool: ThreadPoolExecutor, budget: ByteBudget, size: int) -> None:
        self.has = threading.Event()
        self._release = threading.Event()
        self._done = pool.submit(self._hold, budget, size)

    def _hold(self, budget: ByteBudget, size: int) -> None:
        with budget.hold(size):
            self.has.set()
            self._release.wait(GENEROUS_S)

    def release(self) -> None:
        self._release.set()
        self._done.result(GENEROUS_S)


def waiting(budget: ByteBudget, count: int) -> None:
    """Return when so many wait."""
    while len(budget._waiting) != count:
        os.sched_yield()


def test_first_come_first_served_within_the_limit():
    budget = ByteBudget(10)
    with ThreadPoolExecutor(4) as pool:
        a = Holder(pool, budget, 6)
        assert a.has.wait(GENEROUS_S)
        b = Holder(pool, budget, 5)
        waiting(budget, 1)
        c = Holder(pool, budget, 4)
        waiting(budget, 2)
        d = Holder(pool, budget, 100)
        waiting(budget, 3)
        assert not c.has.is_set()  # it would fit, but b came first
        a.release()
        assert b.has.wait(GENEROUS_S)
        assert c.has.wait(GENEROUS_S)
        assert not d.has.is_set()
        b.release()
        waiting(budget, 1)
        c.release()
        assert d.has.wait(GENEROUS_S)  # alone, it may be larger than the limit
        d.release()
        Holder(pool, budget, 10).release()


def test_what_failed_gives_its_room_back():
    budget = ByteBudget(10)
    for _ in range(3):
        try:
            with budget.hold(10):
                raise ConnectionError
        except ConnectionError:
            pass
    with budget.hold(10):
        pass
