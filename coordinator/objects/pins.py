"""Which parts are being read now.

Rules: counted per part, in this process; a part that is pinned keeps its shards on the nodes, even
after the last version that named it was dropped.
"""

from collections import Counter
from collections.abc import Sequence

from metadata import Part


class Pins:
    """Parts that are being read now; the reclaimer leaves them alone."""

    def __init__(self) -> None:
        self._readers: Counter[bytes] = Counter()

    def pin(self, parts: Sequence[Part]) -> None:
        """One more reader of each part."""
        self._readers.update(part.part_id for part in parts)

    def unpin(self, parts: Sequence[Part]) -> None:
        """One reader of each part is done."""
        for part in parts:
            self._readers[part.part_id] -= 1
            if not self._readers[part.part_id]:
                del self._readers[part.part_id]

    def __contains__(self, part_id: bytes) -> bool:
        return part_id in self._readers
