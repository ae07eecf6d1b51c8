"""The picture of a trial: redundancy as the cluster falls and heals; below it, on the same time
axis, the latency that clients saw and the repair's speed.

Rules: what the picture shows also stands in a sentence, for those who cannot look at it.
"""

import math
from collections.abc import Sequence
from statistics import median

from benchmarks.mttr_rows import Redundancy, Trial
from benchmarks.report import marks, meanwhile, redundancy, svg, words
from benchmarks.report.panel import LEFT, RIGHT, WIDTH, Panel, time_axis
from benchmarks.report.read import Course
from benchmarks.report.scales import Linear

PANEL_GAP = 46.0
_SPARK_WIDTH, _SPARK_HEIGHT = 132.0, 30.0


def picture(course: Course, name: str) -> str:
    """The whole of it, as an SVG element. `name` is unique in the page."""
    time = _time_scale(course, LEFT, RIGHT)
    placed = marks.place(marks.marks_of(course.trial), time, RIGHT)
    words_bottom = (1 + max((one.row for one in placed), default=0)) * marks.ROW_HEIGHT
    top = words_bottom + 24
    panels = [redundancy.draw(course.redundancy, time, top)]
    bottom = top + redundancy.HEIGHT
    if course.service:
        top = bottom + PANEL_GAP
        panels.append(meanwhile.clients(course.service, time, top))
        bottom = top + meanwhile.CLIENTS_HEIGHT
    rates = meanwhile.rates_of(course.repair)
    if rates:
        top = bottom + PANEL_GAP
        panels.append(meanwhile.repair(rates, time, top))
        bottom = top + meanwhile.REPAIR_HEIGHT
    body = [shape for panel in panels for shape in panel.shapes]
    body += time_axis(time, bottom)
    body += marks.draw(placed, words_bottom, bottom)
    body += [panel.heading for panel in panels]
    return svg.drawing(name, WIDTH, bottom + 42, _title(course.trial), describe(course), body)


def sparkline(course: Course, name: str) -> str:
    """The fall and the rise alone, for a row of a table."""
    top, bottom = 2.0, _SPARK_HEIGHT - 2
    time = _time_scale(course, 1, _SPARK_WIDTH - 1)
    scale = redundancy.share_scale(course.redundancy, top, bottom)
    body = redundancy.areas(course.redundancy, Panel(top, bottom, scale, time))
    said = _title(course.trial), describe(course)
    return svg.drawing(name, _SPARK_WIDTH, _SPARK_HEIGHT, *said, body)


def describe(course: Course) -> str:
    """The picture in words."""
    trial = course.trial
    said = [f"{marks.deed(trial)} at 0 s."]
    said += _fall(course.redundancy)
    if math.isfinite(trial.mttr_s):
        said.append(
            f"Detected after {words.seconds(trial.detect_s)}, first shard repaired after"
            f" {words.seconds(trial.repair_s)}, full redundancy after"
            f" {words.seconds(trial.mttr_s)}."
        )
    else:
        said.append("Full redundancy was not reached.")
    return " ".join(said)


def _fall(passes: Sequence[Redundancy]) -> list[str]:
    found = [redundancy.shares(one) for one in passes]
    if not found:
        return []
    least, lost = min(one.whole for one in found), max(one.lost for one in found)
    pace = f"A pass of verify took {words.seconds(median(one.took_s for one in passes))}."
    if least == 1:
        return ["It was repaired before any pass of verify saw it.", pace]
    harm = f"{words.share(lost)} cannot be read" if lost else "none is lost"
    fall = f"The share of parts with all their shards falls to {words.share(least)}; {harm}."
    return [fall, pace]


def _title(trial: Trial) -> str:
    return f"Trial {trial.trial}: redundancy over time, {marks.deed(trial)}"


def _time_scale(course: Course, left: float, right: float) -> Linear:
    times = [one.t_s for one in course.redundancy] + [one.t_s for one in course.service]
    times += [mark.t_s for mark in marks.marks_of(course.trial)]
    low, high = min(times, default=0.0), max(times, default=1.0)
    return Linear(low, high if high > low else low + 1, left, right, wanted=10)
