"""Mutations: statements run on the event loop while the file stays in memory, the fsync never.

A statement of a small mutation takes 10 us. In a thread of its own each gives the interpreter lock
away and waits up to a switch interval to get it back from a busy event loop, so that a batch of 64
took longer for its statements than for its fsync: on the loop, 1.2 times the PUTs. Rules:

1. A batch with a mutation of many statements in it runs in the thread altogether, and so does every
   batch once the file does not stay in memory, or while another process holds the write lock.
2. The commit, which waits for the disk, is always the thread's.
3. Here all are taken to succeed, as nearly all do: no mutation has a savepoint, which is a fifth of
   what its statements cost. If one is refused, all are undone and run anew in the thread, where
   each has one. So a work may run twice: it does nothing but use the connection.
4. Others get their turn after every few mutations. The connection is the batch's alone meanwhile.
"""

import asyncio
import sqlite3
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from metadata.connection import BUSY_TIMEOUT_S, ThreadConnection, wait_for_locks
from metadata.group_commit import (
    Batches,
    Call,
    Work,
    all_failed,
    commit_together,
    end_transaction,
)
from metadata.residence import Residence
from metadata.statements.known_buckets import KnownBuckets

MUTATIONS_PER_TURN: Final = 8
"""Of the event loop: about a millisecond."""


class Commits(Batches):
    """The group commit of a writer. See the module's rules."""

    def __init__(self, connection: ThreadConnection, residence: Residence) -> None:
        super().__init__(connection, commit_together)
        self.known_buckets = KnownBuckets()
        self._residence = residence
        self._waits_for_locks = True

    async def _run(self, batch: Sequence[Call]) -> None:
        changes_buckets = any(call.changes_buckets for call in batch)
        if changes_buckets:
            self.known_buckets.begin_change()
        await super()._run(batch)
        # Not reached if this is cancelled: the commit may then still be under way.
        if changes_buckets:
            self.known_buckets.end_change()

    async def _perform(self, works: Sequence[Work], are_small: bool) -> list[Any]:
        if are_small and self._residence.is_in_memory() and self._begin():
            db = self.connection.shared
            try:
                outcomes = []
                for number, work in enumerate(works, 1):
                    outcomes.append(work(db))
                    if number % MUTATIONS_PER_TURN == 0:
                        await asyncio.sleep(0)
            except Exception:
                end_transaction(db)
            else:
                return await self.connection.call(partial(_commit, works, outcomes))
        self._wait_for_locks(True)
        return await super()._perform(works, are_small)

    def _begin(self) -> bool:
        """Whether the write lock was free; nobody waits for it here."""
        self._wait_for_locks(False)
        try:
            self.connection.shared.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return False
        return True

    def _wait_for_locks(self, wanted: bool) -> None:
        # SQLite compiles a pragma anew each time that it runs, which takes as long as a statement.
        if wanted != self._waits_for_locks:
            wait_for_locks(self.connection.shared, BUSY_TIMEOUT_S if wanted else 0)
            self._waits_for_locks = wanted


def _commit(works: Sequence[Work], outcomes: list[Any], db: sqlite3.Connection) -> list[Any]:
    try:
        db.execute("COMMIT")
    except sqlite3.Error as error:
        end_transaction(db)
        return all_failed(works, error)
    return outcomes
