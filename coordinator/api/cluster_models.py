"""The JSON documents about the cluster: nodes, zones, health, placement, metrics.

Rules: as in models.py. Stats of nodes are the nodes' own, in their own words, and sizes in bytes.
"""

from pydantic import BaseModel, Field

from coordinator.api.models import PartPlace
from coordinator.healing import DrainProgress

Stats = dict[str, int | float | str]


class NodeEntry(BaseModel):
    """A node as the cluster knows it; `store_id` is that of the disk last seen there.

    `state`: `up`; `suspect`, `down` (it does not answer); `draining` (it is being emptied);
    `returned` (it was away, and is looked at for what it missed); `replaced` (it came back without
    what it kept)."""

    node_id: str
    url: str
    zone: str
    weight: float
    state: str
    store_id: str


class MeasuredNode(NodeEntry):
    """A node with its stats (null when it did not answer), how many of its shards are to be
    rebuilt or moved, and, while it is being emptied, how far that is."""

    stats: Stats | None
    repairs_queued: int
    drain: DrainProgress | None


class NodeList(BaseModel):
    """All nodes."""

    nodes: list[MeasuredNode]


class ZoneEntry(BaseModel):
    """A zone: its nodes and the sums of their numeric stats; `silent` nodes did not answer."""

    zone: str
    nodes: int
    up: int
    silent: int
    weight: float
    stats: dict[str, int]


class ZoneList(BaseModel):
    """All zones."""

    zones: list[ZoneEntry]


class TotalsDocument(BaseModel):
    """Counts over the whole store."""

    buckets: int
    objects: int
    bytes: int
    uploads: int
    repair_queued: int
    repair_dead: int
    reclaims: int


class ClusterDocument(BaseModel):
    """How the cluster does. `health`: `ok`, `degraded` (everything can be read and written, but
    redundancy is reduced) or `impaired` (some objects can't be read or written now)."""

    cluster_id: str
    version: str
    health: str
    can_read: bool = Field(description="every object, wherever its shards are")
    can_write: bool = Field(description="every object, wherever its shards would go")
    spare_shards: int = Field(description="how many more nodes may fail; negative: too many did")
    nodes_up: int
    nodes_total: int
    k: int
    m: int
    required_shards: int
    unit_size_bytes: int
    region: str
    nodes: list[NodeEntry]
    totals: TotalsDocument


class Candidate(BaseModel):
    """A node that may be chosen."""

    node_id: str
    zone: str
    weight: float
    state: str


class Placement(BaseModel):
    """Where an object's shards are. For an object that does not exist: between which nodes the
    ring would choose (by the id of the part, which is made when it is written)."""

    bucket: str
    key: str
    exists: bool
    k: int
    m: int
    parts: list[PartPlace]
    next_offset: int | None
    candidates: list[Candidate]


class OperationCounts(BaseModel):
    """One operation's requests: `refused` were answered 4xx, `errors` 5xx."""

    operation: str
    count: int
    refused: int
    errors: int
    mean_latency_s: float


class MetricsSummary(BaseModel):
    """Since the coordinator started."""

    operations: list[OperationCounts]
    received_bytes: int
    sent_bytes: int
    counters: dict[str, int]
