"""What is broken now, in a file of the cluster's data directory, so that any program can heal it.

Rules: an entry is written before the fault begins and forgotten after it was undone, so that what
was interrupted half-way is undone too. The file is replaced whole, by whoever holds its lock.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path

from benchmarks.process import Process

FAULTS_FILE = "faults.json"
_FORMAT = 1


class FaultKind(StrEnum):
    """What can befall a process or its disk."""

    KILL = "kill"
    STOP = "stop"
    PAUSE = "pause"
    SLOW = "slow"
    CORRUPT = "corrupt"
    TRUNCATE = "truncate"
    WIPE = "wipe"
    FILL_DISK = "fill-disk"
    PARTITION = "partition"


DAMAGE = frozenset({FaultKind.CORRUPT, FaultKind.TRUNCATE, FaultKind.WIPE})
"""These are over at once, and what they took is gone: the store heals that, not `heal`."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A fault that lasts: what befell which process, and the process to continue or to end."""

    kind: FaultKind
    name: str
    process: Process | None = None


class Book:
    """The file. Every method is whole by itself; `locked` keeps others out of several."""

    def __init__(self, data: Path) -> None:
        self._path = data / FAULTS_FILE

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Wait for others and keep them out."""
        fd = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    def read(self) -> list[Broken]:
        """What is broken, oldest first."""
        try:
            told = json.loads(self._path.read_text())
        except FileNotFoundError:
            return []
        return [
            Broken(
                FaultKind(one["kind"]),
                one["name"],
                Process(**one["process"]) if one["process"] else None,
            )
            for one in told["broken"]
        ]

    def note(self, broken: Broken) -> None:
        """Write it down, in place of what was known of that process."""
        self._write([*self._others(broken.name), broken])

    def forget(self, name: str) -> None:
        """Nothing is wrong with it any more."""
        self._write(self._others(name))

    def _others(self, name: str) -> list[Broken]:
        return [one for one in self.read() if one.name != name]

    def _write(self, broken: list[Broken]) -> None:
        beside = self._path.with_suffix(".tmp")
        told = {"format": _FORMAT, "broken": [asdict(one) for one in broken]}
        beside.write_text(json.dumps(told, indent=2) + "\n")
        beside.replace(self._path)
