"""The cluster: its health, its nodes and zones, and what the coordinator has counted. Root only.

Rules: an answer never waits longer than STATS_TIMEOUT_S for a node; one that does not answer is
shown without its stats.
"""

import asyncio
from dataclasses import asdict
from typing import Final
from uuid import uuid4

from fastapi import APIRouter

from coordinator.api.cluster_models import (
    ClusterDocument,
    MeasuredNode,
    MetricsSummary,
    NodeEntry,
    NodeList,
    Stats,
    TotalsDocument,
    ZoneEntry,
    ZoneList,
)
from coordinator.api.services import GivenRoot, GivenServices, Services
from coordinator.api.summary import summarise
from coordinator.cluster import Cluster, NodeState
from metadata import NodeRecord
from node.errors import NodeError

STATS_TIMEOUT_S: Final = 2.0

router = APIRouter(tags=["cluster"])


@router.get("/cluster")
async def cluster_health(services: GivenServices, root: GivenRoot) -> ClusterDocument:
    """How the cluster does."""
    settings = services.settings
    nodes = node_entries(services.cluster)
    totals = await services.metadata.totals()
    width = settings.k + settings.m
    down = sum(node.state == NodeState.DOWN for node in nodes)
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
        nodes_up=sum(node.state == NodeState.UP for node in nodes),
        nodes_total=len(nodes),
        k=settings.k,
        m=settings.m,
        required_shards=settings.required_shards,
        unit_size_bytes=settings.unit_size_bytes,
        region=settings.region,
        nodes=nodes,
        totals=TotalsDocument(**asdict(totals)),
    )


@router.get("/nodes")
async def list_nodes(services: GivenServices, root: GivenRoot) -> NodeList:
    """The nodes, with what their storage engines report."""
    return NodeList(nodes=await _measured(services))


@router.get("/zones")
async def list_zones(services: GivenServices, root: GivenRoot) -> ZoneList:
    """The zones, with the sums of their nodes' stats."""
    zones: dict[str, list[MeasuredNode]] = {}
    for node in await _measured(services):
        zones.setdefault(node.zone, []).append(node)
    return ZoneList(zones=[_zone(name, nodes) for name, nodes in sorted(zones.items())])


@router.get("/metrics")
async def metrics_summary(services: GivenServices, root: GivenRoot) -> MetricsSummary:
    """What the coordinator has counted since it started, in short; /_metrics has it all."""
    return summarise(services.metrics.registry)


def node_entries(cluster: Cluster) -> list[NodeEntry]:
    """The nodes as the cluster knows them, by id."""
    return [
        NodeEntry(
            node_id=node.node_id,
            url=node.url,
            zone=node.zone,
            weight=node.weight,
            state=cluster.state(node.node_id).value,
            store_id=_store_id(cluster, node),
        )
        for node in sorted(cluster.nodes(), key=lambda node: node.node_id)
    ]


def _store_id(cluster: Cluster, node: NodeRecord) -> str:
    """As the node said last, else as it was recorded."""
    health = cluster.membership.health(node.node_id)
    return node.store_id if health is None else health.store_id


async def _measured(services: Services) -> list[MeasuredNode]:
    cluster = services.cluster
    nodes = node_entries(cluster)
    stats = await asyncio.gather(*(_stats(cluster, node.node_id) for node in nodes))
    return [
        MeasuredNode(**node.model_dump(), stats=found)
        for node, found in zip(nodes, stats, strict=True)
    ]


async def _stats(cluster: Cluster, node_id: str) -> Stats | None:
    if cluster.state(node_id) is NodeState.DOWN:
        return None
    try:
        async with asyncio.timeout(STATS_TIMEOUT_S):
            told = await cluster.client(node_id).stats()
    except (NodeError, TimeoutError):
        return None
    return {what: value for what, value in told.items() if isinstance(value, int | float | str)}


def _zone(name: str, nodes: list[MeasuredNode]) -> ZoneEntry:
    sums: dict[str, int] = {}
    for node in nodes:
        for what, value in (node.stats or {}).items():
            if isinstance(value, int) and not isinstance(value, bool):
                sums[what] = sums.get(what, 0) + value
    return ZoneEntry(
        zone=name,
        nodes=len(nodes),
        up=sum(node.state == NodeState.UP for node in nodes),
        silent=sum(node.stats is None for node in nodes),
        weight=sum(node.weight for node in nodes),
        stats=sums,
    )
