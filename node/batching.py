"""Coalesces many small pieces of work for one node into few requests.

While a batch is on its way, whatever else is submitted waits and goes out as the next one: at low
load nothing is delayed, at high load a request carries dozens of items. A first small item waits
for `gather_turns` of the event loop: in an idle loop they pass at once, in a busy one those whom it
is busy with come along. Rules:

1. Items leave in the order of submission; at most `in_flight` batches are under way. Beside
   another one a batch starts only when `overlap_bytes` wait for it: overlapping hides transfer
   times, which small items don't have, and what it costs is a request more.
2. The failure of a batch is the failure of each item in it, as an exception of its own, and of no
   other item.
3. A caller that cancels its future takes back only its own item, if it has not left yet.
4. `submit` never waits. Whoever has no bound of their own on what they submit awaits `room` first,
   unless it `has_room`.
5. Nothing here is a task: a batch leaves in a callback of the event loop, and ends in another.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from node.errors import NodeError, NodeFailed, NodeUnreachable

Item = TypeVar("Item")
Result = TypeVar("Result")

Ended = Callable[[Sequence[Result] | Exception], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much goes into one batch, how many are under way, how much may wait, how long a first
    item does."""

    batch_bytes: int
    batch_items: int
    in_flight: int
    queue_bytes: int
    overlap_bytes: int = 0
    gather_turns: int = 0


class Lane(Generic[Item, Result]):
    """One kind of work for one node.

    `perform` begins a batch, and later calls `ended` with a result per item, or with an error.
    """

    def __init__(
        self, perform: Callable[[Sequence[Item], Ended[Result]], object], limits: BatchLimits
    ) -> None:
        self._perform = perform
        self._limits = limits
        self._queue: deque[tuple[Item, int, asyncio.Future[Result]]] = deque()
        self._queued_bytes = 0
        self._under_way = 0
        self._under_way_bytes = 0
        self._is_starting = False
        self._room = asyncio.Event()
        self._closed = False

    @property
    def pending_bytes(self) -> int:
        """What waits or is under way."""
        return self._queued_bytes + self._under_way_bytes

    @property
    def has_room(self) -> bool:
        """Whether less than `queue_bytes` are pending."""
        return self._queued_bytes + self._under_way_bytes < self._limits.queue_bytes

    async def room(self) -> None:
        """Wait until it `has_room`."""
        while not self.has_room:
            self._room.clear()
            await self._room.wait()

    def submit(self, item: Item, size: int) -> asyncio.Future[Result]:
        """Queue an item of about `size` bytes. The future raises NodeError."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        if self._closed:
            _fail(future, NodeUnreachable("the client is closed"))
            return future
        self._queue.append((item, size, future))
        self._queued_bytes += size
        # The batch is taken in a callback, so that all that is submitted in this turn of the loop
        # goes out together.
        if not self._is_starting and self._may_start():
            self._is_starting = True
            self._under_way += 1
            loop.call_soon(self._gather, self._limits.gather_turns)
        return future

    def _gather(self, turns: int) -> None:
        if turns and self._queued_bytes < self._limits.overlap_bytes:
            asyncio.get_running_loop().call_soon(self._gather, turns - 1)
        else:
            self._start()

    def _may_start(self) -> bool:
        return not self._under_way or (
            self._under_way < self._limits.in_flight
            and self._queued_bytes >= self._limits.overlap_bytes
        )

    def _start(self) -> None:
        self._is_starting = False
        items, futures, size = self._take()
        if not items:
            self._under_way -= 1
            return
        ended = partial(self._end, futures, size)
        try:
            self._perform(items, ended)
        except Exception as error:
            ended(error)

    def _take(self) -> tuple[list[Item], list[asyncio.Future[Result]], int]:
        items: list[Item] = []
        futures: list[asyncio.Future[Result]] = []
        taken = 0
        queue, limits = self._queue, self._limits
        while queue and len(items) < limits.batch_items:
            item, size, future = queue[0]
            if not future.done():
                if items and taken + size > limits.batch_bytes:
                    break
                items.append(item)
                futures.append(future)
                taken += size
            queue.popleft()
            self._queued_bytes -= size
        self._under_way_bytes += taken
        self._room.set()
        return items, futures, taken

    def _end(
        self,
        futures: Sequence[asyncio.Future[Result]],
        size: int,
        outcome: Sequence[Result] | Exception,
    ) -> None:
        if isinstance(outcome, Exception):
            if not isinstance(outcome, NodeError):
                log.error("a batch failed unexpectedly", exc_info=outcome)
                outcome = NodeFailed(f"{type(outcome).__name__}: {outcome}")
            for future in futures:
                _fail(future, outcome)
        else:
            for future, result in zip(futures, outcome, strict=True):
                if not future.done():
                    future.set_result(result)
        self._under_way_bytes -= size
        self._room.set()
        if self._queue:
            # After those who have just got their results: what they submit leaves with it.
            asyncio.get_running_loop().call_soon(self._start)
        else:
            self._under_way -= 1

    def close(self) -> None:
        """Give up what waits. What is under way ends as `perform` ends it."""
        self._closed = True
        for _, size, future in self._queue:
            self._queued_bytes -= size
            _fail(future, NodeUnreachable("the client is closed"))
        self._queue.clear()
        self._room.set()


def _fail(future: asyncio.Future[Result], error: NodeError) -> None:
    if future.done():
        return
    # One exception per caller: a shared one would collect the tracebacks of all of them.
    own = type(error)(*error.args)
    own.__cause__ = error.__cause__
    future.set_exception(own)
    future.exception()  # nobody has to look at it: a hedged read may be forgotten
