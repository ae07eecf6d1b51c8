"""What a run of `mttr` leaves behind: the rows of its CSV files, and the arithmetic behind them.

Rules: times are seconds since the fault (before it: negative); a time that never came is NaN; a
percentile is the nearest rank over every right answer of its window; a request belongs to the
window in which it was due, so that one that hangs from before the fault counts before it.
"""

import csv
import math
from collections.abc import Iterable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from benchmarks.results import percentile

MIB = 1024 * 1024
BUCKET_S = 0.5


class Trial(NamedTuple):
    """One fault, from before it until all was whole again. The clock starts at the fault.

    `objects` and `bytes`: what was stored when it struck. `repair_s`: the first shard was rebuilt.
    `mttr_s`: `verify` saw full redundancy. Latencies are those of 4 KiB GETs.
    """

    trial: int
    fault: str
    node: str
    objects: int
    bytes: int
    detect_s: float
    repair_s: float
    mttr_s: float
    shards_rebuilt: int
    rebuild_mib_per_s: float
    before_p50_ms: float
    before_p99_ms: float
    during_p50_ms: float
    during_p99_ms: float
    after_p50_ms: float
    after_p99_ms: float
    errors: int
    wrong: int
    back_s: float
    """When the node's process could work again: the end of the outage, or of the wiping."""

    requests: int
    """All of the clients' requests in this trial, the final reading of everything too."""

    verdict: str
    """What a deep `verify` said at the end: "whole" or "not whole"."""


class Redundancy(NamedTuple):
    """One pass of `verify`, at its end: how many parts had all k+m shards, fewer, too few."""

    trial: int
    t_s: float
    took_s: float
    whole: int
    degraded: int
    lost: int


class Service(NamedTuple):
    """What clients saw in the half second that starts at `t_s`. Latencies: 4 KiB GETs."""

    trial: int
    t_s: float
    requests: int
    p50_ms: float
    p99_ms: float
    errors: int
    wrong: int


class Repair(NamedTuple):
    """What the store said of its repair at `t_s`: rebuilt since the trial began, and waiting."""

    trial: int
    t_s: float
    rebuilt_shards: int
    rebuilt_bytes: int
    queued_shards: int


class Verdict(StrEnum):
    """How an answer to a client was."""

    RIGHT = "right"
    ERROR = "error"
    WRONG = "wrong"


class Request(NamedTuple):
    """One request of the foreground. `is_timed`: it is one of those whose latency is told."""

    due_s: float
    latency_ms: float
    is_timed: bool
    verdict: Verdict


class Latency(NamedTuple):
    """The median and the slow end of a window, in milliseconds; NaN for an empty one."""

    p50_ms: float
    p99_ms: float


def latency(requests: Iterable[Request], begin_s: float, end_s: float) -> Latency:
    """Of the timed right answers that were due in [begin_s, end_s)."""
    found = sorted(
        one.latency_ms
        for one in requests
        if one.is_timed and one.verdict is Verdict.RIGHT and begin_s <= one.due_s < end_s
    )
    return Latency(round(percentile(found, 50), 3), round(percentile(found, 99), 3))


def count(requests: Iterable[Request], verdict: Verdict) -> int:
    """How many of the answers were such."""
    return sum(one.verdict is verdict for one in requests)


def buckets(trial: int, requests: Iterable[Request], fault_s: float) -> list[Service]:
    """The requests in steps of half a second, counted from the fault in both directions."""
    sorted_in: dict[int, list[Request]] = {}
    for one in requests:
        sorted_in.setdefault(math.floor((one.due_s - fault_s) / BUCKET_S), []).append(one)
    return [
        Service(
            trial,
            number * BUCKET_S,
            len(found),
            *latency(found, -math.inf, math.inf),
            count(found, Verdict.ERROR),
            count(found, Verdict.WRONG),
        )
        for number, found in sorted(sorted_in.items())
    ]


def first_rebuilt_s(told: Sequence[Repair]) -> float:
    """When the store first told of a shard rebuilt after the fault."""
    before = [one.rebuilt_shards for one in told if one.t_s <= 0]
    known = max(before, default=0)
    later = (one.t_s for one in told if one.t_s > 0 and one.rebuilt_shards > known)
    return next(later, math.nan)


def rebuild_mib_per_s(told: Sequence[Repair]) -> float:
    """Bytes of shards over the time they took: from the last look that knew of none after the
    fault to the first that knew of all. So an average with its waiting, rather too low."""
    after = [one for one in told if one.t_s > 0]
    known = max((one.rebuilt_bytes for one in told if one.t_s <= 0), default=0)
    total = max((one.rebuilt_bytes for one in after), default=0)
    if total <= known:
        return math.nan
    begin_s = max((one.t_s for one in after if one.rebuilt_bytes <= known), default=0.0)
    end_s = min(one.t_s for one in after if one.rebuilt_bytes == total)
    return round((total - known) / MIB / (end_s - begin_s), 3)


def write(path: Path, kind: type[NamedTuple], rows: Iterable[tuple[object, ...]]) -> None:
    """One CSV file with the fields as its header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(kind._fields)
        writer.writerows(rows)


def beside(path: Path, what: str) -> Path:
    """`out.csv` -> `out-what.csv`: where the rows of a trial's course stand."""
    return path.with_name(f"{path.stem}-{what}.csv")
