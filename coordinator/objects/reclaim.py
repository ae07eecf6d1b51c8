"""Gives space back: deletes the shards of dropped parts from their nodes.

Rules: a part is left alone while it is being read and for a grace period after it was dropped, so
that a read which has just looked it up still finds it. Each node's deletions wait for that node
alone; a node that is down keeps them waiting in the metadata. What is forgotten here was deleted
durably there.
"""

import asyncio
import logging

from coordinator.cluster import Cluster, NodeState, UnknownNode
from coordinator.metrics import Metrics
from coordinator.objects.ids import Ids
from coordinator.objects.pins import Pins
from metadata import MetadataError, MetadataStore
from node.errors import NodeError
from node.record import ShardKey

BATCH = 1000
INTERVAL_S = 5.0

log = logging.getLogger(__name__)


class Reclaimer:
    """The worker that drains the metadata's reclaims."""

    def __init__(
        self,
        metadata: MetadataStore,
        cluster: Cluster,
        pins: Pins,
        ids: Ids,
        metrics: Metrics,
        grace_s: float,
    ) -> None:
        self._metadata = metadata
        self._cluster = cluster
        self._pins = pins
        self._ids = ids
        self._metrics = metrics
        self._grace_s = grace_s

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                worked = await self.work()
            except MetadataError as error:
                log.error("reclaim is waiting for the metadata", extra={"detail": str(error)})
                worked = False
            if not worked:
                await asyncio.sleep(INTERVAL_S)

    async def work(self) -> bool:
        """One batch for every node that is up; whether anything was deleted."""
        nodes = [
            node.node_id
            for node in self._cluster.nodes()
            if self._cluster.state(node.node_id) is NodeState.UP
        ]
        return any(await asyncio.gather(*(self._work_on(node_id) for node_id in nodes)))

    async def _work_on(self, node_id: str) -> bool:
        before_ms = self._ids.now_ms() - int(self._grace_s * 1000)
        waiting = await self._metadata.reclaims(node_id, before_ms=before_ms, limit=BATCH)
        due = [reclaim for reclaim in waiting if reclaim.part_id not in self._pins]
        if not due:
            return False
        try:
            await self._cluster.client(node_id).delete(
                [ShardKey(reclaim.part_id, reclaim.shard) for reclaim in due]
            )
        except (NodeError, UnknownNode) as error:
            log.warning("reclaim put off", extra={"node": node_id, "detail": str(error)})
            return False
        await self._metadata.forget_reclaims(due)
        self._metrics.parts_reclaimed.inc(len(due))
        return True
