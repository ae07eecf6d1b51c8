"""The panels below: the clients' latency and the repair's speed."""

import math

import pytest

from benchmarks.mttr_rows import MIB, Repair, Service
from benchmarks.report.meanwhile import MAX_RATES, clients, rates_of, repair
from benchmarks.report.scales import Linear

TIME = Linear(-5, 15, 0, 1000)


def told(t_s: float, rebuilt: int) -> Repair:
    return Repair(1, t_s, rebuilt, rebuilt * MIB, 0)


def test_the_rates_are_of_half_seconds_and_add_up() -> None:
    rates = rates_of([told(number / 10, number) for number in range(-50, 101)])
    assert all(one.end_s - one.begin_s == pytest.approx(0.5) for one in rates)
    assert all(one.bytes_per_s == pytest.approx(10 * MIB) for one in rates)
    moved = sum((one.end_s - one.begin_s) * one.bytes_per_s for one in rates)
    assert moved == pytest.approx(150 * MIB)


def test_long_trials_have_no_more_bars_than_can_be_seen() -> None:
    rates = rates_of([told(number / 5, number) for number in range(50_000)])
    assert len(rates) <= MAX_RATES * 1.02
    assert rates[-1].end_s == pytest.approx(9999.8)


def test_without_repair_there_are_none() -> None:
    assert rates_of([]) == rates_of([told(0, 3)]) == rates_of([told(0, 3), told(1, 3)]) == []


def test_small_shards_are_counted_and_large_ones_weighed() -> None:
    small = rates_of([Repair(1, 0, 0, 0, 0), Repair(1, 1, 300, 300 * 2048, 0)])
    assert "shards/s" in repair(small, TIME, 0).heading
    large = rates_of([told(0, 0), told(1, 300)])
    assert "MiB/s" in repair(large, TIME, 0).heading


def test_what_clients_saw_of_harm_is_marked() -> None:
    calm = [Service(1, 0.0, 50, 1.0, 2.0, 0, 0), Service(1, 0.5, 50, 1.0, 2.0, 0, 0)]
    assert not any("bad-dot" in one for one in clients(calm, TIME, 0).shapes)
    for harm in ({"errors": 2}, {"wrong": 1}):
        drawn = clients([calm[0], calm[1]._replace(**harm)], TIME, 0).shapes
        assert sum("bad-dot" in one for one in drawn) == 1


def test_a_half_second_without_answers_leaves_a_gap_and_no_zero() -> None:
    service = [Service(1, number / 2, 50, 1.0, 2.0, 0, 0) for number in range(4)]
    service[1] = Service(1, 0.5, 3, math.nan, math.nan, 3, 0)
    drawn = clients(service, TIME, 0).shapes
    assert not any("nan" in one for one in drawn)
