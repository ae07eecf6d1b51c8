"""What the writer needs of a body: its bytes once, in order, and a digest that can refuse them.

Rules: memory stays flat whatever the length; a body that fails half-way raises from the iterator,
and then nothing of it is committed.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from node.record import Buffer

Body = AsyncIterator[Buffer]
"""Chunks of any size, each valid until the next one is asked for."""


@dataclass(slots=True)
class Digested:
    """What the whole body amounts to: its MD5 in hex, and checksums as in metadata's Part, which
    nobody asked for if `is_default`.

    Of an encrypted body also how many bytes the client sent, and the MD5 of those that are stored.
    """

    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)
    plain_size: int | None = None
    stored_md5: str = ""
    is_default: bool = False


class BodyDigest(Protocol):
    """Hashes of a body under way."""

    def update(self, data: Buffer) -> None:
        """Take in the next bytes. Called from a worker thread, one call at a time."""
        ...

    def finish(self) -> Digested:
        """Called once after the last byte; raises whatever the surface wants when the body is not
        what the client announced, and nothing is committed then."""
        ...


async def stripes(body: Body, stripe_size: int) -> AsyncIterator[Buffer]:
    """Re-cut a body into runs of exactly `stripe_size` bytes, the last one shorter (never empty).

    A stripe that arrives in one chunk is passed on as a view of it; else it is joined once.
    """
    waiting: list[Buffer] = []
    size = 0
    async for chunk in body:
        waiting.append(chunk)
        size += len(chunk)
        if size < stripe_size:
            continue
        joined = memoryview(_join(waiting))
        start = 0
        while size - start >= stripe_size:
            yield joined[start : start + stripe_size]
            start += stripe_size
        size -= start
        waiting = [joined[start:]] if size else []
    if size:
        yield _join(waiting)


def _join(chunks: Sequence[Buffer]) -> Buffer:
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)
