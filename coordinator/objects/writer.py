"""Writes one part: body -> stripes -> shards -> nodes, durable on at least `required` of them.

Rules:
1. A stripe is hashed and encoded (in a thread when it is big) while the body goes on arriving and
   earlier stripes are on their way to the nodes: at most WINDOW stripes of memory.
2. A node that is down or fails once gets nothing more of this part; its shard is reported missing
   and is queued for repair by the caller's commit. So is that of a node which was away in between:
   it may have come back with another disk, without what it had taken before.
3. Nothing is visible before the commit, which is the caller's. A part that is given up leaves
   orphans, which are deleted at once where that is possible.
"""

import asyncio
from collections import deque
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType, TracebackType

from coordinator.cluster import Cluster, NodeState, Voucher
from coordinator.crypto import DataKey, stored_size
from coordinator.metrics import Metrics
from coordinator.objects.body import Body, BodyDigest, Digested, stripes
from coordinator.objects.errors import BodyTooLarge, WriteFailed
from coordinator.objects.ids import Ids
from coordinator.objects.sealed_body import SealedBody
from erasure import Codec, split
from metadata import MetadataUnavailable, MissingShard, Part
from node.client import Record, make_record
from node.errors import NodeError
from node.record import Buffer, RecordKey, ShardKey

WINDOW = 4
"""Stripes of one part under way to the nodes."""

INLINE_LIMIT_BYTES = 32 * 1024
"""Up to here hashing and encoding cost less than the hop to a thread."""

MAX_PART_BYTES = 5 * 1024**3


@dataclass(slots=True)
class WrittenPart:
    """A part whose shards are durable, not yet committed: that must follow without an await."""

    part: Part
    missing: tuple[MissingShard, ...]


@dataclass(frozen=True, slots=True)
class CodeSettings:
    """How parts are cut: k + m shards, units of `unit_size` bytes, `required` shards durable."""

    k: int
    m: int
    unit_size: int
    required: int


