"""The healing part of the SQLite store.

Rules: those of `sqlite.py`. What may touch any number of rows goes in steps, each a call of its
own, so that writes and other pages get their turn in between.
"""

from collections.abc import Callable, Sequence
from functools import partial
from sqlite3 import Connection

from metadata.model import (
    Part,
)
from metadata.model_repairs import (
    DueRepair,
    MissingShard,
    MoveShard,
    NamedPart,
    PutOff,
    Reclaim,
    RepairCount,
    RepairState,
    RepairTask,
    ShardMove,
    ShardName,
)
from metadata.sqlite_calls import SqliteCalls
from metadata.statements import notes, placement, repairs, upkeep


class SqliteRepairs(SqliteCalls):
    """A RepairStore; each method keeps the contract's docstring."""

    # putting in ------------------------------------------------------------------
    async def add_repairs(self, missing: Sequence[MissingShard], now_ms: int) -> int:
        work = partial(repairs.queue_repairs, missing=missing, now_ms=now_ms)
        return await self._writes.submit(work)

    async def add_moves(self, moves: Sequence[MoveShard], now_ms: int) -> int:
        work = partial(repairs.queue_moves, moves=moves, now_ms=now_ms)
        return await self._writes.submit(work)

    # working them off --------------------------------------------------------------
    async def due_repairs(self, node_id: str, *, now_ms: int, limit: int) -> list[DueRepair]:
        work = partial(repairs.list_due, node_id=node_id, now_ms=now_ms, limit=limit)
        return await self._pages.submit(work)

    async def has_repairs(self, node_id: str) -> bool:
        return await self._lookups.submit(partial(repairs.has_repairs, node_id=node_id))

    async def finish_repairs(self, done: Sequence[ShardName]) -> None:
        await self._writes.submit(partial(repairs.finish_repairs, done=done))

    async def move_shards(self, moves: Sequence[ShardMove]) -> list[bool]:
        work = partial(placement.move_shards, moves=moves, now_ms=self._clock_ms())
        return await self._writes.submit(work)

    async def put_off_repairs(self, put_off: Sequence[PutOff]) -> None:
        await self._writes.submit(partial(repairs.put_off_repairs, put_off=put_off))

    async def bury_repairs(self, buried: Sequence[MissingShard]) -> None:
        await self._writes.submit(partial(repairs.bury_repairs, buried=buried))

    async def wake_repairs(self) -> int:
        return await self._in_steps(repairs.wake_some)

    async def revive_repairs(self, names: Sequence[ShardName] | None = None) -> int:
        if names is None:
            return await self._in_steps(repairs.revive_some)
        return await self._writes.submit(partial(repairs.revive_repairs, names=names))

    async def _in_steps(self, change_some: Callable[[Connection], int]) -> int:
        """Change rows, STEP_ROWS at a time, until none are left; how many they were."""
        changed = 0
        while True:
            step = await self._writes.submit(change_some)
            changed += step
            if step < repairs.STEP_ROWS:
                return changed

    # looking at them -----------------------------------------------------------------
    async def repairs(
        self,
        *,
        state: RepairState = RepairState.QUEUED,
        after: RepairTask | None = None,
        limit: int = 1000,
    ) -> list[RepairTask]:
        work = partial(repairs.list_repairs, state=state, after=after, limit=limit)
        return await self._pages.submit(work)

    async def repair_counts(self) -> list[RepairCount]:
        return await self._pages.submit(repairs.count_repairs)

    # where shards are ------------------------------------------------------------------
    async def parts_by_id(self, after: bytes = b"", *, limit: int) -> list[NamedPart]:
        return await self._pages.submit(partial(placement.list_by_id, after=after, limit=limit))

    async def find_parts(self, part_ids: Sequence[bytes]) -> dict[bytes, Part]:
        return await self._pages.submit(partial(placement.find_parts, part_ids=part_ids))

    async def parts_naming(self, node_id: str) -> int:
        total = 0
        after: bytes | None = b""
        while after is not None:
            work = partial(placement.count_naming, node_id=node_id, after=after)
            found, after = await self._pages.submit(work)
            total += found
        return total

    # reclaims ----------------------------------------------------------------------------
    async def reclaims(self, node_id: str, *, before_ms: int, limit: int) -> list[Reclaim]:
        work = partial(upkeep.list_reclaims, node_id=node_id, before_ms=before_ms, limit=limit)
        return await self._pages.submit(work)

    async def forget_reclaims(self, done: Sequence[Reclaim]) -> None:
        await self._writes.submit(partial(upkeep.forget_reclaims, done=done))

    # notes ---------------------------------------------------------------------------------
    async def save_note(self, name: str, value: str) -> None:
        await self._writes.submit(partial(notes.save_note, name=name, value=value))

    async def notes(self, prefix: str = "") -> dict[str, str]:
        return await self._pages.submit(partial(notes.list_notes, prefix=prefix))

    async def forget_notes(self, prefix: str) -> None:
        await self._writes.submit(partial(notes.forget_notes, prefix=prefix))
