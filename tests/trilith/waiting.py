"""Waiting for what another process or thread is about to do, with a deadline."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

DEADLINE_S = 20.0
POLL_S = 0.01


def until(condition: Callable[[], T], what: str = "the condition") -> T:
    """The first true value of `condition`; fails after DEADLINE_S."""
    deadline = time.monotonic() + DEADLINE_S
    never = threading.Event()
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what} did not come true within {DEADLINE_S} s"
        never.wait(POLL_S)
    return value
