"""Group commit: of the threads that want to write one at a time writes for all that wait.

Rules: while a group is on its way to the disk the next one gathers, so the flush is shared exactly
as much as there is company, and who is alone wakes nobody. Order is the order of `submit`. A group
has at most MAX_GROUP_BYTES (or one write). What is queued is bounded by the bodies the server
admits.
"""

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from node.batch import Write
from node.errors import NodeError, NodeFailed

MAX_GROUP_BYTES: Final = 16 << 20

Commit = Callable[[Sequence[Write]], Sequence[NodeError | None]]
"""Makes writes durable together; says for each what went wrong, if anything."""

logger = logging.getLogger(__name__)


class _Entry:
    """A write on its way, and what became of it."""

    __slots__ = ("error", "is_done", "write")

    def __init__(self, write: Write) -> None:
        self.write = write
        self.is_done = False
        self.error: NodeError | None = None


class GroupCommit:
    """See the module's rules. Any thread may submit."""

    def __init__(self, commit: Commit) -> None:
        self._commit = commit
        self._queue: deque[_Entry] = deque()
        self._gate = threading.Lock()
        self._turn = threading.Lock()
        self._closed = False

    def submit(self, write: Write) -> None:
        """Returns when the write is durable. Raises NodeFull, NodeFailed."""
        entry = _Entry(write)
        with self._gate:
            if self._closed:
                raise NodeFailed("the node is stopping")
            self._queue.append(entry)
        while not entry.is_done:
            with self._turn:
                if not entry.is_done:  # nobody had it in their group while we waited
                    self._commit_group()
        if entry.error is not None:
            raise entry.error

    def close(self) -> None:
        """Commit what was submitted, and accept nothing more."""
        with self._gate:
            self._closed = True
        with self._turn:
            while self._queue:
                self._commit_group()

    def _commit_group(self) -> None:
        group = self._gather()
        try:
            outcomes = self._commit([entry.write for entry in group])
        except Exception as error:
            logger.exception("commit failed")
            outcomes = [NodeFailed(f"commit failed: {error!r}")] * len(group)
        for entry, outcome in zip(group, outcomes, strict=True):
            entry.error = outcome
            entry.is_done = True

    def _gather(self) -> list[_Entry]:
        queue = self._queue  # to which others append meanwhile, but only we take from it
        group = [queue.popleft()]
        size = group[0].write.size
        while queue and size < MAX_GROUP_BYTES:
            group.append(queue.popleft())
            size += group[-1].write.size
        return group
