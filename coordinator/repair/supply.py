"""The tasks of one holder that are due, a page ahead of the work.

Rules:
1. The store is asked for the next page while the present one is worked on; a page replaces the
   former one, so what is taken is always the most endangered of a recent answer.
2. A page is a picture of the past. What was done since it was asked for is not taken from it again,
   nor is anything of a part whose shards have moved since; that comes with a later page.
3. A task of a part that is being worked on is deferred until that is over.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Container
from typing import Final

from metadata import DueRepair, MetadataError, ShardName

PAGE: Final = 1000
LOW_SHARE: Final = 4
"""When fewer than this fraction of a page are left the next one replaces them."""

log = logging.getLogger(__name__)

Fetch = Callable[[int], Awaitable[list[DueRepair]]]
"""Gives the holder's most endangered due tasks, at most so many. Raises MetadataError."""


class Supply:
    """See the module's rules."""

    def __init__(self, fetch: Fetch, taken: Container[bytes], arrived: Callable[[], None]) -> None:
        """`taken`: the parts that are being worked on. `arrived` is called when a page has come."""
        self._fetch = fetch
        self._taken = taken
        self._arrived = arrived
        self._page: deque[DueRepair] = deque()
        self._deferred: dict[bytes, DueRepair] = {}
        self._past: set[ShardName | bytes] = set()
        """Shards and parts of which the page is not to be believed."""

        self._past_since_asked: set[ShardName | bytes] = set()
        self._may_have_more = True
        self._asking: asyncio.Task[None] | None = None
        self.under_way = 0
        """Tasks of this holder that were taken and not yet settled."""

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left, as far as is known."""
        return not (self._page or self._deferred or self._may_have_more or self._asking)

    def refill(self, page: int) -> None:
        """Ask for the next page, of so many tasks, if it is time."""
        is_low = len(self._page) < page // LOW_SHARE
        if self._may_have_more and is_low and self._asking is None:
            self._may_have_more = False
            self._past_since_asked = set()
            self._asking = asyncio.create_task(self._ask(page))

    async def _ask(self, page: int) -> None:
        # What is under way is due all the same, and stands first.
        limit = page + self.under_way
        try:
            found = await self._fetch(limit)
        except MetadataError as error:
            # Not `arrived`: the next regular look will do.
            log.error("repairs can't be looked up", extra={"detail": str(error)})
            self._may_have_more = True
        else:
            self._may_have_more |= len(found) == limit
            self._page = deque(found)
            self._deferred.clear()
            self._past = self._past_since_asked
            self._arrived()
        finally:
            self._asking = None

    def first(self) -> DueRepair | None:
        """The most endangered task that may be taken."""
        while self._page:
            due = self._page[0]
            part_id = due.part.part_id
            is_past = due.task.name in self._past or part_id in self._past
            if not is_past and part_id not in self._taken:
                return due
            self._page.popleft()
            if not is_past:
                self._deferred[part_id] = due
        return None

    def take(self) -> DueRepair:
        """Take what `first` has shown."""
        self.under_way += 1
        return self._page.popleft()

    def settled(self, name: ShardName, *, moved: bool) -> None:
        """The work on the task is over, for now or for good, and its part is free again."""
        past = (name, name.part_id) if moved else (name,)
        self._past.update(past)
        self._past_since_asked.update(past)
        deferred = self._deferred.pop(name.part_id, None)
        if deferred is not None:
            self._page.appendleft(deferred)

    def look_again(self) -> None:
        """There may be tasks, or dangers, that the page does not show."""
        self._page.clear()
        self._deferred.clear()
        self._may_have_more = True

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.gather(self._asking, return_exceptions=True)
