"""What the erasure code can refuse, one class per reason.

Rules: all of it is detected before the first byte is written. The classes are ValueErrors too
where the caller's arguments are at fault, so that code which knows nothing of this package still
sees the usual kind.
"""


class ErasureError(Exception):
    """Base of everything this package raises."""


class InvalidCode(ErasureError, ValueError):
    """k and m do not name a code: 1 <= k, 0 <= m, k + m <= 255."""


class InvalidUnits(ErasureError, ValueError):
    """Units of unequal length, of a wrong type or shape, or an output that overlaps the input."""


class InvalidShard(ErasureError, ValueError):
    """A shard index outside 0 <= index < k + m."""


class InvalidLayout(ErasureError, ValueError):
    """A layout with impossible sizes, or a stripe or byte range that lies outside the part."""


class NotEnoughShards(ErasureError):
    """Fewer than k shards are left: what was asked for is lost."""

    def __init__(self, needed: int, given: int) -> None:
        super().__init__(f"{needed} shards are needed, {given} were given")
        self.needed = needed
        self.given = given
