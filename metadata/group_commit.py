"""Calls that wait for one connection travel together: one thread hop, one transaction.

Rules: while a batch is under way everything that arrives waits, and becomes the next batch; a call
that finds nobody leaves at once, so nothing is ever delayed to make a batch larger. In a batch of
mutations a refused one changes nothing and the others go on, for each stands in its own savepoint;
the commit (one fsync) succeeds for all or fails for all. A batch of reads sees one snapshot, taken
after each of its calls began. Foreign exceptions become MetadataUnavailable here.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, NamedTuple, TypeVar, cast

from metadata.connection import ThreadConnection
from metadata.errors import MetadataError, MetadataUnavailable

T = TypeVar("T")

MAX_BATCH: Final = 128
"""Calls in one batch: it bounds how long the first waits for the last."""

MAX_WAITING: Final = 10_000
"""Calls that may wait for one connection; more are refused rather than hoarded."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A call of a batch that raised instead of returning."""

    error: BaseException


Work = Callable[[sqlite3.Connection], Any]
"""Does nothing but use the connection: a mutation may be undone and run again (`commits.py`)."""

RunBatch = Callable[[Sequence[Work], sqlite3.Connection], list[Any]]
"""Runs works on the connection's thread; for each what it returned, or a Failure. Never raises."""


class Call(NamedTuple):
    """One that waits."""

    work: Work
    future: asyncio.Future[Any]
    is_small: bool
    changes_buckets: bool


class Batches:
    """A queue of calls in front of one connection."""

    def __init__(self, connection: ThreadConnection, run_batch: RunBatch) -> None:
        self.connection = connection
        self._run_batch = run_batch
        self._waiting: list[Call] = []
        self._runner: asyncio.Task[None] | None = None
        self.is_closed = False

    async def submit(
        self,
        work: Callable[[sqlite3.Connection], T],
        *,
        is_small: bool = False,
        changes_buckets: bool = False,
    ) -> T:
        """What `work` returns or raises. A caller that is cancelled while it waits is left out;
        one that is cancelled later does not learn what happened. `is_small`: a few statements.
        `changes_buckets`: those of buckets or their settings."""
        if self.is_closed:
            raise MetadataUnavailable("the metadata store is closed")
        if len(self._waiting) >= MAX_WAITING:
            raise MetadataUnavailable(f"{MAX_WAITING} calls already wait for the metadata store")
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(Call(work, future, is_small, changes_buckets))
        if self._runner is None:
            self._runner = asyncio.create_task(self._drain())
        return cast(T, await future)

    async def close(self) -> None:
        """Finish what was accepted, then release the connection."""
        self.is_closed = True
        if self._runner is not None:
            await self._runner
        await self.connection.close()

    async def _drain(self) -> None:
        try:
            while self._waiting:
                batch = [call for call in self._waiting[:MAX_BATCH] if not call.future.done()]
                del self._waiting[:MAX_BATCH]
                if batch:
                    await self._run(batch)
        finally:
            self._runner = None

    async def _run(self, batch: Sequence[Call]) -> None:
        works = [call.work for call in batch]
        try:
            outcomes = await self._perform(works, all(call.is_small for call in batch))
        except Exception as error:
            outcomes = all_failed(works, error)
        for call, outcome in zip(batch, outcomes, strict=True):
            if call.future.done():
                continue
            if isinstance(outcome, Failure):
                call.future.set_exception(outcome.error)
            else:
                call.future.set_result(outcome)

    async def _perform(self, works: Sequence[Work], are_small: bool) -> list[Any]:
        """For each work what it returned, or a Failure."""
        return await self.connection.call(partial(self._run_batch, works))


def commit_together(works: Sequence[Work], db: sqlite3.Connection) -> list[Any]:
    """Mutations, in one transaction. See the module's rules."""
    try:
        db.execute("BEGIN IMMEDIATE")
        outcomes = [mutate(work, db) for work in works]
        db.execute("COMMIT")
    except sqlite3.Error as error:
        end_transaction(db)
        return all_failed(works, error)
    return outcomes


def mutate(work: Work, db: sqlite3.Connection) -> Any:
    """One mutation in its savepoint: what it returned, or a Failure. sqlite3.Error: all is lost."""
    db.execute("SAVEPOINT mutation")
    outcome: Any
    try:
        outcome = work(db)
    except Exception as error:
        # After some errors (disk full, I/O) SQLite rolls back everything by itself: then the
        # mutations before this one are gone too, and the whole batch has to fail.
        if not db.in_transaction:
            raise sqlite3.OperationalError(f"the transaction was lost: {error}") from error
        db.execute("ROLLBACK TO mutation")
        outcome = Failure(mapped(error))
    db.execute("RELEASE mutation")
    return outcome


def read_together(works: Sequence[Work], db: sqlite3.Connection) -> list[Any]:
    """Reads, of one snapshot."""
    try:
        db.execute("BEGIN")
        outcomes = [_read(work, db) for work in works]
        db.execute("COMMIT")
    except sqlite3.Error as error:
        end_transaction(db)
        return all_failed(works, error)
    return outcomes


def _read(work: Work, db: sqlite3.Connection) -> Any:
    try:
        return work(db)
    except Exception as error:
        return Failure(mapped(error))


def end_transaction(db: sqlite3.Connection) -> None:
    """Undo what was not committed."""
    if db.in_transaction:
        db.execute("ROLLBACK")


def all_failed(works: Sequence[Work], error: BaseException) -> list[Any]:
    """The outcomes of a batch that failed as a whole."""
    return [Failure(mapped(error)) for _ in works]


def mapped(error: BaseException) -> BaseException:
    """The error as this package's callers know it: ours, or a bug's, as it is."""
    if isinstance(error, MetadataError) or not isinstance(error, sqlite3.Error):
        return error
    unavailable = MetadataUnavailable(f"the metadata database failed: {error}")
    unavailable.__cause__ = error
    return unavailable
