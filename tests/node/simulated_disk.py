"""A disk in memory that forgets what was not synced, tears writes, and fails when told to.

Rules: an inode keeps what is durable, what a process sees, and the operations between the two. A
crash keeps of these what `Fate` decides: a prefix, then perhaps a torn piece of the next. Names
become durable in the order of the directory's operations. After a failed sync the lost pages count
as clean: they are still seen, but no later sync makes them durable.
"""

import errno
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from node.record import Buffer

SECTOR_BYTES = 64
"""Small, so that small test records span several."""


class Crash(Exception):
    """The process, or the machine, stopped here."""


@dataclass
class Fate:
    """How a crash or a failed sync treats what was not synced, by a seed."""

    rng: random.Random
    out_of_order: bool = False

    def keep(self, pending: list[tuple[int, bytes | None]]) -> list[tuple[int, bytes | None]]:
        """What of the pending operations reached the disk. (offset, None) is a truncation."""
        count = self.rng.choice([0, len(pending), self.rng.randint(0, len(pending))])
        kept = pending[:count]
        if count < len(pending):
            offset, data = pending[count]
            if data is not None:
                kept += self._torn(offset, data)
        return kept

    def _torn(self, offset: int, data: bytes) -> list[tuple[int, bytes | None]]:
        if not self.out_of_order:
            return [(offset, data[: self.rng.randint(0, len(data))])]
        return [
            (offset + at, data[at : at + SECTOR_BYTES])
            for at in range(0, len(data), SECTOR_BYTES)
            if self.rng.random() < 0.5
        ]


@dataclass
class Inode:
    seen: bytearray = field(default_factory=bytearray)
    durable: bytearray = field(default_factory=bytearray)
    pending: list[tuple[int, bytes | None]] = field(default_factory=list)


def apply(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        if offset <= len(content):
            del content[offset:]
        else:
            content.extend(bytes(offset - len(content)))
        return
    if offset > len(content):
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class SimulatedFile:
    def __init__(self, disk: "SimulatedDisk", inode: Inode) -> None:
        self._disk, self._inode, self._epoch = disk, inode, disk.epoch

    def _alive(self) -> Inode:
        assert self._epoch == self._disk.epoch, "a handle from before the crash was used"
        return self._inode

    def size(self) -> int:
        return len(self._alive().seen)

    def write(self, buffers: Sequence[Buffer], offset: int) -> None:
        inode, data = self._alive(), b"".join(buffers)
        error = self._disk.operation("write")
        if error:
            data = data[: self._disk.fate.rng.randint(0, len(data))]
        apply(inode.seen, offset, data)
        inode.pending.append((offset, data))
        if error:
            raise error

    def read_into(self, buffer: memoryview, offset: int) -> int:
        data = self._alive().seen[offset : offset + len(buffer)]
        buffer[: len(data)] = data
        return len(data)

    def forget(self, offset: int, length: int) -> None:
        pass

    def sync(self) -> None:
        inode = self._alive()
        error = self._disk.operation("sync")
        pending, inode.pending = inode.pending, []
        for step in self._disk.fate.keep(pending) if error else pending:
            apply(inode.durable, *step)
        if error:
            # Sizes are the journal's, and are not forgotten with the pages.
            inode.pending = [step for step in pending if step[1] is None]
            raise error

    def truncate(self, size: int) -> None:
        inode = self._alive()
        if error := self._disk.operation("truncate"):
            raise error
        apply(inode.seen, size, None)
        inode.pending.append((size, None))


NameOperation = Callable[[dict[str, Inode]], object]


class SimulatedDisk:
    """See the module's rules. `crash_in`: how many more mutating operations happen at most.

    `errors`: kind of operation -> errno, or a list of errnos for the next ones (0: none).
    """

    def __init__(self, seed: int = 0) -> None:
        self.fate = Fate(random.Random(seed))
        self.epoch = 0
        self.crash_in: int | None = None
        self.errors: dict[str, list[int]] = {}
        self.free = 1 << 40
        self.operations = 0
        self._names: dict[str, Inode] = {}
        self._durable_names: dict[str, Inode] = {}
        self._pending: list[NameOperation] = []

    def operation(self, kind: str) -> OSError | None:
        """Count one mutating operation; stop here if it is time, or say how it fails."""
        if self.crash_in is not None:
            if self.crash_in == 0:
                raise Crash
            self.crash_in -= 1
        self.operations += 1
        planned = self.errors.get(kind)
        if planned and (number := planned.pop(0)):
            return OSError(number, errno.errorcode[number])
        return None

    def crash(self) -> None:
        """Lose what was not synced, as fate has it, and every open file."""
        self.epoch += 1
        self.crash_in = None
        self.errors.clear()
        for step in self._pending[: self.fate.rng.randint(0, len(self._pending))]:
            step(self._durable_names)
        self._pending.clear()
        for inode in {id(inode): inode for inode in self._inodes()}.values():
            for step in self.fate.keep(inode.pending):
                apply(inode.durable, *step)
            inode.seen, inode.pending = bytearray(inode.durable), []
        self._names = dict(self._durable_names)

    def stop(self) -> None:
        """The process ends, the machine goes on: what was written is still seen."""
        self.epoch += 1
        self.crash_in = None
        self.errors.clear()

    def _inodes(self) -> list[Inode]:
        return [*self._names.values(), *self._durable_names.values()]

    def content(self, name: str) -> bytearray:
        """The bytes of a file, to look at or to damage (then `rot` makes it last)."""
        return self._names[name].seen

    def rot(self, name: str, offset: int, flip: int) -> None:
        """Silent damage: a byte changes on the disk and in every cache."""
        inode = self._names[name]
        for content in (inode.seen, inode.durable):
            if offset < len(content):
                content[offset] ^= flip

    # Disk -------------------------------------------------------------------------------------
    def names(self) -> list[str]:
        return sorted(self._names)

    def open(self, name: str) -> SimulatedFile:
        if name not in self._names:
            raise FileNotFoundError(errno.ENOENT, name)
        return SimulatedFile(self, self._names[name])

    def create(self, name: str) -> SimulatedFile:
        if error := self.operation("create"):
            raise error
        if name in self._names:
            file = self.open(name)
            inode = self._names[name]
            apply(inode.seen, 0, None)
            inode.pending.append((0, None))
            return file
        inode = Inode()
        self._change(lambda names: names.update({name: inode}))
        return SimulatedFile(self, inode)

    def rename(self, old: str, new: str) -> None:
        if error := self.operation("rename"):
            raise error
        self._change(lambda names: names.update({new: names.pop(old)}))

    def unlink(self, name: str) -> None:
        if error := self.operation("unlink"):
            raise error
        if name not in self._names:
            raise FileNotFoundError(errno.ENOENT, name)
        self._change(lambda names: names.pop(name))

    def _change(self, step: NameOperation) -> None:
        step(self._names)
        self._pending.append(step)

    def sync_directory(self) -> None:
        if error := self.operation("sync_directory"):
            raise error
        for step in self._pending:
            step(self._durable_names)
        self._pending.clear()

    def free_bytes(self) -> int:
        return self.free

    def total_bytes(self) -> int:
        return 1 << 41
