"""How versions go, or are hidden by a delete marker.

Rules: the bucket's versioning, the condition and the locks are decided by the statement that
removes or adds something; only if none did, somebody looks why.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from metadata.errors import NoSuchKey, ObjectLocked, PreconditionFailed
from metadata.model import (
    NOTHING_DELETED,
    NULL_VERSION,
    UNCONDITIONAL,
    Deletion,
    Version,
    WriteCondition,
)
from metadata.statements.buckets import find_bucket
from metadata.statements.conditions import (
    DIFFERS,
    IS_LOCKED,
    MATCHES,
    NEWEST_FITS,
    condition_row,
    is_conditional,
)
from metadata.statements.parts import drop_parts
from metadata.statements.rows import version_row
from metadata.statements.versions import (
    CURRENT,
    INSERT_INTO_VERSIONS,
    NAMED,
    NULL,
    VALUES_OF_VERSION,
    choose,
    drop_former_null,
    find_by_id,
    find_newest,
    find_version,
    settle,
    unsettle,
    unsettle_one,
)

# In an unversioned bucket the current version is a key's only one.
_REMOVE_CURRENT: Final = f"""
    DELETE FROM versions AS n
    WHERE n.sequence = (
        SELECT v.sequence FROM buckets b {CURRENT} WHERE b.name = :bucket AND b.versioning = '')
    %s RETURNING version_id, bucket_id"""

_REMOVE: Final = _REMOVE_CURRENT % ""
_REMOVE_IF: Final = _REMOVE_CURRENT % f"AND {DIFFERS} AND {MATCHES}"

# A retry must not even try: it would use up a sequence.
_ADD_MARKER: Final = f"""
    {INSERT_INTO_VERSIONS}) {VALUES_OF_VERSION.format(is_delete_marker=1)}
    FROM buckets b WHERE b.name = :bucket AND b.versioning <> '' %s
      AND NOT EXISTS (SELECT 1 FROM versions WHERE version_id = :version_id)
    RETURNING sequence, bucket_id, is_null"""

_MARK: Final = _ADD_MARKER % ""
_MARK_IF: Final = _ADD_MARKER % f"AND {NEWEST_FITS}"

_DELETE: Final = f"""
    DELETE FROM versions AS n
    WHERE n.sequence = (SELECT v.sequence FROM buckets b %s WHERE b.name = :bucket)
      AND NOT {IS_LOCKED} AND {DIFFERS} AND {MATCHES}
    RETURNING version_id, bucket_id, sequence, is_delete_marker, is_null"""

_DELETE_NULL: Final = _DELETE % NULL
_DELETE_NAMED: Final = _DELETE % NAMED

_IS_LOCKED: Final = f"SELECT {IS_LOCKED} FROM versions n WHERE n.version_id = :version_id"


def delete_key(
    db: sqlite3.Connection,
    *,
    bucket: str,
    key: str,
    marker: Version,
    condition: WriteCondition,
    now_ms: int,
) -> Deletion:
    """See the contract."""
    assert marker.is_delete_marker, "a deletion brings a delete marker"
    encoded = key.encode()
    wanted: dict[str, object] = {"bucket": bucket, "key": encoded}
    remove, mark = _REMOVE, _MARK
    if is_conditional(condition):
        wanted |= condition_row(condition)
        remove, mark = _REMOVE_IF, _MARK_IF
    removed = db.execute(remove, wanted).fetchone()
    if removed is not None:
        version_id, bucket_id = removed
        drop_parts(db, version_id, now_ms)
        unsettle(db, bucket_id, encoded)
        return Deletion(None, is_delete_marker=False, existed=True)
    row = db.execute(mark, version_row(marker) | wanted).fetchone()
    if row is None:
        return _nothing_marked(db, bucket, key, marker.version_id)
    sequence, bucket_id, is_null = row
    existed = unsettle(db, bucket_id, encoded)
    if is_null:
        drop_former_null(db, bucket_id, encoded, sequence, now_ms)
    return Deletion(NULL_VERSION if is_null else marker.version_id, True, existed)


def delete_keys(
    db: sqlite3.Connection, *, bucket: str, keys: Sequence[tuple[str, Version]], now_ms: int
) -> list[Deletion]:
    """See the contract."""
    find_bucket(db, bucket)
    return [
        delete_key(
            db, bucket=bucket, key=key, marker=marker, condition=UNCONDITIONAL, now_ms=now_ms
        )
        for key, marker in keys
    ]


def delete_version(
    db: sqlite3.Connection,
    *,
    bucket: str,
    key: str,
    version_id: str,
    condition: WriteCondition,
    now_ms: int,
    dropped_at_ms: int,
    bypass_governance: bool,
) -> Deletion:
    """See the contract. `now_ms` is about retentions, `dropped_at_ms` dates the reclaims."""
    encoded = key.encode()
    wanted = condition_row(condition) | {
        "bucket": bucket,
        "key": encoded,
        "version_id": version_id,
        "now_ms": now_ms,
        "bypass_governance": int(bypass_governance),
    }
    row = db.execute(choose(version_id, "", _DELETE_NULL, _DELETE_NAMED), wanted).fetchone()
    if row is None:
        return _nothing_deleted(db, wanted, bucket, key, version_id)
    dropped, bucket_id, sequence, is_marker, is_null = row
    drop_parts(db, dropped, dropped_at_ms)
    unsettle_one(db, bucket_id, encoded, sequence)
    settle(db, bucket_id, encoded)
    return Deletion(NULL_VERSION if is_null else dropped, is_marker == 1, existed=True)


def _nothing_marked(db: sqlite3.Connection, bucket: str, key: str, marker_id: str) -> Deletion:
    """What there is to say when nothing was removed and no marker added."""
    find_bucket(db, bucket)
    marker = find_by_id(db, marker_id)
    if marker is not None:  # a retry of what was committed
        return Deletion(marker.public_id, is_delete_marker=True, existed=False)
    if find_newest(db, bucket, key) is None:
        return NOTHING_DELETED
    raise PreconditionFailed(f"the newest version of {key!r} is not what the deletion demands")


def _nothing_deleted(
    db: sqlite3.Connection, wanted: dict[str, object], bucket: str, key: str, version_id: str
) -> Deletion:
    try:
        stored = find_version(db, bucket, key, version_id)
    except NoSuchKey:
        return NOTHING_DELETED
    named = wanted | {"version_id": stored.version.version_id}
    (is_locked,) = db.execute(_IS_LOCKED, named).fetchone()
    if is_locked:
        raise ObjectLocked(f"a version of {key!r} is locked")
    raise PreconditionFailed(f"the version of {key!r} is not what the deletion demands")
