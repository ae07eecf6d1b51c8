"""Looks at a cluster from outside while it falls and heals, through its JSON API.

Rules: three looks, each in a task of its own and with its own times, none of them waits for
another: every node's state, what repair says of itself, and what `verify` finds. What cannot be
asked at a moment is missing from the log and never made up.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Callable

from benchmarks.admin import Admin, Audit, Told
from benchmarks.connection import RequestFailed

STATE_INTERVAL_S = 0.05
REPAIR_INTERVAL_S = 0.1
VERIFY_INTERVAL_S = 0.2
VERIFY_SHARE = 0.25
"""A pass of `verify` costs the cluster something: no more than this share of the time, unless
repair says that it is done. Deep passes take all of it: what they look for is soon healed."""

DETECTED_STATES = frozenset({"down", "returned", "replaced"})


class Watch:
    """The three logs, which grow while `run` runs."""

    def __init__(self, admin: Admin, deep: bool) -> None:
        self._admin = admin
        self._deep = deep
        self._has_audited = asyncio.Event()
        self.audits: list[Audit] = []
        self.told: list[Told] = []
        self.states: list[tuple[float, dict[str, str]]] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; a look under way is finished."""
        async with asyncio.TaskGroup() as group:
            group.create_task(_each(STATE_INTERVAL_S, self._look_at_states, stop))
            group.create_task(_each(REPAIR_INTERVAL_S, self._look_at_repair, stop))
            group.create_task(self._audit_until(stop))

    def detected_s(self, node_id: str, fault_s: float) -> float:
        """When the node was first seen in a state that says that something befell it; NaN if it
        was not."""
        for at_s, states in self.states:
            if at_s >= fault_s and states.get(node_id) in DETECTED_STATES:
                return at_s
        return math.nan

    def first_trouble_s(self, fault_s: float) -> float:
        """When repair first had something to do after the fault, or had done it; NaN if never."""
        known = max((one.rebuilt_shards for one in self.told if one.at_s < fault_s), default=0)
        for one in self.told:
            if one.at_s >= fault_s and (one.queued_shards or one.rebuilt_shards > known):
                return one.at_s
        return math.nan

    async def until_whole(self, not_before_s: float) -> Audit:
        """Wait for the first pass that began no sooner and finds nothing missing."""
        while True:
            for one in self.audits:
                if one.begin_s >= not_before_s and one.is_whole:
                    return one
            self._has_audited.clear()
            await self._has_audited.wait()

    async def _look_at_states(self) -> None:
        states = await self._admin.states()
        if not self.states or self.states[-1][1] != states:
            self.states.append((time.perf_counter(), states))

    async def _look_at_repair(self) -> None:
        self.told.append(await self._admin.repair())

    async def _audit_until(self, stop: asyncio.Event) -> None:
        while not stop.is_set():
            begin_s = time.perf_counter()
            try:
                self.audits.append(await self._admin.verify(self._deep))
                self._has_audited.set()
            except RequestFailed:
                await _pause(VERIFY_INTERVAL_S, stop)
                continue
            end_s = time.perf_counter()
            took_s = end_s - begin_s
            rest_s = 0.0 if self._deep else took_s * (1 - VERIFY_SHARE) / VERIFY_SHARE
            next_s = end_s + max(rest_s, VERIFY_INTERVAL_S - took_s)
            # Repair that calls itself done is looked at sooner: the end is what is measured.
            while time.perf_counter() < next_s and not stop.is_set() and not self.is_news():
                await _pause(min(REPAIR_INTERVAL_S, next_s - time.perf_counter()), stop)

    def is_news(self) -> bool:
        """Whether repair had something to do when the last pass began, and now says that it has
        nothing more."""
        begin_s = self.audits[-1].begin_s
        before = [one for one in self.told if one.at_s <= begin_s][-1:]
        return bool(before and before[0].queued_shards and not self.told[-1].queued_shards)


async def _each(
    interval_s: float, look: Callable[[], Awaitable[None]], stop: asyncio.Event
) -> None:
    while not stop.is_set():
        # A look that failed is missing from the log; the next one may succeed.
        with contextlib.suppress(RequestFailed):
            await look()
        await _pause(interval_s, stop)


async def _pause(seconds: float, stop: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stop.wait()
