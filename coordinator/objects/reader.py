"""Reads a byte range of a version: only the stripes it touches, rebuilt where a shard is missing.

Rules:
1. Nothing short or wrong is ever returned; a stripe that can't be had raises Unreadable.
2. At most WINDOW_BYTES of stripes are fetched ahead of the consumer, and beyond its next stripe a
   read fetches only while all reads together hold less than TOTAL_AHEAD_BYTES: memory stays flat
   and slow clients hold back the nodes.
3. The parts are pinned against reclaim from the opening of a stream to its close.
"""

from abc import abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from itertools import count
from typing import NamedTuple, Self

from coordinator.cluster import Cluster
from coordinator.metrics import Metrics
from coordinator.objects.pins import Pins
from coordinator.objects.stripe import StripeRead, Units
from erasure import InvalidLayout, Layout, unit_length_of
from metadata import MissingShard, Part
from node.record import Buffer

WINDOW_BYTES = 4 * 1024 * 1024
"""Bytes of object fetched ahead of one consumer."""

TOTAL_AHEAD_BYTES = 32 * 1024 * 1024
"""The same for all of them together."""


SHORT_BYTES = 64 * 1024
"""Up to here a range is joined to one buffer before an answer starts."""


class Span(NamedTuple):
    """A run of a part's stored bytes: `start` (included) to `stop` (excluded)."""

    part: Part
    start: int
    stop: int

    @property
    def is_short(self) -> bool:
        """Whether it lies in one stripe and is to be one buffer."""
        stripe_size = self.part.k * self.part.unit_size
        return (
            self.stop - self.start <= SHORT_BYTES
            and (self.stop - 1) // stripe_size == self.start // stripe_size
        )


Piece = tuple[Part, int, int, int, int]
"""Part, stripe, the length of its units, and the first byte and the last + 1 wanted of it."""


class ByteStream(AsyncIterator[Buffer]):
    """The bytes of a range, as buffers in order. Must be closed; an async context manager.

    Iteration raises Unreadable, possibly after some buffers were given.
    """

    @abstractmethod
    async def aclose(self) -> None:
        """Stop reading. Closing twice does nothing."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *error: object) -> None:
        await self.aclose()


class PartReader:
    """Opens streams; one for the whole coordinator."""

    def __init__(
        self,
        cluster: Cluster,
        pins: Pins,
        hedge_after_s: float,
        report: Callable[[MissingShard], None],
        metrics: Metrics,
    ) -> None:
        """`report` learns of shards that reads find missing or damaged."""
        self.units = Units(cluster, hedge_after_s, report, metrics)
        self.pins = pins
        self.ahead_bytes = 0

    async def read(self, span: Span) -> bytes:
        """All of a short run: what most objects are, and a stream would be half of the work.

        Raises Unreadable.
        """
        part, low, high = span
        if not 0 <= low < high <= part.size:
            raise InvalidLayout(f"bytes {low} to {high} of {part.size}")
        _, stripe, length, first, last = _piece(part, low // (part.k * part.unit_size), low, high)
        self.pins.pin((part,))
        try:
            units = await StripeRead(self.units, part, stripe, length).units()
        finally:
            self.pins.unpin((part,))
        return b"".join(_cut(units, first, last))

    def open(self, spans: Sequence[Span]) -> ByteStream:
        """The stored bytes of these runs, one after the other; no buffer reaches over two."""
        return _StripeStream(self, spans)


class _StripeStream(ByteStream):
    """Reads stripe by stripe."""

    def __init__(self, reader: PartReader, spans: Sequence[Span]) -> None:
        self._reader = reader
        self._parts = [span.part for span in spans]
        self._pieces = _pieces(spans)
        self._next = next(self._pieces, None)
        self._ahead: deque[tuple[StripeRead, int, int]] = deque()
        self._ahead_bytes = 0
        self._ready: deque[Buffer] = deque()
        self._closed = False
        reader.pins.pin(self._parts)

    async def __anext__(self) -> Buffer:
        """The next buffer, of at most a unit."""
        while not self._ready:
            self._fetch_ahead()
            if not self._ahead:
                raise StopAsyncIteration
            stripe, first, last = self._ahead[0]
            units = await stripe.units()
            self._ahead.popleft()
            self._count(first - last)
            self._ready.extend(_cut(units, first, last))
        return self._ready.popleft()

    def _fetch_ahead(self) -> None:
        while self._next is not None and (not self._ahead or self._may_fetch()):
            part, stripe, length, first, last = self._next
            self._ahead.append((StripeRead(self._reader.units, part, stripe, length), first, last))
            self._count(last - first)
            self._next = next(self._pieces, None)

    def _may_fetch(self) -> bool:
        return self._ahead_bytes < WINDOW_BYTES and self._reader.ahead_bytes < TOTAL_AHEAD_BYTES

    def _count(self, change: int) -> None:
        self._ahead_bytes += change
        self._reader.ahead_bytes += change

    async def aclose(self) -> None:
        """Stop fetching and unpin. Closing twice does nothing."""
        if self._closed:
            return
        self._closed = True
        self._next = None
        self._reader.pins.unpin(self._parts)
        self._count(-self._ahead_bytes)
        while self._ahead:
            self._ahead.popleft()[0].cancel()


def spans(parts: Sequence[Part], start: int, stop: int) -> list[Span]:
    """Where the bytes start..stop-1 of a version lie in `parts`, which are all that the range
    touches: runs of what the parts hold of the object (`Part.content_size`)."""
    found = []
    for part in parts:
        low = max(start - part.offset, 0)
        high = min(stop - part.offset, part.content_size)
        if low < high:
            found.append(Span(part, low, high))
    return found


def _pieces(spans: Sequence[Span]) -> Iterator[Piece]:
    """What is wanted, stripe by stripe, in reading order."""
    for part, low, high in spans:
        layout = Layout(part.size, part.unit_size, part.k)
        for stripe in layout.span(low, high):
            yield _piece(part, stripe, low, high)


def _piece(part: Part, stripe: int, low: int, high: int) -> Piece:
    """What a stripe has of the part's bytes low..high-1, which touch it."""
    size = part.k * part.unit_size
    base = stripe * size
    stop = min(base + size, part.size)
    length = unit_length_of(stop - base, part.k)
    return part, stripe, length, max(low - base, 0), min(high, stop) - base


def _cut(units: Sequence[Buffer], first: int, last: int) -> Sequence[Buffer]:
    """The bytes first..last-1 of the stripe whose data units these are, padding left out."""
    length = len(units[0])
    if first == 0 and last == length * len(units):
        return units
    cut = []
    for base, unit in zip(count(0, length), units):
        low, high = max(first - base, 0), min(last - base, length)
        if low < high:
            cut.append(unit if high - low == length else memoryview(unit)[low:high])
    return cut
