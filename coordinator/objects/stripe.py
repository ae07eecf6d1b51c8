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
from collections.abc import Callable, Sequence

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
        self.hedges = Hedges(hedge_after_s)
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

    def order(self, part: Part) -> Sequence[int]:
        """Shards in the order in which they should be asked: data first, but last those on nodes
        that are gone, are down, or have another disk than they had."""
        likely, nodes = self._cluster.asked_first, part.nodes
        shards = range(len(nodes))
        if likely.issuperset(nodes):
            return shards
        return sorted(shards, key=lambda shard: nodes[shard] not in likely)

    def note(self, part: Part, shard: int, outcome: Outcome | NodeError) -> None:
        """A unit could not be had: tell whom it concerns."""
        if isinstance(outcome, Outcome):
            self._report(MissingShard(part.part_id, shard, f"read found it {outcome.name.lower()}"))
        elif part.nodes[shard] in self._cluster.states:
            self._cluster.note_failure(part.nodes[shard], outcome)


class Hedges:
    """Races the reads that are not done `after_s` after they began.

    They come due in the order in which they began, so one timer does for all. One for each, which
    nearly all would cancel, costs a small read 2 us more.
    """

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._due: dict[StripeRead, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, read: "StripeRead") -> None:
        """It begins now."""
        loop = asyncio.get_running_loop()
        due = self._due[read] = loop.time() + self._after_s
        if self._timer is None:
            self._timer = loop.call_at(due, self._race)

    def end(self, read: "StripeRead") -> None:
        """It needs no more units. Ending twice does nothing."""
        self._due.pop(read, None)

    def _race(self) -> None:
        loop = asyncio.get_running_loop()
        self._timer = None
        while self._due:
            read, due = next(iter(self._due.items()))
            if due > loop.time():
                self._timer = loop.call_at(due, self._race)
                return
            del self._due[read]
            read.race()


class StripeRead:
    """One stripe being fetched; its first k units are asked for at once."""

    def __init__(self, units: Units, part: Part, stripe: int, length: int) -> None:
        """`length`: bytes in each of the stripe's units."""
        self._source = units
        self._part = part
        self._stripe = stripe
        self._length = length
        self._untried = iter(units.order(part))
        self._asked: dict[UnitFuture, int] = {}
        self._found: dict[int, memoryview] = {}
        self._settled: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        units.hedges.begin(self)
        for _ in range(part.k):
            self._ask_next()

    def _ask_next(self) -> None:
        shard = next(self._untried, None)
        if shard is not None:
            future = self._source.ask(self._part, self._stripe, shard, self._length)
            self._asked[future] = shard
            future.add_done_callback(self._take)

    def race(self) -> None:
        """Ask other shards for what has not come yet; the first k units count."""
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
        self._source.hedges.end(self)
        if not self._settled.done():
            self._settled.set_result(None)

    def cancel(self) -> None:
        """Nobody wants the units that are still on their way."""
        self._source.hedges.end(self)
        asked, self._asked = self._asked, {}
        for future in asked:
            future.cancel()

    async def units(self) -> list[Buffer]:
        """The k data units, in order. Raises Unreadable."""
        try:
            await self._settled
        finally:
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
