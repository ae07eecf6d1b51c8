"""Who is just recording in the metadata that nodes have something durably.

Rules: such a record is true when it is made up, and may be untrue when it is written: the node's
disk was replaced in between. Whoever compares what a node keeps with the metadata first waits for
the records under way (`settled`); who begins to vouch later knows of the replacement himself
(`Cluster.outages`). So no shard is taken for whole that went with the old disk.
"""

import asyncio
from collections.abc import Collection
from types import TracebackType


class Vouchers:
    """See the module's rules."""

    def __init__(self) -> None:
        self._under_way: set[Voucher] = set()

    def vouch(self, node_ids: Collection[str]) -> "Voucher":
        """Around the record. Outages were looked at right before, without an await in between."""
        return Voucher(self._under_way, node_ids)

    async def settled(self, node_id: str) -> None:
        """Wait for what is being recorded of the node now."""
        for recorded in [one.watch() for one in self._under_way if node_id in one.node_ids]:
            await recorded.wait()


class Voucher:
    """One record, while it is under way. Every write has one: the event is made for who waits."""

    __slots__ = ("_recorded", "_under_way", "node_ids")

    def __init__(self, under_way: set["Voucher"], node_ids: Collection[str]) -> None:
        self.node_ids = node_ids
        self._under_way = under_way
        self._recorded: asyncio.Event | None = None

    def watch(self) -> asyncio.Event:
        """Set when the record is over."""
        if self._recorded is None:
            self._recorded = asyncio.Event()
        return self._recorded

    def __enter__(self) -> None:
        self._under_way.add(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._under_way.discard(self)
        if self._recorded is not None:
            self._recorded.set()
