"""A panel: a part of a picture with a vertical axis of its own and the time axis of all.

Rules: the grid is lines only where there is a tick; words of ticks stand left of the panel.
"""

from dataclasses import dataclass

from benchmarks.report import svg, words
from benchmarks.report.scales import Linear, Scale

WIDTH = 1040.0
LEFT, RIGHT = 62.0, 1022.0
TICK_WORDS_DOWN = 4.0


@dataclass(frozen=True)
class Panel:
    """Between two heights (`top` is the smaller number)."""

    top: float
    bottom: float
    scale: Scale
    time: Scale


@dataclass(frozen=True)
class Drawn:
    """What a panel consists of. Its heading is kept apart: it stands above the lines that go
    through all panels."""

    heading: str
    shapes: list[str]


def grid(panel: Panel) -> list[str]:
    """A line and a number at each tick."""
    drawn = []
    for tick in panel.scale.ticks():
        y = panel.scale(tick)
        drawn.append(svg.line((LEFT, y), (RIGHT, y), "grid"))
        drawn.append(tick_words(words.tick(tick), y))
    return drawn


def tick_words(said: str, y: float) -> str:
    """What a tick at that height says."""
    return svg.text(said, LEFT - 8, y + TICK_WORDS_DOWN, "tick", "end")


def heading(said: str, top: float) -> str:
    """What the panel shows, and its unit, above its left end."""
    return svg.text(said, 0, top - 12, "heading")


def time_axis(time: Linear, bottom: float) -> list[str]:
    """Below the lowest panel."""
    drawn = [svg.line((LEFT, bottom), (RIGHT, bottom), "axis")]
    for tick in time.ticks():
        x = time(tick)
        drawn.append(svg.line((x, bottom), (x, bottom + 5), "axis"))
        drawn.append(svg.text(words.tick(tick), x, bottom + 20, "tick", "middle"))
    drawn.append(svg.text("seconds since the fault", RIGHT, bottom + 38, "tick", "end"))
    return drawn
