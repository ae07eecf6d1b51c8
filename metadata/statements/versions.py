"""Versions: which one is current, how one comes, and how one is changed.

Rules: `objects` names the newest version of each key unless that is a delete marker, and repeats
of it what a listing tells, which no update changes, and mostly all that a GET needs (`records.py`);
`settle` makes that true again after any other change than a write, which knows what it made the
newest. A version is inserted by one conditional statement, which decides the write's condition, and
whether it is a null version, too; a key has at most one null version.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from metadata.errors import (
    MetadataError,
    NoObjectLock,
    NoSuchKey,
    ObjectLocked,
    PreconditionFailed,
)
from metadata.model import (
    NULL_VERSION,
    Part,
    StoredVersion,
    Version,
    VersionChange,
    WriteCondition,
)
from metadata.model_repairs import MissingShard
from metadata.statements.buckets import find_bucket
from metadata.statements.conditions import (
    CURRENT_FITS,
    MAY_BE_RETAINED_SO,
    condition_row,
    is_conditional,
)
from metadata.statements.known_buckets import KnownBuckets
from metadata.statements.parts import add_parts, drop_parts
from metadata.statements.records import RECORDED_COLUMNS, make_record, to_recorded
from metadata.statements.rows import (
    PART_COLUMNS,
    STORAGE_CLASS,
    VERSION_COLUMNS,
    VERSION_WIDTH,
    Row,
    current_row,
    extras_row,
    from_texts,
    has_extras,
    inserted,
    to_part,
    to_version,
    version_row,
    version_values,
)

_INTO_VERSIONS: Final = """
    INTO versions (version_id, bucket_id, key, size, etag, created_at_ms, owner_id,
                   attributes, part_count, is_delete_marker, is_null"""
INSERT_INTO_VERSIONS: Final = f"INSERT {_INTO_VERSIONS}"
VALUES_OF_VERSION: Final = """
    SELECT :version_id, b.bucket_id, :key, :size, :etag, :created_at_ms, :owner_id,
           :attributes, :part_count, {is_delete_marker}, b.versioning <> 'Enabled'"""
EXTRA_COLUMNS: Final = "tags, acl, retention_mode, retain_until_ms, legal_hold, encryption"

_PLAIN: Final = f"""
    {INSERT_INTO_VERSIONS}) {VALUES_OF_VERSION.format(is_delete_marker=0)}
    FROM buckets b WHERE b.name = :bucket"""
_WITH_EXTRAS: Final = f"""
    {INSERT_INTO_VERSIONS}, {EXTRA_COLUMNS}) {VALUES_OF_VERSION.format(is_delete_marker=0)},
           :tags, :acl, :retention_mode, :retain_until_ms, :legal_hold, :encryption
    FROM buckets b WHERE b.name = :bucket AND (NOT :is_locked OR b.object_lock)"""
_ONCE: Final = "ON CONFLICT (version_id) DO NOTHING RETURNING sequence, bucket_id, is_null"

# What most writes are. Its values need no temporary table, as those of a SELECT would; where there
# is no such bucket they are NULL, and the row is refused for that.
_PUT: Final = f"""
    INSERT OR IGNORE {_INTO_VERSIONS})
    VALUES (?1, (SELECT bucket_id FROM buckets WHERE name = ?9), ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0,
            (SELECT versioning <> 'Enabled' FROM buckets WHERE name = ?9))
    RETURNING sequence, bucket_id, is_null"""
_PUT_IF: Final = f"{_PLAIN} AND {CURRENT_FITS} {_ONCE}"
_PUT_EXTRAS: Final = f"{_WITH_EXTRAS} {_ONCE}"
_PUT_EXTRAS_IF: Final = f"{_WITH_EXTRAS} AND {CURRENT_FITS} {_ONCE}"

_FORMER_NULL: Final = """
    SELECT sequence, version_id FROM versions
    WHERE bucket_id = ? AND key = ? AND is_null = 1 AND sequence < ?"""
_DROP: Final = "DELETE FROM versions WHERE sequence = ?"

_INSERT_INTO_OBJECTS: Final = """
    INSERT INTO objects (bucket_id, key, sequence, version_id, size, etag, created_at_ms, owner_id,
                         is_null, storage_class, checksums, encryption, record)"""
_OR_UPDATE: Final = """
    ON CONFLICT (bucket_id, key) DO UPDATE SET
        sequence = excluded.sequence, version_id = excluded.version_id, size = excluded.size,
        etag = excluded.etag, created_at_ms = excluded.created_at_ms,
        owner_id = excluded.owner_id, is_null = excluded.is_null,
        storage_class = excluded.storage_class, checksums = excluded.checksums,
        encryption = excluded.encryption, record = """

_UNSETTLE: Final = "DELETE FROM objects WHERE bucket_id = ? AND key = ?"
_UNSETTLE_ONE: Final = f"{_UNSETTLE} AND sequence = ?"
_SETTLE: Final = f"""
    {_INSERT_INTO_OBJECTS}
    SELECT bucket_id, key, sequence, version_id, size, etag, created_at_ms, owner_id, is_null,
           coalesce(json_extract(attributes, '$.headers."{STORAGE_CLASS}"'), ''),
           coalesce(json_extract(attributes, '$.checksums'), ''), encryption, NULL
    FROM versions
    WHERE sequence = (SELECT max(sequence) FROM versions WHERE bucket_id = ? AND key = ?)
      AND NOT is_delete_marker
    {_OR_UPDATE} iif(objects.sequence = excluded.sequence, objects.record, NULL)"""
_SETTLE_ON: Final = f"""
    {_INSERT_INTO_OBJECTS}
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    {_OR_UPDATE} excluded.record"""

# Two rows at most: whether there is a second part is all that needs to be known of the others.
_STORED: Final = f"""
    SELECT b.bucket_id, b.settings_version, {VERSION_COLUMNS}, {PART_COLUMNS} FROM buckets b
    %s LEFT JOIN parts p ON p.version_id = v.version_id
    WHERE b.name = :bucket LIMIT 2"""

CURRENT: Final = """
    JOIN objects o ON o.bucket_id = b.bucket_id AND o.key = :key
    JOIN versions v ON v.sequence = o.sequence"""
NULL: Final = """
    JOIN versions v ON v.bucket_id = b.bucket_id AND v.key = :key AND v.is_null = 1"""
NAMED: Final = """
    JOIN versions v ON v.version_id = :version_id AND v.bucket_id = b.bucket_id AND v.key = :key"""
"""Ways from bucket b to version v."""


def _by_position(statement: str) -> str:
    """The same with numbered parameters, which are bound faster than named ones."""
    for number, name in enumerate((":bucket", ":key", ":version_id"), 1):
        statement = statement.replace(name, f"?{number}")
    return statement


_FIND_RECORDED: Final = f"""
    SELECT b.bucket_id, b.settings_version, {RECORDED_COLUMNS} FROM buckets b
    JOIN objects o ON o.bucket_id = b.bucket_id AND o.key = ?2
    WHERE b.name = ?1 AND o.record IS NOT NULL"""
_FIND_CURRENT: Final = _by_position(_STORED % CURRENT)
_FIND_NULL: Final = _by_position(_STORED % NULL)
_FIND_NAMED: Final = _by_position(_STORED % NAMED)

_BY_ID: Final = f"SELECT {VERSION_COLUMNS} FROM versions v WHERE v.version_id = ?"
_NEWEST: Final = f"""
    SELECT {VERSION_COLUMNS} FROM buckets b JOIN versions v ON v.bucket_id = b.bucket_id
    WHERE b.name = ? AND v.key = ? ORDER BY v.sequence DESC LIMIT 1"""

_UPDATE: Final = f"""
    UPDATE versions AS n SET
        tags = coalesce(:tags, tags), acl = coalesce(:acl, acl),
        retention_mode = coalesce(:mode, retention_mode),
        retain_until_ms = coalesce(:until_ms, retain_until_ms),
        legal_hold = coalesce(:legal_hold, legal_hold)
    WHERE n.sequence = (
            SELECT v.sequence FROM buckets b %s
            WHERE b.name = :bucket AND (NOT :concerns_locks OR b.object_lock))
        AND NOT n.is_delete_marker AND {MAY_BE_RETAINED_SO}
    RETURNING version_id"""

_UPDATE_CURRENT: Final = _UPDATE % CURRENT
_UPDATE_NULL: Final = _UPDATE % NULL
_UPDATE_NAMED: Final = _UPDATE % NAMED

_Found = tuple[int, int, Version, tuple[Part, ...]]
"""The bucket's id and settings_version, and of a StoredVersion the rest."""


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
    assert not version.is_delete_marker, "a delete marker comes by a deletion"
    row = db.execute(*_insertion(bucket, version, condition)).fetchone()
    if row is None:
        stored = find_by_id(db, version.version_id)
        if stored is not None:  # a retry of what was committed
            return stored
        raise why_refused(db, bucket, version.key, version.is_locked)
    sequence, bucket_id, is_null = row
    add_parts(db, version.version_id, parts, missing, version.created_at_ms)
    if is_null:
        drop_former_null(db, bucket_id, version.key.encode(), sequence, now_ms)
    # No version of the key is newer than the one that came last.
    record = make_record(version, parts)
    db.execute(_SETTLE_ON, (*current_row(version, bucket_id, sequence, is_null), record))
    return inserted(version, sequence, is_null)


