"""Pages of keys and of uploads, rolled up at a delimiter.

Rules: keys are compared as the bytes of their UTF-8 form. A page costs a seek for each common
prefix and a step for each key that it returns, whatever else the bucket holds: the cursor never
walks the keys below a common prefix, but seeks to the first key beyond it.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Final

from metadata.model import Listing, UploadListing
from metadata.statements.buckets import find_bucket
from metadata.statements.rows import (
    UPLOAD_COLUMNS,
    VERSION_COLUMNS,
    Row,
    to_upload,
    to_version,
)

# CROSS JOIN fixes the order: walk the objects, look up each one's version.
_OBJECTS: Final = f"""
    SELECT o.key, {VERSION_COLUMNS} FROM objects o CROSS JOIN versions v
    WHERE o.bucket_id = :bucket_id AND o.key >= :from_key AND o.key < :beyond
      AND v.sequence = o.sequence
    ORDER BY o.key"""

_UPLOADS: Final = f"""
    SELECT u.key, {UPLOAD_COLUMNS} FROM uploads u
    WHERE u.bucket_id = :bucket_id AND (u.key, u.upload_id) > (:from_key, :from_id)
      AND u.key < :beyond
    ORDER BY u.key, u.upload_id"""

BEYOND_ALL_KEYS: Final = b"\xff"
"""No UTF-8 text starts with this byte."""

Position = tuple[bytes, str]
"""Where to go on: the first key allowed, and for uploads the last id passed under that key."""


def successor(prefix: bytes) -> bytes:
    """The least byte string above everything that starts with the prefix, which is UTF-8 (whose
    bytes end at 0xF4, so that the last one can always grow)."""
    return prefix[:-1] + bytes([prefix[-1] + 1]) if prefix else BEYOND_ALL_KEYS


def common_prefix(key: bytes, prefix: bytes, delimiter: bytes) -> bytes | None:
    """What the key is rolled up to: its start, through the first delimiter after the prefix."""
    if not delimiter:
        return None
    found = key.find(delimiter, len(prefix))
    return None if found < 0 else key[: found + len(delimiter)]


def list_current(
    db: sqlite3.Connection, *, bucket: str, prefix: str, delimiter: str, after: str, limit: int
) -> Listing:
    """See the contract."""
    bucket_id = find_bucket(db, bucket).bucket_id
    page = _Page(prefix, delimiter, limit)
    page.read(db, _OBJECTS, bucket_id, _start(page, after, ""))
    versions = tuple(to_version(row[1:]) for row in page.rows)
    prefixes = tuple(text.decode() for text in page.prefixes)
    next_after = page.last_key.decode() if page.has_more else None
    return Listing(versions, prefixes, next_after)


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
    page = _Page(prefix, delimiter, limit)
    page.read(db, _UPLOADS, bucket_id, _start(page, after_key, after_upload_id))
    uploads = tuple(to_upload(row[1:]) for row in page.rows)
    prefixes = tuple(text.decode() for text in page.prefixes)
    if not page.has_more:
        return UploadListing(uploads, prefixes, None, None)
    ends_in_upload = bool(uploads) and uploads[-1].key.encode() == page.last_key
    next_id = uploads[-1].upload_id if ends_in_upload else ""
    return UploadListing(uploads, prefixes, page.last_key.decode(), next_id)


def _start(page: "_Page", after_text: str, after_id: str) -> Position:
    """Where the page after (key, upload id) begins."""
    after = after_text.encode()
    if after and after == common_prefix(after, page.prefix, page.delimiter):
        begin: Position = (successor(after), "")
    elif after and after_id:
        begin = (after, after_id)
    elif after:
        begin = (after + b"\0", "")
    else:
        begin = (b"", "")
    return max(begin, (page.prefix, ""))


class _Page:
    """A page being filled: whole rows, common prefixes, and whether more would follow."""

    def __init__(self, prefix: str, delimiter: str, limit: int) -> None:
        self.prefix = prefix.encode()
        self.delimiter = delimiter.encode()
        self.rows: list[Row] = []
        self.prefixes: list[bytes] = []
        self.last_key = b""
        self.has_more = False
        self._limit = limit

    def read(self, db: sqlite3.Connection, statement: str, bucket_id: int, start: Position) -> None:
        """Fill the page from rows that begin with their key."""
        if self._limit <= 0:
            return
        beyond = successor(self.prefix)
        # A cursor left in the middle would keep its snapshot, and with it the log, alive.
        with closing(db.cursor()) as cursor:

            def seek(position: Position) -> None:
                from_key, from_id = position
                cursor.execute(
                    statement,
                    {
                        "bucket_id": bucket_id,
                        "from_key": from_key,
                        "from_id": from_id,
                        "beyond": beyond,
                    },
                )

            seek(start)
            self._fill(cursor, seek)

    def _fill(self, cursor: sqlite3.Cursor, seek: Callable[[Position], None]) -> None:
        room = self._limit
        while (row := cursor.fetchone()) is not None:
            if room == 0:
                self.has_more = True
                return
            room -= 1
            key: bytes = row[0]
            common = common_prefix(key, self.prefix, self.delimiter)
            if common is None:
                self.rows.append(row)
                self.last_key = key
            else:
                self.prefixes.append(common)
                self.last_key = common
                seek((successor(common), ""))
