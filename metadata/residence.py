"""Whether a database file stays in memory, so that even the event loop may use it.

Rules: a file that was read once at the start and is small beside this machine's memory is taken to
stay in the page cache; a larger one is not, from then on. An event loop must not wait for a disk.
It is opened here only before SQLite does: closing it gives up all locks of this process.
"""

import logging
import os
from pathlib import Path
from typing import Final

MIB: Final = 1024 * 1024

MEMORY_SHARE: Final = 4
"""The file may take one part in so many of this machine's memory to count as staying there ..."""

MAX_RESIDENT_BYTES: Final = 1024 * MIB
"""... and never more than this, which is some 1.1 million objects."""

USES_BETWEEN_CHECKS: Final = 1024
"""The file's size is asked so seldom: in between it grows by some MiB at most."""

log = logging.getLogger(__name__)


def resident_limit_bytes() -> int:
    """Up to which size a file is taken to stay in memory."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(MAX_RESIDENT_BYTES, memory // MEMORY_SHARE)


class Residence:
    """See the module's rules."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        """`path` exists. Raises OSError."""
        self._path = path
        self._limit_bytes = limit_bytes
        self._until_check = USES_BETWEEN_CHECKS
        self._is_in_memory = path.stat().st_size <= limit_bytes

    def is_in_memory(self) -> bool:
        """Asked before each use."""
        self._until_check -= 1
        if self._until_check < 0 and self._is_in_memory:
            self._until_check = USES_BETWEEN_CHECKS
            size = self._path.stat().st_size
            if size > self._limit_bytes:
                log.info("metadata no longer counts as staying in memory", extra={"bytes": size})
                self._is_in_memory = False
        return self._is_in_memory

    def read_through(self) -> None:
        """Bring the file into the page cache. Takes as long as the disk does. Raises OSError."""
        if not self._is_in_memory:
            return
        place = bytearray(MIB)
        with self._path.open("rb", buffering=0) as file:
            while file.readinto(place):
                pass
