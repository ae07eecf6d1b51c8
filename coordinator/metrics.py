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
        self.received_bytes = self._counter("received_bytes", "Object bytes taken in")
        self.sent_bytes = self._counter("sent_bytes", "Body bytes sent in answers")
        self.encoded_stripes = self._counter("encoded_stripes", "Stripes cut into shards")
        self.rebuilt_stripes = self._counter("rebuilt_stripes", "Stripes read by way of parity")
        self.degraded_writes = self._counter(
            "degraded_writes", "Parts written with a shard missing"
        )
        self.shards_reported = self._counter(
            "shards_reported", "Shards that reads found missing or damaged"
        )
        self.parts_reclaimed = self._counter("parts_reclaimed", "Dropped parts deleted from a node")
        self.repaired_shards = self._counter("repaired_shards", "Shards rebuilt or moved")
        self.repaired_bytes = self._counter("repaired_bytes", "Shard bytes written by repair")
        self.failed_repairs = self._counter(
            "failed_repairs", "Attempts at a shard that too little is left of"
        )
        self.scrubbed_bytes = self._counter("scrubbed_bytes", "Record bytes read by scrub")
        self.damaged_records = self._counter("damaged_records", "Records scrub found damaged")
        self.orphans_deleted = self._counter(
            "orphans_deleted", "Shards deleted because nothing names them"
        )
        self.foreground_requests = 0
        """Requests of users begun so far: background work gives way to them."""

        self.node_state = Gauge(
            "trilith_node_state",
            "1 for the state the node is in",
            ["node", "state"],
            registry=self.registry,
        )
        self.repair_tasks = Gauge(
            "trilith_repair_tasks",
            "Shards to be rebuilt or moved, by the node that holds them",
            ["node", "kind", "state"],
            registry=self.registry,
        )
        self.repair_task_bytes = Gauge(
            "trilith_repair_task_bytes",
            "Bytes of these shards",
            ["node", "kind", "state"],
            registry=self.registry,
        )
        self.store = Gauge(
            "trilith_store", "Counts of the metadata store", ["what"], registry=self.registry
        )
        self._series: dict[tuple[str, int], _Series] = {}

    def _counter(self, name: str, about: str) -> Counter:
        return Counter(f"trilith_{name}_total", about, registry=self.registry)

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
