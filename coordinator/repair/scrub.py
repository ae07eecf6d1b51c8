"""Keeps one scrub going for each node of the cluster, as nodes come and go.

Rules: each node is scrubbed for itself; one that fails or is slow holds up no other. What was noted
of a node is forgotten when it is gone; at the start too, for it may have gone just before.
"""

import asyncio
from collections.abc import Callable

from coordinator.cluster import Cluster, UnknownNode
from coordinator.healing import ScrubProgress
from coordinator.repair.node_scrub import LOOK_EVERY_S, NOTES, NodeScrub, note_name
from coordinator.repair.worker import Sleep, Worker
from metadata import MetadataStore


class Scrubs:
    """See the module."""

    def __init__(
        self,
        metadata: MetadataStore,
        cluster: Cluster,
        make: Callable[[str], NodeScrub],
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        """`make` makes the scrub of a node."""
        self._metadata = metadata
        self._cluster = cluster
        self._make = make
        self._scrubs: dict[str, NodeScrub] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._is_tidy = False
        self._worker = Worker("scrubs", self._look, idle_s=LOOK_EVERY_S, sleep=sleep)

    async def run(self) -> None:
        """Scrub until cancelled."""
        try:
            await self._worker.run()
        finally:
            tasks = list(self._tasks.values())
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def progress(self) -> tuple[ScrubProgress, ...]:
        """How far the scrub of each node is, by node id."""
        return tuple(self._scrubs[node_id].progress() for node_id in sorted(self._scrubs))

    async def hurry(self, node_id: str | None) -> None:
        """Scrub a node, or all, from the start and at full speed. UnknownNode, MetadataError."""
        known = [node.node_id for node in self._cluster.nodes()]
        if node_id is not None and node_id not in known:
            raise UnknownNode(f"no node {node_id!r} in this cluster")
        for chosen in known if node_id is None else [node_id]:
            await self._of(chosen).hurry()

    def _of(self, node_id: str) -> NodeScrub:
        if node_id not in self._scrubs:
            self._scrubs[node_id] = self._make(node_id)
        return self._scrubs[node_id]

    async def _look(self) -> bool:
        known = {node.node_id for node in self._cluster.nodes()}
        for node_id in known - self._tasks.keys():
            self._tasks[node_id] = asyncio.create_task(self._of(node_id).run())
        for node_id in self._tasks.keys() - known:
            self._tasks.pop(node_id).cancel()
            self._scrubs.pop(node_id, None)
            self._is_tidy = False
        if not self._is_tidy:
            expected = {note_name(node_id) for node_id in known}
            for name in (await self._metadata.notes(NOTES)).keys() - expected:
                await self._metadata.forget_notes(name)
            self._is_tidy = True
        return False