class PartWriter:
    """Writes parts; one for the whole coordinator."""

    def __init__(
        self, cluster: Cluster, codec: Codec, code: CodeSettings, ids: Ids, metrics: Metrics
    ) -> None:
        self._cluster = cluster
        self._codec = codec
        self._code = code
        self._ids = ids
        self._metrics = metrics
        self._discards: set[asyncio.Task[None]] = set()
        self._writing: dict[bytes, tuple[str, ...]] = {}
        self.writing: Mapping[bytes, tuple[str, ...]] = MappingProxyType(self._writing)
        """The parts between their first byte and their commit, with their nodes: nothing names
        them yet, and yet they are no orphans."""

    async def write(
        self, body: Body, digest: BodyDigest, number: int = 1, key: DataKey | None = None
    ) -> WrittenPart:
        """Store the body as one part, encrypted if there is a key.

        Raises WriteFailed when too few nodes took it, and whatever body or digest raise.
        """
        part_id = self._ids.part_id()
        limit = MAX_PART_BYTES
        if key is not None:
            sealed = SealedBody(body, digest, key, part_id, number)
            body, digest, limit = sealed.chunks(), sealed, stored_size(limit)
        code = self._code
        transfer = _Transfer(self._cluster, part_id, code)
        self._writing[part_id] = transfer.nodes
        size = 0
        try:
            stripe_number = 0
            sealing: asyncio.Future[list[Record]] | None = None
            async for stripe in stripes(body, code.k * code.unit_size):
                size += len(stripe)
                if size > limit:
                    raise BodyTooLarge(f"a part holds at most {MAX_PART_BYTES} bytes")
                if sealing is not None:
                    await transfer.send(await sealing)
                    sealing = None
                if len(stripe) <= INLINE_LIMIT_BYTES:
                    await transfer.send(self._seal(part_id, stripe_number, stripe, digest))
                else:
                    sealing = asyncio.get_running_loop().run_in_executor(
                        None, self._seal, part_id, stripe_number, stripe, digest
                    )
                stripe_number += 1
                self._metrics.encoded_stripes.inc()
            if sealing is not None:
                await transfer.send(await sealing)
            await transfer.finish()
            digested = digest.finish()
            missing = transfer.missing()
        except BaseException:
            self._start(self._discard_after(transfer))
            raise
        self._metrics.received_bytes.inc(size)
        if missing:
            self._metrics.degraded_writes.inc()
        return WrittenPart(self._part(transfer, number, size, digested), missing)

    def _seal(self, part_id: bytes, stripe: int, data: Buffer, digest: BodyDigest) -> list[Record]:
        """Hash the stripe and cut it into its n records."""
        digest.update(data)
        units = split(data, self._code.k)
        parity = self._codec.encode(units)
        return [
            make_record(RecordKey(part_id, shard, stripe), unit.data)
            for shard, unit in enumerate((*units, *parity))
        ]

    def _part(self, transfer: "_Transfer", number: int, size: int, digested: Digested) -> Part:
        code = self._code
        return Part(
            part_id=transfer.part_id,
            number=number,
            size=size,
            etag=digested.etag,
            k=code.k,
            m=code.m,
            unit_size=code.unit_size,
            nodes=transfer.nodes,
            created_at_ms=self._ids.now_ms(),
            checksums=digested.checksums,
            plain_size=digested.plain_size,
            stored_md5=digested.stored_md5,
        )

    def committing(self, written: WrittenPart) -> "_Commit":
        """Around the commit of a written part: gives the part up if the commit is refused."""
        return _Commit(self, written.part, self._cluster.vouchers.vouch(written.part.nodes))

    def committed(self, part: Part, error: BaseException | None) -> None:
        """The commit of a written part is over, perhaps with an error."""
        self._writing.pop(part.part_id, None)
        # A commit whose fsync failed may still come back from the log after a crash: its shards
        # must be there then. If it does not, they are orphans. One that was cancelled may go on.
        if isinstance(error, Exception) and not isinstance(error, MetadataUnavailable):
            self._start(self._delete(part.part_id, part.nodes))

    async def _discard_after(self, transfer: "_Transfer") -> None:
        # A delete that overtook an append would leave the shard behind for good.
        await transfer.settle()
        if transfer.sent:
            await self._delete(transfer.part_id, transfer.nodes)
        del self._writing[transfer.part_id]

    def _start(self, discard: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(discard)
        self._discards.add(task)
        task.add_done_callback(self._discards.discard)

    async def _delete(self, part_id: bytes, nodes: Sequence[str]) -> None:
        deletes = [
            self._cluster.client(node).delete([ShardKey(part_id, shard)])
            for shard, node in enumerate(nodes)
            if self._cluster.states.get(node, NodeState.DOWN) is not NodeState.DOWN
        ]
        # What can't be deleted now is an orphan, found by comparing inventories.
        await asyncio.gather(*deletes, return_exceptions=True)

    async def close(self) -> None:
        """Wait for the discards under way."""
        await asyncio.gather(*self._discards, return_exceptions=True)


class _Commit:
    """The commit of a part, while it is under way."""

    __slots__ = ("_part", "_voucher", "_writer")

    def __init__(self, writer: PartWriter, part: Part, voucher: Voucher) -> None:
        self._writer = writer
        self._part = part
        self._voucher = voucher

    def __enter__(self) -> None:
        self._voucher.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._voucher.__exit__(kind, error, trace)
        self._writer.committed(self._part, error)


class _Transfer:
    """The shards of one part on their way to their nodes."""

    def __init__(self, cluster: Cluster, part_id: bytes, code: CodeSettings) -> None:
        self.part_id = part_id
        self.nodes = cluster.place(part_id)
        self._outages = cluster.outages_of(self.nodes)
        self.sent = False
        self._cluster = cluster
        self._code = code
        self._failed: dict[int, str] = {}
        self._under_way: deque[list[tuple[int, asyncio.Future[None]]]] = deque()
        states = cluster.states
        for shard, node in enumerate(self.nodes):
            if states[node] is NodeState.DOWN:
                self._failed[shard] = f"node {node} is down"
        self._require()

    def _require(self) -> None:
        if len(self.nodes) - len(self._failed) < self._code.required:
            raise WriteFailed(
                f"only {len(self.nodes) - len(self._failed)} of {len(self.nodes)} shards can be"
                f" stored, {self._code.required} are required",
                {self.nodes[shard]: reason for shard, reason in self._failed.items()},
            )

    async def send(self, records: Sequence[Record]) -> None:
        """Start the stripe's appends; waits while WINDOW stripes are under way."""
        while len(self._under_way) >= WINDOW:
            await self._await_oldest()
        self.sent = True
        appends = []
        for shard, record in enumerate(records):
            if shard not in self._failed:
                client = self._cluster.client(self.nodes[shard])
                # A node that falls behind holds back all uploads, so that together they don't
                # queue more for it than its client allows.
                if not client.has_append_room:
                    await client.append_room()
                appends.append((shard, client.submit_append(record)))
        self._under_way.append(appends)

    async def finish(self) -> None:
        """Wait until everything sent is durable or has failed."""
        while self._under_way:
            await self._await_oldest()

    async def _await_oldest(self) -> None:
        for shard, future in self._under_way[0]:
            try:
                await future
            except NodeError as error:
                self._failed.setdefault(shard, str(error))
                self._cluster.note_failure(self.nodes[shard], error)
        self._under_way.popleft()
        if self._failed:
            self._require()

    async def settle(self) -> None:
        """Wait for what is under way, whatever comes of it."""
        futures = [future for stripe in self._under_way for _, future in stripe]
        await asyncio.gather(*futures, return_exceptions=True)

    def missing(self) -> tuple[MissingShard, ...]:
        """The shards that are not durable. A part without stripes has none to miss.

        Raises WriteFailed if they are too many.
        """
        if not self.sent:
            return ()
        outages = self._cluster.outages_of(self.nodes)
        if outages != self._outages:
            for shard, node in enumerate(self.nodes):
                if outages[shard] != self._outages[shard]:
                    self._failed.setdefault(shard, f"node {node} was away meanwhile")
        if not self._failed:
            return ()
        self._require()
        return tuple(
            MissingShard(self.part_id, shard, reason)
            for shard, reason in sorted(self._failed.items())
        )
