"""What the log says that the index file does not know yet, in memory, newest word last.

Rules:
1. Changes are applied in log order and only once they are durable.
2. One thread applies, others look up at the same time: every step leaves each shard's entry either
   as it was or as it will be, so no lock is needed for reading.
3. Things that came and went within one layer still leave their trace (`residues`): their bytes lie
   in a segment, and a tombstone that hides them must outlive them (see catalog.py).
"""

from typing import Final, NamedTuple

from node.record import RecordKey

Shard = tuple[bytes, int]
"""(part id, shard): how the index names a shard inside; plain tuples hash in C."""


class Location(NamedTuple):
    """Where a record lies: `length` counts header and payload."""

    segment: int
    offset: int
    length: int


class Gone:
    """The shard was deleted; what follows in `Changes.stripes` came after."""


GONE: Final = Gone()


class Changes:
    """What happened to one shard: `deleted` hides all that older layers know of it."""

    __slots__ = ("deleted", "stripes")

    def __init__(self, deleted: bool) -> None:
        self.deleted = deleted
        self.stripes: dict[int, Location] = {}


class Layer:
    """A bounded run of changes; `size` counts what it keeps in memory."""

    def __init__(self) -> None:
        self.shards: dict[Shard, Changes] = {}
        self.residues: set[tuple[bytes, int, int]] = set()
        self.tombstones: set[tuple[bytes, int, int]] = set()
        self.segments: set[int] = set()
        self.size = 0

    def put(self, key: RecordKey, location: Location) -> None:
        """The record now lies there."""
        shard = (key.part_id, key.shard)
        changes = self.shards.get(shard)
        if changes is None:
            changes = self.shards[shard] = Changes(deleted=False)
        former = changes.stripes.get(key.stripe)
        if former is not None:
            self.residues.add((*shard, former.segment))
        changes.stripes[key.stripe] = location
        self.segments.add(location.segment)
        self.size += 1

    def delete(self, shard: Shard, segment: int) -> None:
        """A tombstone for the shard stands in that segment."""
        former = self.shards.get(shard)
        if former is not None:
            for location in former.stripes.values():
                self.residues.add((*shard, location.segment))
        self.tombstones.add((*shard, segment))
        self.shards[shard] = Changes(deleted=True)
        self.segments.add(segment)
        self.size += 1

    def find(self, key: RecordKey) -> Location | Gone | None:
        """Its location, GONE if deleted, or None if this layer does not know."""
        changes = self.shards.get((key.part_id, key.shard))
        if changes is None:
            return None
        location = changes.stripes.get(key.stripe)
        if location is None and changes.deleted:
            return GONE
        return location
