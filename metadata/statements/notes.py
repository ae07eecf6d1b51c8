"""Notes that workers keep over a restart."""

import sqlite3
from typing import Final

_SAVE: Final = """
    INSERT INTO notes (name, value) VALUES (?, ?)
    ON CONFLICT (name) DO UPDATE SET value = excluded.value"""

# Few, so from where the prefix would stand to the end of the table is near enough.
_BEGINS_SO: Final = "name >= :prefix AND substr(name, 1, length(:prefix)) = :prefix"
_LIST: Final = f"SELECT name, value FROM notes WHERE {_BEGINS_SO}"
_FORGET: Final = f"DELETE FROM notes WHERE {_BEGINS_SO}"


def save_note(db: sqlite3.Connection, *, name: str, value: str) -> None:
    """Add or replace."""
    db.execute(_SAVE, (name, value))


def list_notes(db: sqlite3.Connection, *, prefix: str) -> dict[str, str]:
    """Those whose names begin so."""
    return dict(db.execute(_LIST, {"prefix": prefix}))


def forget_notes(db: sqlite3.Connection, *, prefix: str) -> None:
    """Those whose names begin so."""
    db.execute(_FORGET, {"prefix": prefix})
