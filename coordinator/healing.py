"""What the healer tells of itself: the words that `coordinator.repair` and the API have in common.

Rules: plain values, made anew for every question, that nobody changes. Times are milliseconds since
the epoch; rates are those of the last seconds; an ETA is None while it can't be told, 0 when
nothing is left to do.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RepairProgress:
    """What repair has done since the coordinator started, and how fast it is now."""

    repaired_shards: int = 0
    """Rebuilt or moved."""

    repaired_bytes: int = 0
    failed_shards: int = 0
    """Attempts that failed; a shard may count several times."""

    in_flight_shards: int = 0
    shards_per_s: float = 0.0
    bytes_per_s: float = 0.0
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class ScrubProgress:
    """How far the scrub of one node is. `share_done`: of this round, 0 to 1."""

    node_id: str
    is_hurried: bool
    """Asked for by somebody: at full speed."""

    share_done: float
    round_started_at_ms: int | None
    round_bytes: int
    damaged_records: int
    """Found in this round."""

    last_finished_at_ms: int | None
    """End of the last whole round; None: there was none yet."""

    eta_s: float | None


@dataclass(frozen=True, slots=True)
class RebalanceProgress:
    """Moving parts towards the ring after nodes came, went or changed their weight."""

    is_running: bool = False
    parts_checked: int = 0
    parts_total: int | None = None
    """None: not counted."""

    shards_queued: int = 0
    eta_s: float | None = None


@dataclass(frozen=True, slots=True)
class DrainProgress:
    """A node that is being emptied."""

    node_id: str
    shards_left: int | None
    """Shards that parts still name there; None: not counted yet."""

    is_safe_to_remove: bool
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class Incident:
    """One outage or replacement of a node, from failure to full redundancy."""

    node_id: str
    kind: str
    """`outage`: the same store came back; `replaced`: with another one; `open`: not back yet."""

    failed_at_ms: int
    """When it was last heard."""

    detected_at_ms: int
    returned_at_ms: int | None
    whole_at_ms: int | None
    """When all that it should keep was there again, on it or elsewhere."""


@dataclass(frozen=True, slots=True)
class HealStatus:
    """All of it at one moment. Lists are by node id, incidents newest first."""

    repair: RepairProgress
    scrubs: tuple[ScrubProgress, ...] = ()
    rebalance: RebalanceProgress = RebalanceProgress()
    drains: tuple[DrainProgress, ...] = ()
    incidents: tuple[Incident, ...] = ()
