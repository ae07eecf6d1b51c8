"""Names that are unique for ever: of parts (bytes) and of versions and uploads (hex).

Rules: an id starts with the time in milliseconds, so that ids made together lie together in the
metadata's trees; 80 random bits follow, so that no two coordinators need to agree. Nothing is ever
ordered by an id: clocks lie.
"""

import io
import os
import time
from collections.abc import Callable
from dataclasses import dataclass

RANDOM_BYTES = 10

BLOCK_BYTES = 4096


class _SystemRandom(io.RawIOBase):
    """`os.urandom` as a stream."""

    def readable(self) -> bool:
        return True

    def readinto(self, place: memoryview) -> int:  # type: ignore[override]
        place[:] = os.urandom(len(place))
        return len(place)


# A call of os.urandom takes longer than all the rest of an id, and gives the interpreter lock away.
# The buffer's own lock lets any thread read; no process is forked that would read the same.
_random_bytes = io.BufferedReader(_SystemRandom(), BLOCK_BYTES).read


@dataclass(frozen=True, slots=True)
class Ids:
    """Makes ids from a clock and a source of randomness, so that a seed can replay them."""

    clock: Callable[[], float] = time.time
    random_bytes: Callable[[int], bytes] = _random_bytes

    def now_ms(self) -> int:
        """Milliseconds since the epoch."""
        return int(self.clock() * 1000)

    def part_id(self) -> bytes:
        """16 bytes: 6 of time, 10 random."""
        return self.now_ms().to_bytes(6, "big") + self.random_bytes(RANDOM_BYTES)

    def version_id(self) -> str:
        """32 lower-case hex digits; also names uploads."""
        return self.part_id().hex()
