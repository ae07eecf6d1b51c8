"""The part of the contract that healing needs: repair tasks, where shards are, reclaims, notes.

Rules beside those of `store.py`, for all backends:
1. At most one task per shard. A REBUILD is never weakened: it stays until it is done or its part
   is dropped, which forgets all tasks of the part.
2. Every mutation leaves `RepairTask.spare` right for all tasks of the parts it touched, and a
   task's `node_id` is at any time the node that its part names for the shard.
3. A shard moves by compare-and-set of the part's nodes and in no other way, and the copy it leaves
   is reclaimed; no copy is put where a former one still waits to be reclaimed.
4. A call with many items is one mutation, which others wait for: about 1,000 items at a time.
   What changes tasks that stand names each of them once.
"""

from collections.abc import Sequence
from typing import Protocol

from metadata.model import Part
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


class RepairStore(Protocol):
    """What a store remembers about shards that are not where, or not as, they should be."""

    # putting in ------------------------------------------------------------------
    async def add_repairs(self, missing: Sequence[MissingShard], now_ms: int) -> int:
        """Queue shards to be rebuilt; how many were added.

        A MOVE of the shard becomes a REBUILD (queued, no attempts yet). Left out are shards that
        have a REBUILD already (queued or dead), and those that no part has: its part is no longer
        named by a version or an upload, is empty, or has fewer shards.
        """
        ...

    async def add_moves(self, moves: Sequence[MoveShard], now_ms: int) -> int:
        """Queue shards to be moved; how many were added or changed.

        A MOVE that stands gets the new target and starts anew (queued, no attempts yet); with the
        same target it stays as it is. Left out are shards that have a REBUILD or that no part has,
        and moves to a node that holds a shard of the part already, this one or another.
        """
        ...

    # working them off --------------------------------------------------------------
    async def due_repairs(self, node_id: str, *, now_ms: int, limit: int) -> list[DueRepair]:
        """The holder's queued tasks that may be tried now: fewest spare first; among those, tasks
        not yet put off before the others (which come in the order of their time), then oldest."""
        ...

    async def has_repairs(self, node_id: str) -> bool:
        """Whether the holder has any queued task, due or not. Costs one look-up."""
        ...

    async def finish_repairs(self, done: Sequence[ShardName]) -> None:
        """Forget these tasks, whatever their state. Unknown ones are ignored."""
        ...

    async def move_shards(self, moves: Sequence[ShardMove]) -> list[bool]:
        """For each: if the part names `old_node` for the shard, let it name `new_node`, add the
        reclaim of the old copy, and forget the shard's task. False, and nothing changed, where
        the part is gone, another node holds the shard, `new_node` holds a shard of the part, or
        a former copy of this shard waits on `new_node` to be reclaimed."""
        ...

    async def put_off_repairs(self, put_off: Sequence[PutOff]) -> None:
        """Not before that time again, and for this reason. Unknown and dead ones are ignored."""
        ...

    async def bury_repairs(self, buried: Sequence[MissingShard]) -> None:
        """Give up queued tasks for these reasons: the try counts, and they are DEAD until they
        are revived. Unknown and dead ones are ignored."""
        ...

    async def wake_repairs(self) -> int:
        """Queued tasks that were put off are due at once (a node came back); how many.

        Unlike others this is many mutations, so that however many there are, writes get through.
        """
        ...

    async def revive_repairs(self, names: Sequence[ShardName] | None = None) -> int:
        """Dead tasks (these, or all) are queued again, with no attempts and due at once; how many.
        All of them: in many mutations, as `wake_repairs`."""
        ...

    # looking at them -----------------------------------------------------------------
    async def repairs(
        self,
        *,
        state: RepairState = RepairState.QUEUED,
        after: RepairTask | None = None,
        limit: int = 1000,
    ) -> list[RepairTask]:
        """Tasks in that state that follow `after`: fewest spare first, then oldest, then by part
        id and shard."""
        ...

    async def repair_counts(self) -> list[RepairCount]:
        """What there is to do, by holder, kind and state; none that is zero. No scan."""
        ...

    # where shards are ------------------------------------------------------------------
    async def parts_by_id(self, after: bytes = b"", *, limit: int) -> list[NamedPart]:
        """The parts with shards (not empty, named by a version or an upload) with ids > after, by
        id."""
        ...

    async def find_parts(self, part_ids: Sequence[bytes]) -> dict[bytes, Part]:
        """Those of these parts that a version or an upload names, the empty ones included."""
        ...

    async def parts_naming(self, node_id: str) -> int:
        """How many parts have a shard on the node. Walks all parts, in steps that others can get
        in between: what changes meanwhile may or may not be counted."""
        ...

    # reclaims ----------------------------------------------------------------------------
    async def reclaims(self, node_id: str, *, before_ms: int, limit: int) -> list[Reclaim]:
        """A node's shards that were dropped, or moved away, before that time, oldest first.

        Each node has its own, so that one that is away holds up no other.
        """
        ...

    async def forget_reclaims(self, done: Sequence[Reclaim]) -> None:
        """These shards are gone from their nodes. What is not known is ignored."""
        ...

    # notes ---------------------------------------------------------------------------------
    async def save_note(self, name: str, value: str) -> None:
        """Remember what a worker needs after a restart (a cursor, say) under that name; a former
        note is replaced."""
        ...

    async def notes(self, prefix: str = "") -> dict[str, str]:
        """The notes whose names begin so. Workers keep few."""
        ...

    async def forget_notes(self, prefix: str) -> None:
        """Forget the notes whose names begin so."""
        ...
