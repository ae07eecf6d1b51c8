"""Health, readiness and Prometheus metrics: what probes and scrapers ask, without credentials.

Rules: no answer here holds a secret, a key, a bucket's or a user's name; it must be safe for
whoever can reach the port.
"""

import asyncio
from dataclasses import asdict
from typing import Final

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from coordinator.api.errors import ApiError
from coordinator.api.services import GivenServices, Services
from coordinator.cluster import NodeState
from metadata import MetadataError, Totals

METADATA_TIMEOUT_S: Final = 2.0

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
    totals = await _totals(services)
    _refresh(services, totals)
    return Response(
        generate_latest(services.metrics.registry), headers={"content-type": CONTENT_TYPE_LATEST}
    )


def _too_few_nodes(services: Services) -> str | None:
    cluster = services.cluster
    up = sum(cluster.state(node.node_id) is NodeState.UP for node in cluster.nodes())
    k = services.settings.k
    return None if up >= k else f"{up} nodes are up, {k} are needed"


async def _totals(services: Services) -> Totals | None:
    try:
        async with asyncio.timeout(METADATA_TIMEOUT_S):
            return await services.metadata.totals()
    except (MetadataError, TimeoutError):
        return None


def _refresh(services: Services, totals: Totals | None) -> None:
    """Set the gauges; what is not known now is left out rather than shown as it was."""
    metrics, cluster = services.metrics, services.cluster
    metrics.node_state.clear()
    for node in cluster.nodes():
        for state in NodeState:
            is_in = cluster.state(node.node_id) is state
            metrics.node_state.labels(node.node_id, state.value).set(is_in)
    metrics.store.clear()
    if totals is not None:
        for what, count in asdict(totals).items():
            metrics.store.labels(what).set(count)
