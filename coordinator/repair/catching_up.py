"""The worker that receives nodes which returned or were replaced, until they are members again.

Rules:
1. Such a node is compared once (reconcile.py), all of it, and then has caught up as soon as nothing
   waits to be rebuilt on it.
2. What happens to it meanwhile (`Cluster.outages`) makes the comparison worthless: it starts anew.
   What is just being recorded as durable there is waited for: it may be gone with the old disk.
3. Each node for itself: one that fails or is slow holds up no other.
"""

import asyncio
import logging
from typing import Final

from coordinator.cluster import Cluster, NodeState, UnknownNode
from coordinator.repair.reconcile import Reconciler
from coordinator.repair.worker import Sleep, Worker
from metadata import MetadataError, MetadataStore, RepairKind, RepairState, Standing
from node.errors import NodeError

LOOK_EVERY_S: Final = 0.25

log = logging.getLogger(__name__)


class CatchingUp:
    """See the module's rules."""

    def __init__(
        self,
        metadata: MetadataStore,
        cluster: Cluster,
        reconciler: Reconciler,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._metadata = metadata
        self._cluster = cluster
        self._reconciler = reconciler
        self._worker = Worker("catching up", self.work, idle_s=LOOK_EVERY_S, sleep=sleep)
        self._compared: dict[str, int] = {}
        self._comparing: dict[str, asyncio.Task[None]] = {}
        cluster.on_state(lambda *_: self._worker.wake())
        cluster.on_record(lambda _: self._worker.wake())

    async def run(self) -> None:
        """Work until cancelled."""
        try:
            await self._worker.run()
        finally:
            tasks = list(self._comparing.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def work(self) -> bool:
        """Start what may be started, and finish what is done."""
        waiting = [
            node.node_id
            for node in self._cluster.nodes()
            if node.standing is not Standing.MEMBER
            and self._cluster.state(node.node_id) is NodeState.UP
        ]
        compared = [node_id for node_id in waiting if self._is_compared(node_id)]
        for node_id in waiting:
            if node_id not in compared and node_id not in self._comparing:
                self._comparing[node_id] = asyncio.create_task(self._compare(node_id))
        if compared:
            await self._finish(compared)
        return False

    def _is_compared(self, node_id: str) -> bool:
        return self._compared.get(node_id) == self._cluster.outages(node_id)

    async def _compare(self, node_id: str) -> None:
        try:
            outages = self._cluster.outages(node_id)
            await self._cluster.vouchers.settled(node_id)
            await self._reconciler.reconcile(node_id)
        except (NodeError, MetadataError, UnknownNode) as error:
            log.warning("comparison put off", extra={"node": node_id, "detail": str(error)})
        except Exception:
            log.exception("comparison failed", extra={"node": node_id})
        else:
            self._compared[node_id] = outages
            self._worker.wake()
        finally:
            del self._comparing[node_id]

    async def _finish(self, node_ids: list[str]) -> None:
        counts = await self._metadata.repair_counts()
        lacking = {
            count.node_id
            for count in counts
            if count.kind is RepairKind.REBUILD and count.state is RepairState.QUEUED
        }
        for node_id in node_ids:
            # Looked at again: it may have gone while we asked.
            if (
                node_id not in lacking
                and node_id in self._cluster.states
                and self._is_compared(node_id)
            ):
                self._cluster.caught_up(node_id)
