"""Which parts are being read or repaired now, and which are being cleared of stray shards.

Rules: counted per part, in this process; a part that is pinned keeps its shards on the nodes, even
after the last version that named it was dropped. Whoever writes shards of a part that exists
(repair) must find it unclaimed when he pins it: a deletion under way would take them along.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

from metadata import Part


class Pins:
    """Parts that are being read now; the reclaimer leaves them alone."""

    def __init__(self) -> None:
        self._readers: dict[bytes, int] = {}
        self._claims: dict[bytes, int] = {}

    def pin(self, parts: Sequence[Part]) -> None:
        """One more reader of each part."""
        for part in parts:
            _count(self._readers, part.part_id)

    def unpin(self, parts: Sequence[Part]) -> None:
        """One reader of each part is done."""
        for part in parts:
            _discount(self._readers, part.part_id)

    @contextmanager
    def claim(self, part_ids: Iterable[bytes]) -> Iterator[frozenset[bytes]]:
        """Those of these parts that nobody has pinned; they are claimed meanwhile. Several may
        claim a part, each to clear it from another node."""
        claimed = frozenset(part_id for part_id in part_ids if part_id not in self._readers)
        for part_id in claimed:
            _count(self._claims, part_id)
        try:
            yield claimed
        finally:
            for part_id in claimed:
                _discount(self._claims, part_id)

    def is_claimed(self, part_id: bytes) -> bool:
        """Whether somebody is deleting stray shards of the part now."""
        return part_id in self._claims

    def __contains__(self, part_id: bytes) -> bool:
        return part_id in self._readers


def _count(counts: dict[bytes, int], part_id: bytes) -> None:
    counts[part_id] = counts.get(part_id, 0) + 1


def _discount(counts: dict[bytes, int], part_id: bytes) -> None:
    left = counts.pop(part_id) - 1
    if left:
        counts[part_id] = left
