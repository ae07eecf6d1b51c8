"""Versions: which one is current, how one comes and how one goes.

Rules: `objects` names the newest version of each key unless that is a delete marker; `settle` makes
that true again after any change. A version is inserted by one conditional statement, which also
decides the write's condition; a key has at most one null version.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from metadata.errors import NoSuchKey, PreconditionFailed
from metadata.model import (
    NULL_VERSION,
    MissingShard,
    Part,
    StoredVersion,
    Version,
    WriteCondition,
)
from metadata.statements.buckets import find_bucket
from metadata.statements.parts import add_parts, drop_parts
from metadata.statements.rows import (
    BUCKET_COLUMNS,
    BUCKET_WIDTH,
    PART_COLUMNS,
    VERSION_COLUMNS,
    VERSION_WIDTH,
    Row,
    to_bucket,
    to_part,
    to_version,
    version_row,
)

CONDITION_HOLDS: Final = """
    (NOT :must_not_exist OR NOT EXISTS (
        SELECT 1 FROM objects o WHERE o.bucket_id = b.bucket_id AND o.key = :key))
    AND (:must_match_etag IS NULL OR EXISTS (
        SELECT 1 FROM objects o JOIN versions v ON v.sequence = o.sequence
        WHERE o.bucket_id = b.bucket_id AND o.key = :key
          AND :must_match_etag IN (v.etag, '*')))"""
"""A WriteCondition against the current version of :key in bucket b."""

INSERT_VERSION: Final = """
    INSERT INTO versions (version_id, bucket_id, key, size, etag, created_at_ms, owner_id,
                          attributes, part_count, is_delete_marker, is_null)
    SELECT :version_id, b.bucket_id, :key, :size, :etag, :created_at_ms, :owner_id,
           :attributes, :part_count, :is_delete_marker, :is_null"""

_PUT: Final = f"""{INSERT_VERSION}
    FROM buckets b WHERE b.name = :bucket AND {CONDITION_HOLDS}
    ON CONFLICT (version_id) DO NOTHING
    RETURNING sequence, bucket_id"""

_DROP_FORMER_NULL: Final = """
    DELETE FROM versions
    WHERE bucket_id = ? AND key = ? AND is_null = 1 AND sequence < ? RETURNING version_id"""

_UNSETTLE: Final = "DELETE FROM objects WHERE bucket_id = ? AND key = ?"
_SETTLE: Final = """
    INSERT INTO objects (bucket_id, key, sequence)
    SELECT bucket_id, key, sequence FROM (
        SELECT bucket_id, key, sequence, is_delete_marker FROM versions
        WHERE bucket_id = ? AND key = ? ORDER BY sequence DESC LIMIT 1)
    WHERE NOT is_delete_marker
    ON CONFLICT (bucket_id, key) DO UPDATE SET sequence = excluded.sequence"""

# Two rows at most: whether there is a second part is all that needs to be known of the others.
_STORED: Final = f"""
    SELECT {BUCKET_COLUMNS}, {VERSION_COLUMNS}, {PART_COLUMNS} FROM buckets b
    %s LEFT JOIN parts p ON p.version_id = v.version_id
    WHERE b.name = :bucket LIMIT 2"""

_CURRENT: Final = """
    JOIN objects o ON o.bucket_id = b.bucket_id AND o.key = :key
    JOIN versions v ON v.sequence = o.sequence"""
_NULL: Final = """
    JOIN versions v ON v.bucket_id = b.bucket_id AND v.key = :key AND v.is_null = 1"""
_NAMED: Final = """
    JOIN versions v ON v.version_id = :version_id AND v.bucket_id = b.bucket_id AND v.key = :key"""

_FIND_CURRENT: Final = _STORED % _CURRENT
_FIND_NULL: Final = _STORED % _NULL
_FIND_NAMED: Final = _STORED % _NAMED

_DELETE: Final = """
    DELETE FROM versions
    WHERE sequence = (SELECT v.sequence FROM buckets b %s WHERE b.name = :bucket)
      AND NOT :must_not_exist AND (:must_match_etag IS NULL OR :must_match_etag IN (etag, '*'))
    RETURNING version_id, bucket_id"""

_DELETE_CURRENT: Final = _DELETE % _CURRENT
_DELETE_NULL: Final = _DELETE % _NULL
_DELETE_NAMED: Final = _DELETE % _NAMED

_BY_ID: Final = f"SELECT {VERSION_COLUMNS} FROM versions v WHERE v.version_id = ?"


def put_version(
    db: sqlite3.Connection,
    *,
    bucket: str,
    version: Version,
    parts: Sequence[Part],
    condition: WriteCondition,
    missing: Sequence[MissingShard],
    now_ms: int,
) -> Version:
    """See the contract."""
    wanted = version_row(version) | condition_row(condition) | {"bucket": bucket}
    row = db.execute(_PUT, wanted).fetchone()
    if row is None:
        stored = db.execute(_BY_ID, (version.version_id,)).fetchone()
        if stored is not None:  # a retry of what was committed
            return to_version(stored)
        raise why_refused(db, bucket, version.key, condition)
    sequence, bucket_id = row
    add_parts(db, version.version_id, parts, missing, version.created_at_ms)
    make_current(db, bucket_id, version, sequence, now_ms)
    return replace(version, sequence=sequence)


def make_current(
    db: sqlite3.Connection, bucket_id: int, version: Version, sequence: int, now_ms: int
) -> None:
    """What follows the insertion of a version: the former null version goes, this one is newest."""
    key = version.key.encode()
    if version.is_null:
        for (former,) in db.execute(_DROP_FORMER_NULL, (bucket_id, key, sequence)).fetchall():
            drop_parts(db, former, now_ms)
    _settle(db, bucket_id, key, is_gone=version.is_delete_marker)


def find_version(
    db: sqlite3.Connection, *, bucket: str, key: str, version_id: str | None
) -> StoredVersion:
    """See the contract. The hot path of every GET: one statement."""
    wanted = {"bucket": bucket, "key": key.encode(), "version_id": version_id}
    statement = _choose(version_id, _FIND_CURRENT, _FIND_NULL, _FIND_NAMED)
    rows = db.execute(statement, wanted).fetchall()
    if not rows:
        find_bucket(db, bucket)
        raise NoSuchKey(f"no version of {key!r}" if version_id else f"no object {key!r}")
    return _to_stored(rows)


def delete_version(
    db: sqlite3.Connection,
    *,
    bucket: str,
    key: str,
    version_id: str | None,
    condition: WriteCondition,
    now_ms: int,
) -> bool:
    """See the contract."""
    encoded = key.encode()
    wanted = condition_row(condition) | {
        "bucket": bucket,
        "key": encoded,
        "version_id": version_id,
    }
    statement = _choose(version_id, _DELETE_CURRENT, _DELETE_NULL, _DELETE_NAMED)
    row = db.execute(statement, wanted).fetchone()
    if row is None:
        return _nothing_deleted(db, bucket, key, version_id, condition)
    dropped, bucket_id = row
    drop_parts(db, dropped, now_ms)
    _settle(db, bucket_id, encoded, is_gone=True)
    return True


def delete_versions(
    db: sqlite3.Connection, *, bucket: str, keys: Sequence[str], now_ms: int
) -> list[bool]:
    """See the contract."""
    find_bucket(db, bucket)
    unconditional = WriteCondition()
    return [
        delete_version(
            db, bucket=bucket, key=key, version_id=None, condition=unconditional, now_ms=now_ms
        )
        for key in keys
    ]


def condition_row(condition: WriteCondition) -> dict[str, object]:
    """The named parameters of a condition."""
    return {
        "must_not_exist": int(condition.must_not_exist),
        "must_match_etag": condition.must_match_etag,
    }


def why_refused(
    db: sqlite3.Connection, bucket: str, key: str, condition: WriteCondition
) -> NoSuchKey | PreconditionFailed:
    """The error for a version that was not inserted. Raises NoSuchBucket."""
    try:
        find_version(db, bucket=bucket, key=key, version_id=None)
    except NoSuchKey as error:
        assert condition.must_match_etag is not None, "refused without a reason"
        return error
    return PreconditionFailed(f"the current version of {key!r} is not what the write demands")


def _settle(db: sqlite3.Connection, bucket_id: int, key: bytes, *, is_gone: bool) -> None:
    """Make `objects` name the key's newest version. `is_gone`: what it names may be gone or may
    be hidden by a delete marker, so that even nothing may be right."""
    if is_gone:
        db.execute(_UNSETTLE, (bucket_id, key))
    db.execute(_SETTLE, (bucket_id, key))


def _nothing_deleted(
    db: sqlite3.Connection,
    bucket: str,
    key: str,
    version_id: str | None,
    condition: WriteCondition,
) -> bool:
    try:
        find_version(db, bucket=bucket, key=key, version_id=version_id)
    except NoSuchKey:
        if condition.must_match_etag is not None:
            raise
        return False
    raise PreconditionFailed(f"the version of {key!r} is not what the deletion demands")


def _choose(version_id: str | None, current: str, null: str, named: str) -> str:
    if version_id is None:
        return current
    return null if version_id == NULL_VERSION else named


def _to_stored(rows: Sequence[Row]) -> StoredVersion:
    row = rows[0]
    version = to_version(row[BUCKET_WIDTH : BUCKET_WIDTH + VERSION_WIDTH])
    part = row[BUCKET_WIDTH + VERSION_WIDTH :]
    has_one = len(rows) == 1 and part[0] is not None
    return StoredVersion(
        to_bucket(row[:BUCKET_WIDTH]), version, (to_part(part),) if has_one else ()
    )
