"""What is remembered of the nodes from one run to the next, and what the configuration adds to it.

Rules:
1. A node is known by its id: one that is configured with another URL has moved, and keeps all else.
2. A node that was removed stays out although the configuration may still name it; only somebody
   who adds it again brings it back.
3. What changes by itself (`note`) is saved in the background, and again until that works: it is
   learnt anew if we die before. What somebody asked for (`save`, `forget`) is durable on return.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final

from metadata import MetadataError, MetadataStore, NodeRecord

RETRY_S: Final = 1.0
FORGET_AT_ONCE: Final = 1000
_EVER_MS: Final = 2**62

log = logging.getLogger(__name__)


class NodeRecords:
    """The cluster's nodes as the metadata store remembers them."""

    def __init__(
        self, metadata: MetadataStore, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._metadata = metadata
        self._sleep = sleep
        self._unsaved: dict[str, NodeRecord] = {}
        self._wake = asyncio.Event()
        self._one_at_a_time = asyncio.Lock()

    async def load(self, configured: Sequence[NodeRecord]) -> list[NodeRecord]:
        """All nodes: those known and those configured, which become known. Raises MetadataError."""
        known = {node.node_id: node for node in await self._metadata.nodes()}
        removed = await self._metadata.notes(_REMOVED)
        for node in configured:
            before = known.get(node.node_id)
            if before is None and _removed(node.node_id) in removed:
                log.warning("a removed node is configured still", extra={"node": node.node_id})
                continue
            told = node if before is None else replace(before, url=node.url)
            if told != before:
                await self._metadata.put_node(told)
            known[node.node_id] = told
        return list(known.values())

    async def save(self, node: NodeRecord) -> None:
        """Remember a node; durable when this returns. Raises MetadataError."""
        async with self._one_at_a_time:
            await self._metadata.forget_notes(_removed(node.node_id))
            await self._metadata.put_node(node)

    async def forget(self, node_id: str) -> None:
        """Forget a node; durable when this returns. Raises MetadataError."""
        async with self._one_at_a_time:
            # First the note: before the rest a restart would bring the node back. Its reclaims go
            # while it is known still, so that a failure leaves none behind that nobody sees.
            await self._metadata.save_note(_removed(node_id), "")
            while waiting := await self._metadata.reclaims(
                node_id, before_ms=_EVER_MS, limit=FORGET_AT_ONCE
            ):
                await self._metadata.forget_reclaims(waiting)
            await self._metadata.remove_node(node_id)
            self._unsaved.pop(node_id, None)

    def note(self, node: NodeRecord) -> None:
        """Remember a node soon."""
        self._unsaved[node.node_id] = node
        self._wake.set()

    async def run(self) -> None:
        """Save what was noted, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._save_noted()
            except MetadataError as error:
                log.error("nodes not recorded yet", extra={"detail": str(error)})
                self._wake.set()
                await self._sleep(RETRY_S)

    async def _save_noted(self) -> None:
        while self._unsaved:
            async with self._one_at_a_time:
                for node_id, node in list(self._unsaved.items()):
                    await self._metadata.put_node(node)
                    if self._unsaved.get(node_id) is node:
                        del self._unsaved[node_id]


_REMOVED: Final = "removed-node/"


def _removed(node_id: str) -> str:
    # The slash at the end: notes are forgotten by prefix, and node-1 is one of node-10.
    return f"{_REMOVED}{node_id}/"
