"""One life of a coordinator: the real writer, reader, reclaimer, cluster and healer, put together
as `coordinator.app` does, over simulated nodes and metadata."""

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass

from coordinator.audit import Finding, Summary, audit
from coordinator.cluster import Cluster, Heartbeat, NodeRecords
from coordinator.metrics import Metrics
from coordinator.objects import (
    CodeSettings,
    Ids,
    Multipart,
    Objects,
    PartReader,
    PartWriter,
    Pins,
    Reclaimer,
    RepairReports,
)
from coordinator.repair import Healer, HealSettings
from erasure import codec
from metadata import NodeRecord
from metadata.memory import MemoryStore
from tests.simulation.network import MetadataWeather, SimulatedClient, SimulatedMetadata
from tests.simulation.nodes import SimulatedNode
from tests.simulation.virtual_time import Process

EPOCH_S = 1_700_000_000
INTERVAL_S = 0.5
DOWN_AFTER_S = 2.5


@dataclass(frozen=True)
class Settings:
    """Those of `coordinator.settings` that matter here; times are short, so that they pass."""

    k: int
    m: int
    unit_size: int
    lost_after_s: float = 20.0
    reclaim_grace_s: float = 3.0
    orphan_grace_s: float = 6.0
    scrub_period_s: float = 14 * 24 * 3600.0
    hedge_after_s: float = 0.5

    @property
    def width(self) -> int:
        return self.k + self.m


class SimulatedCoordinator:
    """Use only what it has between `start` and `stop` or `crash`."""

    def __init__(
        self,
        number: int,
        settings: Settings,
        store: MemoryStore,
        weather: MetadataWeather,
        nodes: Mapping[str, SimulatedNode],
        configured: list[NodeRecord],
        chance: random.Random,
    ) -> None:
        self.process = Process(f"coordinator-{number}")
        self._settings = settings
        self._nodes = nodes
        self._configured = configured
        self._clients: list[SimulatedClient] = []
        self.metadata = SimulatedMetadata(store, self.process, weather)
        loop = asyncio.get_running_loop()
        self.ids = Ids(clock=lambda: EPOCH_S + loop.time(), random_bytes=chance.randbytes)
        self.pins = Pins()

    async def start(self) -> None:
        """Raises MetadataError."""
        await self.process.spawn(self._start())

    async def _start(self) -> None:
        loop, its, metadata = asyncio.get_running_loop(), self._settings, self.metadata
        records = NodeRecords(metadata)
        known = await records.load(self._configured)
        heartbeat = Heartbeat(INTERVAL_S, DOWN_AFTER_S, its.lost_after_s)
        self.cluster = Cluster(
            known, its.width, self._connect, heartbeat, records=records, clock=loop.time
        )
        await self.cluster.start()
        metrics = Metrics()
        code = CodeSettings(its.k, its.m, its.unit_size, its.k)
        self.writer = PartWriter(self.cluster, codec(its.k, its.m), code, self.ids, metrics)
        self.reports = RepairReports(metadata, self.ids, metrics)
        self.reader = PartReader(
            self.cluster, self.pins, its.hedge_after_s, self.reports.report, metrics
        )
        self.objects = Objects(metadata, self.writer, self.reader, self.ids)
        self.multipart = Multipart(self.objects)
        reclaimer = Reclaimer(
            metadata, self.cluster, self.pins, self.ids, metrics, its.reclaim_grace_s
        )
        self.healer = Healer(
            metadata,
            self.cluster,
            self.writer.writing,
            self.pins,
            self.reports,
            self.ids,
            metrics,
            HealSettings(scrub_period_s=its.scrub_period_s, orphan_grace_s=its.orphan_grace_s),
            clock=loop.time,
        )
        self.workers = [
            asyncio.create_task(worker.run()) for worker in (self.reports, reclaimer, self.healer)
        ]

    def _connect(self, node: NodeRecord) -> SimulatedClient:
        client = SimulatedClient(node.node_id, self._nodes, self.process)
        self._clients.append(client)
        return client

    @property
    def pending_bytes(self) -> int:
        """What waits in the queues to all nodes."""
        return sum(client.pending_bytes for client in self._clients)

    async def crash(self) -> None:
        """As by SIGKILL."""
        await self.process.kill()

    async def stop(self) -> None:
        """In good order."""
        await self.process.spawn(self._stop())

    async def _stop(self) -> None:
        for worker in self.workers:
            worker.cancel()
        await asyncio.gather(*self.workers, return_exceptions=True)
        await self.writer.close()
        await self.cluster.close()

    async def says_done(self) -> bool:
        """Whether the healer claims that everything is whole, as its status shows it."""
        status = self.healer.status()
        totals = await self.metadata.totals()
        return (
            not totals.repair_queued
            and not totals.repair_dead
            and not status.repair.in_flight_shards
            and all(
                self.cluster.shown_state(node.node_id) in ("up", "draining")
                for node in self.cluster.nodes()
            )
            and not status.rebalance.is_running
            and status.rebalance.eta_s == 0
            and all(drain.is_safe_to_remove for drain in status.drains)
            and all(incident.whole_at_ms is not None for incident in status.incidents)
        )

    async def has_scrubbed(self) -> bool:
        """Whether nobody waits for a scrub any more."""
        return not any(scrub.is_hurried for scrub in self.healer.status().scrubs)

    async def audit(self) -> tuple[Summary, list[Finding]]:
        """A deep one."""
        findings = []
        summary = Summary()
        clock = asyncio.get_running_loop().time
        async for told in audit(self.metadata, self.cluster, deep=True, clock=clock):
            if isinstance(told, Finding):
                findings.append(told)
            elif isinstance(told, Summary):
                summary = told
        return summary, findings
