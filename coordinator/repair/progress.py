"""Counts what repair has done, and says how fast it is and when it will be done.

Rules: rates are means of the last WINDOW_S seconds, kept in slots of a second; an ETA is what is
queued over the rate, and unknown while nothing was repaired lately.
"""

from collections import deque
from collections.abc import Callable
from typing import Final

from coordinator.healing import RepairProgress
from coordinator.metrics import Metrics

WINDOW_S: Final = 10


class Rate:
    """How much per second, lately."""

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` is monotonic seconds."""
        self._clock = clock
        self._started_at = 0.0
        self._slots: deque[tuple[int, float]] = deque()

    def add(self, amount: float) -> None:
        """So much was done just now."""
        now = self._clock()
        self._forget(now)
        if not self._slots:
            self._started_at = now
        if self._slots and self._slots[-1][0] == int(now):
            self._slots[-1] = (int(now), self._slots[-1][1] + amount)
        else:
            self._slots.append((int(now), amount))

    def per_s(self) -> float:
        """The mean of the window, or of the time since the first if that is shorter."""
        now = self._clock()
        self._forget(now)
        if not self._slots:
            return 0.0
        # The first moments would be told too high by a division by nearly nothing.
        span_s = max(now - max(self._started_at, self._slots[0][0]), 1.0)
        return sum(amount for _, amount in self._slots) / span_s

    def _forget(self, now: float) -> None:
        while self._slots and self._slots[0][0] <= now - WINDOW_S:
            self._slots.popleft()


class Progress:
    """What the repairer has done since it was started."""

    def __init__(self, metrics: Metrics, clock: Callable[[], float]) -> None:
        self._metrics = metrics
        self._shards_rate = Rate(clock)
        self._bytes_rate = Rate(clock)
        self._shards = 0
        self._bytes = 0
        self._failed = 0
        self.in_flight = 0
        """Shards that are being worked on."""

        self.queued = 0
        """Tasks that wait, when they were last counted."""

    def repaired(self, shards: int, size_bytes: int) -> None:
        """So many shards are where they belong again; so many bytes were written for it."""
        self._shards += shards
        self._bytes += size_bytes
        self._shards_rate.add(shards)
        self._bytes_rate.add(size_bytes)
        self.queued = max(0, self.queued - shards)
        self._metrics.repaired_shards.inc(shards)
        self._metrics.repaired_bytes.inc(size_bytes)

    def failed(self, shards: int) -> None:
        """So many attempts failed."""
        self._failed += shards
        self._metrics.failed_repairs.inc(shards)

    def snapshot(self) -> RepairProgress:
        """All of it now."""
        shards_per_s = self._shards_rate.per_s()
        return RepairProgress(
            repaired_shards=self._shards,
            repaired_bytes=self._bytes,
            failed_shards=self._failed,
            in_flight_shards=self.in_flight,
            shards_per_s=shards_per_s,
            bytes_per_s=self._bytes_rate.per_s(),
            eta_s=self._eta_s(shards_per_s),
        )

    def _eta_s(self, shards_per_s: float) -> float | None:
        if not self.queued:
            return 0.0
        return self.queued / shards_per_s if shards_per_s else None
