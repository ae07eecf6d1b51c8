"""Which buckets are remembered by name, and for how long."""

import asyncio
import sqlite3
from pathlib import Path

import pytest

from metadata import Bucket, MetadataUnavailable, NoSuchBucket, SqliteStore, Versioning, open_sqlite
from metadata.commits import Commits
from metadata.lookups import Lookups
from metadata.residence import Residence
from metadata.statements.known_buckets import MAX_KNOWN, REMEMBERED_S, KnownBuckets
from tests.metadata.making import put
from tests.metadata.test_query_plans import exercise

WRITES = {sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE}
BUCKET = Bucket(1, "b", "owner", 1)


class Seconds:
    """A clock that stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


async def test_every_mutation_of_buckets_is_marked(sqlite: SqliteStore) -> None:
    """Asks SQLite of each statement, triggers too, what it is going to change."""
    known = sqlite._known_buckets
    seen: set[tuple[str, bool]] = set()

    def authorize(action: int, table: str | None, *_: str | None) -> int:
        if action in WRITES and table in {"buckets", "bucket_settings"}:
            seen.add((table, known._are_changing))
        return sqlite3.SQLITE_OK

    await sqlite._writes.connection.call(lambda db: db.set_authorizer(authorize))
    await exercise(sqlite)
    await sqlite._writes.connection.call(lambda db: db.set_authorizer(None))
    assert seen == {("buckets", True), ("bucket_settings", True)}


async def test_a_bucket_is_read_once(sqlite: SqliteStore) -> None:
    statements: list[str] = []
    await sqlite.bucket("b")
    sqlite._lookups.here.set_trace_callback(statements.append)
    await put(sqlite, "k")
    expected = Bucket(1, "b", "owner", 1)
    assert [await sqlite.bucket("b") for _ in range(3)] == [expected] * 3
    assert statements == []
    await sqlite.put_bucket_setting("b", "cors", "1")
    assert [(await sqlite.bucket("b")).settings_version for _ in range(3)] == [1] * 3
    assert len(statements) > 0


@pytest.mark.parametrize("limit_bytes", [1, 1 << 30])
async def test_what_returned_is_seen_however_many_look(
    sqlite: SqliteStore, tmp_path: Path, limit_bytes: int
) -> None:
    """Here and in the thread."""
    near = sqlite._lookups
    residence = Residence(tmp_path / "metadata.db", limit_bytes)
    sqlite._lookups = Lookups(near.here, near._batches, residence)
    returned = 0

    async def look() -> None:
        while True:
            least = returned
            assert (await sqlite.bucket("b")).settings_version >= least
            await asyncio.sleep(0)

    lookers = [asyncio.create_task(look()) for _ in range(8)]
    for number in range(1, 60):
        await sqlite.put_bucket_setting("b", "cors", str(number))
        returned = number
        assert (await sqlite.bucket("b")).settings_version == number
        assert (await sqlite.bucket("b")).settings_version == number
    await sqlite.delete_bucket("b")
    outcomes = await asyncio.gather(*lookers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [NoSuchBucket] * len(lookers)
    with pytest.raises(NoSuchBucket):
        await sqlite.bucket("b")
    again = await sqlite.create_bucket("b", "other", "", 2)
    assert await sqlite.bucket("b") == again


async def test_a_change_whose_caller_left_is_seen(sqlite: SqliteStore) -> None:
    await sqlite.bucket("b")
    change = asyncio.create_task(sqlite.set_versioning("b", Versioning.ENABLED))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    change.cancel()
    await put(sqlite, "k")
    assert (await sqlite.bucket("b")).versioning is Versioning.ENABLED


async def test_a_batch_that_is_cancelled_leaves_nothing_remembered(sqlite: SqliteStore) -> None:
    """Its commit may come later: nothing is remembered until the next change is over."""
    writes: Commits = sqlite._writes
    change = asyncio.create_task(sqlite.set_versioning("b", Versioning.ENABLED))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert writes._runner is not None
    writes._runner.cancel()
    change.cancel()
    await asyncio.gather(change, return_exceptions=True)
    await sqlite.bucket("b")
    assert writes.known_buckets.unchanged("b") is None
    await sqlite.put_bucket_setting("b", "cors", "1")
    found = await sqlite.bucket("b")
    assert writes.known_buckets.unchanged("b") == found


async def test_nothing_is_remembered_after_the_end(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "metadata.db")
    await store.create_bucket("b", "owner", "", 1)
    await store.bucket("b")
    await store.close()
    with pytest.raises(MetadataUnavailable):
        await store.bucket("b")


def test_what_was_read_while_a_change_was_under_way_is_not_remembered() -> None:
    known = KnownBuckets(Seconds())
    before = known.changes
    known.remember(BUCKET, before)
    assert known.unchanged("b") == BUCKET
    known.begin_change()
    during = known.changes
    for changes in (before, during):
        known.remember(BUCKET, changes)
        assert known.unchanged("b") is None
    known.end_change()
    for changes in (before, during):
        known.remember(BUCKET, changes)
        assert known.unchanged("b") is None
    known.remember(BUCKET, known.changes)
    assert known.unchanged("b") == BUCKET


def test_what_others_do_is_seen_after_a_while() -> None:
    seconds = Seconds()
    known = KnownBuckets(seconds)
    known.remember(BUCKET, known.changes)
    seconds.now_s += REMEMBERED_S * 0.9
    assert known.unchanged("b") == BUCKET
    seconds.now_s += REMEMBERED_S * 0.2
    assert known.unchanged("b") is None


def test_so_many_are_remembered_and_no_more() -> None:
    known = KnownBuckets(Seconds())
    for number in range(2 * MAX_KNOWN + 1):
        known.remember(Bucket(number, f"b{number}", "owner", 1), known.changes)
        assert len(known._by_name) <= MAX_KNOWN
    assert known.unchanged(f"b{2 * MAX_KNOWN}") is not None
