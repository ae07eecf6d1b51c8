"""What was found damaged on this node's disk: a bounded list, and a log line for each.

Rules: found means reported, every time it is found anew, but one place counts once. The list is
for people and for statistics; what a reader gets is decided by reading, never by this list.
"""

import logging
import threading
from dataclasses import asdict, dataclass
from typing import Any, Final

from node.record import RecordKey

MAX_DAMAGE_REPORTS: Final = 1000

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DamageReport:
    """Bytes [offset, end) of a segment are not what was written; `key` if we know whose."""

    segment: str
    offset: int
    end: int
    reason: str
    key: RecordKey | None

    def as_json(self) -> dict[str, Any]:
        """As the API and the log show it."""
        fields = asdict(self)
        del fields["key"]
        if self.key:
            fields |= {
                "part_id": self.key.part_id.hex(),
                "shard": self.key.shard,
                "stripe": self.key.stripe,
            }
        return fields


class DamageLog:
    """See the module's rules. Any thread may add."""

    def __init__(self) -> None:
        self.count = 0
        self._reports: dict[tuple[str, int], DamageReport] = {}
        self._lock = threading.Lock()

    def add(self, report: DamageReport) -> None:
        """Log and keep it."""
        logger.error("damage found", extra=report.as_json())
        with self._lock:
            place = (report.segment, report.offset)
            if place not in self._reports:
                self.count += 1
            self._reports[place] = report
            if len(self._reports) > MAX_DAMAGE_REPORTS:
                del self._reports[next(iter(self._reports))]

    def reports(self) -> list[DamageReport]:
        """The latest MAX_DAMAGE_REPORTS."""
        with self._lock:
            return list(self._reports.values())
