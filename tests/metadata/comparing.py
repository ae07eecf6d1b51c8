"""What the comparisons with the reference model have in common: every call goes to both.

Both must answer the same, or refuse with the same error; and whatever was done, the database keeps
its invariants, and a store that is opened again is the same store.
"""

import asyncio
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from metadata import (
    MemoryStore,
    MetadataError,
    MetadataStore,
    RepairState,
    StoredVersion,
    Version,
    VersionListing,
    open_sqlite,
)
from tests.metadata.invariants import broken_invariants
from tests.metadata.making import Clock, all_reclaims

Call = Callable[[MetadataStore], Awaitable[Any]]

SETTINGS = settings(
    max_examples=40,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def unnumbered(answer: Any) -> Any:
    """The answer without its versions' sequences: these say an order, and a backend may leave
    numbers out (SQLite does where a deletion was retried)."""
    match answer:
        case Version():
            return replace(answer, sequence=0)
        case StoredVersion():
            return replace(answer, version=unnumbered(answer.version))
        case VersionListing():
            listed = [each._replace(version=unnumbered(each.version)) for each in answer.versions]
            return replace(answer, versions=tuple(listed))
    return answer


async def in_order(store: MetadataStore, bucket: str) -> list[str]:
    """The ids of a bucket's versions, as they came."""
    listing = await store.list_versions(bucket, limit=1_000)
    versions = [each.version for each in listing.versions]
    return [each.version_id for each in sorted(versions, key=lambda each: each.sequence)]


class Comparison(RuleBasedStateMachine):
    """Two stores with the buckets `b` and `c`."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "metadata.db"
        self.runner = asyncio.Runner()
        self.clock = Clock()
        self.model = MemoryStore(self.clock)
        self.sqlite = self.runner.run(open_sqlite(self.path, clock_ms=self.clock))
        for name in ("b", "c"):
            self.both(lambda store, n=name: store.create_bucket(n, "owner", "", 1))

    def teardown(self) -> None:
        self.runner.run(self.sqlite.close())
        self.runner.close()
        self.folder.cleanup()

    def both(self, call: Call) -> Any:
        async def run() -> tuple[Any, Any]:
            return await self._outcome(self.model, call), await self._outcome(self.sqlite, call)

        expected, answered = self.runner.run(run())
        assert answered == expected
        return expected

    @staticmethod
    async def _outcome(store: MetadataStore, call: Call) -> Any:
        try:
            return unnumbered(await call(store))
        except MetadataError as error:
            return type(error)

    @rule(step_ms=st.integers(-5, 20))
    def time_passes(self, step_ms):
        self.clock.now_ms += step_ms

    @rule()
    def reopen(self):
        self.runner.run(self.sqlite.close())
        self.sqlite = self.runner.run(open_sqlite(self.path, clock_ms=self.clock))

    @invariant()
    def same_upkeep(self):
        self.both(lambda store: store.totals())
        self.both(lambda store: store.repairs())
        self.both(lambda store: store.repairs(state=RepairState.DEAD))
        self.both(all_reclaims)

    @invariant()
    def nothing_dangles(self):
        db = sqlite3.connect(self.path)
        try:
            assert broken_invariants(db) == []
        finally:
            db.close()
