"""A SQLite file and the threads that talk to it.

Rules: the file is made with mode 0600, because it holds secrets, and made durable together with the
directories that lead to it. A connection has a thread, and is used by one caller at a time; whole
functions are sent there, because a hop to another thread costs more than a statement does.
"""

import asyncio
import os
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import aiosqlite

T = TypeVar("T")

MIN_SQLITE: Final = (3, 37, 0)
"""STRICT tables; RETURNING and UPDATE FROM are older."""

BUSY_TIMEOUT_S: Final = 5.0
"""How long a statement waits for another process that holds the file."""

PAGE_CACHE_KIB: Final = 16 * 1024
STATEMENT_CACHE: Final = 256

WAL_PAGES_BEFORE_CHECKPOINT: Final = 4_000
"""16 MiB: a checkpoint runs inside a commit, so rather seldom, and each page once."""

WAL_BYTES_KEPT: Final = 64 * 1024 * 1024
"""A log that grew beyond this (a long reader held the checkpoint back) is cut to it."""


class ThreadConnection(aiosqlite.Connection):
    """An aiosqlite connection that can run a whole function on its thread in one hop."""

    @property
    def shared(self) -> sqlite3.Connection:
        """The raw connection, for a caller who knows that its thread has nothing to do."""
        return self._conn

    async def call(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """What `function` returns or raises, called with the raw connection on its thread."""
        # `_execute` is aiosqlite's way to its thread; tests/metadata/test_connection.py guards it.
        result: T = await self._execute(function, self._conn)  # type: ignore[no-untyped-call]
        return result


async def open_connection(path: Path, *, is_writer: bool) -> ThreadConnection:
    """A configured connection to an existing file. Raises sqlite3.Error."""
    connection = ThreadConnection(partial(_connect, path), iter_chunk_size=64)
    await connection
    try:
        await connection.call(_configure_writer if is_writer else _configure_reader)
    except BaseException:
        await connection.close()
        raise
    return connection


def open_reader_here(path: Path) -> sqlite3.Connection:
    """A reader for the calling thread alone, which waits for no lock. Raises sqlite3.Error."""
    db = _connect(path)
    _configure_reader(db)
    wait_for_locks(db, 0)
    return db


def wait_for_locks(db: sqlite3.Connection, timeout_s: float = BUSY_TIMEOUT_S) -> None:
    """For how long, from now on, a statement waits while another process holds the file."""
    db.execute(f"PRAGMA busy_timeout = {round(timeout_s * 1000)}")


async def create_private_file(path: Path) -> None:
    """Make the file (mode 0600) and its directories durably, unless they exist. OSError."""
    await asyncio.to_thread(_create_private_file, path)


def _create_private_file(path: Path) -> None:
    missing = [folder for folder in path.parents if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
        _sync_directory(folder.parent)
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    _sync_directory(path.parent)


def _sync_directory(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _connect(path: Path) -> sqlite3.Connection:
    # mode=rw: only create_private_file may create. isolation_level=None: transactions are ours.
    # check_same_thread: a batch of mutations is begun by one thread and committed by another.
    return sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw",
        uri=True,
        isolation_level=None,
        timeout=BUSY_TIMEOUT_S,
        cached_statements=STATEMENT_CACHE,
        check_same_thread=False,
    )


def _configure_writer(db: sqlite3.Connection) -> None:
    if sqlite3.sqlite_version_info < MIN_SQLITE:
        wanted = ".".join(map(str, MIN_SQLITE))
        raise sqlite3.NotSupportedError(f"SQLite {sqlite3.sqlite_version} is older than {wanted}")
    (mode,) = db.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise sqlite3.NotSupportedError(f"no write-ahead log on this file system, got {mode!r}")
    db.execute("PRAGMA synchronous = FULL")
    db.execute(f"PRAGMA wal_autocheckpoint = {WAL_PAGES_BEFORE_CHECKPOINT}")
    db.execute(f"PRAGMA journal_size_limit = {WAL_BYTES_KEPT}")
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")


def _configure_reader(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA query_only = ON")
    db.execute("PRAGMA temp_store = MEMORY")
    db.execute(f"PRAGMA cache_size = -{PAGE_CACHE_KIB}")
