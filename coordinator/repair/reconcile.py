"""Compares what a node keeps with what the parts say: queues what is wanting, deletes strays.

Rules:
1. Both sides are read in the order of part ids, a page of parts first and then what the node has
   of them: a shard is durable before its part is named, so what is named and not there is missing.
2. A shard that no part names there is a stray only when it is older than the grace period (by the
   time in its part's id, which is the coordinator's clock; nodes' clocks count for nothing) and
   nobody writes its part now. It is looked up once more while its part is claimed: then nobody
   reads it, and no repair puts a copy there that would be deleted with it.
3. Whatever fails ends the comparison. It leaves nothing half done, and the next one starts anew.
"""

import logging
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coordinator.cluster import Cluster
from coordinator.metrics import Metrics
from coordinator.objects import Ids, Pins
from coordinator.repair.pace import Pace
from erasure import Layout
from metadata import MetadataStore, MissingShard, NamedPart, Part
from node.client import NodeClient
from node.record import HEADER_SIZE, ShardKey

PAGE: Final = 1000
"""Parts and shards that are compared at a time."""

MAX_SHARD: Final = 255

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What one comparison of a node found. Shards that wait to be repaired already are in
    `missing` too, but not in `queued`."""

    parts: int = 0
    missing: int = 0
    queued: int = 0
    strays_deleted: int = 0


class Reconciler:
    """See the module's rules."""

    def __init__(
        self,
        metadata: MetadataStore,
        cluster: Cluster,
        writing: Collection[bytes],
        pins: Pins,
        ids: Ids,
        metrics: Metrics,
        pace: Pace,
        *,
        grace_s: float,
        found: Callable[[], None],
    ) -> None:
        """`writing`: the parts being written now. `found` is called when repairs were queued."""
        self._metadata = metadata
        self._cluster = cluster
        self._writing = writing
        self._pins = pins
        self._ids = ids
        self._metrics = metrics
        self._pace = pace
        self._grace_ms = int(grace_s * 1000)
        self._found = found

    async def reconcile(self, node_id: str) -> Comparison:
        """Compare all of it. Raises NodeError, MetadataError, UnknownNode."""
        client = self._cluster.client(node_id)
        parts = missing = queued = deleted = 0
        after = b""
        while True:
            began_at = time.monotonic()
            limit = self._pace.page(PAGE)
            page = await self._metadata.parts_by_id(after, limit=limit)
            last = page[-1].part.part_id if len(page) == limit else None
            wanting, strays = await self._compare(client, page, after, last)
            queued += await self._queue(wanting)
            for start in range(0, len(strays), PAGE):
                deleted += await self._clear(client, strays[start : start + PAGE])
            parts, missing = parts + len(page), missing + len(wanting)
            if last is None:
                break
            after = last
            await self._pace.rest(time.monotonic() - began_at)
        result = Comparison(parts, missing, queued, deleted)
        log.info(
            "node compared",
            extra={"node": node_id, "parts": parts, "missing": missing, "strays": deleted},
        )
        return result

    async def _compare(
        self, client: NodeClient, page: list[NamedPart], after: bytes, last: bytes | None
    ) -> tuple[list[MissingShard], list[ShardKey]]:
        """What is wanting of these parts, and what is kept in their range and may be a stray."""
        expected = _expected(page, client.node_id)
        wanting: list[MissingShard] = []
        strays: list[ShardKey] = []
        newest_ms = self._ids.now_ms() - self._grace_ms
        async for kept in _inventory(client, after, last, self._pace):
            key = ShardKey(bytes.fromhex(kept["part_id"]), kept["shard"])
            part = expected.pop(key, None)
            if part is not None:
                if lack := _lack(part, kept["records"], kept["bytes"]):
                    wanting.append(MissingShard(*key, f"its node has {lack}"))
            elif (
                int.from_bytes(key.part_id[:6], "big") < newest_ms
                and key.part_id not in self._writing
            ):
                strays.append(key)
        wanting += [MissingShard(*key, "its node does not have it") for key in expected]
        return wanting, strays

    async def _queue(self, wanting: list[MissingShard]) -> int:
        if not wanting:
            return 0
        queued = await self._metadata.add_repairs(wanting, self._ids.now_ms())
        if queued:
            self._found()
        return queued

    async def _clear(self, client: NodeClient, strays: list[ShardKey]) -> int:
        """Delete those that are strays indeed; how many."""
        with self._pins.claim(key.part_id for key in strays) as claimed:
            named = await self._metadata.find_parts(list(claimed))
            sure = [
                key
                for key in strays
                if key.part_id in claimed
                and not _names(named.get(key.part_id), key.shard, client.node_id)
            ]
            if sure:
                await client.delete(sure)
                self._metrics.orphans_deleted.inc(len(sure))
        return len(sure)


def _expected(page: list[NamedPart], node_id: str) -> dict[ShardKey, Part]:
    return {
        ShardKey(one.part.part_id, one.part.nodes.index(node_id)): one.part
        for one in page
        if node_id in one.part.nodes
    }


def _names(part: Part | None, shard: int, node_id: str) -> bool:
    return part is not None and shard < len(part.nodes) and part.nodes[shard] == node_id


def _lack(part: Part, records: int, stored_bytes: int) -> str:
    """What the node lacks of a shard of the part; "" if nothing."""
    layout = Layout(part.size, part.unit_size, part.k)
    if records < layout.stripes:
        return f"{records} of its {layout.stripes} records"
    last = layout.stripes - 1
    size = last * part.unit_size + layout.unit_length(last) + layout.stripes * HEADER_SIZE
    return f"{stored_bytes} of its {size} bytes" if stored_bytes < size else ""


async def _inventory(
    client: NodeClient, after: bytes, last: bytes | None, pace: Pace
) -> AsyncIterator[Mapping[str, Any]]:
    """What the node has of parts with after < id <= last (None: to the end), in order."""
    cursor = ShardKey(after, MAX_SHARD) if after else None
    while True:
        page = await client.inventory(cursor, pace.page(PAGE))
        for shard in page["shards"]:
            if last is not None and bytes.fromhex(shard["part_id"]) > last:
                return
            yield shard
        if page["next"] is None:
            return
        end = page["shards"][-1]
        cursor = ShardKey(bytes.fromhex(end["part_id"]), end["shard"])
