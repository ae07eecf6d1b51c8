"""The areas of the picture: that they say what `verify` counted, and nothing else."""

import re

import pytest

from benchmarks.mttr_rows import Redundancy
from benchmarks.report.panel import Panel
from benchmarks.report.redundancy import HEIGHT, areas, draw, share_scale, shares
from benchmarks.report.scales import Linear

TIME = Linear(0, 10, 0, 1000)


def a_pass(t_s: float, whole: int, degraded: int = 0, lost: int = 0) -> Redundancy:
    return Redundancy(1, t_s, 0.1, whole, degraded, lost)


def panel_of(passes: list[Redundancy]) -> Panel:
    return Panel(0, 100, share_scale(passes, 0, 100), TIME)


def test_shares_are_of_all_parts() -> None:
    assert shares(a_pass(0, 5, 3, 2)) == (0.5, 0.3, 0.2)
    assert shares(a_pass(0, 0)) == (1, 0, 0)


def test_a_height_holds_until_the_next_pass() -> None:
    passes = [a_pass(0, 10), a_pass(2, 0, 10), a_pass(5, 5, 5), a_pass(9, 10)]
    line = areas(passes, panel_of(passes))[-1]
    assert 'class="whole-line"' in line
    # Down at the end of the second pass, half-way up at that of the third, whole at the last.
    assert "M0 0L200 0L200 100L500 100L500 50L900 50L900 0" in line


def test_lost_parts_have_an_area_of_their_own() -> None:
    healthy = [a_pass(0, 10), a_pass(2, 4, 6), a_pass(5, 10)]
    assert not any("lost" in one for one in areas(healthy, panel_of(healthy)))
    bad = [a_pass(0, 10), a_pass(2, 4, 4, 2), a_pass(5, 10)]
    drawn = areas(bad, panel_of(bad))
    assert [re.findall('class="([a-z-]+)"', one)[0] for one in drawn] == [
        *("lost-area", "lost-hatch"),
        *("ground", "degraded-area", "degraded-hatch"),
        *("ground", "whole-area"),
        "whole-line",
    ]
    # What can be read ends at eight tenths, and the rest of the picture above it is the loss.
    assert "L200 20L500 20" in drawn[3]


@pytest.mark.parametrize(
    ("least", "floor"),
    [(0, 0), (50, 0), (69, 0), (90, 0.8), (99.76, 0.995), (99.99, 0.9998), (100, 0)],
)
def test_a_small_fall_is_shown_and_the_axis_says_so(least: float, floor: float) -> None:
    parts = 1_000_000
    whole = round(parts * least / 100)
    passes = [a_pass(0, parts), a_pass(5, whole, parts - whole), a_pass(9, parts)]
    scale = share_scale(passes, 0, 100)
    assert scale.low == floor
    assert ("not at zero" in draw(passes, TIME, 0).heading) == (floor > 0)
    if least < 100:
        fall = (scale(least / 100) - scale(1)) / 100
        assert fall >= 0.2


def test_nothing_was_looked_at() -> None:
    assert areas([], Panel(0, HEIGHT, Linear(0, 1, HEIGHT, 0), TIME)) == []
