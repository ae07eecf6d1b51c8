"""An encrypted part on its way in: the client's bytes become frames, which the writer stores.

    body -> blocks -> hash, seal (in a thread when big) -> the writer

Rules:
1. The client's digest sees the bytes as the client sent them; what is stored has an MD5 of its own,
   by which the audit knows the part without its key.
2. Where even the MD5 is hidden, a checksum that nobody asked for is not kept.
3. One block is held back, because only the end tells which frame is the last.
"""

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from typing import Final

from coordinator.crypto import FRAME_BYTES, DataKey
from coordinator.objects.body import Body, BodyDigest, Digested, stripes
from node.record import Buffer

BLOCK_FRAMES: Final = 16
"""Frames that are sealed together: about a stripe of 1 MiB."""

INLINE_LIMIT_BYTES: Final = 32 * 1024
"""Up to here hashing and sealing cost less than the hop to a thread."""


class SealedBody:
    """A body and its digest in encrypted form; both are handed to the writer."""

    def __init__(
        self, body: Body, digest: BodyDigest, key: DataKey, part_id: bytes, number: int
    ) -> None:
        self._body = body
        self._digest = digest
        self._key = key
        self._cipher = key.part(part_id, number)
        self._stored_md5 = hashlib.md5(usedforsecurity=False)
        self._plain_size = 0

    async def chunks(self) -> AsyncGenerator[Buffer, None]:
        """The frames; raises what the body raises."""
        first = 0
        held: Buffer | None = None
        async for block in stripes(self._body, BLOCK_FRAMES * FRAME_BYTES):
            if held is not None:
                yield await self._seal(first, held, is_end=False)
                first += BLOCK_FRAMES
            held = block
        if held is not None:
            yield await self._seal(first, held, is_end=True)

    async def _seal(self, first: int, block: Buffer, *, is_end: bool) -> bytes:
        self._plain_size += len(block)
        if len(block) <= INLINE_LIMIT_BYTES:
            return self._hash_and_seal(first, block, is_end)
        return await asyncio.to_thread(self._hash_and_seal, first, block, is_end)

    def _hash_and_seal(self, first: int, block: Buffer, is_end: bool) -> bytes:
        self._digest.update(block)
        return self._cipher.seal(first, block, is_end=is_end)

    def update(self, data: Buffer) -> None:
        """Hash what is stored."""
        self._stored_md5.update(data)

    def finish(self) -> Digested:
        """Raises what the client's digest raises."""
        digested = self._digest.finish()
        is_kept = not (digested.is_default and self._key.hides_md5)
        return Digested(
            self._key.etag(digested.etag),
            digested.checksums if is_kept else {},
            self._plain_size,
            self._stored_md5.hexdigest(),
        )
