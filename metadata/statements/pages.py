"""A page of keys being filled, rolled up at a delimiter.

Rules: keys are compared as the bytes of their UTF-8 form. A page costs a seek for each common
prefix and a step for each row that it returns, whatever else the bucket holds: the cursor never
walks the keys below a common prefix, but seeks to the first key beyond it.
"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Final

from metadata.statements.rows import Row

BEYOND_ALL_KEYS: Final = b"\xff"
"""No UTF-8 text starts with this byte."""

Position = tuple[bytes, str | int]
"""Where to go on: the first key allowed, and under that key the last one passed: the id of an
upload, or the sequence of a version; "" where there is none."""


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


def start_of(page: "Page", after_text: str, after_id: str) -> Position:
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


class Page:
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
        """Go on filling the page, from rows that begin with their key."""
        if self._limit <= 0 or self.has_more:
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
        room = self._limit - len(self.rows) - len(self.prefixes)
        if not self.delimiter:
            self._take_all(cursor, room)
            return
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

    def _take_all(self, cursor: sqlite3.Cursor, room: int) -> None:
        """Rows as they come: nothing is rolled up, so that they need not be looked at here."""
        found = cursor.fetchmany(room + 1)
        self.has_more = len(found) > room
        self.rows += found[:room]
        if self.rows:
            self.last_key = self.rows[-1][0]
