"""Documents of IAM by kind and name, and the number that grows with them (by triggers)."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from metadata.errors import IamExists, PreconditionFailed
from metadata.model_iam import IamChange

HIGHEST_CHARACTER: Final = "\U0010ffff"
"""Sorts after everything that IAM lets a name hold (ASCII)."""

_ADD: Final = "INSERT INTO iam (kind, name, document) VALUES (?, ?, ?)"
_PUT: Final = f"{_ADD} ON CONFLICT (kind, name) DO UPDATE SET document = excluded.document"
_PUT_NEW: Final = f"{_ADD} ON CONFLICT (kind, name) DO NOTHING"
_REPLACE: Final = "UPDATE iam SET document = ? WHERE kind = ? AND name = ? AND document = ?"

_FIND: Final = "SELECT document FROM iam WHERE kind = ? AND name = ?"
_LIST: Final = """
    SELECT name, document FROM iam
    WHERE kind = :kind AND name > :after AND name >= :prefix AND name < :beyond
    ORDER BY name LIMIT :limit"""

_DELETE: Final = "DELETE FROM iam WHERE kind = ? AND name = ?"
_DELETE_SAME: Final = f"{_DELETE} AND document = ?"
_DELETE_BELOW: Final = "DELETE FROM iam WHERE kind = ? AND name >= ? AND name < ?"


def change(db: sqlite3.Connection, *, changes: Sequence[IamChange]) -> None:
    """Raises IamExists, PreconditionFailed; what was done before is then undone with the rest."""
    for one in changes:
        if one.document is None:
            _remove(db, one)
        else:
            _put(db, one, one.document)


def _put(db: sqlite3.Connection, wanted: IamChange, document: str) -> None:
    kind, name = wanted.kind, wanted.name
    if wanted.must_equal is not None:
        if db.execute(_REPLACE, (document, kind, name, wanted.must_equal)).rowcount == 0:
            raise PreconditionFailed(f"the {kind} {name!r} is not what it was")
        return
    statement = _PUT_NEW if wanted.must_not_exist else _PUT
    if db.execute(statement, (kind, name, document)).rowcount == 0:
        raise IamExists(f"there is a {kind} {name!r}")


def _remove(db: sqlite3.Connection, wanted: IamChange) -> None:
    place = (wanted.kind, wanted.name)
    if wanted.must_equal is None:
        db.execute(_DELETE, place)
    elif db.execute(_DELETE_SAME, (*place, wanted.must_equal)).rowcount == 0:
        raise PreconditionFailed(f"the {wanted.kind} {wanted.name!r} is not what it was")


def find(db: sqlite3.Connection, *, kind: str, name: str) -> str | None:
    """The document."""
    row = db.execute(_FIND, (kind, name)).fetchone()
    return None if row is None else str(row[0])


def list_documents(
    db: sqlite3.Connection, *, kind: str, prefix: str, after: str, limit: int
) -> list[tuple[str, str]]:
    """Names and documents, by name."""
    wanted = {
        "kind": kind,
        "prefix": prefix,
        "beyond": prefix + HIGHEST_CHARACTER,
        "after": after,
        "limit": limit,
    }
    return db.execute(_LIST, wanted).fetchall()


def delete(db: sqlite3.Connection, *, kind: str, name: str) -> bool:
    """Whether there was one."""
    return db.execute(_DELETE, (kind, name)).rowcount > 0


def delete_below(db: sqlite3.Connection, *, kind: str, prefix: str) -> int:
    """How many were removed."""
    assert prefix, "what would be removed is a whole kind"
    return db.execute(_DELETE_BELOW, (kind, prefix, prefix + HIGHEST_CHARACTER)).rowcount


def generation(db: sqlite3.Connection) -> int:
    """See the contract."""
    (value,) = db.execute("SELECT value FROM iam_generation WHERE id = 1").fetchone()
    return int(value)