def _insertion(
    bucket: str, version: Version, condition: WriteCondition
) -> tuple[str, Row | dict[str, object]]:
    """The statement that decides a write, and its parameters."""
    extras, conditional = has_extras(version), is_conditional(condition)
    if not extras and not conditional:
        return _PUT, (*version_values(version), bucket)
    wanted = version_row(version)
    wanted["bucket"] = bucket
    if conditional:
        wanted |= condition_row(condition)
    if not extras:
        return _PUT_IF, wanted
    wanted |= extras_row(version)
    wanted["is_locked"] = int(version.is_locked)
    return (_PUT_EXTRAS_IF if conditional else _PUT_EXTRAS), wanted


def drop_former_null(
    db: sqlite3.Connection, bucket_id: int, key: bytes, sequence: int, now_ms: int
) -> None:
    """The null version that one with this sequence replaces."""
    # Looked for first: few writes find one, and a DELETE that finds nothing takes twice as long.
    wanted = (bucket_id, key, sequence)
    for former, version_id in db.execute(_FORMER_NULL, wanted).fetchall():
        db.execute(_DROP, (former,))
        drop_parts(db, version_id, now_ms)


def find_version(
    db: sqlite3.Connection,
    bucket: str,
    key: str,
    version_id: str | None,
    known: KnownBuckets | None = None,
) -> StoredVersion:
    """See the contract."""
    found = _find(db, bucket, key, version_id)
    if found is None:
        find_bucket(db, bucket)
        if version_id is not None:
            raise NoSuchKey(f"no version of {key!r}")
        raise NoSuchKey(f"no object {key!r}", find_newest(db, bucket, key))
    bucket_id, settings_version, version, parts = found
    found_in = (known or KnownBuckets()).get(db, bucket, bucket_id, settings_version)
    return StoredVersion(found_in, version, parts)


