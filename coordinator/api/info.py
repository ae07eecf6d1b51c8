"""Where an object's bytes are: its parts, their shards, the nodes with them, and how those do."""

from typing import Annotated, Final

from fastapi import APIRouter, Query

from coordinator.api.access import GivenAccess
from coordinator.api.cluster_models import Candidate, Placement
from coordinator.api.models import AttributesDocument, Entry, Info, PartPlace, ShardPlace
from coordinator.api.services import GivenBucketName, GivenKey, GivenServices, Services
from coordinator.cluster import Cluster
from metadata import Attributes, NoSuchKey, Part, StoredVersion

MAX_PARTS: Final = 1000
"""Parts in one answer; an object may have ten times as many."""

Offset = Annotated[int, Query(ge=0, le=2**62, description="show the parts from this byte on")]
PartLimit = Annotated[int, Query(ge=1, le=MAX_PARTS)]

router = APIRouter()


@router.get("/info/{bucket}/{key:path}", tags=["objects"])
async def object_info(
    name: GivenBucketName,
    key: GivenKey,
    services: GivenServices,
    access: GivenAccess,
    offset: Offset = 0,
    limit: PartLimit = MAX_PARTS,
) -> Info:
    """All that is known of the object."""
    stored = await access.stored(name, key)
    parts, next_offset = await _parts(services, stored, offset, limit)
    return Info(
        **Entry.of(stored.version).model_dump(),
        bucket=name,
        owner_id=stored.version.owner_id,
        attributes=_attributes(stored.version.attributes),
        parts=parts,
        next_offset=next_offset,
    )


@router.get("/placement/{bucket}/{key:path}", tags=["cluster"])
async def placement(
    name: GivenBucketName,
    key: GivenKey,
    services: GivenServices,
    access: GivenAccess,
    offset: Offset = 0,
    limit: PartLimit = MAX_PARTS,
) -> Placement:
    """Where the object's shards are, or which nodes would be chosen from if it were written."""
    settings = services.settings
    found = Placement(
        bucket=name,
        key=key,
        exists=True,
        k=settings.k,
        m=settings.m,
        parts=[],
        next_offset=None,
        candidates=[],
    )
    try:
        stored = await access.stored(name, key)
    except NoSuchKey:
        return found.model_copy(
            update={"exists": False, "candidates": _candidates(services.cluster)}
        )
    parts, next_offset = await _parts(services, stored, offset, limit)
    return found.model_copy(update={"parts": parts, "next_offset": next_offset})


async def _parts(
    services: Services, stored: StoredVersion, offset: int, limit: int
) -> tuple[list[PartPlace], int | None]:
    """The parts that end after `offset`, and where the ones after them start."""
    version = stored.version
    page = await services.metadata.parts(version.version_id, offset=offset, limit=limit)
    end = page[-1].offset + page[-1].content_size if page else version.size
    zones = {node.node_id: node.zone for node in services.cluster.nodes()}
    shown = [_part(services, zones, part) for part in page]
    return shown, end if end < version.size else None


def _part(services: Services, zones: dict[str, str], part: Part) -> PartPlace:
    return PartPlace(
        part_id=part.part_id.hex(),
        number=part.number,
        offset=part.offset,
        size=part.content_size,
        stored_bytes=part.size,
        etag=part.etag,
        k=part.k,
        m=part.m,
        unit_size=part.unit_size,
        shards=[
            ShardPlace(
                shard=shard,
                node_id=node_id,
                zone=zones.get(node_id, ""),
                state=services.cluster.shown_state(node_id) if node_id in zones else "unknown",
            )
            for shard, node_id in enumerate(part.nodes)
        ],
    )


def _candidates(cluster: Cluster) -> list[Candidate]:
    return [
        Candidate(
            node_id=node.node_id,
            zone=node.zone,
            weight=node.weight,
            state=cluster.shown_state(node.node_id),
        )
        for node in cluster.nodes()
    ]


def _attributes(attributes: Attributes) -> AttributesDocument:
    return AttributesDocument(
        headers={name: _text(value) for name, value in attributes.headers.items()},
        user={name: _text(value) for name, value in attributes.user.items()},
        checksums=dict(attributes.checksums),
    )


def _text(value: str) -> str:
    """A header's value (bytes as latin-1) as what its writer most likely meant."""
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value
