"""A storage node that is simulated: a disk that outlives its process, and all that can befall both.

Rules:
1. What was answered for is on the disk. Of what was not, when the process dies, any part may be.
2. Appends and deletes are carried out one by one, in the order in which they came; also for callers
   that have given up meanwhile, after a hang.
3. A full disk refuses appends whole; reads and deletes go on. Damage is seen by whoever reads the
   record, and by a scrub; the inventory knows nothing of it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeVar

from node.client import Health, Outcome, Record
from node.errors import NodeFull
from node.protocol import format_cursor
from node.record import HEADER_SIZE, RecordKey, ShardKey, check_payload, decode_header
from tests.simulation.virtual_time import Process

T = TypeVar("T")

CLUSTER_ID = "simulated"
SYNC_S = 0.002
STALL_S = 1.5
STALL_SHARE = 0.03
"""Of all that goes to the disk."""

LISTING_STALL_SHARE = 0.2

READ_S = 0.0005


class Disk:
    """What a node keeps: intact records, and some that are not."""

    def __init__(self, store_id: str) -> None:
        self.store_id = store_id
        self.records: dict[RecordKey, bytes] = {}
        self.damaged: set[RecordKey] = set()

    def store(self, records: Sequence[Record]) -> None:
        for record in records:
            self.records[record.key] = bytes(record.payload)
            self.damaged.discard(record.key)

    def delete(self, shards: Sequence[ShardKey]) -> None:
        for shard in shards:
            for key in self.of(shard):
                self.lose(key)

    def lose(self, key: RecordKey) -> None:
        del self.records[key]
        self.damaged.discard(key)

    def of(self, shard: ShardKey) -> list[RecordKey]:
        """The records of a shard."""
        return [key for key in self.records if key[:2] == shard]

    def read(self, key: RecordKey) -> memoryview | Outcome:
        if key in self.damaged:
            return Outcome.DAMAGED
        return memoryview(self.records[key]) if key in self.records else Outcome.MISSING


class SimulatedNode:
    """A node: its disk, its process if it runs, and the way to it."""

    def __init__(self, node_id: str, disk: Disk, chance: random.Random) -> None:
        self.node_id = node_id
        self.disk = disk
        self.process: Process | None = None
        self.is_full = False
        self.is_cut_off = False
        """No packet gets to it or back."""

        self.is_flaky = False
        """Connections break, before or after the request was carried out."""

        self.delay_s = 0.0
        self.chance = chance
        self._awake = asyncio.Event()
        self._awake.set()
        self._writing = asyncio.Lock()

    # what befalls it ------------------------------------------------------------------------------
    def start(self) -> None:
        assert self.process is None, "started twice"
        self.process = Process(self.node_id)
        self._awake.set()
        self._writing = asyncio.Lock()

    async def kill(self) -> None:
        """As by SIGKILL."""
        if self.process is not None:
            process, self.process = self.process, None
            await process.kill()

    def replace_disk(self, store_id: str) -> None:
        """Another, empty one stands in its place."""
        assert self.process is None, "a disk is replaced while its node is down"
        self.disk = Disk(store_id)
        self.is_full = False

    def hang(self) -> None:
        """As by SIGSTOP: connections are accepted, and nothing is answered."""
        self._awake.clear()

    def go_on(self) -> None:
        self._awake.set()

    # what it answers ------------------------------------------------------------------------------
    async def serve(self, operation: Callable[[], Awaitable[T]]) -> T:
        await self._awake.wait()
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        return await operation()

    async def append(self, records: Sequence[Record]) -> None:
        async with self._writing:
            if self.is_full:
                raise NodeFull(f"{self.node_id} is full")
            for record in records:
                header = decode_header(record.header)
                check_payload(header, record.payload)
                assert header.key == record.key
            disk = self.disk
            await self._write(disk.store, records)

    async def delete(self, shards: Sequence[ShardKey]) -> None:
        async with self._writing:
            await self._write(self.disk.delete, shards)

    async def _write(self, write: Callable[[Sequence[Any]], None], items: Sequence[Any]) -> None:
        try:
            await self._wait_for_disk(SYNC_S)
        except asyncio.CancelledError:
            # Killed before the flush had ended: some of it may have got to the disk.
            write(items[: self.chance.randint(0, len(items))])
            raise
        write(items)

    async def _wait_for_disk(self, seconds: float, stall_share: float = STALL_SHARE) -> None:
        stalls = self.chance.random() < stall_share
        await asyncio.sleep(self.chance.uniform(0, STALL_S if stalls else seconds))

    async def read(self, keys: Sequence[RecordKey]) -> list[memoryview | Outcome]:
        await self._wait_for_disk(READ_S)
        return [self.disk.read(key) for key in keys]

    async def health(self) -> Health:
        return Health(self.node_id, self.disk.store_id, CLUSTER_ID, self.node_id, 1.0, "ok")

    async def stats(self) -> dict[str, Any]:
        return {"live_bytes": sum(map(_size, self.disk.records.values()))}

    async def inventory(self, after: ShardKey | None, limit: int) -> dict[str, Any]:
        await self._wait_for_disk(READ_S, LISTING_STALL_SHARE)
        kept: dict[ShardKey, list[int]] = {}
        for key, payload in self.disk.records.items():
            name = ShardKey(key.part_id, key.shard)
            if after is None or name > after:
                kept.setdefault(name, []).append(_size(payload))
        page = sorted(kept.items())[:limit]
        shards = [
            {
                "part_id": name.part_id.hex(),
                "shard": name.shard,
                "records": len(sizes),
                "bytes": sum(sizes),
            }
            for name, sizes in page
        ]
        return {
            "shards": shards,
            "next": format_cursor(page[-1][0]) if len(kept) > len(page) else None,
        }

    async def scrub(self, cursor: str, max_bytes: int) -> dict[str, Any]:
        """A cursor is the key of the last record that was read, in hex."""
        await self._wait_for_disk(READ_S)
        read, damaged, last = 0, [], None
        for key in sorted(self.disk.records):
            if cursor and _name(key) <= cursor:
                continue
            if last is not None and read >= max_bytes:
                break
            read, last = read + _size(self.disk.records[key]), key
            if key in self.disk.damaged:
                damaged.append(
                    {
                        "part_id": key.part_id.hex(),
                        "shard": key.shard,
                        "stripe": key.stripe,
                        "reason": "payload does not match its checksum",
                    }
                )
        return {"cursor": last and _name(last), "bytes": read, "damaged": damaged}


def _size(payload: bytes) -> int:
    return HEADER_SIZE + len(payload)


def _name(key: RecordKey) -> str:
    return f"{key.part_id.hex()}{key.shard:02x}{key.stripe:08x}"
