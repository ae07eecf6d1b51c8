"""The healer: all background workers that keep the store whole, constructed and run together.

    returned, replaced ─ catching_up ─┐
    bytes that rot ───── scrubs ──────┼─ reconcile ──> repairs ──> repairer ──> nodes
    nodes that come, go ─ rebalance ──┴─────────────────┘
                            drains, incidents: look on, and tell

Rules: workers share nothing but the metadata and the cluster, and each finds its work there anew
after a restart.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from coordinator.cluster import Cluster
from coordinator.healing import HealStatus
from coordinator.metrics import Metrics
from coordinator.objects import Ids, Pins, RepairReports
from coordinator.repair.catching_up import CatchingUp
from coordinator.repair.drains import Drains
from coordinator.repair.incidents import Incidents
from coordinator.repair.node_scrub import NodeScrub
from coordinator.repair.pace import Pace
from coordinator.repair.rebalance import Rebalancer
from coordinator.repair.reconcile import Reconciler
from coordinator.repair.repairer import Repairer
from coordinator.repair.scrub import Scrubs
from coordinator.repair.worker import Clock, Sleep
from metadata import MetadataStore, ShardName


@dataclass(frozen=True, slots=True)
class HealSettings:
    """How fast and how often; the names are those of the coordinator's settings."""

    repair_concurrency: int = 4
    repair_bytes_per_s: int = 0
    scrub_period_s: float = 14 * 24 * 3600.0
    orphan_grace_s: float = 3600.0
    rebalance_shards_per_s: int = 1000


class Healer:
    """See the module. `writing`: the parts being written now, with their nodes."""

    def __init__(
        self,
        metadata: MetadataStore,
        cluster: Cluster,
        writing: Mapping[bytes, tuple[str, ...]],
        pins: Pins,
        reports: RepairReports,
        ids: Ids,
        metrics: Metrics,
        settings: HealSettings,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._metadata = metadata
        pace = _make_pace(settings, metrics, clock, sleep)
        self._repairer = Repairer(
            metadata,
            cluster,
            pins,
            reports,
            ids,
            metrics,
            pace,
            concurrency=settings.repair_concurrency,
            clock=clock,
            sleep=sleep,
        )
        found = self._repairer.wake
        reconciler = Reconciler(
            metadata,
            cluster,
            writing,
            pins,
            ids,
            metrics,
            pace,
            grace_s=settings.orphan_grace_s,
            found=found,
        )
        self._catching_up = CatchingUp(metadata, cluster, reconciler, sleep=sleep)

        make_scrub = partial(
            NodeScrub,
            metadata=metadata,
            cluster=cluster,
            reconciler=reconciler,
            ids=ids,
            metrics=metrics,
            period_s=settings.scrub_period_s,
            found=found,
            clock=clock,
            sleep=sleep,
        )
        self._scrubs = Scrubs(metadata, cluster, make_scrub, sleep=sleep)
        self._rebalancer = Rebalancer(
            metadata,
            cluster,
            ids,
            pace,
            shards_per_s=settings.rebalance_shards_per_s,
            found=found,
            clock=clock,
            sleep=sleep,
        )
        self._drains = Drains(
            metadata, cluster, writing, self._rebalancer, clock=clock, sleep=sleep
        )
        self._incidents = Incidents(metadata, cluster, self._rebalancer, ids, sleep=sleep)

    async def run(self) -> None:
        """Heal until cancelled."""
        async with asyncio.TaskGroup() as workers:
            for worker in (
                self._repairer,
                self._catching_up,
                self._scrubs,
                self._rebalancer,
                self._drains,
                self._incidents,
            ):
                workers.create_task(worker.run())

    def status(self) -> HealStatus:
        """How all of it goes now, from memory."""
        repair = self._repairer.progress()
        return HealStatus(
            repair=repair,
            scrubs=self._scrubs.progress(),
            rebalance=self._rebalancer.progress(),
            drains=self._drains.progress(repair.shards_per_s),
            incidents=self._incidents.newest_first(),
        )

    async def scrub_now(self, node_id: str | None = None) -> None:
        """Scrub a node (all for None) from its start, at full speed, in the background.

        Raises UnknownNode, MetadataError.
        """
        await self._scrubs.hurry(node_id)

    async def retry_dead(self, names: Sequence[ShardName] | None = None) -> int:
        """Queue dead repairs anew (all for None); how many there were. Raises MetadataError."""
        revived = await self._metadata.revive_repairs(names)
        self._repairer.wake()
        return revived


def _make_pace(settings: HealSettings, metrics: Metrics, clock: Clock, sleep: Sleep) -> Pace:
    def served() -> int:
        return metrics.foreground_requests

    return Pace(settings.repair_bytes_per_s, served, clock=clock, sleep=sleep)
