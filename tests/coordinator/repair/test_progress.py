"""What repair tells of itself: counts, rates of the last seconds, and when it will be done."""

import pytest

from coordinator.metrics import Metrics
from coordinator.repair.progress import WINDOW_S, Progress, Rate


class Clock:
    def __init__(self) -> None:
        self.now = 1000.5

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_steady_rate_is_told_as_it_is(clock: Clock) -> None:
    rate = Rate(clock)
    for _ in range(1000):
        clock.now += 0.05
        rate.add(5)
    assert rate.per_s() == pytest.approx(100, rel=0.02)


def test_the_first_moments_are_not_exaggerated(clock: Clock) -> None:
    rate = Rate(clock)
    rate.add(50)
    clock.now += 0.001
    assert rate.per_s() == 50


def test_what_is_long_past_does_not_count(clock: Clock) -> None:
    rate = Rate(clock)
    rate.add(1000)
    clock.now += WINDOW_S + 1
    assert rate.per_s() == 0
    rate.add(10)
    clock.now += 2
    assert rate.per_s() == pytest.approx(5)


def test_an_eta_needs_a_rate_and_something_to_do(clock: Clock) -> None:
    progress = Progress(Metrics(), clock)
    assert progress.snapshot().eta_s == 0
    progress.queued = 1100
    assert progress.snapshot().eta_s is None
    progress.repaired(100, 5000)
    clock.now += 1
    told = progress.snapshot()
    assert (told.repaired_shards, told.repaired_bytes) == (100, 5000)
    assert told.eta_s == pytest.approx(10)
    clock.now += 60
    assert progress.snapshot().eta_s is None


def test_prometheus_counts_the_same(clock: Clock) -> None:
    metrics = Metrics()
    progress = Progress(metrics, clock)
    progress.repaired(3, 600)
    progress.failed(2)
    read = metrics.registry.get_sample_value
    assert read("trilith_repaired_shards_total") == 3
    assert read("trilith_repaired_bytes_total") == 600
    assert read("trilith_failed_repairs_total") == 2
