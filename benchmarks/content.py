"""What the benchmark's objects contain: bytes that follow from the key, so any GET can be checked.

Rules: one pool of seeded random bytes serves all objects of a size; a key chooses where in the pool
its object starts. So a body costs no copy to send, and one slice and one memcmp to check, while a
mixed-up, shifted, torn or stale object does not compare equal. Large sizes have few variants, so
that their SHA-256 is computed before the clock starts and not while the servers want the core.
"""

import random
from functools import cache
from hashlib import sha256
from zlib import crc32

_STRIDE_BYTES = 61
_SMALL_BYTES = 256 * 1024
_SMALL_VARIANTS = 4096
_LARGE_VARIANTS = 16


class Content:
    """All objects of one size. The same seed gives the same bytes for ever."""

    def __init__(self, size_bytes: int, seed: int = 1) -> None:
        self.size_bytes = size_bytes
        self._variants = _SMALL_VARIANTS if size_bytes <= _SMALL_BYTES else _LARGE_VARIANTS
        pool_bytes = size_bytes + self._variants * _STRIDE_BYTES
        self._pool = random.Random(seed).randbytes(pool_bytes)
        self._view = memoryview(self._pool)
        self._hash = cache(self._hash_at)

    def warm_up(self) -> None:
        """Compute every variant's hash now."""
        for variant in range(self._variants):
            self._hash(variant * _STRIDE_BYTES)

    def body(self, key: str) -> memoryview:
        """The object's bytes, a view of the pool."""
        start = self._start(key)
        return self._view[start : start + self.size_bytes]

    def sha256(self, key: str) -> str:
        """Hex SHA-256 of the body."""
        return self._hash(self._start(key))

    def check(self, key: str) -> "Check":
        """A fresh check of what a GET of the key brings."""
        return Check(self._pool, self._start(key), self.size_bytes)

    def _start(self, key: str) -> int:
        return crc32(key.encode()) % self._variants * _STRIDE_BYTES

    def _hash_at(self, start: int) -> str:
        return sha256(self._view[start : start + self.size_bytes]).hexdigest()


class Check:
    """Compares a body with what it should be, piece by piece as it arrives."""

    __slots__ = ("_at", "_end", "_pool", "_same")

    def __init__(self, pool: bytes, start: int, size_bytes: int) -> None:
        self._pool = pool
        self._at = start
        self._end = start + size_bytes
        self._same = True

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the body."""
        after = self._at + len(piece)
        # bytes against bytes is one memcmp; comparing memoryviews goes element by element.
        if after > self._end or self._pool[self._at : after] != piece:
            self._same = False
        self._at = after

    def passed(self) -> bool:
        """Whether all of the object came, and nothing else."""
        return self._same and self._at == self._end
