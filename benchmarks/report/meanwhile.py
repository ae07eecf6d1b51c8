"""The panels below the redundancy: what clients saw meanwhile, and how fast shards were rebuilt.

Rules: latencies stand on a logarithmic axis, so that a stall shows and a calm time can still be
read; a half second with errors or wrong bytes has a red dot, whatever its latency.
"""

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from benchmarks.mttr_rows import BUCKET_S, MIB, Repair, Service
from benchmarks.report import svg, words
from benchmarks.report.panel import Drawn, Panel, grid, heading
from benchmarks.report.scales import Linear, Logarithmic, around, from_zero

CLIENTS_HEIGHT = 120.0
REPAIR_HEIGHT = 80.0
MAX_RATES = 120
SMALL_SHARD_BYTES = 16 * 1024


class Rate(NamedTuple):
    """What was rebuilt between two looks."""

    begin_s: float
    end_s: float
    shards_per_s: float
    bytes_per_s: float


def clients(service: Sequence[Service], time: Linear, top: float) -> Drawn:
    """Median and slow end of the foreground's latency."""
    bottom = top + CLIENTS_HEIGHT
    low, high = around([value for one in service for value in (one.p50_ms, one.p99_ms)])
    panel = Panel(top, bottom, Logarithmic(low, high, bottom, top), time)
    drawn = grid(panel)
    drawn.append(_curve(panel, [(one.t_s, one.p99_ms) for one in service], "p99-line"))
    drawn.append(_curve(panel, [(one.t_s, one.p50_ms) for one in service], "p50-line"))
    for one in service:
        left, right = time(one.t_s), time(one.t_s + BUCKET_S)
        title = (
            f"{one.t_s:g} to {one.t_s + BUCKET_S:g} s: {words.count(one.requests, 'request')},"
            f" p50 {words.milliseconds(one.p50_ms)}, p99 {words.milliseconds(one.p99_ms)},"
            f" {words.count(one.errors, 'error')}, {one.wrong:,} wrong"
        )
        drawn.append(svg.rectangle(left, top, right - left, bottom - top, "look", title))
        if one.errors or one.wrong:
            drawn.append(svg.circle(((left + right) / 2, top + 5), 4, "bad-dot", title))
    return Drawn(heading("Latency of 4 KiB GETs, ms (logarithmic)", top), drawn)


def repair(rates: Sequence[Rate], time: Linear, top: float) -> Drawn:
    """The speed of the rebuilding, as bars: of small shards their number, else their bytes."""
    bottom = top + REPAIR_HEIGHT
    shards = sum(one.shards_per_s * (one.end_s - one.begin_s) for one in rates)
    moved = sum(one.bytes_per_s * (one.end_s - one.begin_s) for one in rates)
    are_small = moved < shards * SMALL_SHARD_BYTES
    unit = "shards/s" if are_small else "MiB/s"
    speeds = [one.shards_per_s if are_small else one.bytes_per_s / MIB for one in rates]
    scale = from_zero(max(speeds), bottom, top, wanted=2)
    panel = Panel(top, bottom, scale, time)
    drawn = grid(panel)
    for one, speed in zip(rates, speeds, strict=True):
        left, right, height = time(one.begin_s), time(one.end_s), bottom - scale(speed)
        title = f"{one.begin_s:.1f} to {one.end_s:.1f} s: {words.plain(speed)} {unit}"
        if height > 0:
            box = (left, bottom - height, right - left, height)
            drawn.append(svg.rectangle(*box, "repair-bar", title))
    return Drawn(heading(f"Repair, {unit}", top), drawn)


def rates_of(told: Sequence[Repair]) -> list[Rate]:
    """The speed between looks that are half a second apart, or more if there would be more than
    MAX_RATES; empty if nothing was rebuilt."""
    if len(told) < 2 or told[-1].rebuilt_shards == told[0].rebuilt_shards:
        return []
    span_s = told[-1].t_s - told[0].t_s
    step_s = max(BUCKET_S, span_s / MAX_RATES)
    kept = [told[0]]
    for one in told:
        # A look's own time is a little off, hence the tolerance.
        if one.t_s - kept[-1].t_s >= step_s * 0.99:
            kept.append(one)
    if kept[-1] is not told[-1]:
        kept.append(told[-1])
    return [_rate(old, new) for old, new in pairwise(kept) if new.t_s > old.t_s]


def _rate(old: Repair, new: Repair) -> Rate:
    took_s = new.t_s - old.t_s
    shards, moved = new.rebuilt_shards - old.rebuilt_shards, new.rebuilt_bytes - old.rebuilt_bytes
    return Rate(old.t_s, new.t_s, shards / took_s, moved / took_s)


def _curve(panel: Panel, values: Sequence[tuple[float, float]], class_: str) -> str:
    """Through the middles of the half seconds that have a value."""
    points = [
        (panel.time(begin_s + BUCKET_S / 2), panel.scale(value))
        for begin_s, value in values
        if math.isfinite(value)
    ]
    return svg.polyline(points, class_)
