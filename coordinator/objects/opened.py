"""Encrypted parts on their way out: the frames that a range touches, opened and cut to the range.

Rules: nothing of a frame is given away before all of it is proven. One that does not open raises
Unreadable: never wrong bytes.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from typing import Final

from coordinator.crypto import FRAME_BYTES, STORED_FRAME_BYTES, DataKey, Tampered
from coordinator.objects.errors import Unreadable
from coordinator.objects.reader import ByteStream, Span
from node.record import Buffer

INLINE_LIMIT_BYTES: Final = STORED_FRAME_BYTES
"""Up to here opening costs less than the hop to a thread."""


def widened(spans: Sequence[Span]) -> list[Span]:
    """Runs of plain bytes of encrypted parts as runs of the stored bytes of whole frames."""
    wide = []
    for part, low, high in spans:
        start = low // FRAME_BYTES * STORED_FRAME_BYTES
        stop = -(-high // FRAME_BYTES) * STORED_FRAME_BYTES
        wide.append(Span(part, start, min(stop, part.size)))
    return wide


class OpenedStream(ByteStream):
    """The plain bytes of a range of encrypted parts, from another stream."""

    def __init__(self, stored: ByteStream, spans: Sequence[Span], key: DataKey) -> None:
        """`stored` gives the bytes of `widened(spans)`."""
        self._stored = stored
        self._spans = deque(_OpeningSpan(span, key) for span in spans)
        self._ready: deque[Buffer] = deque()

    async def __anext__(self) -> Buffer:
        """The next buffer, of at most a frame. Raises Unreadable."""
        while not self._ready:
            if not self._spans:
                raise StopAsyncIteration
            span = self._spans[0]
            # No buffer of the stored stream reaches over two spans.
            stored = await anext(self._stored, None)
            if stored is None:
                raise Unreadable("an encrypted part is shorter than it should be")
            self._ready.extend(await span.take(stored))
            if span.is_done:
                self._spans.popleft()
        return self._ready.popleft()

    async def aclose(self) -> None:
        """Stop reading. Closing twice does nothing."""
        self._spans.clear()
        await self._stored.aclose()


class _OpeningSpan:
    """One part's share of a range, as its frames come in."""

    def __init__(self, span: Span, key: DataKey) -> None:
        self._part, self._low, self._high = span
        self._cipher = key.part(self._part.part_id, self._part.number)
        self._frame = self._low // FRAME_BYTES
        self._last_frame = (self._part.size - 1) // STORED_FRAME_BYTES
        self._stop = widened([span])[0].stop
        self._waiting: list[Buffer] = []
        self._waiting_bytes = 0

    @property
    def is_done(self) -> bool:
        """Whether all of it was opened."""
        return self._frame * STORED_FRAME_BYTES >= self._stop

    async def take(self, buffer: Buffer) -> list[Buffer]:
        """What the next stored bytes complete of the plain ones."""
        self._waiting.append(buffer)
        self._waiting_bytes += len(buffer)
        is_end = self._frame * STORED_FRAME_BYTES + self._waiting_bytes >= self._stop
        size = self._waiting_bytes
        if not is_end:
            size -= size % STORED_FRAME_BYTES
        if not size:
            return []
        joined = memoryview(
            self._waiting[0] if len(self._waiting) == 1 else b"".join(self._waiting)
        )
        self._waiting = [joined[size:]] if size < len(joined) else []
        self._waiting_bytes = len(joined) - size
        return await self._open(joined[:size])

    async def _open(self, frames: memoryview) -> list[Buffer]:
        first = self._frame
        self._frame += -(-len(frames) // STORED_FRAME_BYTES)
        is_end = self._frame > self._last_frame
        try:
            if len(frames) <= INLINE_LIMIT_BYTES:
                opened = self._cipher.open(first, frames, is_end=is_end)
            else:
                opened = await asyncio.to_thread(self._cipher.open, first, frames, is_end=is_end)
        except Tampered as error:
            raise Unreadable(f"part {self._part.part_id.hex()}: {error}") from error
        return [
            cut for index, frame in enumerate(opened, first) if (cut := self._cut(index, frame))
        ]

    def _cut(self, index: int, frame: bytes) -> Buffer:
        base = index * FRAME_BYTES
        low, high = max(self._low - base, 0), min(self._high - base, len(frame))
        return frame if low == 0 and high == len(frame) else memoryview(frame)[low:high]
