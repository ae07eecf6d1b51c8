"""The keys that wrap objects' keys: one file that only its owner can read.

Rules:
1. A key, once made, is neither replaced nor removed by this program: whatever it wrapped would be
   lost. The file is what must be backed up, apart from the data.
2. The file is written whole (temp, fsync, rename, fsync of the directory) before a new key is used.
   One that others can read, or that is damaged, is refused at the start and never overwritten.
3. Two kinds of keys never mix: masters, which wrap the keys of SSE-S3, and named ones, for SSE-KMS.
   New objects get the current master; the former ones stay for what they wrapped.
"""

import asyncio
import base64
import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from coordinator.credentials import write_private
from coordinator.crypto.data_key import KEY_BYTES
from coordinator.crypto.errors import KeyExists, KeyFileError, UnknownKey

FORMAT: Final = 1
MAX_NAMED_KEYS: Final = 10_000

KEY_ID = r"^[A-Za-z0-9][A-Za-z0-9_./:=+@-]{0,255}$"
"""What a named key may be called; ARNs and alias names may be used as they are."""

_KEY_ID = re.compile(KEY_ID)


@dataclass(frozen=True, slots=True)
class NamedKey:
    """What may be told of a key."""

    key_id: str
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class _Key:
    secret: bytes = field(repr=False)
    created_at_ms: int


def is_key_id(text: str) -> bool:
    """Whether a named key may be called that."""
    return _KEY_ID.fullmatch(text) is not None


class KeyStore:
    """The keys of one file, in memory. `clock_ms` gives milliseconds since the epoch."""

    def __init__(
        self,
        path: Path,
        masters: Mapping[str, _Key],
        named: Mapping[str, _Key],
        current: str,
        *,
        clock_ms: Callable[[], int],
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self._path = path
        self._masters = dict(masters)
        self._named = dict(named)
        self._current = current
        self._clock_ms = clock_ms
        self._random = random
        self._writing = asyncio.Lock()

    def __repr__(self) -> str:
        return f"KeyStore({str(self._path)!r}, {len(self._named)} named keys)"

    def current_master(self) -> tuple[str, bytes]:
        """Id and key that wrap what is new."""
        return self._current, self._masters[self._current].secret

    def master(self, key_id: str) -> bytes:
        """Raises UnknownKey."""
        return _find(self._masters, key_id)

    def named(self, key_id: str) -> bytes:
        """Raises UnknownKey."""
        return _find(self._named, key_id)

    def named_keys(self) -> list[NamedKey]:
        """All of them, by id."""
        return [
            NamedKey(key_id, self._named[key_id].created_at_ms) for key_id in sorted(self._named)
        ]

    async def create(self, key_id: str) -> NamedKey:
        """Make a named key; when this returns it is on the disk. Raises KeyExists, KeyFileError."""
        assert is_key_id(key_id), "the surface checks names"
        async with self._writing:
            if key_id in self._named:
                raise KeyExists(f"there is a key {key_id!r} already")
            if len(self._named) >= MAX_NAMED_KEYS:
                raise KeyExists(f"there are {MAX_NAMED_KEYS} named keys already: no more fit")
            key = _Key(self._random(KEY_BYTES), self._clock_ms())
            grown = {**self._named, key_id: key}
            try:
                await asyncio.to_thread(_write, self._path, self._masters, grown, self._current)
            except OSError as error:
                raise KeyFileError(f"{self._path} can't be written: {error.strerror}") from error
            self._named = grown
        return NamedKey(key_id, key.created_at_ms)


def open_key_store(
    path: Path,
    *,
    clock_ms: Callable[[], int],
    random: Callable[[int], bytes] = os.urandom,
) -> KeyStore:
    """The keys of that file, which is made with a first master if it is not there.

    Raises KeyFileError.
    """
    try:
        if path.exists():
            _check_private(path)
            masters, named, current = _parse(path, path.read_bytes())
        else:
            current = f"master-{random(4).hex()}"
            masters, named = {current: _Key(random(KEY_BYTES), clock_ms())}, {}
            _write(path, masters, named, current)
    except OSError as error:
        raise KeyFileError(f"the key file can't be used: {error}") from error
    return KeyStore(path, masters, named, current, clock_ms=clock_ms, random=random)


def _find(keys: Mapping[str, _Key], key_id: str) -> bytes:
    if key_id not in keys:
        raise UnknownKey(key_id)
    return keys[key_id].secret


def _check_private(path: Path) -> None:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise KeyFileError(f"{path} can be read by others (mode {mode:04o}): chmod it to 0600")


def _write(
    path: Path, masters: Mapping[str, _Key], named: Mapping[str, _Key], current: str
) -> None:
    document = {
        "format": FORMAT,
        "current": current,
        "masters": {key_id: _dump(key) for key_id, key in masters.items()},
        "named": {key_id: _dump(key) for key_id, key in named.items()},
    }
    write_private(path, json.dumps(document, indent=1) + "\n")


def _dump(key: _Key) -> dict[str, object]:
    secret = base64.b64encode(key.secret).decode()
    return {"key": secret, "created_at_ms": key.created_at_ms}


def _parse(path: Path, text: bytes) -> tuple[dict[str, _Key], dict[str, _Key], str]:
    """Raises KeyFileError, which never quotes the file."""
    try:
        document = json.loads(text)
        if document["format"] != FORMAT:
            raise KeyFileError(f"{path} has another format than this release knows")
        masters, named = _load(document["masters"]), _load(document["named"])
        current = document["current"]
        if current not in masters:
            raise KeyFileError(f"{path} lacks the master key that it calls current")
    except (ValueError, KeyError, TypeError, AttributeError):
        # The cause may quote the file: it is left out.
        raise KeyFileError(f"{path} is not a key file, or is damaged") from None
    return masters, named, current


def _load(entries: dict[str, Any]) -> dict[str, _Key]:
    keys = {}
    for key_id, entry in entries.items():
        secret = base64.b64decode(entry["key"], validate=True)
        if len(secret) != KEY_BYTES:
            raise ValueError("a key has another length")
        keys[key_id] = _Key(secret, int(entry["created_at_ms"]))
    return keys
