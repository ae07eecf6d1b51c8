"""Repair tasks: how they come, what is due, how they go.

Rules: triggers keep `spare` and the counts right (migrations/0002_repair.sql), so no statement here
can forget them. A task is made from its part's row, so what no part has makes none.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Final

from metadata.model_repairs import (
    DueRepair,
    MissingShard,
    MoveShard,
    PutOff,
    RepairCount,
    RepairKind,
    RepairState,
    RepairTask,
    ShardName,
)
from metadata.statements.batches import batch_of, table_of
from metadata.statements.rows import (
    NODE_OF_SHARD,
    NODES_HOLD,
    PART_COLUMNS,
    REPAIR_COLUMNS,
    REPAIR_WIDTH,
    to_part,
    to_repair,
)

STEP_ROWS: Final = 2_000
"""Tasks that one mutation wakes or revives: some 10 ms that writes wait for."""

_QUEUE: Final = f"""
    INSERT INTO repairs (part_id, shard, kind, node_id, target, reason, state, spare, attempts,
                         created_at_ms, not_before_ms, bytes)
    SELECT p.part_id, n.shard, :kind, {NODE_OF_SHARD}, n.target, n.reason, 'queued',
           p.m - (:kind = 'rebuild') - (SELECT count(*) FROM repairs o
                                        WHERE o.part_id = p.part_id AND o.kind = 'rebuild'),
           0, :now_ms, 0, (p.size + p.k - 1) / p.k
    FROM {table_of("shard", "target", "reason")} CROSS JOIN parts p
    WHERE p.part_id = n.part_id AND p.size > 0 AND n.shard < p.k + p.m
      AND NOT {NODES_HOLD % "n.target"}
    ON CONFLICT (part_id, shard) DO UPDATE SET
        kind = excluded.kind, target = excluded.target, reason = excluded.reason,
        state = 'queued', attempts = 0, created_at_ms = excluded.created_at_ms, not_before_ms = 0
    WHERE repairs.kind = 'move' AND repairs.target <> excluded.target"""
"""A rebuild has the target '', which no part names and no move has."""

_DANGERS: Final = """
    SELECT min(spare) FROM repairs WHERE state = 'queued' AND node_id = ? AND spare > ?"""

_DUE: Final = f"""
    SELECT {REPAIR_COLUMNS}, {PART_COLUMNS},
           (SELECT group_concat(b.node_id) FROM reclaims b
            WHERE b.part_id = r.part_id AND b.shard = r.shard AND b.is_moved = 1)
    FROM repairs r JOIN parts p ON p.part_id = r.part_id
    WHERE r.state = 'queued' AND r.node_id = ? AND r.spare = ? AND r.not_before_ms <= ?
    ORDER BY r.not_before_ms, r.created_at_ms, r.part_id, r.shard LIMIT ?"""

_LESS_THAN_ANY_SPARE: Final = -256
"""k + m is at most 255, so a part never misses more."""

_HAS: Final = "SELECT 1 FROM repairs WHERE state = 'queued' AND node_id = ? LIMIT 1"

_NAMED: Final = f"(part_id, shard) IN (SELECT part_id, shard FROM {table_of('shard')})"

_FINISH: Final = f"DELETE FROM repairs WHERE {_NAMED}"

# The plus keeps the planner from walking all tasks of that state.
_PUT_OFF: Final = f"""
    UPDATE repairs AS r
    SET reason = n.reason, not_before_ms = n.not_before_ms, attempts = attempts + n.failures
    FROM {table_of("shard", "reason", "not_before_ms", "failures")}
    WHERE r.part_id = n.part_id AND r.shard = n.shard AND +r.state = 'queued'"""

_BURY: Final = f"""
    UPDATE repairs AS r
    SET reason = n.reason, state = 'dead', attempts = attempts + 1, not_before_ms = 0
    FROM {table_of("shard", "reason")}
    WHERE r.part_id = n.part_id AND r.shard = n.shard AND +r.state = 'queued'"""

_WAKE_SOME: Final = f"""
    UPDATE repairs SET not_before_ms = 0 WHERE (part_id, shard) IN (
        SELECT part_id, shard FROM repairs WHERE not_before_ms > 0 LIMIT {STEP_ROWS})"""

_REVIVE: Final = f"""
    UPDATE repairs SET state = 'queued', attempts = 0 WHERE +state = 'dead' AND {_NAMED}"""

_REVIVE_SOME: Final = f"""
    UPDATE repairs SET state = 'queued', attempts = 0 WHERE (part_id, shard) IN (
        SELECT part_id, shard FROM repairs WHERE state = 'dead' LIMIT {STEP_ROWS})"""

_LIST: Final = f"""
    SELECT {REPAIR_COLUMNS} FROM repairs r
    WHERE r.state = ? AND (r.spare, r.created_at_ms, r.part_id, r.shard) > (?, ?, ?, ?)
    ORDER BY r.spare, r.created_at_ms, r.part_id, r.shard LIMIT ?"""

_COUNTS: Final = """
    SELECT node_id, kind, state, tasks, bytes FROM repair_counts
    WHERE tasks > 0 ORDER BY node_id, kind, state"""


def queue_repairs(db: sqlite3.Connection, *, missing: Sequence[MissingShard], now_ms: int) -> int:
    """How many were added. See the contract."""
    values = [(each.shard, "", each.reason) for each in missing]
    batch = batch_of((each.part_id for each in missing), values)
    wanted = batch | {"kind": RepairKind.REBUILD.value, "now_ms": now_ms}
    return db.execute(_QUEUE, wanted).rowcount


def queue_moves(db: sqlite3.Connection, *, moves: Sequence[MoveShard], now_ms: int) -> int:
    """How many were added or changed. See the contract."""
    values = [(each.shard, each.target, each.reason) for each in moves]
    batch = batch_of((each.part_id for each in moves), values)
    wanted = batch | {"kind": RepairKind.MOVE.value, "now_ms": now_ms}
    return db.execute(_QUEUE, wanted).rowcount


def list_due(db: sqlite3.Connection, *, node_id: str, now_ms: int, limit: int) -> list[DueRepair]:
    """See the contract. One seek for each number of spare shards that occurs: an index in the order
    of danger can leave out what is put off only within one such number."""
    found: list[DueRepair] = []
    for spare in _dangers(db, node_id):
        rows = db.execute(_DUE, (node_id, spare, now_ms, limit - len(found)))
        found += [
            DueRepair(
                to_repair(row[:REPAIR_WIDTH]),
                to_part(row[REPAIR_WIDTH:-1]),
                frozenset(row[-1].split(",")) if row[-1] else frozenset(),
            )
            for row in rows
        ]
        if len(found) >= limit:
            break
    return found


def _dangers(db: sqlite3.Connection, node_id: str) -> Iterator[int]:
    """The numbers of spare shards that the node's queued tasks have, lowest first."""
    spare: int | None = _LESS_THAN_ANY_SPARE
    while True:
        (spare,) = db.execute(_DANGERS, (node_id, spare)).fetchone()
        if spare is None:
            return
        yield spare


