"""Calls that travel together: one batch, each its own outcome."""

import asyncio
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from metadata import MetadataUnavailable, NoSuchKey
from metadata.group_commit import (
    MAX_BATCH,
    MAX_WAITING,
    Batches,
    Failure,
    commit_together,
    read_together,
)


class GatedConnection:
    """Runs batches where it stands, each when the gate opens."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.batch_sizes: list[int] = []
        self.is_closed = False

    async def call(self, function: Any) -> Any:
        await self.gate.wait()
        outcomes = function(None)
        self.batch_sizes.append(len(outcomes))
        return outcomes

    async def close(self) -> None:
        self.is_closed = True


def run_plainly(works: Any, db: Any) -> list[Any]:
    outcomes: list[Any] = []
    for work in works:
        try:
            outcomes.append(work(db))
        except NoSuchKey as error:
            outcomes.append(Failure(error))
    return outcomes


async def let_others_run() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_what_waits_becomes_the_next_batch() -> None:
    connection = GatedConnection()
    batches = Batches(connection, run_plainly)
    first = asyncio.ensure_future(batches.submit(lambda _: "first"))
    await let_others_run()
    others = [asyncio.ensure_future(batches.submit(lambda _, i=i: i)) for i in range(5)]
    await let_others_run()
    connection.gate.set()
    assert await first == "first"
    assert await asyncio.gather(*others) == [0, 1, 2, 3, 4]
    assert connection.batch_sizes == [1, 5]
    await batches.close()


async def test_batches_are_bounded() -> None:
    connection = GatedConnection()
    batches = Batches(connection, run_plainly)
    calls = [asyncio.ensure_future(batches.submit(lambda _: 1)) for _ in range(MAX_BATCH + 1)]
    await let_others_run()
    connection.gate.set()
    await asyncio.gather(*calls)
    assert connection.batch_sizes == [MAX_BATCH, 1]
    await batches.close()


async def test_too_many_waiting_calls_are_refused() -> None:
    connection = GatedConnection()
    batches = Batches(connection, run_plainly)
    calls = [asyncio.ensure_future(batches.submit(lambda _: 1)) for _ in range(MAX_WAITING)]
    calls += [asyncio.ensure_future(batches.submit(lambda _: 1)) for _ in range(MAX_BATCH + 1)]
    await let_others_run()
    refused = [call for call in calls if call.done()]
    assert refused
    assert all(isinstance(call.exception(), MetadataUnavailable) for call in refused)
    connection.gate.set()
    await asyncio.wait(calls)
    await batches.close()


async def test_a_failure_is_its_callers_alone() -> None:
    connection = GatedConnection()
    connection.gate.set()
    batches = Batches(connection, run_plainly)

    def refuse(_: object) -> None:
        raise NoSuchKey("k")

    outcomes = await asyncio.gather(
        batches.submit(lambda _: 1),
        batches.submit(refuse),
        batches.submit(lambda _: 3),
        return_exceptions=True,
    )
    assert outcomes[0] == 1
    assert isinstance(outcomes[1], NoSuchKey)
    assert outcomes[2] == 3
    await batches.close()


async def test_a_caller_cancelled_while_waiting_is_left_out() -> None:
    connection = GatedConnection()
    batches = Batches(connection, run_plainly)
    ran: list[str] = []
    calls = {}
    for name in ("first", "left", "stays"):
        calls[name] = asyncio.ensure_future(batches.submit(lambda _, n=name: ran.append(n)))
        await let_others_run()
    calls["first"].cancel()
    calls["left"].cancel()
    await let_others_run()
    connection.gate.set()
    await calls["stays"]
    assert ran == ["first", "stays"], "the first was on its way already"
    await batches.close()


async def test_close_finishes_what_was_accepted_and_refuses_the_rest() -> None:
    connection = GatedConnection()
    batches = Batches(connection, run_plainly)
    call = asyncio.ensure_future(batches.submit(lambda _: "done"))
    await let_others_run()
    closing = asyncio.ensure_future(batches.close())
    await let_others_run()
    with pytest.raises(MetadataUnavailable):
        await batches.submit(lambda _: "late")
    connection.gate.set()
    await closing
    assert await call == "done"
    assert connection.is_closed


@pytest.fixture
def db() -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript("""
        PRAGMA foreign_keys = ON;
        CREATE TABLE parents (id INTEGER PRIMARY KEY);
        CREATE TABLE children (
            id INTEGER PRIMARY KEY,
            parent INTEGER REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);""")
    yield connection
    connection.close()


def add(number: int) -> Any:
    return lambda db: db.execute("INSERT INTO parents VALUES (?)", (number,)).rowcount


def parents(db: sqlite3.Connection) -> list[int]:
    return [number for (number,) in db.execute("SELECT id FROM parents ORDER BY id")]


def test_a_refused_mutation_changes_nothing_and_the_others_go_on(db: sqlite3.Connection) -> None:
    def add_then_refuse(db: sqlite3.Connection) -> None:
        add(2)(db)
        raise NoSuchKey("k")

    def add_then_break(db: sqlite3.Connection) -> None:
        add(3)(db)
        db.execute("SELECT * FROM nothing")

    works = [add(1), add_then_refuse, add_then_break, add(4)]
    first, refused, broken, last = commit_together(works, db)
    assert (first, last) == (1, 1)
    assert isinstance(refused.error, NoSuchKey)
    assert isinstance(broken.error, MetadataUnavailable)
    assert isinstance(broken.error.__cause__, sqlite3.OperationalError)
    assert parents(db) == [1, 4]


def test_a_failing_commit_fails_all(db: sqlite3.Connection) -> None:
    def add_orphan(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO children VALUES (1, 99)")

    outcomes = commit_together([add(1), add_orphan], db)
    for outcome in outcomes:
        assert isinstance(outcome.error, MetadataUnavailable)
        assert isinstance(outcome.error.__cause__, sqlite3.IntegrityError)
    assert parents(db) == []
    assert commit_together([add(1)], db) == [1], "the connection is of use afterwards"


def test_a_lost_transaction_fails_all(db: sqlite3.Connection) -> None:
    def lose(db: sqlite3.Connection) -> None:
        db.execute("ROLLBACK")
        raise sqlite3.OperationalError("disk I/O error")

    outcomes = commit_together([add(1), lose, add(2)], db)
    assert all(isinstance(outcome.error, MetadataUnavailable) for outcome in outcomes)
    assert parents(db) == []
    assert commit_together([add(3)], db) == [1]


def test_a_bug_is_raised_as_it_is(db: sqlite3.Connection) -> None:
    def divide(db: sqlite3.Connection) -> None:
        add(1)(db)
        raise ZeroDivisionError

    for run_batch in (commit_together, read_together):
        (outcome,) = run_batch([divide], db)
        assert isinstance(outcome.error, ZeroDivisionError)


def test_reads_fail_one_by_one(db: sqlite3.Connection) -> None:
    bad, good = read_together([lambda db: db.execute("SELECT * FROM nothing"), parents], db)
    assert isinstance(bad.error, MetadataUnavailable)
    assert good == []
    assert not db.in_transaction
