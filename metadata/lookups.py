"""Look-ups of single things: on the caller's thread while the file stays in memory, else elsewhere.

A point look-up takes 20 us, the hop to a thread and back five times that under load: it is most of
what a small GET waits for. Rules:

1. The event loop must not wait for a disk. So the file is read once at the start, and look-ups run
   on the loop only as long as it is small enough to stay in the page cache from then on.
2. A look-up that finds the file locked does not wait here either: the thread does.
3. Each look-up sees every mutation that returned before it began, wherever it runs.
"""

import logging
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from metadata.group_commit import Batches, mapped

T = TypeVar("T")

MIB: Final = 1024 * 1024
READ_BYTES: Final = MIB

MEMORY_SHARE: Final = 4
"""The file may take one part in so many of this machine's memory to count as staying there ..."""

MAX_RESIDENT_BYTES: Final = 1024 * MIB
"""... and never more than this, which is some 1.5 million objects."""

LOOKUPS_BETWEEN_CHECKS: Final = 1024
"""The file's size is asked so seldom: in between it grows by some MiB at most."""

log = logging.getLogger(__name__)


def resident_limit_bytes() -> int:
    """Up to which size a file that was read is taken to stay in memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(MAX_RESIDENT_BYTES, memory // MEMORY_SHARE)


def read_through(path: Path, limit_bytes: int) -> None:
    """Bring the file into the page cache, unless it is larger than that. Raises OSError."""
    if path.stat().st_size > limit_bytes:
        return
    with path.open("rb", buffering=0) as file:
        place = bytearray(READ_BYTES)
        while file.readinto(place):
            pass


class Lookups:
    """See the module's rules. `here`: a reader of this thread; `batches`: one with its own."""

    def __init__(
        self, path: Path, here: sqlite3.Connection, batches: Batches, limit_bytes: int
    ) -> None:
        self._path = path
        self.here = here
        self._batches = batches
        self._limit_bytes = limit_bytes
        self._until_check = 0
        self._is_resident = True

    async def submit(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns or raises."""
        self._until_check -= 1
        if self._until_check < 0:
            self._check()
        if self._is_resident and not self._batches.is_closed:
            try:
                return work(self.here)
            except sqlite3.OperationalError:
                log.debug("look-up goes to the thread", exc_info=True)
            except sqlite3.Error as error:
                raise mapped(error) from error
        return await self._batches.submit(work)

    def _check(self) -> None:
        self._until_check = LOOKUPS_BETWEEN_CHECKS
        size = self._path.stat().st_size
        if self._is_resident and size > self._limit_bytes:
            log.info("metadata no longer stays in memory", extra={"bytes": size})
        self._is_resident = size <= self._limit_bytes