def find_at_once(
    db: sqlite3.Connection, bucket: str, key: str, version_id: str | None, known: KnownBuckets
) -> StoredVersion | None:
    """The hot path of every GET: what it finds, one statement found, even where it is the second.
    None if there is more to be asked."""
    found = _find(db, bucket, key, version_id)
    if found is None:
        return None
    bucket_id, settings_version, version, parts = found
    found_in = known.seen(bucket_id, settings_version)
    return None if found_in is None else StoredVersion(found_in, version, parts)


def _find(db: sqlite3.Connection, bucket: str, key: str, version_id: str | None) -> _Found | None:
    encoded = key.encode()
    if version_id is None:
        row = db.execute(_FIND_RECORDED, (bucket, encoded)).fetchone()
        if row is not None:
            version, part = to_recorded(key, row[2:])
            return row[0], row[1], version, (part,)
        rows = db.execute(_FIND_CURRENT, (bucket, encoded)).fetchall()
    elif version_id == NULL_VERSION:
        rows = db.execute(_FIND_NULL, (bucket, encoded)).fetchall()
    else:
        rows = db.execute(_FIND_NAMED, (bucket, encoded, version_id)).fetchall()
    return _to_found(rows) if rows else None


def find_by_id(db: sqlite3.Connection, version_id: str) -> Version | None:
    """The version of that id, wherever it stands."""
    row = db.execute(_BY_ID, (version_id,)).fetchone()
    return None if row is None else to_version(row)


