"""The catalog's tables, and how its file is opened, distrusted and thrown away.

Rules: whatever cannot be trusted is removed, never mended: the segments know everything. The
scratch tables are temporary and in memory; they hold the rows of one transaction or one rewriting
more compactly than Python objects would.
"""

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

CATALOG_FORMAT: Final = 1
CATALOG_FILENAME: Final = "index.db"
CACHE_KIB: Final = 8192

_SCHEMA: Final = """
CREATE TABLE meta (
    id INTEGER PRIMARY KEY CHECK (id = 1), store_id TEXT NOT NULL, clean INTEGER NOT NULL,
    segment INTEGER NOT NULL, offset INTEGER NOT NULL,
    records INTEGER NOT NULL, shards INTEGER NOT NULL) STRICT;
CREATE TABLE segment (id INTEGER PRIMARY KEY, live_bytes INTEGER NOT NULL) STRICT;
CREATE TABLE record (
    part_id BLOB NOT NULL, shard INTEGER NOT NULL, stripe INTEGER NOT NULL,
    segment INTEGER NOT NULL, offset INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY (part_id, shard, stripe)) STRICT, WITHOUT ROWID;
CREATE TABLE residue (
    part_id BLOB NOT NULL, shard INTEGER NOT NULL, segment INTEGER NOT NULL,
    PRIMARY KEY (part_id, shard, segment)) STRICT, WITHOUT ROWID;
CREATE INDEX residue_by_segment ON residue (segment);
CREATE TABLE tombstone (
    part_id BLOB NOT NULL, shard INTEGER NOT NULL, segment INTEGER NOT NULL,
    PRIMARY KEY (part_id, shard, segment)) STRICT, WITHOUT ROWID;
CREATE INDEX tombstone_by_segment ON tombstone (segment);
"""

_SCRATCH: Final = """
CREATE TEMP TABLE touched (part_id BLOB, shard INTEGER, PRIMARY KEY (part_id, shard)) WITHOUT ROWID;
CREATE TEMP TABLE deleted (part_id BLOB, shard INTEGER, PRIMARY KEY (part_id, shard)) WITHOUT ROWID;
CREATE TEMP TABLE incoming (
    part_id BLOB, shard INTEGER, stripe INTEGER, segment INTEGER, offset INTEGER, length INTEGER,
    PRIMARY KEY (part_id, shard, stripe)) WITHOUT ROWID;
CREATE TEMP TABLE fresh (part_id BLOB, shard INTEGER, segment INTEGER);
CREATE TEMP TABLE moved (
    part_id BLOB, shard INTEGER, stripe INTEGER, segment INTEGER, offset INTEGER, length INTEGER,
    new_offset INTEGER);
CREATE TEMP TABLE kept (part_id BLOB, shard INTEGER, PRIMARY KEY (part_id, shard)) WITHOUT ROWID;
"""


def open_catalog(path: Path, store_id: str) -> sqlite3.Connection:
    """The file there, or a new empty one if it is not usable for this store."""
    with contextlib.suppress(sqlite3.Error):
        connection = connect(path)
        with contextlib.ExitStack() as on_doubt:
            on_doubt.callback(connection.close)
            if _is_usable(connection, store_id):
                connection.execute("UPDATE meta SET clean = 0")
                connection.executescript(_SCRATCH)
                on_doubt.pop_all()
                return connection
    discard(path)
    connection = connect(path)
    connection.executescript(f"BEGIN; {_SCHEMA} PRAGMA user_version = {CATALOG_FORMAT}; COMMIT;")
    connection.execute("INSERT INTO meta VALUES (1, ?, 0, 0, 0, 0, 0)", (store_id,))
    connection.executescript(_SCRATCH)
    return connection


def discard(path: Path) -> None:
    """Remove an index file and what SQLite keeps beside it."""
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _is_usable(connection: sqlite3.Connection, store_id: str) -> bool:
    if connection.execute("PRAGMA user_version").fetchone() != (CATALOG_FORMAT,):
        return False
    row = connection.execute("SELECT store_id, clean FROM meta").fetchone()
    if row is None or row[0] != store_id:
        return False
    # A clean stop wrote everything in order; after anything else, look at every page.
    return bool(row[1]) or connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",)
