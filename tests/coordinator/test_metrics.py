"""What Prometheus is told of the requests answered."""

import pytest

from coordinator.metrics import LATENCY_BUCKETS_S, Metrics

GET = {"operation": "GetObject"}


@pytest.fixture
def metrics() -> Metrics:
    found = Metrics()
    found.answered("GetObject", 200, 0.0004, 4096)
    found.answered("GetObject", 200, 0.001, 0)
    found.answered("GetObject", 404, 0.0011, 300)
    found.answered("GetObject", 200, 99.0, 1)
    found.answered("PutObject", 200, 1.0, 0)
    return found


@pytest.mark.parametrize(
    ("operation", "code", "count"),
    [("GetObject", "200", 3), ("GetObject", "404", 1), ("PutObject", "200", 1), ("X", "200", None)],
)
def test_requests_by_operation_and_code(
    metrics: Metrics, operation: str, code: str, count: int | None
) -> None:
    labels = {"operation": operation, "code": code}
    assert metrics.registry.get_sample_value("trilith_requests_total", labels) == count


@pytest.mark.parametrize(
    ("bound", "count"), [("0.001", 2), ("0.0025", 3), ("60.0", 3), ("+Inf", 4)]
)
def test_a_bucket_counts_what_took_at_most_its_bound(
    metrics: Metrics, bound: str, count: int
) -> None:
    read = metrics.registry.get_sample_value
    assert read("trilith_request_seconds_bucket", {**GET, "le": bound}) == count


def test_the_sums(metrics: Metrics) -> None:
    read = metrics.registry.get_sample_value
    assert read("trilith_request_seconds_count", GET) == 4
    assert read("trilith_request_seconds_sum", GET) == pytest.approx(99.0025)
    assert read("trilith_sent_bytes_total") == 4397


def test_before_the_first_request() -> None:
    read = Metrics().registry.get_sample_value
    assert read("trilith_sent_bytes_total") == 0
    assert read("trilith_request_seconds_count", GET) is None


def test_the_bounds_ascend() -> None:
    assert list(LATENCY_BUCKETS_S) == sorted(LATENCY_BUCKETS_S)


def test_counts() -> None:
    metrics = Metrics()
    read = metrics.registry.get_sample_value
    assert read("trilith_received_bytes_total") == 0
    metrics.received_bytes.inc(4096)
    metrics.received_bytes.inc()
    assert read("trilith_received_bytes_total") == 4097
    assert read("trilith_encoded_stripes_total") == 0
    assert (read("trilith_received_bytes_created") or 0) > 0
