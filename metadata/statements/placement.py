"""Where shards are: parts by id, and the one way in which a shard changes its node."""

import sqlite3
from collections import Counter
from collections.abc import Sequence
from typing import Final

from metadata.model import (
    Part,
)
from metadata.model_repairs import (
    NamedPart,
    ShardMove,
)
from metadata.statements.batches import batch_of, table_of
from metadata.statements.rows import (
    NODE_OF_SHARD,
    NODES_AS_JSON,
    NODES_HOLD,
    PART_COLUMNS,
    PART_WIDTH,
    to_part,
)

STEP_ROWS: Final = 10_000
"""Parts that one read walks through to count: some 5 ms that other pages wait for."""

_MOVES: Final = table_of("shard", "old_node", "new_node")

# json_replace answers ["a","b"], and no id holds a quote: so back to a,b. The plus keeps the
# planner from walking all that the new node has to delete.
_MOVED_NODES: Final = f"json_replace({NODES_AS_JSON}, '$[' || n.shard || ']', n.new_node)"
_MOVE: Final = f"""
    UPDATE parts AS p
    SET nodes = replace(replace(substr({_MOVED_NODES}, 3), '","', ','), '"]', '')
    FROM {_MOVES}
    WHERE p.part_id = n.part_id AND p.size > 0 AND {NODE_OF_SHARD} = n.old_node
      AND NOT {NODES_HOLD % "n.new_node"}
      AND NOT EXISTS (SELECT 1 FROM reclaims b WHERE b.part_id = n.part_id AND b.shard = n.shard
                      AND +b.node_id = n.new_node AND b.is_moved = 1)
    RETURNING part_id"""

_LEAVE_BEHIND: Final = f"""
    INSERT INTO reclaims (node_id, created_at_ms, part_id, shard, is_moved)
    SELECT n.old_node, :now_ms, n.part_id, n.shard, 1 FROM {_MOVES}"""

_FORGET_TASKS: Final = f"""
    DELETE FROM repairs WHERE (part_id, shard) IN (SELECT part_id, shard FROM {_MOVES})"""

_BY_ID: Final = f"""
    SELECT {PART_COLUMNS}, b.name, coalesce(v.key, u.key), p.version_id, v.version_id IS NULL
    FROM parts p
    LEFT JOIN versions v ON v.version_id = p.version_id
    LEFT JOIN uploads u ON u.upload_id = p.version_id
    LEFT JOIN buckets b ON b.bucket_id = coalesce(v.bucket_id, u.bucket_id)
    WHERE p.part_id > ? AND p.size > 0 ORDER BY p.part_id LIMIT ?"""

_FIND: Final = f"""
    SELECT {PART_COLUMNS} FROM {table_of()} CROSS JOIN parts p WHERE p.part_id = n.part_id"""

_COUNT_SOME: Final = f"""
    SELECT count(*) FILTER (WHERE is_there), max(part_id) FROM (
        SELECT p.part_id, p.size > 0 AND {NODES_HOLD % ":node_id"} AS is_there
        FROM parts p WHERE p.part_id > :after ORDER BY p.part_id LIMIT {STEP_ROWS}) AS walked"""


def move_shards(db: sqlite3.Connection, *, moves: Sequence[ShardMove], now_ms: int) -> list[bool]:
    """See the contract."""
    has_moved = [False] * len(moves)
    for positions in _rounds(moves):
        moved = _move(db, [moves[position] for position in positions], now_ms)
        for position in positions:
            has_moved[position] = moves[position].part_id in moved
    return has_moved


def _rounds(moves: Sequence[ShardMove]) -> list[list[int]]:
    """The positions of all moves, in as few rounds as name no part twice: one statement changes a
    row once. A part's moves stay in their order."""
    rounds: list[list[int]] = []
    seen: Counter[bytes] = Counter()
    for position, move in enumerate(moves):
        turn = seen[move.part_id]
        seen[move.part_id] += 1
        if turn == len(rounds):
            rounds.append([])
        rounds[turn].append(position)
    return rounds


def _move(db: sqlite3.Connection, moves: Sequence[ShardMove], now_ms: int) -> set[bytes]:
    """The ids of the parts that have changed."""
    moved = {part_id for (part_id,) in db.execute(_MOVE, _batch(moves))}
    if moved:
        done = _batch([move for move in moves if move.part_id in moved])
        db.execute(_LEAVE_BEHIND, done | {"now_ms": now_ms})
        db.execute(_FORGET_TASKS, done)
    return moved


def _batch(moves: Sequence[ShardMove]) -> dict[str, object]:
    return batch_of((move.part_id for move in moves), [move[1:] for move in moves])


def list_by_id(db: sqlite3.Connection, *, after: bytes, limit: int) -> list[NamedPart]:
    """See the contract."""
    named = []
    for row in db.execute(_BY_ID, (after, limit)):
        bucket, key, version_id, is_upload = row[PART_WIDTH:]
        part = to_part(row[:PART_WIDTH])
        named.append(NamedPart(part, bucket, key.decode(), version_id, is_upload == 1))
    return named


def find_parts(db: sqlite3.Connection, *, part_ids: Sequence[bytes]) -> dict[bytes, Part]:
    """Those that there are."""
    rows = db.execute(_FIND, batch_of(part_ids, [()] * len(part_ids)))
    return {row[0]: to_part(row) for row in rows}


def count_naming(db: sqlite3.Connection, *, node_id: str, after: bytes) -> tuple[int, bytes | None]:
    """How many of the next STEP_ROWS parts have a shard on the node, and the last one's id: None
    when there are no more."""
    count, last = db.execute(_COUNT_SOME, {"node_id": node_id, "after": after}).fetchone()
    return count, last
