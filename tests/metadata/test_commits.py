"""Where mutations run, and that they are one transaction wherever they do."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from metadata import MetadataUnavailable, NoSuchKey
from metadata.commits import MUTATIONS_PER_TURN, Commits
from metadata.connection import create_private_file, open_connection
from metadata.residence import Residence

HERE = threading.main_thread().ident


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    path = tmp_path / "metadata.db"
    await create_private_file(path)
    return path


@pytest.fixture
async def commits(file: Path) -> AsyncIterator[Commits]:
    """A writer of a file with a table of numbers, which stays in memory."""
    async for each in make_commits(file, limit_bytes=1 << 30):
        yield each


async def make_commits(file: Path, limit_bytes: int) -> AsyncIterator[Commits]:
    writer = await open_connection(file, is_writer=True)
    await writer.call(lambda db: db.execute("CREATE TABLE numbers (number INTEGER)"))
    commits = Commits(writer, Residence(file, limit_bytes))
    yield commits
    await commits.close()


def add(number: int):
    def work(db: sqlite3.Connection) -> int:
        db.execute("INSERT INTO numbers VALUES (?)", (number,))
        return threading.get_ident()

    return work


def refuse(db: sqlite3.Connection) -> None:
    db.execute("INSERT INTO numbers VALUES (-1)")
    raise NoSuchKey("no")


def numbers(file: Path) -> list[int]:
    with sqlite3.connect(file) as other:
        found = [number for (number,) in other.execute("SELECT number FROM numbers ORDER BY 1")]
    other.close()
    return found


async def test_small_mutations_run_here_and_are_committed(commits: Commits, file: Path) -> None:
    count = 3 * MUTATIONS_PER_TURN
    calls = [commits.submit(add(number), is_small=True) for number in range(count)]
    assert set(await asyncio.gather(*calls)) == {HERE}
    assert numbers(file) == list(range(count))


async def test_a_large_one_takes_its_batch_to_the_thread(commits: Commits, file: Path) -> None:
    small, large = await asyncio.gather(
        commits.submit(add(1), is_small=True), commits.submit(add(2))
    )
    assert small == large != HERE
    assert numbers(file) == [1, 2]


async def test_of_a_large_file_everything_runs_in_the_thread(file: Path) -> None:
    async for commits in make_commits(file, limit_bytes=1):
        assert await commits.submit(add(1), is_small=True) != HERE
    assert numbers(file) == [1]


@pytest.mark.parametrize("is_small", [True, False])
async def test_a_refused_one_changes_nothing(commits: Commits, file: Path, is_small: bool) -> None:
    outcomes = await asyncio.gather(
        commits.submit(add(1), is_small=is_small),
        commits.submit(refuse, is_small=is_small),
        commits.submit(add(2), is_small=is_small),
        return_exceptions=True,
    )
    assert isinstance(outcomes[1], NoSuchKey)
    assert numbers(file) == [1, 2]


async def test_a_batch_with_a_refusal_is_undone_and_runs_anew_in_the_thread(
    commits: Commits, file: Path
) -> None:
    """On the loop no mutation has a savepoint of its own."""
    ran: list[int] = []

    def refuse_on_both(db: sqlite3.Connection) -> None:
        ran.append(threading.get_ident())
        refuse(db)

    first, refused, last = await asyncio.gather(
        commits.submit(add(1), is_small=True),
        commits.submit(refuse_on_both, is_small=True),
        commits.submit(add(2), is_small=True),
        return_exceptions=True,
    )
    assert isinstance(refused, NoSuchKey)
    assert first == last != HERE
    assert ran == [HERE, first]
    assert numbers(file) == [1, 2]
    assert await commits.submit(add(3), is_small=True) == HERE


@pytest.mark.parametrize("is_small", [True, False])
async def test_a_lost_transaction_fails_all_of_its_batch(
    commits: Commits, file: Path, is_small: bool
) -> None:
    def lose(db: sqlite3.Connection) -> None:
        db.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    outcomes = await asyncio.gather(
        commits.submit(add(1), is_small=is_small),
        commits.submit(lose, is_small=is_small),
        return_exceptions=True,
    )
    assert all(isinstance(outcome, MetadataUnavailable) for outcome in outcomes)
    await commits.submit(add(2), is_small=is_small)
    assert numbers(file) == [2]


async def test_the_loop_does_not_wait_for_another_process(commits: Commits, file: Path) -> None:
    """Neither the first time, nor after the thread has waited."""
    for number in (1, 2):
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.ensure_future(commits.submit(add(number), is_small=True))
        async with asyncio.timeout(1):
            for _ in range(100):
                await asyncio.sleep(0)
        assert not waiting.done()
        other.execute("COMMIT")
        other.close()
        assert await waiting != HERE
        assert await commits.submit(add(number), is_small=True) == HERE
    assert numbers(file) == [1, 1, 2, 2]


async def test_the_thread_waits_for_another_process_after_the_loop_did_not(
    commits: Commits, file: Path
) -> None:
    assert await commits.submit(add(1), is_small=True) == HERE
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    waiting = asyncio.ensure_future(commits.submit(add(2)))
    assert not (await asyncio.wait([waiting], timeout=0.05))[0]
    other.execute("COMMIT")
    other.close()
    assert await waiting != HERE
    assert numbers(file) == [1, 2]
