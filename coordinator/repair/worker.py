"""The one shape of background work: do one unit of it, again and again; wait when there is none.

Rules: work that fails is logged and tried again after a while, it never ends by itself. A unit is
short enough to be cut off anywhere: what it has not recorded is done again. Whoever brings work
calls `wake`; the regular look every `idle_s` is for work that nobody announces.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from metadata import MetadataError
from node.errors import NodeError

RETRY_S: Final = 1.0
"""How long a worker waits after a failure."""

Sleep = Callable[[float], Awaitable[None]]

Clock = Callable[[], float]
"""Monotonic seconds."""

log = logging.getLogger(__name__)


class Worker:
    """Runs `work`, which does one unit and returns whether there may be more right now."""

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[bool]],
        *,
        idle_s: float,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self.name = name
        self._work = work
        self._idle_s = idle_s
        self._sleep = sleep
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """There is work: don't wait any longer."""
        self._woken.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            # Before the work: what is announced while it runs may have come too late for it.
            self._woken.clear()
            try:
                has_more = await self._work()
            except (MetadataError, NodeError) as error:
                log.error("work put off", extra={"worker": self.name, "detail": str(error)})
                await self._sleep(RETRY_S)
            except Exception:
                log.exception("work failed", extra={"worker": self.name})
                await self._sleep(RETRY_S)
            else:
                if not has_more:
                    await self._pause()

    async def _pause(self) -> None:
        """Until somebody wakes us, or `idle_s` have passed."""
        woken = asyncio.ensure_future(self._woken.wait())
        slept = asyncio.ensure_future(self._sleep(self._idle_s))
        try:
            await asyncio.wait((woken, slept), return_when=asyncio.FIRST_COMPLETED)
        finally:
            woken.cancel()
            slept.cancel()
