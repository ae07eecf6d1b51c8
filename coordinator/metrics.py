"""What the coordinator counts, for Prometheus and for the JSON API's summary.

Rules: labels have few values (operations, status codes, node ids), never keys or bucket names. One
registry per coordinator, so that two of them in one process (tests) don't share counts.
"""

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS_S = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Series:
    """The counters of one (operation, status): looked up once, because labels() is slow."""

    requests: Counter
    seconds: Histogram


class Metrics:
    """The coordinator's counters."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        names = ["operation", "code"]
        self._requests = Counter(
            "trilith_requests_total", "Requests answered", names, registry=self.registry
        )
        self._seconds = Histogram(
            "trilith_request_seconds",
            "Time from the request's head to the end of its answer",
            ["operation"],
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self.received_bytes = Counter(
            "trilith_received_bytes_total", "Object bytes taken in", registry=self.registry
        )
        self.sent_bytes = Counter(
            "trilith_sent_bytes_total", "Body bytes sent in answers", registry=self.registry
        )
        self.encoded_stripes = Counter(
            "trilith_encoded_stripes_total", "Stripes cut into shards", registry=self.registry
        )
        self.rebuilt_stripes = Counter(
            "trilith_rebuilt_stripes_total",
            "Stripes read by way of parity",
            registry=self.registry,
        )
        self.degraded_writes = Counter(
            "trilith_degraded_writes_total",
            "Parts written with a shard missing",
            registry=self.registry,
        )
        self.shards_reported = Counter(
            "trilith_shards_reported_total",
            "Shards that reads found missing or damaged",
            registry=self.registry,
        )
        self.parts_reclaimed = Counter(
            "trilith_parts_reclaimed_total",
            "Dropped parts deleted from a node",
            registry=self.registry,
        )
        self.node_state = Gauge(
            "trilith_node_state",
            "1 for the state the node is in",
            ["node", "state"],
            registry=self.registry,
        )
        self.store = Gauge(
            "trilith_store", "Counts of the metadata store", ["what"], registry=self.registry
        )
        self._series: dict[tuple[str, int], _Series] = {}

    def answered(self, operation: str, status: int, seconds: float, sent_bytes: int) -> None:
        """Count one request. `operation` must come from a fixed table."""
        series = self._series.get((operation, status))
        if series is None:
            series = self._series[operation, status] = _Series(
                self._requests.labels(operation, str(status)), self._seconds.labels(operation)
            )
        series.requests.inc()
        series.seconds.observe(seconds)
        if sent_bytes:
            self.sent_bytes.inc(sent_bytes)
