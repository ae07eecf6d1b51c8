"""The pictures of `latency` and `throughput`: one row for each operation, size and concurrency.

Rules: latencies on a logarithmic axis, from the median to the 99th percentile; rates as bars from
zero, small objects in operations and large ones in MiB per second, never on one axis together.
"""

import math
from collections.abc import Callable, Sequence

from benchmarks.mttr_rows import MIB
from benchmarks.report import svg, words
from benchmarks.report.panel import WIDTH
from benchmarks.report.scales import Logarithmic, around, from_zero
from benchmarks.results import Summary

_ROW_HEIGHT = 24.0
_GROUP_GAP = 14.0
_LEFT, _RIGHT = 130.0, 940.0
_TOP = 10.0
_FIGURE_WIDTH = 48.0
"""Room for the number left of a median."""


def latencies(phases: Sequence[Summary], name: str) -> str:
    """Median, 95th and 99th percentile of each operation, by size."""
    good = [one for one in phases if math.isfinite(one.p50_ms)]
    low, high = around([value for one in good for value in (one.p50_ms, one.p99_ms)])
    scale = Logarithmic(low, high, _LEFT + _FIGURE_WIDTH, _RIGHT)
    drawn, bottom = _rows(good)
    grid = [svg.line((scale(tick), _TOP), (scale(tick), bottom), "grid") for tick in scale.ticks()]
    ticks = [_tick(f"{words.tick(tick)} ms", scale(tick), bottom) for tick in scale.ticks()]
    for one, y in _places(good):
        title = (
            f"{one.op} of {words.size(one.size_bytes)}: p50 {words.milliseconds(one.p50_ms)}, p95"
            f" {words.milliseconds(one.p95_ms)}, p99 {words.milliseconds(one.p99_ms)},"
            f" {words.count(one.ops, 'operation')}"
        )
        drawn += [
            svg.line((scale(one.p50_ms), y), (scale(one.p99_ms), y), "range"),
            svg.circle((scale(one.p50_ms), y), 5.5, "p50-dot", title),
            svg.circle((scale(one.p95_ms), y), 4, "p95-dot", title),
            svg.line((scale(one.p99_ms), y - 7), (scale(one.p99_ms), y + 7), "p99-tick"),
            svg.text(words.plain(one.p50_ms), scale(one.p50_ms) - 10, y + 4, "value", "end"),
            svg.text(words.plain(one.p99_ms), scale(one.p99_ms) + 8, y + 4, "tick"),
        ]
    said = "; ".join(
        f"{one.op} {words.size(one.size_bytes)} median {words.milliseconds(one.p50_ms)}, p99"
        f" {words.milliseconds(one.p99_ms)}"
        for one in good
    )
    body = [*grid, *drawn, *ticks]
    return svg.drawing(name, WIDTH, bottom + 28, "Latency, one request at a time", said, body)


def throughputs(phases: Sequence[Summary], name: str) -> list[tuple[str, str]]:
    """Titles and pictures: the small objects' operations per second, the large ones' MiB/s."""
    small = [one for one in phases if one.size_bytes < MIB]
    large = [one for one in phases if one.size_bytes >= MIB]
    pictures = []
    if small:
        title = "Small objects, operations per second"
        picture = _bars(small, f"{name}-small", title, lambda one: one.ops_per_s)
        pictures.append((title, picture))
    if large:
        title = "Large objects, MiB per second"
        picture = _bars(large, f"{name}-large", title, lambda one: one.mib_per_s)
        pictures.append((title, picture))
    return pictures


def _bars(
    phases: Sequence[Summary], name: str, title: str, rate: Callable[[Summary], float]
) -> str:
    good = [one for one in phases if math.isfinite(rate(one))]
    most = max(map(rate, good), default=1.0)
    scale = from_zero(most, _LEFT, _RIGHT, wanted=6)
    drawn, bottom = _rows(good)
    grid = [svg.line((scale(tick), _TOP), (scale(tick), bottom), "grid") for tick in scale.ticks()]
    ticks = [_tick(words.tick(tick), scale(tick), bottom) for tick in scale.ticks()]
    for one, y in _places(good):
        x = scale(rate(one))
        title_of = f"{one.op} of {words.size(one.size_bytes)}, {one.concurrency} at once"
        class_ = "put-bar" if one.op == "PUT" else "get-bar"
        drawn += [
            svg.rectangle(_LEFT, y - 8, x - _LEFT, 16, class_, title_of),
            svg.text(words.plain(rate(one)), x + 7, y + 4, "value"),
        ]
    said = "; ".join(
        f"{one.op} {words.size(one.size_bytes)}, {one.concurrency} at once:"
        f" {words.plain(rate(one))}"
        for one in good
    )
    return svg.drawing(name, WIDTH, bottom + 28, title, said, [*grid, *drawn, *ticks])


def _places(phases: Sequence[Summary]) -> list[tuple[Summary, float]]:
    """Each with the height of its row; a gap where the size changes."""
    y = _TOP + _ROW_HEIGHT / 2
    placed: list[tuple[Summary, float]] = []
    for one in phases:
        if placed and placed[-1][0].size_bytes != one.size_bytes:
            y += _GROUP_GAP
        placed.append((one, y))
        y += _ROW_HEIGHT
    return placed


def _rows(phases: Sequence[Summary]) -> tuple[list[str], float]:
    """The words at the left, and where the rows end."""
    drawn: list[str] = []
    bottom = _TOP
    for one, y in _places(phases):
        at_once = f" × {one.concurrency}" if one.concurrency > 1 else ""
        drawn.append(svg.text(f"{one.op}{at_once}", 0, y + 4, "label"))
        drawn.append(svg.text(words.size(one.size_bytes), _LEFT - 10, y + 4, "tick", "end"))
        bottom = y + _ROW_HEIGHT / 2
    return drawn, bottom


def _tick(said: str, x: float, bottom: float) -> str:
    return svg.text(said, x, bottom + 18, "tick", "middle")
