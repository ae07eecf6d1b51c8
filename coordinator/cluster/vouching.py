"""Who is just recording in the metadata that nodes have something durably.

Rules: such a record is true when it is made up, and may be untrue when it is written: the node's
disk was replaced in between. Whoever compares what a node keeps with the metadata first waits for
the records under way (`settled`); who begins to vouch later knows of the replacement himself
(`Cluster.outages`). So no shard is taken for whole that went with the old disk.
"""

import asyncio
from collections.abc import Collection, Iterator
from contextlib import contextmanager


class Vouchers:
    """See the module's rules."""

    def __init__(self) -> None:
        self._under_way: dict[asyncio.Event, Collection[str]] = {}

    @contextmanager
    def vouch(self, node_ids: Collection[str]) -> Iterator[None]:
        """Around the record. Outages were looked at right before, without an await in between."""
        recorded = asyncio.Event()
        self._under_way[recorded] = node_ids
        try:
            yield
        finally:
            del self._under_way[recorded]
            recorded.set()

    async def settled(self, node_id: str) -> None:
        """Wait for what is being recorded of the node now."""
        for recorded in [one for one, nodes in self._under_way.items() if node_id in nodes]:
            await recorded.wait()
