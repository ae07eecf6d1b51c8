"""What a simulated coordinator reaches the simulated world by: clients of nodes, and the metadata.

Rules:
1. A client keeps the contract of `node.client.NodeClient`: same batching, same errors, same limits
   of time. A request that was not answered may have been carried out all the same.
2. The metadata are the reference model, which survives everything. A call takes effect at one
   moment between its start and its end; one that fails has none.
3. Both belong to the coordinator's process, and are of no use to it once it was killed.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from metadata import MetadataUnavailable
from metadata.memory import MemoryStore
from node.batching import Ended, Lane
from node.client import APPEND_LIMITS, READ_LIMITS, ClientLimits, Health, Outcome, Record
from node.errors import NodeUnreachable
from node.record import HEADER_SIZE, RecordKey, ShardKey
from tests.simulation.nodes import SimulatedNode
from tests.simulation.virtual_time import Process

T = TypeVar("T")
Item = TypeVar("Item")
Result = TypeVar("Result")

LIMITS = ClientLimits()
LATENCY_S = 0.002
BREAKS = 0.3
"""The share of requests that fail on a flaky way, and that many again whose answers get lost."""

TRANSACTION_S = 0.005
LONG_TRANSACTION_S = 1.0
LONG_SHARE = 0.02


class SimulatedClient:
    """See the module's rules."""

    def __init__(self, node_id: str, nodes: Mapping[str, SimulatedNode], process: Process) -> None:
        """`nodes` is looked at anew at every request: nodes come and go."""
        self.node_id = node_id
        self._nodes = nodes
        self._process = process
        self._is_closed = False
        self._batches: set[asyncio.Future[Any]] = set()
        self._appends = Lane(partial(self._begin, self._append_batch), APPEND_LIMITS)
        self._reads = Lane(partial(self._begin, self._read_batch), READ_LIMITS)

    @property
    def pending_bytes(self) -> int:
        """What waits in its queues."""
        return self._appends.pending_bytes + self._reads.pending_bytes

    async def append(self, records: Sequence[Record]) -> None:
        await self._append_batch(records)

    def submit_append(self, record: Record) -> asyncio.Future[None]:
        return self._appends.submit(record, HEADER_SIZE + len(record.payload))

    @property
    def has_append_room(self) -> bool:
        return self._appends.has_room

    async def append_room(self) -> None:
        await self._appends.room()

    async def _append_batch(self, records: Sequence[Record]) -> Sequence[None]:
        await self._ask(lambda node: partial(node.append, records))
        return [None] * len(records)

    async def read(self, wanted: Sequence[tuple[RecordKey, int]]) -> list[memoryview | Outcome]:
        return await self._read_batch([key for key, _ in wanted])

    def submit_read(self, key: RecordKey, length: int) -> asyncio.Future[memoryview | Outcome]:
        return self._reads.submit(key, HEADER_SIZE + length)

    async def _read_batch(self, keys: Sequence[RecordKey]) -> list[memoryview | Outcome]:
        return await self._ask(lambda node: partial(node.read, keys))

    async def delete(self, shards: Sequence[ShardKey]) -> None:
        await self._ask(lambda node: partial(node.delete, shards))

    async def health(self) -> Health:
        return await self._ask(lambda node: node.health, LIMITS.health_timeout_s)

    async def stats(self) -> dict[str, Any]:
        return await self._ask(lambda node: node.stats)

    async def inventory(self, after: ShardKey | None, limit: int) -> dict[str, Any]:
        return await self._ask(lambda node: partial(node.inventory, after, limit))

    async def scrub(self, cursor: str, max_bytes: int) -> dict[str, Any]:
        return await self._ask(
            lambda node: partial(node.scrub, cursor, max_bytes), LIMITS.scrub_timeout_s
        )

    async def close(self) -> None:
        self._is_closed = True
        self._appends.close()
        self._reads.close()
        for batch in self._batches:
            batch.cancel()
        await asyncio.gather(*self._batches, return_exceptions=True)

    # the way there and back -----------------------------------------------------------------------
    def _begin(
        self,
        perform: Callable[[Sequence[Item]], Coroutine[Any, Any, Sequence[Result]]],
        items: Sequence[Item],
        ended: Ended[Result],
    ) -> None:
        def end(batch: asyncio.Task[Sequence[Result]]) -> None:
            self._batches.discard(batch)
            if batch.cancelled():
                ended(NodeUnreachable("the client was closed"))
            elif isinstance(error := batch.exception(), Exception):
                ended(error)
            else:
                ended(batch.result())

        batch = asyncio.get_running_loop().create_task(perform(items))
        self._batches.add(batch)
        batch.add_done_callback(end)

    async def _ask(
        self,
        operation: Callable[[SimulatedNode], Callable[[], Awaitable[T]]],
        timeout_s: float = LIMITS.stall_timeout_s,
    ) -> T:
        self._process.check()
        node = self._nodes.get(self.node_id)
        if node is None or self._is_closed:
            raise NodeUnreachable(f"{self.node_id}: nobody there")
        chance = node.chance
        await asyncio.sleep(chance.uniform(0, LATENCY_S))
        if node.is_cut_off:
            await asyncio.sleep(min(timeout_s, LIMITS.connect_timeout_s))
            raise NodeUnreachable(f"{self.node_id}: no answer to a connect")
        if node.process is None:
            raise NodeUnreachable(f"{self.node_id}: connection refused")
        if node.is_flaky and chance.random() < BREAKS:
            raise NodeUnreachable(f"{self.node_id}: reset by peer")
        served = node.process.spawn(node.serve(operation(node)))
        served.add_done_callback(lambda done: done.cancelled() or done.exception())
        done, _ = await asyncio.wait({served}, timeout=timeout_s)
        if not done or node.is_cut_off:
            raise NodeUnreachable(f"{self.node_id}: silent")
        if served.cancelled() or (node.is_flaky and chance.random() < BREAKS):
            raise NodeUnreachable(f"{self.node_id}: the connection was lost")
        if self._is_closed:
            raise NodeUnreachable(f"{self.node_id}: the client was closed")
        return served.result()


class MetadataWeather:
    """Whether the metadata can be used now; for all coordinators."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.failing_share = 0.0


class SimulatedMetadata:
    """A MetadataStore: the reference model, at a distance. See the module's rules."""

    def __init__(self, store: MemoryStore, process: Process, weather: MetadataWeather) -> None:
        self._store = store
        self._process = process
        self._weather = weather

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        method = getattr(self._store, name)

        async def call(*arguments: Any, **options: Any) -> Any:
            await self._pause()
            weather = self._weather
            if weather.failing_share and weather.chance.random() < weather.failing_share:
                raise MetadataUnavailable("the database is locked")
            result = await method(*arguments, **options)
            await self._pause()
            return result

        return call

    async def _pause(self) -> None:
        chance = self._weather.chance
        if chance.random() < LONG_SHARE:
            await asyncio.sleep(chance.uniform(0, LONG_TRANSACTION_S))
        elif chance.random() < 0.5:
            await asyncio.sleep(chance.uniform(0, TRANSACTION_S))
        self._process.check()
