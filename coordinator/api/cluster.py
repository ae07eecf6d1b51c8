"""The cluster: its health, its zones, and what the coordinator has counted. Root only."""

from dataclasses import asdict
from uuid import uuid4

from fastapi import APIRouter

from coordinator.api.cluster_models import (
    ClusterDocument,
    MeasuredNode,
    MetricsSummary,
    TotalsDocument,
    ZoneEntry,
    ZoneList,
)
from coordinator.api.nodes import measured, node_entries
from coordinator.api.services import GivenRoot, GivenServices
from coordinator.api.summary import summarise
from coordinator.cluster import NodeState

AWAY = (NodeState.SUSPECT, NodeState.DOWN)
"""Nodes shown in any other state answer."""

router = APIRouter(tags=["cluster"])


@router.get("/cluster")
async def cluster_health(services: GivenServices, root: GivenRoot) -> ClusterDocument:
    """How the cluster does."""
    settings = services.settings
    nodes = node_entries(services.cluster)
    totals = await services.metadata.totals()
    width = settings.k + settings.m
    states = [services.cluster.state(node.node_id) for node in nodes]
    down = states.count(NodeState.DOWN)
    # Some object may have a shard on each node that is down; a new one avoids them if it can.
    can_read = down <= settings.m
    can_write = len(nodes) >= width and len(nodes) - down >= settings.required_shards
    waiting = totals.repair_queued + totals.repair_dead
    is_whole = all(node.state == NodeState.UP for node in nodes) and not waiting
    return ClusterDocument(
        # It was made when the coordinator first started; proposing another changes nothing.
        cluster_id=await services.metadata.cluster_id(uuid4().hex),
        version=services.version,
        health="impaired" if not (can_read and can_write) else "ok" if is_whole else "degraded",
        can_read=can_read,
        can_write=can_write,
        spare_shards=settings.m - down,
        nodes_up=states.count(NodeState.UP),
        nodes_total=len(nodes),
        k=settings.k,
        m=settings.m,
        required_shards=settings.required_shards,
        unit_size_bytes=settings.unit_size_bytes,
        region=settings.region,
        nodes=nodes,
        totals=TotalsDocument(**asdict(totals)),
    )


@router.get("/zones")
async def list_zones(services: GivenServices, root: GivenRoot) -> ZoneList:
    """The zones, with the sums of their nodes' stats."""
    zones: dict[str, list[MeasuredNode]] = {}
    for node in await measured(services):
        zones.setdefault(node.zone, []).append(node)
    return ZoneList(zones=[_zone(name, nodes) for name, nodes in sorted(zones.items())])


@router.get("/metrics")
async def metrics_summary(services: GivenServices, root: GivenRoot) -> MetricsSummary:
    """What the coordinator has counted since it started, in short; /_metrics has it all."""
    return summarise(services.metrics.registry)


def _zone(name: str, nodes: list[MeasuredNode]) -> ZoneEntry:
    sums: dict[str, int] = {}
    for node in nodes:
        for what, value in (node.stats or {}).items():
            if isinstance(value, int) and not isinstance(value, bool):
                sums[what] = sums.get(what, 0) + value
    return ZoneEntry(
        zone=name,
        nodes=len(nodes),
        up=sum(node.state not in AWAY for node in nodes),
        silent=sum(node.stats is None for node in nodes),
        weight=sum(node.weight for node in nodes),
        stats=sums,
    )
