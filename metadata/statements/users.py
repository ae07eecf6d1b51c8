"""Users and their access keys. The constraints of the tables decide who was first."""

import sqlite3
from collections.abc import Sequence
from typing import Final

from metadata.errors import AccessKeyExists, NoSuchUser, UserExists
from metadata.model import AccessKey, User
from metadata.statements.rows import Row

_USER_COLUMNS: Final = "u.user_id, u.display_name, u.is_root, u.created_at_ms, u.path, u.email"
_USER_WIDTH: Final = 6
_KEY_COLUMNS: Final = (
    "a.access_key, a.secret_key, a.user_id, a.created_at_ms, a.status, a.session_token,"
    " a.expires_at_ms, a.identity"
)

_ADD_USER: Final = """
    INSERT INTO users (user_id, display_name, is_root, created_at_ms, path, email)
    VALUES (?, ?, ?, ?, ?, ?)
    ON CONFLICT (user_id) DO NOTHING"""

_UPDATE_USER: Final = "UPDATE users SET display_name = ?, path = ?, email = ? WHERE user_id = ?"

_ADD_KEY: Final = """
    INSERT INTO access_keys (access_key, secret_key, user_id, created_at_ms, status,
                             session_token, expires_at_ms, identity)
    SELECT ?, ?, user_id, ?, ?, ?, ?, ? FROM users WHERE user_id = ?
    ON CONFLICT (access_key) DO NOTHING"""

_USERS: Final = f"SELECT {_USER_COLUMNS} FROM users u ORDER BY u.user_id"
_USER: Final = f"SELECT {_USER_COLUMNS} FROM users u WHERE u.user_id = ?"
_USER_BY_EMAIL: Final = f"""
    SELECT {_USER_COLUMNS} FROM users u
    WHERE u.email = ? AND u.email <> '' ORDER BY u.user_id LIMIT 1"""
_KEYS: Final = f"""
    SELECT {_KEY_COLUMNS} FROM access_keys a WHERE a.user_id = ? AND a.session_token = ''
    ORDER BY a.access_key"""

_FIND_KEY: Final = f"""
    SELECT {_USER_COLUMNS}, {_KEY_COLUMNS}
    FROM access_keys a JOIN users u ON u.user_id = a.user_id WHERE a.access_key = ?"""

_SET_STATUS: Final = "UPDATE access_keys SET status = ? WHERE access_key = ?"

_FORGET_EXPIRED: Final = """
    DELETE FROM access_keys WHERE access_key IN (
        SELECT access_key FROM access_keys WHERE expires_at_ms > 0 AND expires_at_ms < ?
        ORDER BY expires_at_ms, access_key LIMIT ?)"""


def put_user(db: sqlite3.Connection, *, user: User, keys: Sequence[AccessKey]) -> None:
    """Raises UserExists, AccessKeyExists."""
    row = (
        user.user_id,
        user.display_name,
        int(user.is_root),
        user.created_at_ms,
        user.path,
        user.email,
    )
    if db.execute(_ADD_USER, row).rowcount == 0:
        raise UserExists(f"user {user.user_id!r} already exists")
    for key in keys:
        _add_key(db, key, user.user_id)


def update_user(db: sqlite3.Connection, *, user: User) -> None:
    """Raises NoSuchUser."""
    row = (user.display_name, user.path, user.email, user.user_id)
    if db.execute(_UPDATE_USER, row).rowcount == 0:
        raise NoSuchUser(f"no user {user.user_id!r}")


def put_access_key(db: sqlite3.Connection, *, key: AccessKey) -> None:
    """Raises NoSuchUser, AccessKeyExists."""
    _add_key(db, key, key.user_id)


def _add_key(db: sqlite3.Connection, key: AccessKey, user_id: str) -> None:
    row = (
        key.access_key,
        key.secret_key,
        key.created_at_ms,
        key.status,
        key.session_token,
        key.expires_at_ms,
        key.identity,
        user_id,
    )
    if db.execute(_ADD_KEY, row).rowcount == 0:
        find_user(db, user_id=user_id)
        raise AccessKeyExists(f"access key {key.access_key!r} is taken")


def list_users(db: sqlite3.Connection) -> list[User]:
    """All users, by id."""
    return [_to_user(row) for row in db.execute(_USERS)]


def find_user(db: sqlite3.Connection, *, user_id: str) -> User:
    """Raises NoSuchUser."""
    row = db.execute(_USER, (user_id,)).fetchone()
    if row is None:
        raise NoSuchUser(f"no user {user_id!r}")
    return _to_user(row)


def find_by_email(db: sqlite3.Connection, *, email: str) -> User | None:
    """The first user by id that has this email."""
    row = db.execute(_USER_BY_EMAIL, (email,)).fetchone()
    return None if row is None else _to_user(row)


def delete_user(db: sqlite3.Connection, *, user_id: str) -> None:
    """Raises NoSuchUser."""
    if db.execute("DELETE FROM users WHERE user_id = ?", (user_id,)).rowcount == 0:
        raise NoSuchUser(f"no user {user_id!r}")
    db.execute("DELETE FROM access_keys WHERE user_id = ?", (user_id,))


def list_access_keys(db: sqlite3.Connection, *, user_id: str) -> list[AccessKey]:
    """Raises NoSuchUser."""
    find_user(db, user_id=user_id)
    return [AccessKey(*row) for row in db.execute(_KEYS, (user_id,))]


def find_access_key(db: sqlite3.Connection, *, access_key: str) -> tuple[User, AccessKey] | None:
    """Who signs with this key."""
    row = db.execute(_FIND_KEY, (access_key,)).fetchone()
    return None if row is None else (_to_user(row[:_USER_WIDTH]), AccessKey(*row[_USER_WIDTH:]))


def set_status(db: sqlite3.Connection, *, access_key: str, status: str) -> bool:
    """Whether there is such a key."""
    return db.execute(_SET_STATUS, (status, access_key)).rowcount > 0


def delete_access_key(db: sqlite3.Connection, *, access_key: str) -> bool:
    """Whether there was one."""
    deleted = db.execute("DELETE FROM access_keys WHERE access_key = ?", (access_key,))
    return deleted.rowcount > 0


def forget_expired(db: sqlite3.Connection, *, now_ms: int, limit: int) -> int:
    """How many keys were removed."""
    return db.execute(_FORGET_EXPIRED, (now_ms, limit)).rowcount


def _to_user(row: Row) -> User:
    user_id, display_name, is_root, created_at_ms, path, email = row
    return User(user_id, display_name, is_root == 1, created_at_ms, path, email)
