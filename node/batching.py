"""Coalesces many small pieces of work for one node into few requests.

While a batch is on its way, whatever else is submitted waits and goes out as the next one: at low
load nothing is delayed, at high load a request carries dozens of items. Rules:

1. Items leave in the order of submission; at most `in_flight` batches are under way. Beside
   another one a batch starts only when `overlap_bytes` wait for it: overlapping hides transfer
   times, which small items don't have, and what it costs is a request more.
2. The failure of a batch is the failure of each item in it, as an exception of its own, and of no
   other item.
3. A caller that cancels its future takes back only its own item, if it has not left yet.
4. `submit` never waits. Whoever has no bound of their own on what they submit awaits `room` first.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from node.errors import NodeError, NodeFailed, NodeUnreachable

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """How much goes into one batch, how many are under way, how much may wait."""

    batch_bytes: int
    batch_items: int
    in_flight: int
    queue_bytes: int
    overlap_bytes: int = 0


class _Entry(NamedTuple, Generic[Item, Result]):
    item: Item
    size: int
    future: asyncio.Future[Result]


class Lane(Generic[Item, Result]):
    """One kind of work for one node. `perform` does a batch: a result per item, or NodeError."""

    def __init__(
        self, perform: Callable[[Sequence[Item]], Awaitable[Sequence[Result]]], limits: BatchLimits
    ) -> None:
        self._perform = perform
        self._limits = limits
        self._queue: deque[_Entry[Item, Result]] = deque()
        self._pending_bytes = 0
        self._queued_bytes = 0
        self._workers: set[asyncio.Task[None]] = set()
        self._is_starting = False
        self._room = asyncio.Event()
        self._room.set()
        self._closed = False

    @property
    def pending_bytes(self) -> int:
        """What waits or is under way."""
        return self._pending_bytes

    async def room(self) -> None:
        """Wait until less than `queue_bytes` are pending."""
        while self._pending_bytes >= self._limits.queue_bytes:
            self._room.clear()
            await self._room.wait()

    def submit(self, item: Item, size: int) -> asyncio.Future[Result]:
        """Queue an item of about `size` bytes. The future raises NodeError."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Result] = loop.create_future()
        if self._closed:
            _fail(future, NodeUnreachable("the client is closed"))
            return future
        self._queue.append(_Entry(item, size, future))
        self._pending_bytes += size
        self._queued_bytes += size
        # The worker takes its batch when it starts to run, so that all that is submitted in this
        # turn of the loop goes out together.
        if not self._is_starting and self._may_start():
            self._is_starting = True
            worker = loop.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        return future

    def _may_start(self) -> bool:
        under_way = len(self._workers)
        return not under_way or (
            under_way < self._limits.in_flight and self._queued_bytes >= self._limits.overlap_bytes
        )

    async def _work(self) -> None:
        self._is_starting = False
        try:
            while batch := self._take():
                try:
                    await self._send(batch)
                finally:
                    self._release(sum(entry.size for entry in batch))
        finally:
            # Here, in the same step that found nothing to take: a done callback comes a turn of
            # the loop later, and what is submitted before it would wait for a worker that is gone.
            self._workers.discard(asyncio.current_task())

    def _take(self) -> list[_Entry[Item, Result]]:
        batch: list[_Entry[Item, Result]] = []
        room = self._limits.batch_bytes
        queue = self._queue
        while queue and len(batch) < self._limits.batch_items:
            entry = queue[0]
            if entry.future.done():
                queue.popleft()
                self._queued_bytes -= entry.size
                self._release(entry.size)
                continue
            if batch and entry.size > room:
                break
            room -= entry.size
            self._queued_bytes -= entry.size
            batch.append(queue.popleft())
        return batch

    def _release(self, size: int) -> None:
        self._pending_bytes -= size
        if self._pending_bytes < self._limits.queue_bytes:
            self._room.set()

    async def _send(self, batch: Sequence[_Entry[Item, Result]]) -> None:
        try:
            results = await self._perform([entry.item for entry in batch])
        except NodeError as error:
            for entry in batch:
                _fail(entry.future, error)
        except asyncio.CancelledError:
            for entry in batch:
                _fail(entry.future, NodeUnreachable("the client was closed"))
            raise
        except Exception as error:
            log.exception("a batch failed unexpectedly")
            for entry in batch:
                _fail(entry.future, NodeFailed(f"{type(error).__name__}: {error}"))
        else:
            for entry, result in zip(batch, results, strict=True):
                if not entry.future.done():
                    entry.future.set_result(result)

    async def close(self) -> None:
        """Give up what waits and what is under way."""
        self._closed = True
        workers = list(self._workers)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)
        while self._queue:
            entry = self._queue.popleft()
            self._queued_bytes -= entry.size
            self._release(entry.size)
            _fail(entry.future, NodeUnreachable("the client is closed"))


def _fail(future: asyncio.Future[Result], error: NodeError) -> None:
    if future.done():
        return
    # One exception per caller: a shared one would collect the tracebacks of all of them.
    own = type(error)(*error.args)
    own.__cause__ = error.__cause__
    future.set_exception(own)
    future.exception()  # nobody has to look at it: a hedged read may be forgotten
