"""The few file-system operations the engine needs, as a seam that tests can replace.

Rules:
1. Nothing written is durable before `File.sync`; nothing created, renamed or removed is durable
   before `Disk.sync_directory`. Whoever acknowledges something calls both where they apply.
2. `File.write` is all or OSError; after an error any part of the bytes may have been written.
3. A `File` closes when its last reference goes. A reader may therefore go on with a segment that
   compaction has just unlinked, and nobody counts readers.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from node.record import Buffer

MAX_BUFFERS_PER_CALL: Final = 1024
"""IOV_MAX on Linux: what one pwritev accepts."""


class File(Protocol):
    """An open file: positions are always explicit."""

    def size(self) -> int: ...

    def write(self, buffers: Sequence[Buffer], offset: int) -> None: ...

    def read_into(self, buffer: memoryview, offset: int) -> int:
        """Fill the buffer as far as the file reaches; how many bytes that were."""
        ...

    def forget(self, offset: int, length: int) -> None:
        """Drop cached pages, so that the next read comes from the disk itself."""
        ...

    def sync(self) -> None: ...

    def truncate(self, size: int) -> None: ...


class Disk(Protocol):
    """One flat directory of files."""

    def names(self) -> list[str]: ...

    def open(self, name: str) -> File: ...

    def create(self, name: str) -> File:
        """Open an empty file of that name; a former one is emptied."""
        ...

    def rename(self, old: str, new: str) -> None: ...

    def unlink(self, name: str) -> None: ...

    def sync_directory(self) -> None: ...

    def free_bytes(self) -> int: ...

    def total_bytes(self) -> int: ...


class LocalFile:
    """A file of the operating system."""

    __slots__ = ("_fd",)

    def __init__(self, path: Path, flags: int) -> None:
        self._fd = -1
        self._fd = os.open(path, flags | os.O_CLOEXEC, 0o600)

    def __del__(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)

    def size(self) -> int:
        return os.fstat(self._fd).st_size

    def write(self, buffers: Sequence[Buffer], offset: int) -> None:
        for first in range(0, len(buffers), MAX_BUFFERS_PER_CALL):
            chunk = buffers[first : first + MAX_BUFFERS_PER_CALL]
            size = sum(map(len, chunk))
            written = os.pwritev(self._fd, chunk, offset)
            if written < size:
                self._write_rest(b"".join(chunk), written, offset)
            offset += size

    def _write_rest(self, data: bytes, written: int, offset: int) -> None:
        # A short write is what a filling disk gives before ENOSPC: rare, so the copy is fine.
        rest = memoryview(data)
        while written < len(rest):
            written += os.pwrite(self._fd, rest[written:], offset + written)

    def read_into(self, buffer: memoryview, offset: int) -> int:
        done = 0
        while done < len(buffer):
            count = os.preadv(self._fd, [buffer[done:]], offset + done)
            if count == 0:
                break
            done += count
        return done

    def forget(self, offset: int, length: int) -> None:
        os.posix_fadvise(self._fd, offset, length, os.POSIX_FADV_DONTNEED)

    def sync(self) -> None:
        os.fdatasync(self._fd)

    def truncate(self, size: int) -> None:
        os.ftruncate(self._fd, size)


class LocalDisk:
    """A directory of the operating system."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def names(self) -> list[str]:
        return sorted(os.listdir(self._directory))

    def open(self, name: str) -> LocalFile:
        return LocalFile(self._directory / name, os.O_RDWR)

    def create(self, name: str) -> LocalFile:
        return LocalFile(self._directory / name, os.O_RDWR | os.O_CREAT | os.O_TRUNC)

    def rename(self, old: str, new: str) -> None:
        os.rename(self._directory / old, self._directory / new)

    def unlink(self, name: str) -> None:
        os.unlink(self._directory / name)

    def sync_directory(self) -> None:
        sync_directory(self._directory)

    def free_bytes(self) -> int:
        status = os.statvfs(self._directory)
        return status.f_bavail * status.f_frsize

    def total_bytes(self) -> int:
        status = os.statvfs(self._directory)
        return status.f_blocks * status.f_frsize


def sync_directory(directory: Path) -> None:
    """Make the directory's entries durable."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
