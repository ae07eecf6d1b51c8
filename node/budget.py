"""A bound on the bytes of request and response bodies that a node holds in memory at once.

Rules: first come, first served, so that large bodies are not starved by small ones. A body larger
than the whole budget is admitted alone.
"""

import threading
from collections import deque


class ByteBudget:
    """See the module's rules."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held_bytes = 0
        self._lock = threading.Lock()
        self._waiting: deque[tuple[int, threading.Event]] = deque()

    def hold(self, size: int) -> "_Hold":
        """`with` it: waits for room for `size` bytes, and holds it."""
        return _Hold(self, size)

    def _fits(self, size: int) -> bool:
        return self._held_bytes == 0 or self._held_bytes + size <= self._limit_bytes

    def acquire(self, size: int) -> None:
        """Wait for room for `size` bytes; `release` them."""
        with self._lock:
            if not self._waiting and self._fits(size):
                self._held_bytes += size
                return
            turn = threading.Event()
            self._waiting.append((size, turn))
        turn.wait()

    def release(self, size: int) -> None:
        """Let others have them."""
        with self._lock:
            self._held_bytes -= size
            while self._waiting and self._fits(self._waiting[0][0]):
                size, turn = self._waiting.popleft()
                self._held_bytes += size
                turn.set()


class _Hold:
    """A class, for as a generator it would cost three times as much, and each request has one."""

    __slots__ = ("_budget", "_size")

    def __init__(self, budget: ByteBudget, size: int) -> None:
        self._budget = budget
        self._size = size

    def __enter__(self) -> None:
        self._budget.acquire(self._size)

    def __exit__(self, *_: object) -> None:
        self._budget.release(self._size)
