"""A process that somebody else started, known well enough never to be mistaken for another.

Rules: a pid alone may have been given to a stranger meanwhile; a pid together with the moment at
which its process started (as /proc tells it) may not. Nothing is signalled whose start is another.
"""

import os
import signal
from dataclasses import dataclass
from pathlib import Path

_STATE, _STARTED = 0, 19
"""Positions in /proc/<pid>/stat behind the command's closing bracket: fields 3 and 22."""

_GONE = frozenset("ZX")


@dataclass(frozen=True, slots=True)
class Process:
    """A process by its id and its start, in clock ticks since boot."""

    pid: int
    started: int

    @classmethod
    def of(cls, pid: int) -> "Process | None":
        """The process that has this id now, if one runs."""
        stat = _stat(pid)
        return None if stat is None or stat[_STATE] in _GONE else cls(pid, int(stat[_STARTED]))

    def is_running(self) -> bool:
        """Whether it is still there. One that is stopped (SIGSTOP) is, a zombie is not."""
        return Process.of(self.pid) == self

    def is_stopped(self) -> bool:
        """Whether SIGSTOP holds it."""
        stat = _stat(self.pid)
        return stat is not None and stat[_STATE] == "T" and self.is_running()

    def send(self, number: signal.Signals) -> bool:
        """Signal it; False if it is gone."""
        if not self.is_running():
            return False
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def _stat(pid: int) -> list[str] | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The command stands in brackets and may itself hold brackets and spaces.
    return text.rpartition(")")[2].split()
