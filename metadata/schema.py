"""Brings a database file to the schema this code knows, one numbered migration after the other.

Rules: `migrations/NNNN_name.sql` are numbered from 1 without gaps and never change once released;
`PRAGMA user_version` holds the number of the last one applied. Each runs in one transaction with
its number, so a crash leaves the schema before or after it, never between. A file whose number is
higher than any known is refused untouched: what a newer Trilith meant by it cannot be guessed.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import resources

from metadata.errors import SchemaTooNew


@dataclass(frozen=True, slots=True)
class Migration:
    """One step of the schema, as SQL statements."""

    number: int
    name: str
    sql: str


def known_migrations() -> list[Migration]:
    """The migrations shipped with this package, in order."""
    folder = resources.files("metadata") / "migrations"
    found = []
    for file in folder.iterdir():
        number, _, name = file.name.removesuffix(".sql").partition("_")
        if file.name.endswith(".sql"):
            found.append(Migration(int(number), name, file.read_text(encoding="utf-8")))
    found.sort(key=lambda migration: migration.number)
    assert [step.number for step in found] == list(range(1, len(found) + 1)), "a gap in numbers"
    return found


def migrate(db: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Apply what is missing. Raises SchemaTooNew, sqlite3.Error."""
    known = len(migrations)
    if (found := schema_number(db)) > known:
        raise SchemaTooNew(found, known)
    for migration in migrations[found:]:
        _apply(db, migration)


def schema_number(db: sqlite3.Connection) -> int:
    """The number of the last migration applied to the database; 0 for a new file."""
    (number,) = db.execute("PRAGMA user_version").fetchone()
    return int(number)


def _apply(db: sqlite3.Connection, migration: Migration) -> None:
    db.execute("BEGIN IMMEDIATE")
    try:
        # Asked again under the lock: another process may have been faster.
        if schema_number(db) < migration.number:
            for statement in _statements(migration.sql):
                db.execute(statement)
            db.execute(f"PRAGMA user_version = {migration.number}")
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:
            db.execute("ROLLBACK")
        raise


def _statements(sql: str) -> Iterator[str]:
    """The script's statements. (`executescript` would commit before the script begins.)"""
    statement = ""
    for line in sql.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    assert not statement.strip(), "a migration must end with a complete statement"
