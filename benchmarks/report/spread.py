"""How far the trials of a run differ: each time of each trial as a dot, the medians as numbers.

Rules: every trial is a dot, none is left out; a time that was not reached is not drawn as one.
"""

import math
from collections.abc import Sequence
from statistics import median

from benchmarks.mttr_rows import Trial
from benchmarks.report import svg, words
from benchmarks.report.panel import WIDTH
from benchmarks.report.scales import from_zero

_ROW_HEIGHT = 30.0
_LEFT, _RIGHT = 170.0, 950.0
_TOP = 8.0
STAGES = (
    ("detected", "detect_s"),
    ("first shard repaired", "repair_s"),
    ("full redundancy", "mttr_s"),
)


def reached(trials: Sequence[Trial], field: str) -> list[float]:
    """That time of every trial that came so far."""
    values = (float(getattr(trial, field)) for trial in trials)
    return [value for value in values if math.isfinite(value)]


def median_of(trials: Sequence[Trial], field: str) -> float:
    """The median over the trials that came so far; NaN if none did."""
    values = reached(trials, field)
    return median(values) if values else math.nan


def picture(trials: Sequence[Trial], name: str) -> str:
    """A row for each stage, with a dot for each trial."""
    most = max((value for _, field in STAGES for value in reached(trials, field)), default=1.0)
    scale = from_zero(most, _LEFT, _RIGHT, wanted=8)
    bottom = _TOP + _ROW_HEIGHT * len(STAGES)
    drawn = [svg.line((scale(tick), _TOP), (scale(tick), bottom), "grid") for tick in scale.ticks()]
    drawn += [
        svg.text(f"{words.tick(tick)} s", scale(tick), bottom + 18, "tick", "middle")
        for tick in scale.ticks()
    ]
    for number, (said, field) in enumerate(STAGES):
        y = _TOP + _ROW_HEIGHT * (number + 0.5)
        middle = median_of(trials, field)
        drawn.append(svg.text(said, 0, y + 4, "label"))
        drawn.append(svg.line((_LEFT, y), (_RIGHT, y), "grid"))
        for trial in trials:
            value = getattr(trial, field)
            if math.isfinite(value):
                title = f"trial {trial.trial}, {trial.node}: {words.seconds(value)}"
                drawn.append(svg.circle((scale(value), y), 5, "trial-dot", title))
        if math.isfinite(middle):
            drawn.append(svg.line((scale(middle), y - 10), (scale(middle), y + 10), "median"))
        drawn.append(svg.text(words.seconds(middle), WIDTH, y + 4, "value", "end"))
    return svg.drawing(
        name, WIDTH, bottom + 26, "From the fault to each stage, all trials", _say(trials), drawn
    )


def _say(trials: Sequence[Trial]) -> str:
    medians = ", ".join(
        f"{said} {words.seconds(median_of(trials, field))}" for said, field in STAGES
    )
    return f"Medians of {words.count(len(trials), 'trial')}: {medians}."
