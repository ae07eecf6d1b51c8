"""The thread of a connection, and how the file comes into being."""

import asyncio
import stat
import threading
from pathlib import Path

import pytest

from metadata.connection import ThreadConnection, create_private_file, open_connection


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    path = tmp_path / "new" / "folders" / "metadata.db"
    await create_private_file(path)
    return path


async def test_a_function_runs_on_the_connections_thread(file: Path) -> None:
    """Guards the one protected method of aiosqlite that is used here."""
    connection: ThreadConnection = await open_connection(file, is_writer=True)
    threads = {await connection.call(lambda _: threading.get_ident()) for _ in range(3)}
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    assert await connection.call(lambda db: db.execute("SELECT 7").fetchone()) == (7,)
    with pytest.raises(ZeroDivisionError):
        await connection.call(lambda _: 1 // 0)
    await connection.close()
    with pytest.raises(ValueError, match="no active connection"):
        await connection.call(lambda _: None)


async def test_a_writer_is_durable_and_a_reader_cannot_write(file: Path) -> None:
    writer = await open_connection(file, is_writer=True)
    reader = await open_connection(file, is_writer=False)

    async def pragma(name: str) -> object:
        (value,) = await writer.call(lambda db: db.execute(f"PRAGMA {name}").fetchone())
        return value

    assert await pragma("journal_mode") == "wal"
    assert await pragma("synchronous") == 2, "FULL"
    with pytest.raises(Exception, match="readonly"):
        await reader.call(lambda db: db.execute("CREATE TABLE t (c)"))
    await reader.close()
    await writer.close()


async def test_the_file_is_private(file: Path) -> None:
    writer = await open_connection(file, is_writer=True)
    await writer.call(lambda db: db.execute("CREATE TABLE t (c)"))
    modes = {each.name: stat.S_IMODE(each.stat().st_mode) for each in file.parent.iterdir()}
    assert modes == {"metadata.db": 0o600, "metadata.db-wal": 0o600, "metadata.db-shm": 0o600}
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    await writer.close()


def test_an_existing_file_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "metadata.db"
    file.write_bytes(b"kept")
    asyncio.run(create_private_file(file))
    assert file.read_bytes() == b"kept"
