"""Redundancy over time, as areas: how many of the parts have all their shards, fewer, or too few.

Rules: each step is one pass of `verify`, drawn at the time it ended, and nothing is smoothed or
guessed between two; the three shares are always drawn as parts of all, and where the damage is too
small to be seen so, the axis begins above zero and says it.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from benchmarks.mttr_rows import Redundancy
from benchmarks.report import svg, words
from benchmarks.report.panel import LEFT, RIGHT, Drawn, Panel, heading, tick_words
from benchmarks.report.scales import Linear

HEIGHT = 250.0
_FLOORS = (0.0, 0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9998, 0.9999)
_LEAST_VISIBLE = 0.3


class Shares(NamedTuple):
    """Of all parts: with all shards, with fewer but enough to read, with too few."""

    whole: float
    degraded: float
    lost: float


def shares(one: Redundancy) -> Shares:
    """Of one pass; an empty store is whole."""
    parts = one.whole + one.degraded + one.lost
    if not parts:
        return Shares(1.0, 0.0, 0.0)
    return Shares(one.whole / parts, one.degraded / parts, one.lost / parts)


def share_scale(passes: Sequence[Redundancy], top: float, bottom: float) -> Linear:
    """From zero if a fall can be seen so, else from the highest floor that shows it well."""
    least = min((shares(one).whole for one in passes), default=1.0)
    fall = 1 - least
    floor = 0.0
    for candidate in _FLOORS:
        if 0 < fall < _LEAST_VISIBLE * (1 - floor) and fall <= 1 - candidate:
            floor = candidate
    return Linear(floor, 1.0, bottom, top, wanted=5)


def areas(passes: Sequence[Redundancy], panel: Panel) -> list[str]:
    """Whole at the bottom, degraded on it, lost on top: together always everything."""
    if not passes:
        return []
    found = [shares(one) for one in passes]
    whole = _corners(passes, [one.whole for one in found], panel)
    readable = _corners(passes, [one.whole + one.degraded for one in found], panel)
    roof = [(whole[0][0], panel.top), (whole[-1][0], panel.top)]
    drawn: list[str] = []
    # From the top down, each painted over the one before: so no seams show between them.
    if any(one.lost for one in found):
        drawn += _down_from(roof, panel, "lost-area", "lost-hatch")
    if any(one.degraded for one in found):
        drawn += _down_from(readable, panel, "ground", "degraded-area", "degraded-hatch")
    drawn += _down_from(whole, panel, "ground", "whole-area")
    return [*drawn, svg.polyline(whole, "whole-line")]


def draw(passes: Sequence[Redundancy], time: Linear, top: float) -> Drawn:
    """The panel with its axis, and something to point at for each pass."""
    bottom = top + HEIGHT
    scale = share_scale(passes, top, bottom)
    panel = Panel(top, bottom, scale, time)
    said = "Share of parts"
    if scale.low > 0:
        said += f" (the axis begins at {words.share(scale.low)}, not at zero)"
    drawn = areas(passes, panel)
    for tick in scale.ticks():
        drawn.append(svg.line((LEFT, scale(tick)), (RIGHT, scale(tick)), "grid"))
        drawn.append(tick_words(f"{words.tick(round(tick * 100, 6))} %", scale(tick)))
    return Drawn(heading(said, top), drawn + _looks(passes, panel))


def _corners(
    passes: Sequence[Redundancy], heights: Sequence[float], panel: Panel
) -> list[svg.Point]:
    xs = [panel.time(one.t_s) for one in passes]
    return svg.steps(list(zip(xs, map(panel.scale, heights), strict=True)))


def _down_from(upper: Sequence[svg.Point], panel: Panel, *classes: str) -> list[str]:
    lower = [(x, panel.bottom) for x, _ in upper]
    return [svg.area(upper, lower, class_) for class_ in classes]


def _looks(passes: Sequence[Redundancy], panel: Panel) -> list[str]:
    """Something for the pointer to rest on, from each pass to the next."""
    drawn = []
    for one, after in pairwise(passes):
        left, right = panel.time(one.t_s), panel.time(after.t_s)
        title = (
            f"{one.t_s:.2f} s: {one.whole:,} parts whole, {one.degraded:,} degraded,"
            f" {one.lost:,} lost (a pass of {one.took_s:.2f} s)"
        )
        height = panel.bottom - panel.top
        drawn.append(svg.rectangle(left, panel.top, right - left, height, "look", title))
    return drawn
