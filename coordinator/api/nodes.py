"""Nodes: list them, let one join, empty one, let one go. Root only.

Rules: an answer never waits longer than STATS_TIMEOUT_S for a node; one that does not answer is
shown without its stats. A node is let go only when the healer calls it safe and no part names it:
that is looked up then and there, whatever progress said before.
"""

import asyncio
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path

from coordinator.api.cluster_models import MeasuredNode, NodeEntry, NodeList, Stats
from coordinator.api.errors import ApiError
from coordinator.api.healing_models import NewNode
from coordinator.api.names import decode
from coordinator.api.services import GivenRoot, GivenServices, Services
from coordinator.cluster import Cluster, NodeState, UnknownNode
from metadata import NodeRecord, RepairState
from node.errors import NodeError

STATS_TIMEOUT_S: Final = 2.0

router = APIRouter(tags=["cluster"])


async def _known_node(
    services: GivenServices, node_id: Annotated[str, Path(description="the node's id")]
) -> str:
    name = decode(node_id)
    services.cluster.state(name)
    return name


KnownNode = Annotated[str, Depends(_known_node)]


@router.get("/nodes")
async def list_nodes(services: GivenServices, root: GivenRoot) -> NodeList:
    """The nodes, with what their storage engines report and what is to be repaired for them."""
    return NodeList(nodes=await measured(services))


@router.post("/nodes", status_code=201)
async def add_node(new: NewNode, services: GivenServices, root: GivenRoot) -> NodeEntry:
    """Let a node join; parts are moved there in the background. 409 if the id is taken."""
    record = NodeRecord(new.node_id, new.url.rstrip("/"), zone=new.node_id, weight=1.0)
    try:
        await services.cluster.add(record)
    except ValueError as error:
        raise ApiError(422, "InvalidRequest", "the node's URL can't be used") from error
    return _entry(services.cluster, services.cluster.record(new.node_id))


@router.post("/nodes/{node_id}/drain")
async def drain_node(node_id: KnownNode, services: GivenServices, root: GivenRoot) -> NodeEntry:
    """Move all that the node keeps elsewhere; 409 if too few others are left."""
    await services.cluster.drain(node_id, True)
    return _entry(services.cluster, services.cluster.record(node_id))


@router.post("/nodes/{node_id}/undrain")
async def undrain_node(node_id: KnownNode, services: GivenServices, root: GivenRoot) -> NodeEntry:
    """Stop draining a node: it takes new parts again, and its share of the old ones."""
    await services.cluster.drain(node_id, False)
    return _entry(services.cluster, services.cluster.record(node_id))


@router.delete("/nodes/{node_id}", status_code=204)
async def remove_node(node_id: KnownNode, services: GivenServices, root: GivenRoot) -> None:
    """Forget a node that was drained; 409 while anything is still kept there."""
    cluster, metadata = services.cluster, services.metadata
    if not cluster.is_draining(node_id):
        raise ApiError(409, "NodeInUse", f"{node_id} is in use: drain it first")
    # Asked first: what is being written now is counted below as soon as it is not.
    if any(node_id in nodes for nodes in services.objects.writer.writing.values()):
        raise ApiError(409, "NodeInUse", f"a part with a shard on {node_id} is being written")
    left = await metadata.parts_naming(node_id)
    if left:
        raise ApiError(409, "NodeInUse", f"{left} parts still have a shard on {node_id}")
    if not any(
        drain.node_id == node_id and drain.is_safe_to_remove
        for drain in services.healing.status().drains
    ):
        # A part that is being written, and is in no metadata yet, may have a shard there.
        raise ApiError(409, "NodeInUse", f"{node_id} is still being emptied")
    await cluster.remove(node_id)


def node_entries(cluster: Cluster) -> list[NodeEntry]:
    """The nodes as the cluster knows them, by id."""
    return [_entry(cluster, node) for node in cluster.nodes()]


def _entry(cluster: Cluster, node: NodeRecord) -> NodeEntry:
    return NodeEntry(
        node_id=node.node_id,
        url=node.url,
        zone=node.zone,
        weight=node.weight,
        state=cluster.shown_state(node.node_id),
        store_id=node.store_id,
    )


async def measured(services: Services) -> list[MeasuredNode]:
    """The nodes with their stats, and what is to be repaired for each."""
    cluster = services.cluster
    nodes = node_entries(cluster)
    stats = await asyncio.gather(*(_stats(cluster, node.node_id) for node in nodes))
    drains = {drain.node_id: drain for drain in services.healing.status().drains}
    queued: dict[str, int] = {}
    for count in await services.metadata.repair_counts():
        if count.state is RepairState.QUEUED:
            queued[count.node_id] = queued.get(count.node_id, 0) + count.tasks
    return [
        MeasuredNode(
            **node.model_dump(),
            stats=found,
            repairs_queued=queued.get(node.node_id, 0),
            drain=drains.get(node.node_id),
        )
        for node, found in zip(nodes, stats, strict=True)
    ]


async def _stats(cluster: Cluster, node_id: str) -> Stats | None:
    try:
        if cluster.state(node_id) is NodeState.DOWN:
            return None
        async with asyncio.timeout(STATS_TIMEOUT_S):
            told = await cluster.client(node_id).stats()
    except (NodeError, UnknownNode, TimeoutError):
        return None
    return {what: value for what, value in told.items() if isinstance(value, int | float | str)}
