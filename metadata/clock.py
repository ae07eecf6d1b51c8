"""The wall clock as the stores use it, by default."""

import time
from collections.abc import Callable

ClockMs = Callable[[], int]
"""Milliseconds since the epoch."""


def wall_clock_ms() -> int:
    """Now."""
    return time.time_ns() // 1_000_000
