"""What the nodes say they keep, for a run of part ids.

Rules: asked anew each time, because an answer is good only against the metadata read before and
after it. A node that fails to answer is silent for the rest of the audit: waiting for it at every
page would take for ever.
"""

import asyncio
from collections.abc import Mapping
from typing import Final, NamedTuple

from coordinator.cluster import Cluster, NodeState, UnknownNode
from node.errors import NodeError
from node.protocol import MAX_INVENTORY_PAGE
from node.record import ShardKey

SLACK: Final = 50
"""Shards asked for beyond those expected: what nobody names lies between them."""

LAST_SHARD: Final = 255


class Kept(NamedTuple):
    """What a node has of a shard: records, and their bytes with headers."""

    records: int
    bytes: int


class Inventories:
    """Asks the nodes; `silent` says which did not answer, and why."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.silent: dict[str, str] = {}

    async def between(
        self, first: bytes, last: bytes, expected: Mapping[str, int]
    ) -> dict[str, dict[ShardKey, Kept]]:
        """Shards of the parts first..last, by node. `expected`: how many each node should have;
        others are not asked."""
        asked = [node_id for node_id in expected if self._may_answer(node_id)]
        found = await asyncio.gather(
            *(self._ask(node_id, first, last, expected[node_id]) for node_id in asked)
        )
        return dict(zip(asked, found, strict=True))

    def _may_answer(self, node_id: str) -> bool:
        try:
            state = self._cluster.state(node_id)
        except UnknownNode:
            return False
        if state is NodeState.DOWN:
            self.silent.setdefault(node_id, "it is down")
        return node_id not in self.silent

    async def _ask(
        self, node_id: str, first: bytes, last: bytes, expected: int
    ) -> dict[ShardKey, Kept]:
        kept: dict[ShardKey, Kept] = {}
        before = int.from_bytes(first, "big") - 1
        after = ShardKey(before.to_bytes(16, "big"), LAST_SHARD) if before >= 0 else None
        limit = min(expected + SLACK, MAX_INVENTORY_PAGE)
        try:
            while True:
                page = await self._cluster.client(node_id).inventory(after, limit)
                for shard in page["shards"]:
                    key = ShardKey(bytes.fromhex(shard["part_id"]), shard["shard"])
                    if key.part_id > last:
                        return kept
                    kept[key] = Kept(shard["records"], shard["bytes"])
                    after = key
                if page["next"] is None:
                    return kept
                limit = MAX_INVENTORY_PAGE
        except (NodeError, UnknownNode) as error:
            self.silent[node_id] = str(error)
            return kept
