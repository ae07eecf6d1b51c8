"""Lines that wait to become log objects: gathered by where they go, until a batch is old or big
enough.

Rules: bounded: one batch holds at most MAX_BATCH_BYTES, everything waiting MAX_WAITING_BYTES;
beyond that lines are dropped and counted, for a log must not take the memory of the requests that
it tells of. Lines of several buckets share an object where their targets agree. Access logs are
best effort, as S3's are: what waits is lost when the process dies.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, NamedTuple

from coordinator.s3.settings.access_logs import KeyForm, LogGrant

MAX_BATCH_BYTES: Final = 4 * 1024 * 1024
MAX_WAITING_BYTES: Final = 32 * 1024 * 1024


class Source(NamedTuple):
    """A bucket whose requests are logged."""

    owner_id: str
    region: str
    bucket: str


class Destination(NamedTuple):
    """What lines must have in common to go into one object. `source` and `day` ("YYYY/MM/DD") are
    set where the keys name them."""

    bucket: str
    prefix: str
    form: KeyForm
    grants: tuple[LogGrant, ...] = ()
    source: Source | None = None
    day: str = ""


@dataclass(slots=True)
class Batch:
    """Lines for one object. `since_s` is when the first one came, by the monotonic clock."""

    destination: Destination
    since_s: float
    lines: list[tuple[Source, str]] = field(default_factory=list)
    size_bytes: int = 0
    tries: int = 0


class Batches:
    """See the module. `roll_s`: how long a batch gathers lines."""

    def __init__(self, roll_s: float) -> None:
        self._roll_s = roll_s
        self._open: OrderedDict[Destination, Batch] = OrderedDict()
        self._full: list[Batch] = []
        self._waiting_bytes = 0
        self.dropped = 0
        """Lines that found no room, so far."""

    def add(self, destination: Destination, source: Source, line: str, now_s: float) -> bool:
        """Keep a line; whether a batch is full now, and due at once."""
        size = len(line) + 1
        if self._waiting_bytes + size > MAX_WAITING_BYTES:
            self.dropped += 1
            return False
        batch = self._open.get(destination)
        if batch is None:
            batch = self._open[destination] = Batch(destination, now_s)
        batch.lines.append((source, line))
        batch.size_bytes += size
        self._waiting_bytes += size
        if batch.size_bytes < MAX_BATCH_BYTES:
            return False
        self._full.append(self._open.pop(destination))
        return True

    def due_at_s(self) -> float | None:
        """When the next batch is due; None while nothing waits."""
        if self._full:
            return 0.0
        oldest = next(iter(self._open.values()), None)
        return None if oldest is None else oldest.since_s + self._roll_s

    def take(self, now_s: float, *, everything: bool = False) -> Iterator[Batch]:
        """The batches that are due, oldest first; each is the caller's from then on."""
        while self._full:
            yield self._taken(self._full.pop(0))
        while self._open:
            oldest = next(iter(self._open.values()))
            if not everything and oldest.since_s + self._roll_s > now_s:
                return
            yield self._taken(self._open.pop(oldest.destination))

    def put_back(self, batch: Batch) -> None:
        """It could not be delivered; it is due again when the caller asks again."""
        batch.tries += 1
        self._full.append(batch)
        self._waiting_bytes += batch.size_bytes

    def _taken(self, batch: Batch) -> Batch:
        self._waiting_bytes -= batch.size_bytes
        return batch


def log_key(destination: Destination, delivered_at_ms: int, unique: str) -> str:
    """The key of a log object: `<prefix>2026-11-21-16-05-59-<unique>`, below
    `<owner>/<region>/<bucket>/2026/11/21/` in the partitioned forms. Events are dated by their day,
    with no time, where the folders are."""
    at = datetime.fromtimestamp(delivered_at_ms // 1000, UTC)
    day, time = f"{at:%Y/%m/%d}", f"{at:%H-%M-%S}"
    if destination.form is KeyForm.BY_EVENT:
        day, time = destination.day, "00-00-00"
    name = f"{day.replace('/', '-')}-{time}-{unique}"
    if destination.source is None:
        return f"{destination.prefix}{name}"
    source = destination.source
    folder = f"{source.owner_id}/{source.region}/{source.bucket}"
    return f"{destination.prefix}{folder}/{day}/{name}"
