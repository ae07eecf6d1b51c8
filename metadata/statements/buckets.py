"""Buckets."""

import sqlite3
from typing import Final

from metadata.errors import BucketExists, BucketNotEmpty, NoSuchBucket
from metadata.model import Bucket
from metadata.statements.rows import BUCKET_COLUMNS, to_bucket

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
    INSERT INTO buckets (name, owner_id, created_at_ms, region) VALUES (?, ?, ?, ?)
    ON CONFLICT (name) DO NOTHING"""

_DELETE: Final = """
    DELETE FROM buckets WHERE name = ?
      AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.bucket_id = buckets.bucket_id)
      AND NOT EXISTS (SELECT 1 FROM uploads u WHERE u.bucket_id = buckets.bucket_id)"""


def find_bucket(db: sqlite3.Connection, name: str) -> Bucket:
    """Raises NoSuchBucket."""
    row = db.execute(_BY_NAME, (name,)).fetchone()
    if row is None:
        raise NoSuchBucket(f"no bucket {name!r}")
    return to_bucket(row)


def create_bucket(
    db: sqlite3.Connection, *, name: str, owner_id: str, region: str, now_ms: int
) -> Bucket:
    """Raises BucketExists."""
    created = db.execute(_CREATE, (name, owner_id, now_ms, region))
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
