"""Where values and ticks stand."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.report.scales import Linear, Logarithmic, around, from_zero

positive = st.floats(1e-6, 1e9)


def test_linear() -> None:
    scale = Linear(-5, 20, 100, 600)
    assert [scale(value) for value in (-5, 0, 20, -99, 99)] == [100, 200, 600, 100, 600]
    assert scale.ticks() == [-5, 0, 5, 10, 15, 20]


def test_a_share_has_ticks_at_round_percents() -> None:
    assert Linear(0, 1, 100, 0, wanted=5).ticks() == [0, 0.2, 0.4, 0.6, 0.8, 1]
    assert Linear(0.995, 1, 100, 0, wanted=5).ticks() == [0.995, 0.996, 0.997, 0.998, 0.999, 1]


def test_logarithmic() -> None:
    scale = Logarithmic(1, 100, 0, 200)
    assert [scale(value) for value in (1, 10, 100, 0.1, 1e9)] == pytest.approx(
        [0, 100, 200, 0, 200]
    )
    assert scale.ticks() == [1, 3, 10, 30, 100]
    assert Logarithmic(1, 10, 0, 1).ticks() == [1, 2, 5, 10]


@given(positive)
def test_from_zero_holds_its_highest_value(high: float) -> None:
    scale = from_zero(high, 0, 100, wanted=4)
    assert scale.low == 0
    assert high * 0.999 <= scale.high <= high * 5
    assert 2 <= len(scale.ticks()) <= 6
    assert scale.ticks()[-1] == pytest.approx(scale.high)


def test_from_zero_of_nothing() -> None:
    assert from_zero(0, 0, 100, wanted=4).high > 0


@given(st.lists(positive, min_size=1))
def test_around_holds_all(values: list[float]) -> None:
    low, high = around(values)
    assert low <= min(values) * 1.001
    assert high >= max(values) * 0.999
    assert low < high
    assert len(Logarithmic(low, high, 0, 1).ticks()) >= 2


def test_around_leaves_out_what_has_no_logarithm() -> None:
    assert around([math.nan, 0.0, 3.0, 30.0]) == (2, 50)
    low, high = around([math.nan])
    assert 0 < low < high
