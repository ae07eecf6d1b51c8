"""The healing part of the reference model: parts, repair tasks, reclaims and notes, in plain dicts.

Rules: those of `memory.py`. A task's holder and spare are never kept, always asked of its part.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from metadata.clock import ClockMs
from metadata.model import Part
from metadata.model_repairs import (
    DueRepair,
    MissingShard,
    MoveShard,
    PutOff,
    Reclaim,
    RepairCount,
    RepairKind,
    RepairState,
    RepairTask,
    ShardMove,
    ShardName,
)


class MemoryRepairs:
    """What `RepairStore` asks for, but for the names of parts. See `memory.py`."""

    def __init__(self, clock_ms: ClockMs) -> None:
        self._clock_ms = clock_ms
        # By part id, each with the id of its version or upload.
        self._parts: dict[bytes, tuple[str, Part]] = {}
        # Their `node_id` and `spare` mean nothing here: see `_tasks`.
        self._repairs: dict[ShardName, RepairTask] = {}
        self._reclaims: set[Reclaim] = set()
        self._notes: dict[str, str] = {}

    # putting in ------------------------------------------------------------------
    async def add_repairs(self, missing: Sequence[MissingShard], now_ms: int) -> int:
        added = 0
        for each in missing:
            name = ShardName(each.part_id, each.shard)
            has_rebuild = name in self._repairs and self._is_rebuild(name)
            if self._holder(name) is not None and not has_rebuild:
                self._queue(name, RepairKind.REBUILD, "", each.reason, now_ms)
                added += 1
        return added

    async def add_moves(self, moves: Sequence[MoveShard], now_ms: int) -> int:
        added = 0
        for each in moves:
            name = ShardName(each.part_id, each.shard)
            if self._holder(name) is None or each.target in self._parts[each.part_id][1].nodes:
                continue
            former = self._repairs.get(name)
            if former is None or (not self._is_rebuild(name) and former.target != each.target):
                self._queue(name, RepairKind.MOVE, each.target, each.reason, now_ms)
                added += 1
        return added

    # working them off --------------------------------------------------------------
    async def due_repairs(self, node_id: str, *, now_ms: int, limit: int) -> list[DueRepair]:
        due = [
            task
            for task in self._tasks()
            if task.node_id == node_id
            and task.state is RepairState.QUEUED
            and task.not_before_ms <= now_ms
        ]
        due.sort(key=lambda task: (task.spare, task.not_before_ms, task.created_at_ms, task.name))
        return [
            DueRepair(task, self._parts[task.part_id][1], self._barred(task.name))
            for task in due[:limit]
        ]

    async def has_repairs(self, node_id: str) -> bool:
        queued = await self.repairs(limit=len(self._repairs))
        return any(task.node_id == node_id for task in queued)

    async def finish_repairs(self, done: Sequence[ShardName]) -> None:
        for name in done:
            self._repairs.pop(name, None)

    async def move_shards(self, moves: Sequence[ShardMove]) -> list[bool]:
        return [self._move(move) for move in moves]

    async def put_off_repairs(self, put_off: Sequence[PutOff]) -> None:
        for each in put_off:
            for task in self._queued(ShardName(each.part_id, each.shard)):
                self._repairs[task.name] = replace(
                    task,
                    reason=each.reason,
                    attempts=task.attempts + each.failed,
                    not_before_ms=each.not_before_ms,
                )

    async def bury_repairs(self, buried: Sequence[MissingShard]) -> None:
        for each in buried:
            for task in self._queued(ShardName(each.part_id, each.shard)):
                self._repairs[task.name] = replace(
                    task,
                    reason=each.reason,
                    state=RepairState.DEAD,
                    attempts=task.attempts + 1,
                    not_before_ms=0,
                )

    async def wake_repairs(self) -> int:
        asleep = [task for task in self._repairs.values() if task.not_before_ms > 0]
        for task in asleep:
            self._repairs[task.name] = replace(task, not_before_ms=0)
        return len(asleep)

    async def revive_repairs(self, names: Sequence[ShardName] | None = None) -> int:
        dead = [
            task
            for task in self._repairs.values()
            if task.state is RepairState.DEAD and (names is None or task.name in names)
        ]
        for task in dead:
            self._repairs[task.name] = replace(task, state=RepairState.QUEUED, attempts=0)
        return len(dead)

    # looking at them -----------------------------------------------------------------
    async def repairs(
        self,
        *,
        state: RepairState = RepairState.QUEUED,
        after: RepairTask | None = None,
        limit: int = 1000,
    ) -> list[RepairTask]:
        found = [task for task in self._tasks() if task.state is state]
        found.sort(key=_danger)
        return [task for task in found if after is None or _danger(task) > _danger(after)][:limit]

    async def repair_counts(self) -> list[RepairCount]:
        tasks = self._tasks()
        kinds = sorted({(task.node_id.encode(), task.kind, task.state) for task in tasks})
        counts = []
        for node_id, kind, state in kinds:
            sizes = [
                _shard_bytes(self._parts[task.part_id][1])
                for task in tasks
                if (task.node_id.encode(), task.kind, task.state) == (node_id, kind, state)
            ]
            counts.append(RepairCount(node_id.decode(), kind, state, len(sizes), sum(sizes)))
        return counts

    # where shards are ------------------------------------------------------------------
    async def find_parts(self, part_ids: Sequence[bytes]) -> dict[bytes, Part]:
        return {each: self._parts[each][1] for each in part_ids if each in self._parts}

    async def parts_naming(self, node_id: str) -> int:
        return sum(part.size > 0 and node_id in part.nodes for _, part in self._parts.values())

    # reclaims ----------------------------------------------------------------------------
    async def reclaims(self, node_id: str, *, before_ms: int, limit: int) -> list[Reclaim]:
        due = [
            each
            for each in self._reclaims
            if each.node_id == node_id and each.created_at_ms < before_ms
        ]
        due.sort(key=lambda each: (each.created_at_ms, each.part_id, each.shard))
        return due[:limit]

    async def forget_reclaims(self, done: Sequence[Reclaim]) -> None:
        self._reclaims.difference_update(done)

    # notes ---------------------------------------------------------------------------------
    async def save_note(self, name: str, value: str) -> None:
        self._notes[name] = value

    async def notes(self, prefix: str = "") -> dict[str, str]:
        return {name: text for name, text in self._notes.items() if name.startswith(prefix)}

    async def forget_notes(self, prefix: str) -> None:
        for name in await self.notes(prefix):
            del self._notes[name]

    # what the methods above have in common ----------------------------------------
    def _drop(self, part: Part) -> None:
        """Nothing names the part any more: its shards are to be deleted, and never repaired."""
        del self._parts[part.part_id]
        if part.size:
            self._reclaims |= {
                Reclaim(node_id, part.part_id, shard, self._clock_ms())
                for shard, node_id in enumerate(part.nodes)
            }
        for name in [name for name in self._repairs if name.part_id == part.part_id]:
            del self._repairs[name]

    def _move(self, move: ShardMove) -> bool:
        name = ShardName(move.part_id, move.shard)
        if self._holder(name) != move.old_node:
            return False
        owner, part = self._parts[move.part_id]
        if move.new_node in part.nodes or move.new_node in self._barred(name):
            return False
        nodes = list(part.nodes)
        nodes[move.shard] = move.new_node
        self._parts[move.part_id] = (owner, replace(part, nodes=tuple(nodes)))
        self._reclaims.add(Reclaim(move.old_node, *name, self._clock_ms()))
        self._repairs.pop(name, None)
        return True

    def _queue(
        self, name: ShardName, kind: RepairKind, target: str, reason: str, now_ms: int
    ) -> None:
        self._repairs[name] = RepairTask(
            *name, kind, "", target, reason, RepairState.QUEUED, 0, 0, now_ms
        )

    def _tasks(self) -> list[RepairTask]:
        """All tasks, each with its holder and what the part can spare."""
        rebuilds = Counter(name.part_id for name in self._repairs if self._is_rebuild(name))
        return [
            replace(
                task,
                node_id=self._holder(name) or "",
                spare=self._parts[name.part_id][1].m - rebuilds[name.part_id],
            )
            for name, task in self._repairs.items()
        ]

    def _queued(self, name: ShardName) -> Iterable[RepairTask]:
        """The shard's task, if it has one that is queued."""
        task = self._repairs.get(name)
        return [task] if task is not None and task.state is RepairState.QUEUED else []

    def _is_rebuild(self, name: ShardName) -> bool:
        return self._repairs[name].kind is RepairKind.REBUILD

    def _holder(self, name: ShardName) -> str | None:
        """The node that should have the shard, if there is such a shard."""
        if name.part_id not in self._parts:
            return None
        part = self._parts[name.part_id][1]
        return part.nodes[name.shard] if part.size and name.shard < len(part.nodes) else None

    def _barred(self, name: ShardName) -> frozenset[str]:
        """Where a former copy of a shard that still stands waits to be deleted."""
        return frozenset(
            each.node_id for each in self._reclaims if (each.part_id, each.shard) == name
        )


def _danger(task: RepairTask) -> tuple[int, int, ShardName]:
    """The order in which tasks are shown."""
    return task.spare, task.created_at_ms, task.name


def _shard_bytes(part: Part) -> int:
    """What one shard of the part takes: all stripes but the last fill their units."""
    return -(-part.size // part.k)