def find_newest(db: sqlite3.Connection, bucket: str, key: str) -> Version | None:
    """The key's newest version or delete marker."""
    row = db.execute(_NEWEST, (bucket, key.encode())).fetchone()
    return None if row is None else to_version(row)


def update_version(
    db: sqlite3.Connection,
    *,
    bucket: str,
    key: str,
    version_id: str | None,
    change: VersionChange,
    now_ms: int,
    bypass_governance: bool,
) -> Version:
    """See the contract."""
    wanted = _change_row(change) | {
        "bucket": bucket,
        "key": key.encode(),
        "version_id": version_id,
        "now_ms": now_ms,
        "bypass_governance": int(bypass_governance),
    }
    statement = choose(version_id, _UPDATE_CURRENT, _UPDATE_NULL, _UPDATE_NAMED)
    row = db.execute(statement, wanted).fetchone()
    if row is None:
        stored = find_version(db, bucket, key, version_id)
        if stored.version.is_delete_marker:
            raise NoSuchKey(f"{version_id} is a delete marker of {key!r}", stored.version)
        if not stored.bucket.object_lock:
            raise NoObjectLock(f"bucket {bucket!r} has no object lock")
        raise ObjectLocked(f"the retention of {key!r} can only be extended")
    changed = find_by_id(db, row[0])
    assert changed is not None, "it was just changed"
    return changed


def _change_row(change: VersionChange) -> dict[str, object]:
    mode, until_ms = change.retention or (None, None)
    return {
        "tags": None if change.tags is None else from_texts(change.tags),
        "acl": change.acl,
        "mode": mode,
        "until_ms": until_ms,
        "legal_hold": None if change.legal_hold is None else int(change.legal_hold),
        "concerns_locks": int(change.retention is not None or change.legal_hold is not None),
    }


def why_refused(db: sqlite3.Connection, bucket: str, key: str, is_locked: bool) -> MetadataError:
    """The error for a version that was not inserted. Raises NoSuchBucket."""
    if is_locked and not find_bucket(db, bucket).object_lock:
        return NoObjectLock(f"bucket {bucket!r} has no object lock")
    try:
        find_version(db, bucket, key, None)
    except NoSuchKey as error:
        return error
    return PreconditionFailed(f"the current version of {key!r} is not what the write demands")


def settle(db: sqlite3.Connection, bucket_id: int, key: bytes) -> None:
    """Make `objects` name the key's newest version, which is no delete marker."""
    db.execute(_SETTLE, (bucket_id, key))


def unsettle(db: sqlite3.Connection, bucket_id: int, key: bytes) -> bool:
    """Let `objects` not name the key any more; whether it did."""
    return db.execute(_UNSETTLE, (bucket_id, key)).rowcount > 0


def unsettle_one(db: sqlite3.Connection, bucket_id: int, key: bytes, sequence: int) -> None:
    """Let `objects` not name that version of the key."""
    db.execute(_UNSETTLE_ONE, (bucket_id, key, sequence))


def choose(version_id: str | None, current: str, null: str, named: str) -> str:
    """The statement that finds the current version, the null version, or the one named."""
    if version_id is None:
        return current
    return null if version_id == NULL_VERSION else named


def _to_found(rows: Sequence[Row]) -> _Found:
    first = rows[0]
    version = to_version(first[2 : 2 + VERSION_WIDTH])
    part = first[2 + VERSION_WIDTH :]
    has_one = len(rows) == 1 and part[0] is not None
    return first[0], first[1], version, (to_part(part),) if has_one else ()
