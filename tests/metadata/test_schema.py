"""Numbered migrations."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from metadata import MetadataUnavailable, SchemaTooNew, open_sqlite
from metadata.schema import Migration, known_migrations, migrate, schema_number

FIRST = Migration(1, "first", "-- a comment; with a semicolon\nCREATE TABLE t (a);\n")
SECOND = Migration(
    2,
    "second",
    """
    ALTER TABLE t ADD COLUMN b;
    CREATE TRIGGER added AFTER INSERT ON t BEGIN
        UPDATE t SET b = 1;
        UPDATE t SET b = b + 1;
    END;
    """,
)
BROKEN = Migration(3, "broken", "CREATE TABLE u (a);\nCREATE TABLE t (a);\n")


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    yield connection
    connection.close()


def tables(db: sqlite3.Connection) -> set[str]:
    return {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}


def test_migrations_are_applied_in_order_and_once(db: sqlite3.Connection) -> None:
    migrate(db, [FIRST])
    assert schema_number(db) == 1
    db.execute("INSERT INTO t VALUES (1)")
    migrate(db, [FIRST, SECOND])
    migrate(db, [FIRST, SECOND])
    assert schema_number(db) == 2
    db.execute("INSERT INTO t (a) VALUES (2)")
    assert db.execute("SELECT a, b FROM t").fetchall() == [(1, 2), (2, 2)]


def test_a_failing_migration_leaves_the_schema_before_it(db: sqlite3.Connection) -> None:
    with pytest.raises(sqlite3.OperationalError, match="already exists"):
        migrate(db, [FIRST, SECOND, BROKEN])
    assert schema_number(db) == 2
    assert tables(db) == {"t"}
    assert not db.in_transaction


def test_a_newer_schema_is_refused_untouched(db: sqlite3.Connection) -> None:
    migrate(db, [FIRST, SECOND])
    with pytest.raises(SchemaTooNew, match=r"schema 2.* knows 1") as raised:
        migrate(db, [FIRST])
    assert (raised.value.found, raised.value.known) == (2, 1)
    assert schema_number(db) == 2


def test_the_shipped_migrations_apply_to_a_new_database(db: sqlite3.Connection) -> None:
    known = known_migrations()
    assert known[0].name == "initial"
    migrate(db, known)
    assert schema_number(db) == len(known)
    assert {"buckets", "versions", "objects", "parts"} <= tables(db)


async def test_opening_a_newer_file_says_so_and_leaves_it_alone(tmp_path: Path) -> None:
    path = tmp_path / "metadata.db"
    db = sqlite3.connect(path)
    db.execute("PRAGMA user_version = 999")
    db.execute("PRAGMA journal_mode = WAL")
    db.close()
    with pytest.raises(SchemaTooNew, match="999"):
        await open_sqlite(path)
    db = sqlite3.connect(path)
    assert tables(db) == set()
    db.close()


async def test_opening_what_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "metadata.db"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(MetadataUnavailable, match="not a database"):
        await open_sqlite(path)
    with pytest.raises(MetadataUnavailable):
        await open_sqlite(tmp_path)
