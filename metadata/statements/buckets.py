"""Buckets, their versioning and their settings.

Rules: triggers let `settings_version` grow with every setting and take the settings along with
their bucket, so that no mutation can forget either.
"""

import sqlite3
from typing import Final

from metadata.errors import (
    BucketExists,
    BucketNotEmpty,
    NoSuchBucket,
    ObjectLockNeedsVersioning,
)
from metadata.model import Bucket, Versioning
from metadata.statements.rows import BUCKET_COLUMNS, BUCKET_WIDTH, to_bucket

HIGHEST_CHARACTER: Final = "\U0010ffff"
"""Sorts after everything a bucket name can hold (ASCII, as S3 has it)."""

_BY_NAME: Final = f"SELECT {BUCKET_COLUMNS} FROM buckets b WHERE b.name = ?"

_LIST: Final = f"""
    SELECT {BUCKET_COLUMNS} FROM buckets b
    WHERE b.name > :after AND b.name >= :prefix AND b.name < :beyond
    ORDER BY b.name LIMIT :limit"""

_LIST_OF_OWNER: Final = f"""
    SELECT {BUCKET_COLUMNS} FROM buckets b
    WHERE b.owner_id = :owner_id
      AND b.name > :after AND b.name >= :prefix AND b.name < :beyond
    ORDER BY b.name LIMIT :limit"""

_CREATE: Final = """
    INSERT INTO buckets (name, owner_id, created_at_ms, region, versioning, object_lock)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (name) DO NOTHING"""

_DELETE: Final = """
    DELETE FROM buckets WHERE name = ?
      AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.bucket_id = buckets.bucket_id)
      AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.bucket_id = buckets.bucket_id)"""

_SET_VERSIONING: Final = """
    UPDATE buckets SET versioning = :versioning, settings_version = settings_version + 1
    WHERE name = :name AND (NOT object_lock OR :versioning = 'Enabled')"""

_ENABLE_LOCK: Final = """
    UPDATE buckets SET object_lock = 1, settings_version = settings_version + 1
    WHERE name = ? AND versioning = 'Enabled' AND NOT object_lock"""

_PUT_SETTING: Final = """
    INSERT INTO bucket_settings (bucket_id, name, document)
    SELECT bucket_id, ?, ? FROM buckets WHERE name = ?
    ON CONFLICT (bucket_id, name) DO UPDATE SET document = excluded.document"""

_DELETE_SETTING: Final = """
    DELETE FROM bucket_settings
    WHERE bucket_id = (SELECT bucket_id FROM buckets WHERE name = ?) AND name = ?"""

_SETTINGS: Final = """
    SELECT s.name, s.document FROM buckets b JOIN bucket_settings s ON s.bucket_id = b.bucket_id
    WHERE b.name = ? ORDER BY s.name"""

# The buckets that have a setting are few beside those that exist: they are sorted, each time.
_WITH_SETTING: Final = f"""
    SELECT {BUCKET_COLUMNS}, s.document
    FROM bucket_settings s CROSS JOIN buckets b
    WHERE s.name = :setting AND b.bucket_id = s.bucket_id AND b.name > :after
    ORDER BY b.name LIMIT :limit"""


def find_bucket(db: sqlite3.Connection, name: str) -> Bucket:
    """Raises NoSuchBucket."""
    row = db.execute(_BY_NAME, (name,)).fetchone()
    if row is None:
        raise NoSuchBucket(f"no bucket {name!r}")
    return to_bucket(row)


def create_bucket(
    db: sqlite3.Connection,
    *,
    name: str,
    owner_id: str,
    region: str,
    now_ms: int,
    object_lock: bool,
) -> Bucket:
    """Raises BucketExists."""
    versioning = Versioning.ENABLED if object_lock else Versioning.OFF
    row = (name, owner_id, now_ms, region, versioning.value, int(object_lock))
    created = db.execute(_CREATE, row)
    bucket = find_bucket(db, name)
    if created.rowcount == 0:
        raise BucketExists(name, bucket.owner_id)
    return bucket


def list_buckets(
    db: sqlite3.Connection, *, owner_id: str | None, prefix: str, after: str, limit: int
) -> list[Bucket]:
    """See the contract."""
    wanted = {
        "owner_id": owner_id,
        "prefix": prefix,
        "beyond": prefix + HIGHEST_CHARACTER,
        "after": after,
        "limit": limit,
    }
    rows = db.execute(_LIST if owner_id is None else _LIST_OF_OWNER, wanted)
    return [to_bucket(row) for row in rows]


def delete_bucket(db: sqlite3.Connection, *, name: str) -> None:
    """Raises NoSuchBucket, BucketNotEmpty."""
    if db.execute(_DELETE, (name,)).rowcount == 0:
        find_bucket(db, name)
        raise BucketNotEmpty(f"bucket {name!r} is not empty")


def set_versioning(db: sqlite3.Connection, *, name: str, versioning: Versioning) -> Bucket:
    """Raises NoSuchBucket, ObjectLockNeedsVersioning."""
    assert versioning is not Versioning.OFF, "a bucket that was versioned is never as before"
    wanted = {"name": name, "versioning": versioning.value}
    changed = db.execute(_SET_VERSIONING, wanted).rowcount
    bucket = find_bucket(db, name)
    if changed == 0:
        raise ObjectLockNeedsVersioning(f"bucket {name!r} has object lock")
    return bucket


def enable_object_lock(db: sqlite3.Connection, *, name: str) -> Bucket:
    """Raises NoSuchBucket, ObjectLockNeedsVersioning."""
    db.execute(_ENABLE_LOCK, (name,))
    bucket = find_bucket(db, name)
    if not bucket.object_lock:
        raise ObjectLockNeedsVersioning(f"bucket {name!r} is not versioned")
    return bucket


def put_setting(db: sqlite3.Connection, *, bucket: str, name: str, document: str) -> None:
    """Raises NoSuchBucket."""
    if db.execute(_PUT_SETTING, (name, document, bucket)).rowcount == 0:
        find_bucket(db, bucket)


def delete_setting(db: sqlite3.Connection, *, bucket: str, name: str) -> bool:
    """Whether there was one. Raises NoSuchBucket."""
    if db.execute(_DELETE_SETTING, (bucket, name)).rowcount == 0:
        find_bucket(db, bucket)
        return False
    return True


def read_settings(db: sqlite3.Connection, *, bucket: str) -> dict[str, str]:
    """All by name. Raises NoSuchBucket."""
    settings: dict[str, str] = dict(db.execute(_SETTINGS, (bucket,)).fetchall())
    if not settings:
        find_bucket(db, bucket)
    return settings


def list_with_setting(
    db: sqlite3.Connection, *, setting: str, after: str, limit: int
) -> list[tuple[Bucket, str]]:
    """See the contract."""
    rows = db.execute(_WITH_SETTING, {"setting": setting, "after": after, "limit": limit})
    return [(to_bucket(row[:BUCKET_WIDTH]), row[BUCKET_WIDTH]) for row in rows]
