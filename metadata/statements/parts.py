"""Parts of versions and uploads, and how they leave: by way of a reclaim, always.

Rules: parts are deleted only by the three statements that `dropping` makes, so none can leave
without its reclaim, and none leaves a repair task behind.
"""

import sqlite3
from collections.abc import Mapping, Sequence
from typing import Final

from metadata.model import (
    Part,
)
from metadata.model_repairs import (
    MissingShard,
)
from metadata.statements.repairs import queue_repairs
from metadata.statements.rows import CONTENT_SIZE, NODES_AS_JSON, PART_COLUMNS, part_row, to_part

INSERT_INTO_PARTS: Final = """
    INSERT INTO parts (part_id, version_id, number, size, etag, k, m, unit_size, nodes,
                       created_at_ms, "offset", checksums, plain_size, stored_md5)"""
PART_VALUES: Final = ", ".join("?" * 14)
"""The places of the values of `part_row`."""

_ADD: Final = f"{INSERT_INTO_PARTS} VALUES ({PART_VALUES})"

# The last part that starts at or before the offset is found by its own index, then all are read by
# number, which in a version is the order of their offsets too. The first part starts at 0 and is
# not in that index; number 0 then stands for it.
_FROM_OFFSET: Final = f"""
    SELECT {PART_COLUMNS} FROM parts p
    WHERE p.version_id = :version_id AND p.size > 0
      AND p."offset" + {CONTENT_SIZE} > :offset
      AND p.number >= coalesce((
          SELECT s.number FROM parts s
          WHERE s.version_id = :version_id AND s."offset" > 0 AND s."offset" <= :offset
          ORDER BY s."offset" DESC, s.number LIMIT 1), 0)
    ORDER BY p.number LIMIT :limit"""

_ALL: Final = f"""
    SELECT {PART_COLUMNS} FROM parts p WHERE p.version_id = ? AND p.number > ?
    ORDER BY p.number LIMIT ?"""

_BY_NUMBER: Final = f"SELECT {PART_COLUMNS} FROM parts p WHERE p.version_id = ? AND p.number = ?"


def dropping(which: str) -> tuple[str, str, str]:
    """The statements that drop the parts for which the SQL condition `which` holds."""
    return (
        f"""INSERT INTO reclaims (node_id, created_at_ms, part_id, shard)
            SELECT shards.value, :now_ms, part_id, shards.key
            FROM parts p, json_each({NODES_AS_JSON}) AS shards
            WHERE size > 0 AND {which}""",
        f"DELETE FROM repairs WHERE part_id IN (SELECT part_id FROM parts WHERE {which})",
        f"DELETE FROM parts WHERE {which}",
    )


_DROP_ALL: Final = dropping("version_id = :version_id")


def list_parts(db: sqlite3.Connection, *, version_id: str, offset: int, limit: int) -> list[Part]:
    """A version's non-empty parts that end after byte `offset`, in order."""
    wanted = {"version_id": version_id, "offset": offset, "limit": limit}
    return [to_part(row) for row in db.execute(_FROM_OFFSET, wanted)]


def list_by_number(
    db: sqlite3.Connection, *, version_id: str, after_number: int, limit: int
) -> list[Part]:
    """All parts of a version or an upload, the empty ones too."""
    return [to_part(row) for row in db.execute(_ALL, (version_id, after_number, limit))]


def find_part(db: sqlite3.Connection, *, version_id: str, number: int) -> Part | None:
    """The version's part of that number."""
    row = db.execute(_BY_NUMBER, (version_id, number)).fetchone()
    return None if row is None else to_part(row)


def add_parts(
    db: sqlite3.Connection,
    version_id: str,
    parts: Sequence[Part],
    missing: Sequence[MissingShard],
    now_ms: int,
) -> None:
    """Add a new version's parts, one after the other, and the tasks for their missing shards."""
    offset = 0
    for part in parts:
        db.execute(_ADD, part_row(part, version_id, offset))
        offset += part.content_size
    if missing:
        queue_repairs(db, missing=missing, now_ms=now_ms)


def drop_parts(db: sqlite3.Connection, version_id: str, now_ms: int) -> None:
    """All parts of a version or upload that is gone."""
    run_all(db, _DROP_ALL, {"version_id": version_id, "now_ms": now_ms})


def run_all(
    db: sqlite3.Connection, statements: Sequence[str], parameters: Mapping[str, object]
) -> None:
    """Several statements over the same named parameters."""
    for statement in statements:
        db.execute(statement, parameters)
