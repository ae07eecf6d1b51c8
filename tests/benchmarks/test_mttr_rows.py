"""The arithmetic behind the rows of `mttr`."""

import math
from itertools import pairwise

import pytest

from benchmarks.mttr_rows import (
    BUCKET_S,
    MIB,
    Latency,
    Repair,
    Request,
    Verdict,
    buckets,
    first_rebuilt_s,
    latency,
    rebuild_mib_per_s,
)


def asked(due_s: float, latency_ms: float = 1.0, **changes: object) -> Request:
    made = Request(due_s, latency_ms, True, Verdict.RIGHT)
    return made._replace(**changes)  # type: ignore[arg-type]


def test_a_window_holds_what_was_due_in_it() -> None:
    requests = [asked(float(second), second + 0.5) for second in range(10)]
    assert latency(requests, 2, 5) == Latency(3.5, 4.5)
    assert latency(requests, -math.inf, math.inf) == Latency(4.5, 9.5)
    assert math.isnan(latency(requests, 20, 30).p50_ms)


def test_only_timed_right_answers_have_a_latency() -> None:
    requests = [
        asked(0, 1.0),
        asked(0, 50.0, is_timed=False),
        asked(0, 60.0, verdict=Verdict.ERROR),
        asked(0, 70.0, verdict=Verdict.WRONG),
    ]
    assert latency(requests, 0, 1) == Latency(1.0, 1.0)


def test_buckets_are_counted_from_the_fault_both_ways() -> None:
    requests = [asked(99.3), asked(99.8, 7.0), asked(100.0, 2.0), asked(100.4, 4.0)]
    requests.append(asked(101.2, verdict=Verdict.ERROR))
    requests.append(asked(101.3, is_timed=False, verdict=Verdict.WRONG))
    rows = buckets(3, requests, 100.0)
    assert [row.t_s for row in rows] == [-1.0, -0.5, 0.0, 1.0]
    assert [row.requests for row in rows] == [1, 1, 2, 2]
    assert (rows[2].p50_ms, rows[2].p99_ms) == (2.0, 4.0)
    assert math.isnan(rows[3].p50_ms)
    assert (rows[3].errors, rows[3].wrong, rows[3].trial) == (1, 1, 3)
    assert all(later.t_s - sooner.t_s >= BUCKET_S for sooner, later in pairwise(rows))


def told(t_s: float, shards: int) -> Repair:
    return Repair(1, t_s, shards, shards * MIB, 0)


def test_the_first_shard_is_the_first_one_after_the_fault() -> None:
    assert first_rebuilt_s([told(-1, 0), told(-0.1, 3), told(0.1, 3), told(0.3, 4)]) == 0.3
    assert math.isnan(first_rebuilt_s([told(-1, 3), told(1, 3)]))
    assert math.isnan(first_rebuilt_s([]))


@pytest.mark.parametrize(
    ("looks", "speed"),
    [
        # Ten between 2.0 (the last look that knew of none) and 4.0 (the first that knew all).
        ([told(-1, 0), told(1, 0), told(2, 0), told(3, 5), told(4, 10), told(9, 10)], 5.0),
        # What was rebuilt before the fault does not count.
        ([told(-1, 7), told(1, 7), told(2, 8), told(3, 8)], 1.0),
        # Nobody looked between the fault and the first shard: from the fault on.
        ([told(-1, 0), told(2, 4), told(3, 4)], 2.0),
    ],
)
def test_the_speed_of_rebuilding(looks: list[Repair], speed: float) -> None:
    assert rebuild_mib_per_s(looks) == speed


def test_nothing_rebuilt_has_no_speed() -> None:
    assert math.isnan(rebuild_mib_per_s([told(-1, 0), told(5, 0)]))
    assert math.isnan(rebuild_mib_per_s([]))
