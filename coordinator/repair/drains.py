"""Watches nodes that are being emptied, and says when one may be taken away.

Rules:
1. A node is safe to remove when all parts were checked against a ring without it, nothing of it
   waits to be moved, no part names it, and no part that is being written does.
2. Parts that name it all the same (written meanwhile, with a placement from before) have the parts
   checked once more.
3. Counting walks all parts: it is done at first, at the end, and in between the less often the
   longer it takes.
"""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from coordinator.cluster import Cluster
from coordinator.healing import DrainProgress
from coordinator.repair.rebalance import Rebalancer
from coordinator.repair.worker import Clock, Sleep, Worker
from metadata import MetadataStore

LOOK_EVERY_S: Final = 1.0
COUNT_PAUSE_S: Final = 1.0
COUNT_PAUSE_FACTOR: Final = 20
"""The pause after a count, in times of what it took."""


@dataclass(slots=True)
class _Drain:
    """What is known of a node that drains."""

    shards_left: int | None = None
    is_safe: bool = False
    count_at: float = 0.0


class Drains:
    """See the module's rules."""

    def __init__(
        self,
        metadata: MetadataStore,
        cluster: Cluster,
        writing: Mapping[bytes, tuple[str, ...]],
        rebalancer: Rebalancer,
        *,
        clock: Clock = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`writing`: the parts being written now, with their nodes."""
        self._metadata = metadata
        self._cluster = cluster
        self._writing = writing
        self._rebalancer = rebalancer
        self._clock = clock
        self._drains: dict[str, _Drain] = {}
        self._worker = Worker("drains", self.work, idle_s=LOOK_EVERY_S, sleep=sleep)
        cluster.on_record(lambda _: self._worker.wake())

    async def run(self) -> None:
        """Work until cancelled."""
        await self._worker.run()

    def progress(self, shards_per_s: float) -> tuple[DrainProgress, ...]:
        """How far each is, by node id. `shards_per_s`: how fast repair goes now."""
        return tuple(
            DrainProgress(
                node_id=node_id,
                shards_left=drain.shards_left,
                is_safe_to_remove=drain.is_safe and self._is_left_alone(node_id),
                eta_s=_eta_s(drain, shards_per_s),
            )
            for node_id, drain in sorted(self._drains.items())
        )

    def _is_left_alone(self, node_id: str) -> bool:
        """Whether nothing new can get there."""
        on_ring = any(node.node_id == node_id for node in self._cluster.ring.nodes)
        return not on_ring and not any(node_id in nodes for nodes in self._writing.values())

    async def work(self) -> bool:
        """Look at each node that drains."""
        draining = {node.node_id for node in self._cluster.nodes() if node.is_draining}
        for node_id in self._drains.keys() - draining:
            del self._drains[node_id]
        for node_id in draining:
            await self._look_at(node_id, self._drains.setdefault(node_id, _Drain()))
        return False

    async def _look_at(self, node_id: str, drain: _Drain) -> None:
        counts = await self._metadata.repair_counts()
        waiting = sum(count.tasks for count in counts if count.node_id == node_id)
        is_settled = self._rebalancer.is_balanced() and not waiting
        drain.is_safe = drain.is_safe and is_settled
        if is_settled and drain.is_safe:
            return
        if self._rebalancer.is_balanced() and waiting:
            # Whatever is left there is queued by now.
            drain.shards_left = waiting
        elif self._clock() >= drain.count_at:
            was_left_alone = self._is_left_alone(node_id)
            await self._count(node_id, drain)
            if not is_settled:
                return
            drain.is_safe = not drain.shards_left and was_left_alone
            if drain.shards_left:
                await self._rebalancer.check_again()

    async def _count(self, node_id: str, drain: _Drain) -> None:
        began_at = self._clock()
        drain.shards_left = await self._metadata.parts_naming(node_id)
        now = self._clock()
        drain.count_at = now + max(COUNT_PAUSE_S, (now - began_at) * COUNT_PAUSE_FACTOR)


def _eta_s(drain: _Drain, shards_per_s: float) -> float | None:
    if not drain.shards_left:
        return None if drain.shards_left is None else 0.0
    return drain.shards_left / shards_per_s if shards_per_s else None
