"""The bytes of an upload, whatever they came as, so that they can be hashed and sent again.

Rules: bytes and seekable files can be replayed; iterators and pipes cannot. The MD5 of what was
sent is kept because the ETag answered must equal it.
"""

import hashlib
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator
from typing import BinaryIO, Protocol, cast

from trilith.errors import UsageError

CHUNK_BYTES = 256 * 1024

Progress = Callable[[int], None]
"""Called with the number of bytes that have passed so far; it falls back when a try is repeated."""


class ReadableFile(Protocol):
    """Something with `read`; `seek`, `tell` and `seekable` are used when it has them."""

    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""
        ...


UploadData = bytes | bytearray | memoryview | ReadableFile | BinaryIO | Iterable[bytes]
AsyncUploadData = UploadData | AsyncIterable[bytes]


class Body:
    """An upload's bytes. `size` is None when it cannot be known beforehand."""

    def __init__(self, data: AsyncUploadData, progress: Progress | None = None) -> None:
        if isinstance(data, str):
            raise UsageError("data must be bytes, a binary file or an iterator of bytes, not str")
        self._data = data
        self._progress = progress
        self._start = 0
        self._digest = hashlib.md5(usedforsecurity=False)
        self.size: int | None = None
        self.replayable = False
        if isinstance(data, bytes | bytearray | memoryview):
            self._data = memoryview(data).cast("B")
            self.size, self.replayable = len(self._data), True
        elif hasattr(data, "read") and _is_seekable(data):
            self._start = data.tell()  # type: ignore[union-attr]
            self.size = data.seek(0, os.SEEK_END) - self._start  # type: ignore[union-attr]
            self.replayable = True

    @property
    def md5(self) -> str:
        """The MD5 of what the last try sent, in hex."""
        return self._digest.hexdigest()

    def chunks(self) -> Iterator[bytes]:
        """All bytes from the beginning, for one try."""
        return self._watched(self._pieces())

    async def achunks(self) -> AsyncIterator[bytes]:
        """The same for an AsyncClient. A file is read on the event loop's thread: its slices are
        short, and a hop to another thread costs as much as reading one."""
        if isinstance(self._data, AsyncIterable):
            sent = self._begin()
            async for piece in self._data:
                sent = self._count(sent, piece)
                yield piece
            return
        for piece in self.chunks():
            yield piece

    def _pieces(self) -> Iterator[bytes]:
        data = self._data
        if isinstance(data, memoryview):
            for start in range(0, len(data), CHUNK_BYTES):
                yield bytes(data[start : start + CHUNK_BYTES])
        elif hasattr(data, "read"):
            if self.replayable:
                data.seek(self._start)  # type: ignore[union-attr]
            while piece := data.read(CHUNK_BYTES):
                yield piece
        elif isinstance(data, Iterable):
            yield from cast(Iterable[bytes], data)
        else:
            raise UsageError("an async iterator needs an AsyncClient")

    def _watched(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        sent = self._begin()
        for piece in pieces:
            sent = self._count(sent, piece)
            yield piece

    def _begin(self) -> int:
        self._digest = hashlib.md5(usedforsecurity=False)
        return 0

    def _count(self, sent: int, piece: bytes) -> int:
        self._digest.update(piece)
        sent += len(piece)
        if self._progress is not None:
            self._progress(sent)
        return sent


def _is_seekable(data: object) -> bool:
    seekable = getattr(data, "seekable", None)
    return bool(seekable is not None and seekable())
