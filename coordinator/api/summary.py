"""What the coordinator has counted, in short: Prometheus' registry as one small document."""

from prometheus_client import CollectorRegistry

from coordinator.api.cluster_models import MetricsSummary, OperationCounts


def summarise(registry: CollectorRegistry) -> MetricsSummary:
    """The registry's requests by operation, and its plain counters."""
    counts: dict[str, OperationCounts] = {}
    seconds: dict[str, float] = {}
    counters: dict[str, int] = {}
    for family in registry.collect():
        for sample in family.samples:
            operation = sample.labels.get("operation", "")
            if sample.name == "trilith_requests_total":
                _count(counts, operation, sample.labels["code"], int(sample.value))
            elif sample.name == "trilith_request_seconds_sum":
                seconds[operation] = sample.value
            elif sample.name.endswith("_total") and not sample.labels:
                counters[sample.name.removeprefix("trilith_").removesuffix("_total")] = int(
                    sample.value
                )
    for operation, found in counts.items():
        found.mean_latency_s = seconds.get(operation, 0.0) / max(found.count, 1)
    return MetricsSummary(
        operations=sorted(counts.values(), key=lambda found: found.operation),
        received_bytes=counters.get("received_bytes", 0),
        sent_bytes=counters.get("sent_bytes", 0),
        counters=counters,
    )


def _count(counts: dict[str, OperationCounts], operation: str, code: str, value: int) -> None:
    found = counts.setdefault(
        operation,
        OperationCounts(operation=operation, count=0, refused=0, errors=0, mean_latency_s=0.0),
    )
    found.count += value
    if code.startswith("4"):
        found.refused += value
    elif code.startswith("5"):
        found.errors += value
