"""Look-ups of single things: on the caller's thread while the file stays in memory, else elsewhere.

A point look-up takes 20 us, the hop to a thread and back five times that under load: it is most of
what a small GET waits for. Rules:

1. A look-up that finds the file locked does not wait here: the thread does.
2. Each look-up sees one snapshot, with every mutation that returned before it began, wherever it
   runs: one statement is one, more of them have a transaction around them.
"""

import logging
import sqlite3
from collections.abc import Callable
from typing import TypeVar

from metadata.group_commit import Batches, end_transaction, mapped
from metadata.residence import Residence

T = TypeVar("T")

log = logging.getLogger(__name__)


class Lookups:
    """See the module's rules. `here`: a reader of this thread; `batches`: one with its own."""

    def __init__(self, here: sqlite3.Connection, batches: Batches, residence: Residence) -> None:
        self.here = here
        self._batches = batches
        self._residence = residence

    @property
    def is_closed(self) -> bool:
        """Whether nothing is looked up any more."""
        return self._batches.is_closed

    def at_once(self, work: Callable[[sqlite3.Connection], T | None]) -> T | None:
        """What `work` finds with ONE statement, here and now; None: ask `submit`, which also says
        why. A transaction around it would cost half as much again."""
        if self._residence.is_in_memory() and not self._batches.is_closed:
            try:
                return work(self.here)
            except sqlite3.Error:
                return None
        return None

    async def submit(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns or raises."""
        if self._residence.is_in_memory() and not self._batches.is_closed:
            try:
                return self._look_up(work)
            except sqlite3.OperationalError:
                log.debug("look-up goes to the thread", exc_info=True)
            except sqlite3.Error as error:
                raise mapped(error) from error
        return await self._batches.submit(work)

    def _look_up(self, work: Callable[[sqlite3.Connection], T]) -> T:
        # The writer's thread commits whenever it is ready, between two statements too: without a
        # transaction "no object" and "what hides it" could be answers about different moments.
        self.here.execute("BEGIN")
        try:
            return work(self.here)
        finally:
            end_transaction(self.here)

    async def submit_page(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """The same for one that may find many rows: it always goes to the thread."""
        return await self._batches.submit(work)
