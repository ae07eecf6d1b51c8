"""The audit: every part, page by page, against what its nodes have.

    parts (a page) -> inventories of their range -> [deep: all bytes] -> what looks wrong is looked
    up again: gone -> no finding; elsewhere now -> looked at anew; as before -> finding

Rules:
1. Claims hold between two readings of the metadata: the part was named, with those nodes, before
   the nodes were asked and after. So what is deleted, moved or written meanwhile is no finding.
2. Memory is bounded by a page of parts, their inventories and deep.WINDOW_BYTES.
3. It changes nothing and queues nothing: what it finds is repair's business to find, too.
"""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from typing import Final

from coordinator.audit.deep import DeepReader, Verdict
from coordinator.audit.findings import Defect, Finding, Flaw, Progress, SilentNode, Summary
from coordinator.audit.inventories import Inventories
from coordinator.audit.shallow import compare, lacking
from coordinator.cluster import Cluster
from metadata import MetadataStore, NamedPart

PAGE_PARTS: Final = 200
PROGRESS_S: Final = 1.0
MAX_TOLD: Final = 1000
"""Findings told of each defect: who lost a disk needs no list of a million shards."""

MAX_LOOKS: Final = 3
"""How often a part is looked at anew because its shards were moved while it was looked at."""

Told = Finding | SilentNode | Progress | Summary


async def audit(
    metadata: MetadataStore,
    cluster: Cluster,
    *,
    bucket: str | None = None,
    deep: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[Told, None]:
    """Check all parts (or those of one bucket); findings as they come, Progress about every
    PROGRESS_S, and the Summary last. Close it when it is not exhausted.

    Raises MetadataError. A node that can't be asked is told, not raised.
    """
    work = _Audit(metadata, cluster, bucket, deep)
    started_s = told_s = clock()
    while True:
        page = asyncio.ensure_future(work.next_page())
        try:
            while not page.done():
                await asyncio.wait({page}, timeout=PROGRESS_S)
                if clock() - told_s >= PROGRESS_S:
                    told_s = clock()
                    yield work.progress()
            found = page.result()
        finally:
            page.cancel()
            await asyncio.wait({page})
        if found is None:
            break
        for told in found:
            yield told
    work.summary.elapsed_s = clock() - started_s
    yield work.summary


class _Audit:
    """One audit under way."""

    def __init__(
        self, metadata: MetadataStore, cluster: Cluster, bucket: str | None, deep: bool
    ) -> None:
        self.summary = Summary()
        self._metadata = metadata
        self._bucket = bucket
        self._deep = deep
        self._inventories = Inventories(cluster)
        self._reader = DeepReader(cluster, self._inventories.silent, self._read)
        self._after = b""

    def progress(self) -> Progress:
        """How far it is."""
        summary = self.summary
        return Progress(summary.parts, summary.bytes, summary.bytes_read, summary.findings)

    def _read(self, count: int) -> None:
        self.summary.bytes_read += count

    async def next_page(self) -> list[Told] | None:
        """Check the next parts; what was found, None after the last."""
        page = await self._metadata.parts_by_id(self._after, limit=PAGE_PARTS)
        if not page:
            return None
        self._after = page[-1].part.part_id
        expected = Counter(node_id for named in page for node_id in named.part.nodes)
        wanted = [named for named in page if self._bucket in (None, named.bucket)]
        told: list[Told] = []
        for looks in range(MAX_LOOKS):
            if not wanted:
                break
            verdicts = await self._look(wanted, expected)
            suspects = [named for named in wanted if verdicts[named.part.part_id].flaws]
            # The last look counts whatever became of the part since.
            moved = await self._moved(suspects) if looks < MAX_LOOKS - 1 else {}
            for named in wanted:
                if named.part.part_id not in moved:
                    told += self._judge(named, verdicts[named.part.part_id])
            wanted = [named for named in moved.values() if named is not None]
        for node_id, detail in self._inventories.silent.items():
            if node_id not in self.summary.silent_nodes:
                self.summary.silent_nodes.append(node_id)
                told.append(SilentNode(node_id, detail))
        return told

    async def _moved(self, suspects: Sequence[NamedPart]) -> dict[bytes, NamedPart | None]:
        """Those of the parts that are not what they were: as they are now, None if gone."""
        if not suspects:
            return {}
        now = await self._metadata.find_parts([named.part.part_id for named in suspects])
        moved: dict[bytes, NamedPart | None] = {}
        for named in suspects:
            part = now.get(named.part.part_id)
            if part is None:
                moved[named.part.part_id] = None
            elif part.nodes != named.part.nodes:
                moved[named.part.part_id] = NamedPart(
                    part, named.bucket, named.key, named.version_id, named.is_upload
                )
        return moved

    async def _look(
        self, page: Sequence[NamedPart], expected: Mapping[str, int]
    ) -> dict[bytes, Verdict]:
        """Ask the nodes for every shard of the parts, which are in the order of their ids.
        `expected`: how many shards each node has in such a range, those of other buckets too."""
        parts = [named.part for named in page]
        holders = {node_id for part in parts for node_id in part.nodes}
        inventories = await self._inventories.between(
            parts[0].part_id,
            parts[-1].part_id,
            {node_id: expected.get(node_id, 0) for node_id in holders},
        )
        verdicts = {}
        for part in parts:
            flaws = compare(part, inventories, self._inventories.silent)
            verdicts[part.part_id] = Verdict(flaws, lacking(flaws))
        if self._deep:
            for part_id, found in (await self._reader.check(parts)).items():
                verdicts[part_id] = _combined(verdicts[part_id], found)
        return verdicts

    def _judge(self, named: NamedPart, verdict: Verdict) -> Iterator[Finding]:
        """Count the part; its findings, as far as they are to be told."""
        summary, part = self.summary, named.part
        flaws = list(verdict.flaws)
        if verdict.lacking > part.m:
            detail = f"{verdict.lacking} shards can't be had, {part.m} may be lacking"
            flaws.append(Flaw(Defect.LOST, None, detail))
        summary.parts += 1
        summary.bytes += part.size
        summary.shards_expected += part.k + part.m
        flawed = {flaw.shard for flaw in flaws if flaw.shard is not None}
        summary.shards_found += part.k + part.m - len(flawed)
        if any(flaw.shard is None for flaw in flaws):
            summary.lost += 1
        elif flaws:
            summary.degraded += 1
        else:
            summary.whole += 1
        for flaw in flaws:
            summary.findings += 1
            summary.defects[flaw.defect] += 1
            if flaw.defect is not Defect.UNREACHABLE and summary.defects[flaw.defect] <= MAX_TOLD:
                summary.findings_told += 1
                yield Finding(named, flaw)


def _combined(shallow: Verdict, deep: Verdict) -> Verdict:
    """One flaw for each shard, besides SAME_NODE; the bytes decide what can't be had."""
    known = {flaw.shard for flaw in shallow.flaws if flaw.defect is not Defect.SAME_NODE}
    more = [flaw for flaw in deep.flaws if flaw.shard is None or flaw.shard not in known]
    return Verdict([*shallow.flaws, *more], deep.lacking)
