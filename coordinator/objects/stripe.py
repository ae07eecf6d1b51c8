"""Reads one stripe: its k data units, or any k of its units and the code.

Rules:
1. The data shards are asked first, except on nodes known to be down or to have lost their disk. A
   unit that is missing, damaged or refused is replaced by another shard's; one slower than
   `hedge_after_s` is raced by another shard's. Every unit's checksum was verified on the node and
   again here (node.client).
2. With fewer than k units left to hope for the stripe is Unreadable: never short, never wrong.
3. A missing or damaged unit is reported for repair. A node that did not answer is not: that is
   membership's business.
"""

import asyncio
from collections import deque
from collections.abc import Callable

import numpy as np

from coordinator.cluster import Cluster, UnknownNode
from coordinator.metrics import Metrics
from coordinator.objects.errors import Unreadable
from erasure import codec
from metadata import MissingShard, Part
from node.client import Outcome
from node.errors import NodeError, NodeUnreachable
from node.record import Buffer, RecordKey

UnitFuture = asyncio.Future[memoryview | Outcome]


class Units:
    """Where units come from, and who is told when one does not."""

    def __init__(
        self,
        cluster: Cluster,
        hedge_after_s: float,
        report: Callable[[MissingShard], None],
        metrics: Metrics,
    ) -> None:
        self._cluster = cluster
        self._report = report
        self.hedge_after_s = hedge_after_s
        self.metrics = metrics

    def ask(self, part: Part, stripe: int, shard: int, length: int) -> UnitFuture:
        """Start reading one unit."""
        try:
            client = self._cluster.client(part.nodes[shard])
        except UnknownNode as error:
            gone: UnitFuture = asyncio.get_running_loop().create_future()
            gone.set_exception(NodeUnreachable(str(error)))
            return gone
        return client.submit_read(RecordKey(part.part_id, shard, stripe), length)

    def order(self, part: Part) -> list[int]:
        """Shards in the order in which they should be asked: data first, but last those on nodes
        that are gone, are down, or have another disk than they had."""
        known, last = self._cluster.states, self._cluster.asked_last
        shards = list(range(part.k + part.m))
        unlikely = [node in last or node not in known for node in part.nodes]
        if any(unlikely):
            shards.sort(key=lambda shard: (unlikely[shard], shard))
        return shards

    def note(self, part: Part, shard: int, outcome: Outcome | NodeError) -> None:
        """A unit could not be had: tell whom it concerns."""
        if isinstance(outcome, Outcome):
            self._report(MissingShard(part.part_id, shard, f"read found it {outcome.name.lower()}"))
        elif part.nodes[shard] in self._cluster.states:
            self._cluster.note_failure(part.nodes[shard], outcome)


class StripeRead:
    """One stripe being fetched; its first k units are asked for at once."""

    def __init__(self, units: Units, part: Part, stripe: int, length: int) -> None:
        """`length`: bytes in each of the stripe's units."""
        self._source = units
        self._part = part
        self._stripe = stripe
        self._length = length
        self._untried = deque(units.order(part))
        self._asked: dict[UnitFuture, int] = {}
        self._found: dict[int, memoryview] = {}
        loop = asyncio.get_running_loop()
        self._settled: asyncio.Future[None] = loop.create_future()
        self._hedge = loop.call_later(units.hedge_after_s, self._race)
        for _ in range(part.k):
            self._ask_next()

    def _ask_next(self) -> None:
        if self._untried:
            shard = self._untried.popleft()
            future = self._source.ask(self._part, self._stripe, shard, self._length)
            self._asked[future] = shard
            future.add_done_callback(self._take)

    def _race(self) -> None:
        for _ in range(self._part.k - len(self._found)):
            self._ask_next()

    def _take(self, future: UnitFuture) -> None:
        shard = self._asked.pop(future, None)
        if shard is None or future.cancelled():
            return
        error = future.exception()
        outcome = future.result() if error is None else error
        if isinstance(outcome, memoryview) and len(outcome) == self._length:
            self._found[shard] = outcome
        else:
            if isinstance(outcome, memoryview):
                outcome = Outcome.DAMAGED
            assert isinstance(outcome, Outcome | NodeError), "clients raise NodeError only"
            self._source.note(self._part, shard, outcome)
            self._ask_next()
        if len(self._found) == self._part.k or not self._asked:
            self._settle()

    def _settle(self) -> None:
        self._hedge.cancel()
        if not self._settled.done():
            self._settled.set_result(None)

    def cancel(self) -> None:
        """Nobody wants the units that are still on their way."""
        self._hedge.cancel()
        asked, self._asked = self._asked, {}
        for future in asked:
            future.cancel()

    async def units(self) -> list[Buffer]:
        """The k data units, in order. Raises Unreadable."""
        await self._settled
        if self._asked:
            self.cancel()
        part, found = self._part, self._found
        if len(found) < part.k:
            raise Unreadable(
                f"stripe {self._stripe} of part {part.part_id.hex()}: only {len(found)} of the"
                f" {part.k} shards needed can be read now"
            )
        lost = [shard for shard in range(part.k) if shard not in found]
        if not lost:
            return [found[shard] for shard in range(part.k)]
        self._source.metrics.rebuilt_stripes.inc()
        arrays = {shard: np.frombuffer(unit, np.uint8) for shard, unit in found.items()}
        rebuilt = codec(part.k, part.m).reconstruct(arrays, lost)
        return [found[shard] if shard in found else rebuilt[shard].data for shard in range(part.k)]
