"""Who a data directory belongs to: `identity.json`, written once, and the lock of its process.

Rules:
1. temporary file -> fsync -> rename -> fsync directory: the file is whole or not there.
2. `store_id` is random and made when the directory is formatted, so a wiped or swapped disk shows.
3. Only a directory without segments is formatted: nobody guesses whose records they are.
"""

import fcntl
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

from node.disk import sync_directory
from node.errors import WrongStore

IDENTITY_FILENAME: Final = "identity.json"
LOCK_FILENAME: Final = "lock"
SEGMENTS_DIRECTORY: Final = "segments"


@dataclass(frozen=True, slots=True)
class Identity:
    """`cluster_id` is "" until the node is adopted by a cluster."""

    cluster_id: str
    node_id: str
    store_id: str


def open_identity(directory: Path, node_id: str, make_store_id: Callable[[], str]) -> Identity:
    """The directory's identity, formatting it if it is new. Raises WrongStore, OSError."""
    path = directory / IDENTITY_FILENAME
    try:
        text = path.read_text()
    except FileNotFoundError:
        if any((directory / SEGMENTS_DIRECTORY).glob("*.segment")):
            raise WrongStore(f"{directory} holds segments but no {IDENTITY_FILENAME}") from None
        identity = Identity("", node_id, make_store_id())
        _write(directory, identity)
        return identity
    try:
        identity = Identity(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise WrongStore(f"{path} is not readable: {error}") from error
    if identity.node_id != node_id:
        raise WrongStore(f"{directory} belongs to node {identity.node_id!r}, not to {node_id!r}")
    return identity


def adopt(directory: Path, identity: Identity, cluster_id: str) -> Identity:
    """Make the directory the cluster's, durably. Raises WrongStore if it is another's, OSError."""
    if identity.cluster_id == cluster_id:
        return identity
    if identity.cluster_id:
        raise WrongStore(f"{directory} belongs to cluster {identity.cluster_id!r}")
    adopted = replace(identity, cluster_id=cluster_id)
    _write(directory, adopted)
    return adopted


def _write(directory: Path, identity: Identity) -> None:
    path = directory / IDENTITY_FILENAME
    temporary = path.with_suffix(".tmp")
    with temporary.open("w") as file:
        json.dump(asdict(identity), file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    sync_directory(directory)


def lock_directory(directory: Path) -> int:
    """Take the directory for this process, as long as it lives or until the returned file
    descriptor is closed. Raises WrongStore if another process has it."""
    fd = os.open(directory / LOCK_FILENAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        raise WrongStore(f"{directory} is in use by another process") from None
    return fd