def has_repairs(db: sqlite3.Connection, *, node_id: str) -> bool:
    """Whether the node has queued tasks."""
    return db.execute(_HAS, (node_id,)).fetchone() is not None


def finish_repairs(db: sqlite3.Connection, *, done: Sequence[ShardName]) -> None:
    """Forget them."""
    db.execute(_FINISH, _names(done))


def put_off_repairs(db: sqlite3.Connection, *, put_off: Sequence[PutOff]) -> None:
    """See the contract."""
    values = [(each.shard, each.reason, each.not_before_ms, int(each.failed)) for each in put_off]
    db.execute(_PUT_OFF, batch_of((each.part_id for each in put_off), values))


def bury_repairs(db: sqlite3.Connection, *, buried: Sequence[MissingShard]) -> None:
    """See the contract."""
    values = [(each.shard, each.reason) for each in buried]
    db.execute(_BURY, batch_of((each.part_id for each in buried), values))


def wake_some(db: sqlite3.Connection) -> int:
    """How many were woken: fewer than STEP_ROWS when there are no more."""
    return db.execute(_WAKE_SOME).rowcount


def revive_repairs(db: sqlite3.Connection, *, names: Sequence[ShardName]) -> int:
    """How many were dead."""
    return db.execute(_REVIVE, _names(names)).rowcount


def revive_some(db: sqlite3.Connection) -> int:
    """How many were revived: fewer than STEP_ROWS when there are no more."""
    return db.execute(_REVIVE_SOME).rowcount


def list_repairs(
    db: sqlite3.Connection, *, state: RepairState, after: RepairTask | None, limit: int
) -> list[RepairTask]:
    """See the contract."""
    last: tuple[int, int, bytes, int] = (_LESS_THAN_ANY_SPARE, 0, b"", 0)
    if after is not None:
        last = (after.spare, after.created_at_ms, after.part_id, after.shard)
    return [to_repair(row) for row in db.execute(_LIST, (state.value, *last, limit))]


def count_repairs(db: sqlite3.Connection) -> list[RepairCount]:
    """The counts that the schema's triggers keep."""
    return [
        RepairCount(node_id, RepairKind(kind), RepairState(state), tasks, size)
        for node_id, kind, state, tasks, size in db.execute(_COUNTS)
    ]


def _names(names: Sequence[ShardName]) -> dict[str, object]:
    return batch_of((name.part_id for name in names), [(name.shard,) for name in names])
