"""The JSON documents about healing: repairs, scrubs, incidents, and orders to nodes.

Rules: as in models.py. What the healer tells of itself goes out as it is (`coordinator.healing`).
"""

from typing import Annotated, Self

from pydantic import BaseModel, BeforeValidator, Field, StringConstraints

from coordinator.api.models import Given
from coordinator.healing import (
    DrainProgress,
    Incident,
    RebalanceProgress,
    RepairProgress,
    ScrubProgress,
)
from metadata import RepairCount, RepairTask, ShardName

MAX_SHARDS_NAMED = 500

NodeName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
NodeUrl = Annotated[str, StringConstraints(pattern=r"^http://[^/?#@\s]{1,300}/?$")]
PartId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class NewNode(Given):
    """A node to join the cluster; its zone and weight are what it says of itself."""

    node_id: NodeName
    url: NodeUrl


class ScrubOrder(Given):
    """Which node to scrub now; null: all."""

    node_id: NodeName | None = None


def _whole(value: object) -> object:
    """To JSON Schema 3.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


class NamedShard(Given):
    """A shard of a part."""

    part_id: PartId
    shard: Annotated[int, Field(ge=0, le=254), BeforeValidator(_whole)]

    @property
    def name(self) -> ShardName:
        """As the metadata name it."""
        return ShardName(bytes.fromhex(self.part_id), self.shard)


class RetryOrder(Given):
    """Which dead repairs to try again; null: all."""

    shards: Annotated[list[NamedShard], Field(max_length=MAX_SHARDS_NAMED)] | None = None


class RetryAnswer(BaseModel):
    """How many repairs were queued anew."""

    revived: int


class RepairCountEntry(BaseModel):
    """What there is to do for the shards that a node holds: tasks of one kind and state."""

    node_id: str
    kind: str
    state: str
    tasks: int
    bytes: int

    @classmethod
    def of(cls, count: RepairCount) -> Self:
        """The count as clients see it."""
        return cls(
            node_id=count.node_id,
            kind=count.kind.value,
            state=count.state.value,
            tasks=count.tasks,
            bytes=count.bytes,
        )


class RepairsDocument(BaseModel):
    """What is to be repaired, what is being done about it, and when it will be done."""

    queued: int
    dead: int = Field(description="given up; an operator may retry them")
    queued_bytes: int
    counts: list[RepairCountEntry]
    progress: RepairProgress
    rebalance: RebalanceProgress
    drains: list[DrainProgress]
    scrubs: list[ScrubProgress]


class RepairTaskEntry(BaseModel):
    """One shard to be rebuilt or moved. `spare`: how many more shards its part can lose."""

    part_id: str
    shard: int
    kind: str
    node_id: str
    target: str
    reason: str
    state: str
    spare: int
    attempts: int
    created_at_ms: int
    not_before_ms: int

    @classmethod
    def of(cls, task: RepairTask) -> Self:
        """The task as clients see it."""
        return cls(
            part_id=task.part_id.hex(),
            shard=task.shard,
            kind=task.kind.value,
            node_id=task.node_id,
            target=task.target,
            reason=task.reason,
            state=task.state.value,
            spare=task.spare,
            attempts=task.attempts,
            created_at_ms=task.created_at_ms,
            not_before_ms=task.not_before_ms,
        )


class RepairTaskPage(BaseModel):
    """One page of tasks, most endangered first; `next_after` continues, null ends."""

    tasks: list[RepairTaskEntry]
    next_after: str | None


class IncidentList(BaseModel):
    """Outages of nodes, newest first: the last hundred or so."""

    incidents: list[Incident]
