"""What background work reads and writes: repair tasks, reclaims, and the counts."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from metadata.model import MissingShard, Reclaim, RepairState, RepairTask, Totals
from metadata.statements.rows import repair_row, to_repair

_QUEUE: Final = """
    INSERT INTO repairs (part_id, shard, reason, state, attempts, created_at_ms)
    SELECT :part_id, :shard, :reason, :state, 0, :now_ms
    WHERE EXISTS (SELECT 1 FROM parts WHERE part_id = :part_id)
    ON CONFLICT (part_id, shard) DO NOTHING"""

_LIST_REPAIRS: Final = """
    SELECT part_id, shard, reason, state, attempts, created_at_ms FROM repairs
    WHERE state = ? ORDER BY created_at_ms, part_id, shard LIMIT ?"""

_LIST_RECLAIMS: Final = """
    SELECT node_id, part_id, shard, created_at_ms FROM reclaims
    WHERE node_id = ? AND created_at_ms < ? ORDER BY created_at_ms, part_id, shard LIMIT ?"""

_FORGET_RECLAIM: Final = """
    DELETE FROM reclaims WHERE node_id = ? AND created_at_ms = ? AND part_id = ? AND shard = ?"""

_TOTALS: Final = """
    SELECT buckets, objects, bytes, uploads, repair_queued, repair_dead, reclaims FROM totals
    WHERE id = 1"""


def queue_repairs(db: sqlite3.Connection, *, missing: Sequence[MissingShard], now_ms: int) -> int:
    """Queue what is not queued and whose part is still named; how many were added."""
    return sum(db.execute(_QUEUE, repair_row(shard, now_ms)).rowcount for shard in missing)


def list_repairs(db: sqlite3.Connection, *, limit: int) -> list[RepairTask]:
    """Queued tasks, oldest first."""
    return [to_repair(row) for row in db.execute(_LIST_REPAIRS, (RepairState.QUEUED.value, limit))]


def list_reclaims(
    db: sqlite3.Connection, *, node_id: str, before_ms: int, limit: int
) -> list[Reclaim]:
    """The node's shards of parts dropped before that time, oldest first."""
    return [Reclaim(*row) for row in db.execute(_LIST_RECLAIMS, (node_id, before_ms, limit))]


def forget_reclaims(db: sqlite3.Connection, *, done: Sequence[Reclaim]) -> None:
    """See the contract."""
    db.executemany(
        _FORGET_RECLAIM,
        [(each.node_id, each.created_at_ms, each.part_id, each.shard) for each in done],
    )


def read_totals(db: sqlite3.Connection) -> Totals:
    """The counts that the schema's triggers keep."""
    return Totals(*db.execute(_TOTALS).fetchone())
