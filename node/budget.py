"""A bound on the bytes of request and response bodies that a node holds in memory at once.

Rules: first come, first served, so that large bodies are not starved by small ones. A body larger
than the whole budget is admitted alone.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator


class ByteBudget:
    """See the module's rules."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held_bytes = 0
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @contextlib.asynccontextmanager
    async def hold(self, size: int) -> AsyncIterator[None]:
        """Wait for room for `size` bytes, and hold it."""
        await self._acquire(size)
        try:
            yield
        finally:
            self._held_bytes -= size
            self._admit()

    def _fits(self, size: int) -> bool:
        return self._held_bytes == 0 or self._held_bytes + size <= self._limit_bytes

    async def _acquire(self, size: int) -> None:
        if not self._waiting and self._fits(size):
            self._held_bytes += size
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._held_bytes -= size
            else:
                self._waiting.remove((size, turn))
            self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting and self._fits(self._waiting[0][0]):
            size, turn = self._waiting.popleft()
            self._held_bytes += size
            turn.set_result(None)
