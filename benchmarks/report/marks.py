"""The moments of a trial that the picture names: fault, detection, first repair, full redundancy.

Rules: a mark is a line through all panels with its words above them; words that would run into each
other stand in rows of their own, the earlier moment the lower, so that every leader is free.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.mttr_rows import Trial
from benchmarks.report import svg, words
from benchmarks.report.scales import Scale

ROW_HEIGHT = 19.0
_GAP = 6.0
_CHARACTER_WIDTH = 7.0

DEEDS = {
    "kill": "killed",
    "wipe": "wiped",
    "corrupt": "corrupted",
}


@dataclass(frozen=True)
class Mark:
    """A moment, its words, and the class of its line."""

    t_s: float
    said: str
    class_: str


def deed(trial: Trial) -> str:
    """What was done to which node: "node-2 killed"."""
    return f"{trial.node} {DEEDS.get(trial.fault, trial.fault)}"


def marks_of(trial: Trial) -> list[Mark]:
    """Those that happened, in order of time."""
    found = [
        Mark(0.0, deed(trial), "mark fault"),
        Mark(trial.detect_s, f"detected {words.seconds(trial.detect_s)}", "mark"),
        Mark(trial.repair_s, f"first shard repaired {words.seconds(trial.repair_s)}", "mark"),
        Mark(trial.mttr_s, f"full redundancy {words.seconds(trial.mttr_s)}", "mark healed"),
    ]
    if trial.back_s > 0.0:
        found.append(Mark(trial.back_s, f"node back {words.seconds(trial.back_s)}", "mark"))
    return sorted((one for one in found if math.isfinite(one.t_s)), key=lambda one: one.t_s)


@dataclass(frozen=True)
class Placed:
    """A mark, where its line stands, in which row its words do (0 is the lowest), and whether
    they stand left of the line."""

    mark: Mark
    x: float
    row: int
    is_left: bool


def place(marks: Sequence[Mark], scale: Scale, right_edge: float) -> list[Placed]:
    """Find a row for each: words may cover neither other words nor a later mark's leader."""
    placed: list[Placed] = []
    taken: list[tuple[float, float, int]] = []
    for mark in reversed(marks):
        x = scale(mark.t_s)
        width = len(mark.said) * _CHARACTER_WIDTH
        is_left = x + _GAP + width > right_edge
        begin, end = (x - _GAP - width, x) if is_left else (x, x + _GAP + width)
        row = 0
        while any(
            at == row and begin < other_end + _GAP and other_begin < end + _GAP
            for other_begin, other_end, at in taken
        ):
            row += 1
        placed.append(Placed(mark, x, row, is_left))
        # Its leader passes through every row below its own.
        taken.append((begin, end, row))
        taken += [(x, x, below) for below in range(row)]
    return placed[::-1]


def draw(placed: Sequence[Placed], top: float, bottom: float) -> list[str]:
    """The lines from their words down to the bottom; `top` is where the rows end."""
    drawn: list[str] = []
    for one in placed:
        y = top - one.row * ROW_HEIGHT
        drawn.append(svg.line((one.x, y - ROW_HEIGHT + _GAP), (one.x, bottom), one.mark.class_))
        anchor, x = ("end", one.x - _GAP) if one.is_left else ("start", one.x + _GAP)
        drawn.append(svg.text(one.mark.said, x, y - _GAP, f"label {one.mark.class_}", anchor))
    return drawn
