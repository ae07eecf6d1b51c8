"""Pages of keys, of all versions and of uploads. How one is filled is in `pages.py`.

Rules: current versions are walked by `objects`, whatever histories lie behind them, and what a
listing tells of them stands there; all versions by key, newest first, so that the first of a key is
its latest.
"""

import sqlite3
from typing import Final

from metadata.model import NULL_VERSION, ListedVersion, Listing, UploadListing, VersionListing
from metadata.statements.buckets import find_bucket
from metadata.statements.pages import Page, Position, common_prefix, start_of
from metadata.statements.rows import (
    LISTED_COLUMNS,
    UPLOAD_COLUMNS,
    VERSION_COLUMNS,
    to_listed,
    to_upload,
    to_version,
)

_OBJECTS: Final = f"""
    SELECT {LISTED_COLUMNS} FROM objects o
    WHERE o.bucket_id = :bucket_id AND o.key >= :from_key AND o.key < :beyond
    ORDER BY o.key"""

_UPLOADS: Final = f"""
    SELECT u.key, {UPLOAD_COLUMNS} FROM uploads u
    WHERE u.bucket_id = :bucket_id AND (u.key, u.upload_id) > (:from_key, :from_id)
      AND u.key < :beyond
    ORDER BY u.key, u.upload_id"""

_VERSIONS: Final = f"""
    SELECT v.key, {VERSION_COLUMNS} FROM versions v
    WHERE v.bucket_id = :bucket_id AND v.key >= :from_key AND v.key < :beyond
    ORDER BY v.key, v.sequence DESC"""

_OLDER: Final = f"""
    SELECT v.key, {VERSION_COLUMNS} FROM versions v
    WHERE v.bucket_id = :bucket_id AND v.key = :from_key AND v.sequence < :from_id
    ORDER BY v.sequence DESC"""

_HAS_OLDER: Final = """
    SELECT EXISTS (SELECT 1 FROM versions WHERE bucket_id = ? AND key = ? AND sequence < ?)"""

_SEQUENCE: Final = """
    SELECT sequence FROM versions
    WHERE version_id = :id AND bucket_id = :bucket_id AND key = :key"""
_SEQUENCE_OF_NULL: Final = """
    SELECT sequence FROM versions WHERE bucket_id = :bucket_id AND key = :key AND is_null = 1"""


def list_current(
    db: sqlite3.Connection, *, bucket: str, prefix: str, delimiter: str, after: str, limit: int
) -> Listing:
    """See the contract."""
    bucket_id = find_bucket(db, bucket).bucket_id
    page = Page(prefix, delimiter, limit)
    page.read(db, _OBJECTS, bucket_id, start_of(page, after, ""))
    objects = tuple(map(to_listed, page.rows))
    prefixes = tuple(text.decode() for text in page.prefixes)
    next_after = page.last_key.decode() if page.has_more else None
    return Listing(objects, prefixes, next_after)


def list_versions(
    db: sqlite3.Connection,
    *,
    bucket: str,
    prefix: str,
    delimiter: str,
    after_key: str,
    after_version_id: str,
    limit: int,
) -> VersionListing:
    """See the contract."""
    bucket_id = find_bucket(db, bucket).bucket_id
    page = Page(prefix, delimiter, limit)
    start = start_of(page, after_key, "")
    if after_version_id and after_key.startswith(prefix):
        start = _read_older(db, page, bucket_id, after_key.encode(), after_version_id) or start
    older = len(page.rows)
    page.read(db, _VERSIONS, bucket_id, start)
    listed = []
    former_key = None
    for number, row in enumerate(page.rows):
        is_latest = number >= older and row[0] != former_key
        listed.append(ListedVersion(to_version(row[1:]), is_latest))
        former_key = row[0]
    prefixes = tuple(text.decode() for text in page.prefixes)
    if not page.has_more:
        return VersionListing(tuple(listed), prefixes, None, None)
    next_id = listed[-1].version.public_id if former_key == page.last_key else ""
    return VersionListing(tuple(listed), prefixes, page.last_key.decode(), next_id)


def _read_older(
    db: sqlite3.Connection, page: Page, bucket_id: int, key: bytes, version_id: str
) -> Position | None:
    """Put the versions of the key that are older than the one named on the page; or where to start
    instead, if that one is gone or what is older is rolled up."""
    common = common_prefix(key, page.prefix, page.delimiter)
    if common == key:
        return None
    find = _SEQUENCE_OF_NULL if version_id == NULL_VERSION else _SEQUENCE
    wanted = {"id": version_id, "bucket_id": bucket_id, "key": key}
    row = db.execute(find, wanted).fetchone()
    if row is None:
        return key, ""
    if common is None:
        page.read(db, _OLDER, bucket_id, (key, row[0]))
        return None
    (has_older,) = db.execute(_HAS_OLDER, (bucket_id, key, row[0])).fetchone()
    return (key, "") if has_older else None


def list_uploads(
    db: sqlite3.Connection,
    *,
    bucket: str,
    prefix: str,
    delimiter: str,
    after_key: str,
    after_upload_id: str,
    limit: int,
) -> UploadListing:
    """See the contract."""
    bucket_id = find_bucket(db, bucket).bucket_id
    page = Page(prefix, delimiter, limit)
    page.read(db, _UPLOADS, bucket_id, start_of(page, after_key, after_upload_id))
    uploads = tuple(to_upload(row[1:]) for row in page.rows)
    prefixes = tuple(text.decode() for text in page.prefixes)
    if not page.has_more:
        return UploadListing(uploads, prefixes, None, None)
    ends_in_upload = bool(uploads) and uploads[-1].key.encode() == page.last_key
    next_id = uploads[-1].upload_id if ends_in_upload else ""
    return UploadListing(uploads, prefixes, page.last_key.decode(), next_id)
