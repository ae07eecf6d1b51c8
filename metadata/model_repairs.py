"""The values that healing works with: tasks, counts, and shards to be deleted.

Rules: those of `model.py`.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from metadata.model import Part


class ShardName(NamedTuple):
    """One shard of one part: what a repair task and a node's inventory name."""

    part_id: bytes
    shard: int


@dataclass(frozen=True, slots=True)
class MissingShard:
    """A shard that is not, or not intact, where its part says: it must be rebuilt."""

    part_id: bytes
    shard: int
    reason: str


@dataclass(frozen=True, slots=True)
class MoveShard:
    """A healthy shard that should stand on node `target` instead of where it stands."""

    part_id: bytes
    shard: int
    target: str
    reason: str


class ShardMove(NamedTuple):
    """A shard that has been copied from one node to another: the part is to name the new one."""

    part_id: bytes
    shard: int
    old_node: str
    new_node: str


class RepairKind(StrEnum):
    """What a repair task is about."""

    REBUILD = "rebuild"
    MOVE = "move"


class RepairState(StrEnum):
    """Where a repair task stands. DEAD: given up, until an operator revives it."""

    QUEUED = "queued"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class RepairTask:
    """One shard that must be rebuilt or moved; at most one task per (part_id, shard).

    `node_id` is the holder: `part.nodes[shard]`. `target` is where a MOVE goes, "" for a REBUILD.
    `spare` says how many more shards the part can lose: m less its REBUILD tasks, the dead ones
    and this one included; below 0 it cannot be read from what stands. A task is not to be tried
    before `not_before_ms` (0: at once); `attempts` counts the tries that failed.
    """

    part_id: bytes
    shard: int
    kind: RepairKind
    node_id: str
    target: str
    reason: str
    state: RepairState
    spare: int
    attempts: int
    created_at_ms: int
    not_before_ms: int = 0

    @property
    def name(self) -> ShardName:
        """The shard it is about."""
        return ShardName(self.part_id, self.shard)


@dataclass(frozen=True, slots=True)
class DueRepair:
    """A task that may be worked on, and all that is needed for it.

    `barred`: nodes on which a former copy of this very shard waits to be reclaimed. Nothing may be
    put there until that is done: the deletion under way would take the new copy with it.
    """

    task: RepairTask
    part: Part
    barred: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PutOff:
    """A task that could not be done now. `failed`: the try counts as one."""

    part_id: bytes
    shard: int
    reason: str
    not_before_ms: int
    failed: bool


@dataclass(frozen=True, slots=True)
class RepairCount:
    """How many tasks of one kind and state a holder has, and how many bytes their shards have."""

    node_id: str
    kind: RepairKind
    state: RepairState
    tasks: int
    bytes: int


@dataclass(frozen=True, slots=True)
class NamedPart:
    """A part and what names it: a version, or an upload under way."""

    part: Part
    bucket: str
    key: str
    version_id: str
    is_upload: bool


@dataclass(frozen=True, slots=True)
class Reclaim:
    """A shard that its part no longer names there (the part was dropped, or the shard was moved
    to another node): it may be deleted from its node."""

    node_id: str
    part_id: bytes
    shard: int
    created_at_ms: int
