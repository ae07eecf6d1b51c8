"""Where the scrub of a node stands: what has to survive a restart, and its form as a note."""

import json
from dataclasses import asdict, dataclass


@dataclass(slots=True)
class Round:
    """One reading of all a node keeps. Times are milliseconds since the epoch."""

    number: int = 0
    is_running: bool = False
    is_hurried: bool = False
    """Asked for by somebody: at full speed."""

    cursor: str = ""
    is_read: bool = False
    """Everything was read; only the comparison of inventories is left."""

    started_at_ms: int | None = None
    bytes: int = 0
    damaged: int = 0
    last_finished_at_ms: int | None = None

    def begin(self, now_ms: int, *, hurried: bool) -> None:
        """Start from the first record."""
        self.number += 1
        self.is_running, self.is_hurried = True, hurried
        self.cursor, self.is_read = "", False
        self.started_at_ms, self.bytes, self.damaged = now_ms, 0, 0

    def finish(self, now_ms: int) -> None:
        """All was read and compared."""
        self.is_running = self.is_hurried = False
        self.last_finished_at_ms = now_ms

    def to_note(self) -> str:
        """As it is remembered."""
        return json.dumps(asdict(self))

    @classmethod
    def from_note(cls, note: str | None) -> "Round":
        """What was remembered; a fresh one if nothing was, or by another release."""
        try:
            return cls(**json.loads(note)) if note else cls()
        except (ValueError, TypeError):
            return cls()
