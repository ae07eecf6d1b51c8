"""Buckets that were read before: every request asks for one, and they seldom change.

Rules, for readers alone (what a writer sees may still be undone):
1. A bucket's id and settings_version say all of it. So what a look-up brings along of them stands
   for the bucket, whoever changes it.
2. By name a bucket is remembered only as it was read while no mutation of this store that changes
   buckets was under way, until one is. Such mutations are marked (`Batches.submit`), and
   tests/metadata/test_known_buckets.py finds those that are not.
3. No lock keeps another process from the file. A cluster has one coordinator, so none should change
   buckets; if one did, that is seen here within REMEMBERED_S, and by mutations at once.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import Final

from metadata.model import Bucket
from metadata.statements.buckets import find_bucket

MAX_KNOWN: Final = 1024

REMEMBERED_S: Final = 1.0
"""One reading in a second costs nothing."""

_STATE: Final = "SELECT bucket_id, settings_version FROM buckets WHERE name = ?"


class KnownBuckets:
    """See the module's rules. `clock`: monotonic, in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.changes = 0
        """Grows when such a mutation begins and when it ends."""
        self._are_changing = False
        self._clock = clock
        self._known: dict[tuple[int, int], Bucket] = {}
        self._by_name: dict[str, tuple[Bucket, float]] = {}

    def seen(self, bucket_id: int, settings_version: int) -> Bucket | None:
        """That bucket, if it was asked for before and has not changed since."""
        return self._known.get((bucket_id, settings_version))

    def get(
        self, db: sqlite3.Connection, name: str, bucket_id: int, settings_version: int
    ) -> Bucket:
        """That bucket, or, if it has changed since, as it is now. Raises NoSuchBucket."""
        return self.seen(bucket_id, settings_version) or self.read(db, name)

    def read(self, db: sqlite3.Connection, name: str) -> Bucket:
        """The bucket of that name as it is now. Raises NoSuchBucket."""
        bucket = find_bucket(db, name)
        if len(self._known) >= MAX_KNOWN:
            self._known.clear()
        self._known[bucket.bucket_id, bucket.settings_version] = bucket
        return bucket

    def find_at_once(self, db: sqlite3.Connection, name: str) -> Bucket | None:
        """The bucket of that name, if one statement can tell."""
        row = db.execute(_STATE, (name,)).fetchone()
        return None if row is None else self.seen(*row)

    # By name: on the event loop, where mutations begin and end, and nowhere else.
    def unchanged(self, name: str) -> Bucket | None:
        """The bucket of that name, if what was remembered is what there is."""
        found = self._by_name.get(name)
        return found[0] if found is not None and self._clock() < found[1] else None

    def remember(self, bucket: Bucket, changes: int) -> None:
        """That it was read. `changes`: as they were before that."""
        if changes != self.changes or self._are_changing:
            return
        if len(self._by_name) >= MAX_KNOWN:
            self._by_name.clear()
        self._by_name[bucket.name] = (bucket, self._clock() + REMEMBERED_S)

    def begin_change(self) -> None:
        """Mutations that change buckets begin, one batch at a time."""
        self.changes += 1
        self._are_changing = True
        self._by_name.clear()

    def end_change(self) -> None:
        """They are committed or undone, for certain."""
        self.changes += 1
        self._are_changing = False
