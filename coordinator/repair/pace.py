"""How fast repair may go: a bound on bytes, and giving way to those who use the store.

Rules: at most `bytes_per_s` are repaired, if that is set. While requests are being served, windows
of work are small, go one at a time, and each is followed by a rest in proportion to how long it
took (Garage calls this tranquility): a store that slows down slows its repair with it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from coordinator.repair.worker import Sleep

QUIET_AFTER_S: Final = 0.5
"""Without a request for so long, nobody is disturbed."""

REST_RATIO: Final = 1.0
"""Rest after a piece of work, in times of its duration, while somebody is served."""

MAX_REST_S: Final = 1.0

BUSY_SHARE: Final = 10
"""A page is so many times smaller while somebody is served: whatever thread reads a thousand rows
holds the interpreter up for a request's every step meanwhile."""


class Pace:
    """See the module. `served` counts the requests of users, up to now."""

    def __init__(
        self,
        bytes_per_s: int,
        served: Callable[[], int],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`bytes_per_s` of 0: no bound."""
        self._bytes_per_s = bytes_per_s
        self._served = served
        self._clock = clock
        self._sleep = sleep
        self._seen = served()
        self._quiet_from = clock()
        self._next_at = clock()
        self._one_at_a_time = asyncio.Lock()

    def is_busy(self) -> bool:
        """Whether somebody uses the store now."""
        served, now = self._served(), self._clock()
        if served != self._seen:
            self._seen = served
            self._quiet_from = now + QUIET_AFTER_S
        return now < self._quiet_from

    def page(self, most: int) -> int:
        """How many of what may be looked at in one go, `most` at best."""
        return max(1, most // BUSY_SHARE) if self.is_busy() else most

    @asynccontextmanager
    async def turn(self, size_bytes: int) -> AsyncIterator[None]:
        """Around a window of work that repairs so many bytes."""
        await self._admit(size_bytes)
        if not self.is_busy():
            yield
            return
        async with self._one_at_a_time:
            began_at = self._clock()
            yield
            await self.rest(self._clock() - began_at)

    async def _admit(self, size_bytes: int) -> None:
        if not self._bytes_per_s:
            return
        now = self._clock()
        start = max(self._next_at, now)
        # What is admitted pays before the next may start: no saved-up allowance, no burst.
        self._next_at = start + size_bytes / self._bytes_per_s
        if start > now:
            await self._sleep(start - now)

    async def rest(self, worked_s: float) -> None:
        """After work that took `worked_s`: let others go first, if there are any."""
        if self.is_busy():
            await self._sleep(min(worked_s * REST_RATIO, MAX_REST_S))
