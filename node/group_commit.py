"""Group commit: one thread writes what the event loop queued, everything waiting in one go.

Rules: while a group is on its way to the disk the next one gathers, so the flush is shared exactly
as much as there is company. Order is the order of `submit`. A group has at most MAX_GROUP_BYTES
(or one write). What is queued is bounded by the bodies the server admits.
"""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable, Sequence
from typing import Final

from node.batch import Write
from node.errors import NodeError, NodeFailed

MAX_GROUP_BYTES: Final = 16 << 20

Commit = Callable[[Sequence[Write]], Sequence[NodeError | None]]
"""Makes writes durable together; says for each what went wrong, if anything."""

_Waiting = tuple[Write, "asyncio.Future[None]"]

logger = logging.getLogger(__name__)


class GroupCommit:
    """See the module's rules. Made and used on one event loop; `close` ends the thread."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="node-writer", daemon=True)
        self._thread.start()

    async def submit(self, write: Write) -> None:
        """Returns when the write is durable. Raises NodeFull, NodeFailed."""
        if self._closed:
            raise NodeFailed("the node is stopping")
        future: asyncio.Future[None] = self._loop.create_future()
        self._queue.put((write, future))
        await future

    async def close(self) -> None:
        """Commit what was submitted, then end."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            group, is_last = self._gather(first)
            try:
                outcomes = self._commit([write for write, _ in group])
            except Exception as error:
                logger.exception("commit failed")
                outcomes = [NodeFailed(f"commit failed: {error!r}")] * len(group)
            self._loop.call_soon_threadsafe(_settle, group, outcomes)
            if is_last:
                return

    def _gather(self, first: _Waiting) -> tuple[list[_Waiting], bool]:
        group, size = [first], first[0].size
        while size < MAX_GROUP_BYTES and not self._queue.empty():  # nobody else takes from it
            item = self._queue.get()
            if item is None:
                return group, True
            group.append(item)
            size += item[0].size
        return group, False


def _settle(group: Sequence[_Waiting], outcomes: Sequence[NodeError | None]) -> None:
    for (_, future), outcome in zip(group, outcomes, strict=True):
        if future.done():
            continue  # its caller has gone
        if outcome is None:
            future.set_result(None)
        else:
            future.set_exception(outcome)
