"""Where a point look-up runs: on the caller's thread or on its own."""

import sqlite3
import threading
from pathlib import Path

import pytest

from metadata import MetadataUnavailable, SqliteStore, open_sqlite
from metadata.connection import open_reader_here
from metadata.lookups import Lookups
from metadata.residence import Residence


def where(_: sqlite3.Connection) -> int:
    return threading.get_ident()


HERE = threading.main_thread().ident


async def test_a_small_file_is_looked_up_here(sqlite: SqliteStore) -> None:
    assert await sqlite._lookups.submit(where) == HERE


async def test_a_page_is_looked_up_in_the_thread(sqlite: SqliteStore) -> None:
    assert await sqlite._lookups.submit_page(where) != HERE


async def test_a_large_file_is_looked_up_in_the_thread(sqlite: SqliteStore, tmp_path: Path) -> None:
    near = sqlite._lookups
    far = Lookups(near.here, near._batches, Residence(tmp_path / "metadata.db", limit_bytes=1))
    assert await far.submit(where) != HERE


async def test_the_loop_waits_for_no_lock(sqlite: SqliteStore) -> None:
    def locked_here(db: sqlite3.Connection) -> int:
        if where(db) == HERE:
            raise sqlite3.OperationalError("database is locked")
        return where(db)

    assert await sqlite._lookups.submit(locked_here) != HERE


async def test_a_look_up_sees_one_moment(sqlite: SqliteStore, tmp_path: Path) -> None:
    """The writer commits in its thread while the loop is between two statements of a look-up."""
    other = sqlite3.connect(tmp_path / "metadata.db", isolation_level=None)

    def count_twice(db: sqlite3.Connection) -> tuple[int, int]:
        (before,) = db.execute("SELECT count(*) FROM users").fetchone()
        other.execute(
            "INSERT INTO users (user_id, display_name, is_root, created_at_ms) VALUES"
            " ('u', 'U', 0, 1)"
        )
        return before, db.execute("SELECT count(*) FROM users").fetchone()[0]

    before, after = await sqlite._lookups.submit(count_twice)
    assert before == after
    other.close()
    assert (await sqlite.user("u")).display_name == "U", "the next one sees it"


async def test_other_failures_are_ours(sqlite: SqliteStore) -> None:
    def fail(_: sqlite3.Connection) -> None:
        raise sqlite3.DatabaseError("malformed")

    with pytest.raises(MetadataUnavailable, match="malformed"):
        await sqlite._lookups.submit(fail)


async def test_nothing_is_looked_up_after_the_end(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "metadata.db")
    await store.close()
    with pytest.raises(MetadataUnavailable, match="closed"):
        await store._lookups.submit(where)


async def test_a_reader_can_not_write(sqlite: SqliteStore, tmp_path: Path) -> None:
    reader = open_reader_here(tmp_path / "metadata.db")
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        reader.execute("DELETE FROM buckets")
    reader.close()
