"""Health, readiness and Prometheus metrics: what probes and scrapers ask, without credentials.

Rules: no answer here holds a secret, a key, a bucket's or a user's name; it must be safe for
whoever can reach the port.
"""

import asyncio
from collections.abc import Awaitable
from dataclasses import asdict
from typing import Final, TypeVar

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from coordinator.api.errors import ApiError
from coordinator.api.services import GivenServices, Services
from coordinator.cluster import NodeState
from coordinator.metrics import Metrics
from metadata import MetadataError, RepairCount, Totals

METADATA_TIMEOUT_S: Final = 2.0

SHOWN_STATES: Final = ("up", "suspect", "down", "draining", "returned", "replaced")

T = TypeVar("T")

router = APIRouter(tags=["health"])


@router.get("/_health/live")
async def live() -> dict[str, str]:
    """The process answers."""
    return {"status": "live"}


@router.get("/_health/ready")
async def ready(services: GivenServices) -> dict[str, str]:
    """Requests can be served: at least k nodes are up and the metadata answers; 503 if not."""
    reason = _too_few_nodes(services)
    if reason is None and await _totals(services) is None:
        reason = "the metadata does not answer"
    if reason is not None:
        raise ApiError(503, "NotReady", reason)
    return {"status": "ready"}


@router.get("/_metrics", response_class=Response)
async def prometheus(services: GivenServices) -> Response:
    """The coordinator's counters, in Prometheus' text format."""
    _refresh_nodes(services)
    _refresh_store(services.metrics, await _totals(services))
    _refresh_repairs(services.metrics, await _repair_counts(services))
    return Response(
        generate_latest(services.metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST}
    )


def _too_few_nodes(services: Services) -> str | None:
    cluster = services.cluster
    up = sum(cluster.state(node.node_id) is NodeState.UP for node in cluster.nodes())
    k = services.settings.k
    return None if up >= k else f"{up} nodes are up, {k} are needed"


async def _totals(services: Services) -> Totals | None:
    return await _in_time(services.metadata.totals())


async def _repair_counts(services: Services) -> list[RepairCount] | None:
    return await _in_time(services.metadata.repair_counts())


async def _in_time(answer: Awaitable[T]) -> T | None:
    """The metadata's answer; None if it does not come."""
    try:
        async with asyncio.timeout(METADATA_TIMEOUT_S):
            return await answer
    except (MetadataError, TimeoutError):
        return None


# What is not known now is left out of the gauges rather than shown as it was.


def _refresh_nodes(services: Services) -> None:
    gauge, cluster = services.metrics.node_state, services.cluster
    gauge.clear()
    for node in cluster.nodes():
        shown = cluster.shown_state(node.node_id)
        for state in SHOWN_STATES:
            gauge.labels(node.node_id, state).set(state == shown)


def _refresh_store(metrics: Metrics, totals: Totals | None) -> None:
    metrics.store.clear()
    if totals is not None:
        for what, count in asdict(totals).items():
            metrics.store.labels(what).set(count)


def _refresh_repairs(metrics: Metrics, counts: list[RepairCount] | None) -> None:
    metrics.repair_tasks.clear()
    metrics.repair_task_bytes.clear()
    for count in counts or ():
        labels = (count.node_id, count.kind.value, count.state.value)
        metrics.repair_tasks.labels(*labels).set(count.tasks)
        metrics.repair_task_bytes.labels(*labels).set(count.bytes)
