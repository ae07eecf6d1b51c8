"""What all parts of the SQLite store have in common: the connections that their calls go to."""

from metadata.clock import ClockMs
from metadata.commits import Commits
from metadata.group_commit import Batches
from metadata.lookups import Lookups
from metadata.statements.known_buckets import KnownBuckets


class SqliteCalls:
    """`writes` commits mutations, `lookups` finds single things, `pages` many."""

    def __init__(
        self, writes: Commits, lookups: Lookups, pages: Batches, clock_ms: ClockMs
    ) -> None:
        self._writes = writes
        self._lookups = lookups
        self._pages = pages
        self._clock_ms = clock_ms
        self._known_buckets: KnownBuckets = writes.known_buckets
