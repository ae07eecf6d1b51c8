"""What is left to be deleted on the nodes, and the counts of everything."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from metadata.model import (
    Totals,
)
from metadata.model_repairs import (
    Reclaim,
)

_LIST_RECLAIMS: Final = """
    SELECT node_id, part_id, shard, created_at_ms FROM reclaims
    WHERE node_id = ? AND created_at_ms < ? ORDER BY created_at_ms, part_id, shard LIMIT ?"""

_FORGET_RECLAIM: Final = """
    DELETE FROM reclaims WHERE node_id = ? AND created_at_ms = ? AND part_id = ? AND shard = ?"""

_TOTALS: Final = """
    SELECT buckets, objects, bytes, uploads,
           (SELECT coalesce(sum(tasks), 0) FROM repair_counts WHERE state = 'queued'),
           (SELECT coalesce(sum(tasks), 0) FROM repair_counts WHERE state = 'dead'), reclaims
    FROM totals WHERE id = 1"""


def list_reclaims(
    db: sqlite3.Connection, *, node_id: str, before_ms: int, limit: int
) -> list[Reclaim]:
    """The node's shards dropped or moved away before that time, oldest first."""
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
