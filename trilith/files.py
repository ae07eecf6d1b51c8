"""Files that appear whole or not at all: written beside their target, then renamed over it."""

import contextlib
import json
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO


@contextlib.contextmanager
def replacing(target: Path, *, mode: int = 0o666, durable: bool = False) -> Iterator[BinaryIO]:
    """A new file that takes `target`'s place when the block ends well, and vanishes otherwise.

    `mode` is narrowed by the umask. `durable` flushes the bytes and then the rename to disk.
    """
    beside = target.with_name(f".{target.name[:200]}.{secrets.token_hex(6)}.part")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(fd, "wb") as file:
            yield file
            if durable:
                file.flush()
                os.fsync(file.fileno())
        beside.replace(target)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
    if durable:
        _sync_directory(target.parent)


def write_json(target: Path, value: Any, *, mode: int = 0o644, durable: bool = False) -> None:
    """`value` as JSON that a person can read too."""
    with replacing(target, mode=mode, durable=durable) as file:
        file.write(json.dumps(value, indent=2).encode() + b"\n")


def _sync_directory(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
