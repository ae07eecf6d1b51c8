"""What the coordinator counts, for Prometheus and for the JSON API's summary.

Rules: labels have few values (operations, status codes, node ids), never keys or bucket names. One
registry per coordinator, so that two of them in one process (tests) don't share counts. What is
counted is kept in plain numbers that become Prometheus' when it asks for them: its own counters,
with a lock and several checks each, take five times as long. So only the event loop counts.
"""

import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import accumulate

from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

LATENCY_BUCKETS_S = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
)  # fmt: skip

_BOUNDS = [*map(str, LATENCY_BUCKETS_S), "+Inf"]


class Count(Collector):
    """A number that only grows."""

    def __init__(self, name: str, about: str) -> None:
        self._name = name
        self._about = about
        self._since_s = time.time()
        self._value = 0

    def inc(self, amount: int = 1) -> None:
        """Count so many more."""
        self._value += amount

    def collect(self) -> Iterable[Metric]:
        """For Prometheus."""
        return (CounterMetricFamily(self._name, self._about, self._value, created=self._since_s),)


@dataclass(slots=True)
class _Latency:
    """How long the requests of an operation took. `in_buckets[i]` of them: at most as long as the
    i-th bucket's bound, and longer than the one before."""

    seconds: float = 0.0
    in_buckets: list[int] = field(default_factory=lambda: [0] * len(_BOUNDS))


class _Answers(Collector):
    """The requests answered."""

    def __init__(self) -> None:
        self._since_s = time.time()
        self._requests: defaultdict[tuple[str, int], int] = defaultdict(int)
        self._latencies: defaultdict[str, _Latency] = defaultdict(_Latency)
        self._sent_bytes = 0

    def add(self, operation: str, status: int, seconds: float, sent_bytes: int) -> None:
        """Count one request. `operation` must come from a fixed table."""
        self._requests[operation, status] += 1
        latency = self._latencies[operation]
        latency.seconds += seconds
        latency.in_buckets[bisect_left(LATENCY_BUCKETS_S, seconds)] += 1
        self._sent_bytes += sent_bytes

    def collect(self) -> Iterable[Metric]:
        """For Prometheus."""
        requests = CounterMetricFamily(
            "trilith_requests", "Requests answered", labels=["operation", "code"]
        )
        for (operation, status), count in self._requests.items():
            requests.add_metric([operation, str(status)], count, self._since_s)
        seconds = HistogramMetricFamily(
            "trilith_request_seconds",
            "Time from the request's head to the end of its answer",
            labels=["operation"],
        )
        for operation, latency in self._latencies.items():
            buckets = list(zip(_BOUNDS, accumulate(latency.in_buckets), strict=True))
            seconds.add_metric([operation], buckets, latency.seconds)
            seconds.add_sample(f"{seconds.name}_created", {"operation": operation}, self._since_s)
        sent = CounterMetricFamily(
            "trilith_sent_bytes",
            "Body bytes sent in answers",
            self._sent_bytes,
            created=self._since_s,
        )
        return requests, seconds, sent


class Metrics:
    """The coordinator's counters."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        answers = _Answers()
        self.registry.register(answers)
        self.answered = answers.add
        self.received_bytes = self._counter("received_bytes", "Object bytes taken in")
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

    def _counter(self, name: str, about: str) -> Count:
        count = Count(f"trilith_{name}", about)
        self.registry.register(count)
        return count
