"""Records what became of a chunk of repairs, so that the metadata never says more than is true.

Rules:
1. A shard counts as repaired only when it is durable on a target that has not been away since: a
   node wiped right after the append would otherwise be taken for whole. One that is away while
   that is being recorded is compared afterwards (`Cluster.vouchers`).
2. The order is append, then record. A crash in between repeats the repair, which then finds the
   shard in its place.
3. What was written for a part that was dropped meanwhile, or whose shard another has moved, is
   deleted again: but only after asking what the part names now.
4. What fails is tried again after longer and longer pauses, MAX_ATTEMPTS times; what is only
   blocked waits without limit, and is woken when a node comes up.
"""

import logging
from collections.abc import Iterable, Sequence
from typing import Final

from coordinator.cluster import Cluster, UnknownNode
from coordinator.objects import Ids, RepairReports
from coordinator.repair.attempt import Attempt, Verdict
from coordinator.repair.progress import Progress
from metadata import MetadataStore, MissingShard, PutOff, ShardMove, ShardName
from node.errors import NodeError
from node.record import ShardKey

MAX_ATTEMPTS: Final = 5
FIRST_RETRY_S: Final = 5.0
RETRY_FACTOR: Final = 4
"""Retries after 5, 20, 80 and 320 s."""

log = logging.getLogger(__name__)


class Ledger:
    """See the module's rules. Raises MetadataError: then the tasks stay as they were."""

    def __init__(
        self,
        metadata: MetadataStore,
        cluster: Cluster,
        reports: RepairReports,
        ids: Ids,
        progress: Progress,
    ) -> None:
        self._metadata = metadata
        self._cluster = cluster
        self._reports = reports
        self._ids = ids
        self._progress = progress

    async def settle(self, attempts: Sequence[Attempt]) -> None:
        """Record what became of the attempts, all of which are decided."""
        for attempt in attempts:
            if attempt.verdict is Verdict.DONE and self._is_in_doubt(attempt):
                attempt.take_back(f"node {attempt.target} was away meanwhile")
        sorted_out: dict[Verdict, list[Attempt]] = {verdict: [] for verdict in Verdict}
        for attempt in attempts:
            assert attempt.verdict is not None, "attempts are decided before they are recorded"
            sorted_out[attempt.verdict].append(attempt)
        done = sorted_out[Verdict.DONE]
        with self._cluster.vouchers.vouch({attempt.target for attempt in done}):
            await self._finish([attempt for attempt in done if not attempt.moves])
            await self._move([attempt for attempt in done if attempt.moves])
        if needless := sorted_out[Verdict.NEEDLESS]:
            await self._metadata.finish_repairs(_names(needless))
        await self._put_off(sorted_out[Verdict.BLOCKED])
        await self._fail(sorted_out[Verdict.FAILED])

    def _is_in_doubt(self, attempt: Attempt) -> bool:
        try:
            return self._cluster.outages(attempt.target) != attempt.outages
        except UnknownNode:
            return True

    # what is done -------------------------------------------------------------------------------
    async def _finish(self, done: Sequence[Attempt]) -> None:
        if not done:
            return
        written = [attempt for attempt in done if attempt.written_bytes]
        # Dropped before this: nobody would delete what was written. Dropped after it: that very
        # drop adds the reclaim, which waits for our pin.
        named = await self._metadata.find_parts([each.due.part.part_id for each in written])
        strays = [attempt for attempt in written if attempt.due.part.part_id not in named]
        await self._metadata.finish_repairs(_names(done))
        await self._delete(strays)
        self._count(done)

    async def _move(self, done: Sequence[Attempt]) -> None:
        if not done:
            return
        moved = await self._metadata.move_shards(
            [
                ShardMove(*each.due.task.name, each.due.part.nodes[each.shard], each.target)
                for each in done
            ]
        )
        refused = [attempt for attempt, went in zip(done, moved, strict=True) if not went]
        self._count([attempt for attempt, went in zip(done, moved, strict=True) if went])
        if not refused:
            return
        now = await self._metadata.find_parts([each.due.part.part_id for each in refused])
        strays = []
        for attempt in refused:
            part = now.get(attempt.due.part.part_id)
            if part is None or part.nodes[attempt.shard] != attempt.target:
                strays.append(attempt)
            attempt.take_back("the part changed meanwhile")
        await self._delete(strays)
        await self._put_off(refused)

    async def _delete(self, strays: Sequence[Attempt]) -> None:
        by_node: dict[str, list[ShardKey]] = {}
        for attempt in strays:
            by_node.setdefault(attempt.target, []).append(ShardKey(*attempt.due.task.name))
        for node_id, shards in by_node.items():
            try:
                await self._cluster.client(node_id).delete(shards)
            except (NodeError, UnknownNode) as error:
                # Orphans now, found by comparing inventories.
                log.warning("strays left", extra={"node": node_id, "detail": str(error)})

    def _count(self, done: Sequence[Attempt]) -> None:
        self._reports.forget(_names(done))
        self._progress.repaired(len(done), sum(attempt.written_bytes for attempt in done))

    # what is not --------------------------------------------------------------------------------
    async def _put_off(self, blocked: Sequence[Attempt]) -> None:
        if not blocked:
            return
        log.warning("repairs put off", extra={"count": len(blocked), "detail": blocked[0].reason})
        now_ms = self._ids.now_ms()
        await self._metadata.put_off_repairs(
            [
                PutOff(*each.due.task.name, each.reason, now_ms + int(each.pause_s * 1000), False)
                for each in blocked
            ]
        )

    async def _fail(self, failed: Sequence[Attempt]) -> None:
        if not failed:
            return
        self._progress.failed(len(failed))
        now_ms = self._ids.now_ms()
        retried, buried = [], []
        for attempt in failed:
            task = attempt.due.task
            if task.attempts + 1 >= MAX_ATTEMPTS:
                buried.append(MissingShard(*task.name, attempt.reason))
                continue
            pause_ms = int(FIRST_RETRY_S * RETRY_FACTOR**task.attempts * 1000)
            retried.append(PutOff(*task.name, attempt.reason, now_ms + pause_ms, True))
        if retried:
            await self._metadata.put_off_repairs(retried)
        if buried:
            log.error("repairs given up", extra={"count": len(buried), "detail": buried[0].reason})
            await self._metadata.bury_repairs(buried)


def _names(attempts: Iterable[Attempt]) -> list[ShardName]:
    return [attempt.due.task.name for attempt in attempts]
