"""Repairs, scrubs and incidents: what is to be healed, how that goes, and orders. Root only."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from coordinator.api.healing_models import (
    IncidentList,
    RepairCountEntry,
    RepairsDocument,
    RepairTaskEntry,
    RepairTaskPage,
    RetryAnswer,
    RetryOrder,
    ScrubOrder,
)
from coordinator.api.services import GivenRoot, GivenServices
from metadata import RepairKind, RepairState, RepairTask

MAX_PAGE: Final = 1000

PLACE: Final = r"^(-?[0-9]{1,3}\.[0-9]{1,18}\.[0-9a-f]{32}\.[0-9]{1,3})?$"
"""A page's `next_after`: see `_place_of`. The digits fit into what the metadata count with."""

router = APIRouter(tags=["healing"])


@router.get("/repairs")
async def list_repairs(services: GivenServices, root: GivenRoot) -> RepairsDocument:
    """What is to be repaired, by node, kind and state, and how that goes."""
    status = services.healing.status()
    counts = await services.metadata.repair_counts()
    queued = [count for count in counts if count.state is RepairState.QUEUED]
    return RepairsDocument(
        queued=sum(count.tasks for count in queued),
        dead=sum(count.tasks for count in counts if count.state is RepairState.DEAD),
        queued_bytes=sum(count.bytes for count in queued),
        counts=[RepairCountEntry.of(count) for count in counts],
        progress=status.repair,
        rebalance=status.rebalance,
        drains=list(status.drains),
        scrubs=list(status.scrubs),
    )


@router.get("/repairs/tasks")
async def list_repair_tasks(
    services: GivenServices,
    root: GivenRoot,
    state: RepairState = RepairState.QUEUED,
    after: Annotated[str, Query(pattern=PLACE)] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = MAX_PAGE,
) -> RepairTaskPage:
    """The repairs one by one, those in the greatest danger first."""
    tasks = await services.metadata.repairs(
        state=state, after=_task_at(after, state) if after else None, limit=limit + 1
    )
    return RepairTaskPage(
        tasks=[RepairTaskEntry.of(task) for task in tasks[:limit]],
        next_after=_place_of(tasks[limit - 1]) if len(tasks) > limit else None,
    )


@router.post("/repairs/retry")
async def retry_repairs(order: RetryOrder, services: GivenServices, root: GivenRoot) -> RetryAnswer:
    """Queue repairs that were given up once more: these, or all."""
    names = None if order.shards is None else [shard.name for shard in order.shards]
    return RetryAnswer(revived=await services.healing.retry_dead(names))


@router.post("/scrub", status_code=202)
async def start_scrub(order: ScrubOrder, services: GivenServices, root: GivenRoot) -> ScrubOrder:
    """Read and check all that a node (or every node) keeps now; GET /repairs shows how it goes."""
    await services.healing.scrub_now(order.node_id)
    return order


@router.get("/incidents")
async def list_incidents(services: GivenServices, root: GivenRoot) -> IncidentList:
    """The outages of nodes, from failure to full redundancy."""
    return IncidentList(incidents=list(services.healing.status().incidents))


def _place_of(task: RepairTask) -> str:
    """Where a page goes on: all that the order of tasks looks at."""
    return f"{task.spare}.{task.created_at_ms}.{task.part_id.hex()}.{task.shard}"


def _task_at(place: str, state: RepairState) -> RepairTask:
    """A task that stands there."""
    spare, created_at_ms, part_id, shard = place.split(".")
    return RepairTask(
        part_id=bytes.fromhex(part_id),
        shard=int(shard),
        kind=RepairKind.REBUILD,
        node_id="",
        target="",
        reason="",
        state=state,
        spare=int(spare),
        attempts=0,
        created_at_ms=int(created_at_ms),
    )
