"""From rows to answers: the summary of a run, its CSV files and the table people read.

Rules: a rate counts only operations whose answer was right, over the wall time from the first start
to the last end of the phase; a percentile is the nearest rank over those; errors stand beside them.
"""

import csv
import math
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from rich.box import SIMPLE_HEAD
from rich.table import Table

from benchmarks.load import Row

_MIB = 1024 * 1024
_TRANSFERS = ("PUT", "GET")


class Summary(NamedTuple):
    """One phase in numbers. Latencies in milliseconds; NaN where no operation succeeded."""

    op: str
    size_bytes: int
    concurrency: int
    ops: int
    ops_per_s: float
    mib_per_s: float
    mean_ms: float
    p50_ms: float
    p95_ms: float
    p99_ms: float
    errors: int


def summarize(rows: Iterable[Row]) -> list[Summary]:
    """One summary per run of rows with the same operation, size and concurrency, in their order."""
    phases = groupby(rows, key=lambda row: (row.op, row.size_bytes, row.concurrency))
    return [_summarize_phase(list(phase)) for _, phase in phases]


def percentile(ordered: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile of values in ascending order; NaN if there are none."""
    if not ordered:
        return math.nan
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """One CSV row per operation."""
    _write(path, Row._fields, rows)


def write_summaries(path: Path, summaries: Iterable[Summary]) -> None:
    """One CSV row per phase."""
    _write(path, Summary._fields, summaries)


def table(title: str, summaries: Iterable[Summary]) -> Table:
    """The summaries as a table for the terminal."""
    made = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False
    )
    made.add_column("", no_wrap=True)
    for name in ("size", "conns", "ops", "ops/s", "MiB/s", "mean ms", "p50", "p95", "p99"):
        made.add_column(name, justify="right", no_wrap=True)
    made.add_column("bad", justify="right", no_wrap=True)
    for one in summaries:
        moved = _short(one.mib_per_s) if one.op in _TRANSFERS else ""
        made.add_row(
            one.op,
            readable_size(one.size_bytes),
            f"{one.concurrency}",
            f"{one.ops:,}",
            _short(one.ops_per_s),
            moved,
            *map(_short, (one.mean_ms, one.p50_ms, one.p95_ms, one.p99_ms)),
            f"[red]{one.errors}[/]" if one.errors else "0",
        )
    return made


def _short(value: float) -> str:
    """Three digits or so: what a person can compare."""
    decimals = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{decimals}f}"


def first_failure(rows: Iterable[Row]) -> str | None:
    """The first wrong answer in words, or None."""
    for row in rows:
        if not row.verified:
            answer = f"status {row.status}" if row.status else "no answer"
            return f"{row.op} of {readable_size(row.size_bytes)} at {row.start_s:.3f} s: {answer}"
    return None


def readable_size(size_bytes: float) -> str:
    """In the largest binary unit that leaves at least 1."""
    units = ("B", "KiB", "MiB", "GiB", "TiB")
    step = 0
    while size_bytes >= 1024 and step < len(units) - 1:
        size_bytes, step = size_bytes / 1024, step + 1
    return f"{size_bytes:.4g} {units[step]}"


def _summarize_phase(rows: list[Row]) -> Summary:
    good = [row for row in rows if row.verified]
    latencies = sorted(row.latency_ms for row in good)
    wall_s = max(row.start_s + row.latency_ms / 1000 for row in rows) - min(r.start_s for r in rows)
    mean_ms = sum(latencies) / len(latencies) if latencies else math.nan
    first = rows[0]
    return Summary(
        first.op,
        first.size_bytes,
        first.concurrency,
        len(good),
        round(len(good) / wall_s, 3) if wall_s > 0 else math.nan,
        round(sum(row.bytes for row in good) / _MIB / wall_s, 3) if wall_s > 0 else math.nan,
        round(mean_ms, 4),
        percentile(latencies, 50),
        percentile(latencies, 95),
        percentile(latencies, 99),
        len(rows) - len(good),
    )


def _write(path: Path, header: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(rows)
