"""Which moments are named, and that their words can be read."""

import math

import pytest

from benchmarks.report.marks import marks_of, place
from benchmarks.report.panel import LEFT, RIGHT
from benchmarks.report.scales import Linear
from tests.benchmarks.report.folders import a_trial


def test_the_moments_of_a_kill_in_their_order() -> None:
    killed = a_trial(2, "kill", detect_s=2.5, repair_s=5.4, mttr_s=8.1)
    assert [mark.said for mark in marks_of(killed)] == [
        "node-2 killed",
        "detected 2.50 s",
        "node back 5.00 s",
        "first shard repaired 5.40 s",
        "full redundancy 8.10 s",
    ]


def test_what_did_not_happen_is_not_named() -> None:
    hopeless = a_trial(1, "corrupt", detect_s=math.nan, repair_s=math.nan, mttr_s=math.nan)
    assert [mark.said for mark in marks_of(hopeless)] == ["node-1 corrupted"]


@pytest.mark.parametrize("detect_s", [0.0, 0.1, 2.9, 3.0, 11.0])
@pytest.mark.parametrize("mttr_s", [3.1, 12.0, 400.0])
def test_no_words_stand_on_others_or_beyond_the_edge(detect_s: float, mttr_s: float) -> None:
    trial = a_trial(1, "kill", mttr_s, detect_s=detect_s, repair_s=3.0, back_s=2.8)
    scale = Linear(-5, mttr_s + 5, LEFT, RIGHT)
    placed = place(marks_of(trial), scale, RIGHT)
    assert len(placed) == 5
    boxes = []
    for one in placed:
        width = len(one.mark.said) * 7
        begin = one.x - width if one.is_left else one.x
        assert begin >= 0
        assert begin + width <= RIGHT + 1
        boxes.append((begin, begin + width, one.row))
    for number, (begin, end, row) in enumerate(boxes):
        for other_begin, other_end, other_row in boxes[number + 1 :]:
            assert row != other_row or end <= other_begin or other_end <= begin


def test_words_at_the_right_edge_stand_left_of_their_line() -> None:
    trial = a_trial(1, mttr_s=12.0)
    scale = Linear(-5, 12.5, LEFT, RIGHT)
    assert [one.is_left for one in place(marks_of(trial), scale, RIGHT)][-1]
