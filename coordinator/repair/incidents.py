"""Remembers outages and replacements of nodes: from failure through detection to full redundancy.

Rules:
1. An incident opens when a node goes down, or answers with another store; it ends when nothing is
   left to be rebuilt for the node: it has caught up, or it is lost and all was rebuilt elsewhere.
2. The last KEPT are remembered, also over restarts. A node that fails again before it was whole has
   several incidents, which end together.
3. `failed_at_ms` is when the node was heard last: nobody knows better.
"""

import asyncio
import json
import logging
from dataclasses import asdict, replace
from typing import Final

from coordinator.cluster import Cluster, NodeState
from coordinator.healing import Incident
from coordinator.objects import Ids
from coordinator.repair.rebalance import Rebalancer
from coordinator.repair.worker import Sleep, Worker
from metadata import MetadataStore, NodeRecord, RepairKind, Standing

KEPT: Final = 100
LOOK_EVERY_S: Final = 0.25
NOTE: Final = "incidents"

OPEN, OUTAGE, REPLACED = "open", "outage", "replaced"

log = logging.getLogger(__name__)


class Incidents:
    """See the module's rules."""

    def __init__(
        self,
        metadata: MetadataStore,
        cluster: Cluster,
        rebalancer: Rebalancer,
        ids: Ids,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._metadata = metadata
        self._cluster = cluster
        self._rebalancer = rebalancer
        self._ids = ids
        self._incidents: list[Incident] = []
        self._is_loaded = False
        self._is_saved = True
        self._worker = Worker("incidents", self.work, idle_s=LOOK_EVERY_S, sleep=sleep)
        cluster.on_state(self._state_changed)
        cluster.on_record(self._record_changed)

    async def run(self) -> None:
        """Work until cancelled."""
        await self._worker.run()

    def newest_first(self) -> tuple[Incident, ...]:
        """The last KEPT."""
        return tuple(reversed(self._incidents))

    # what happens to nodes ------------------------------------------------------------------------
    def _state_changed(self, node_id: str, old: NodeState, new: NodeState) -> None:
        if new is NodeState.DOWN and not self._has(node_id, OPEN):
            self._open(node_id, OPEN)
        elif new is NodeState.UP:
            self._returned(node_id)

    def _record_changed(self, record: NodeRecord) -> None:
        # A store that was replaced so quickly that the node was never seen to be down.
        is_news = record.standing is Standing.REPLACED and not (
            self._has(record.node_id, REPLACED) or self._has(record.node_id, OPEN)
        )
        if is_news:
            self._open(record.node_id, REPLACED)
            self._returned(record.node_id)

    def _has(self, node_id: str, kind: str) -> bool:
        """Whether there is such an incident that has not ended."""
        return any(
            (one.node_id, one.kind, one.whole_at_ms) == (node_id, kind, None)
            for one in self._incidents
        )

    def _open(self, node_id: str, kind: str) -> None:
        now_ms = self._ids.now_ms()
        silent_s = self._cluster.membership.silent_for_s(node_id) or 0.0
        self._incidents.append(
            Incident(node_id, kind, now_ms - int(silent_s * 1000), now_ms, None, None)
        )
        del self._incidents[:-KEPT]
        self._is_saved = False

    def _returned(self, node_id: str) -> None:
        is_replaced = self._cluster.standing(node_id) is Standing.REPLACED
        kind, now_ms = REPLACED if is_replaced else OUTAGE, self._ids.now_ms()
        for at, one in enumerate(self._incidents):
            if one.node_id == node_id and one.returned_at_ms is None and one.whole_at_ms is None:
                self._incidents[at] = replace(one, kind=kind, returned_at_ms=now_ms)
                self._is_saved = False
                self._worker.wake()

    # how they end ---------------------------------------------------------------------------------
    async def work(self) -> bool:
        """See which have ended, and remember what is new."""
        await self._load()
        suffering = {one.node_id for one in self._incidents if one.whole_at_ms is None}
        if suffering:
            counts = await self._metadata.repair_counts()
            lacking = {one.node_id for one in counts if one.kind is RepairKind.REBUILD}
            for node_id in suffering - lacking:
                if self._is_whole(node_id):
                    self._end(node_id)
        if not self._is_saved:
            self._is_saved = True
            try:
                incidents = [asdict(one) for one in self._incidents]
                await self._metadata.save_note(NOTE, json.dumps(incidents))
            except BaseException:
                self._is_saved = False
                raise
        return False

    def _is_whole(self, node_id: str) -> bool:
        cluster = self._cluster
        if node_id not in cluster.states:
            return True  # it was emptied before it was removed
        if cluster.state(node_id) is NodeState.UP:
            return cluster.standing(node_id) is Standing.MEMBER
        on_ring = any(node.node_id == node_id for node in cluster.ring.nodes)
        return cluster.is_lost(node_id) and not on_ring and self._rebalancer.is_balanced()

    def _end(self, node_id: str) -> None:
        now_ms = self._ids.now_ms()
        for at, one in enumerate(self._incidents):
            if one.node_id == node_id and one.whole_at_ms is None:
                ended = self._incidents[at] = replace(one, whole_at_ms=now_ms)
                log.info("incident over", extra=asdict(ended))
        self._is_saved = False

    async def _load(self) -> None:
        if self._is_loaded:
            return
        note = (await self._metadata.notes(NOTE)).get(NOTE)
        try:
            former = [Incident(**one) for one in json.loads(note or "[]")]
        except (ValueError, TypeError):
            former = []  # another release's
        self._is_loaded = True
        # What goes on since before we were started was no news when it was seen again.
        going_on = {one.node_id for one in former if one.kind == OPEN and one.whole_at_ms is None}
        seen = [one for one in self._incidents if one.node_id not in going_on]
        self._incidents = [*former, *seen][-KEPT:]
        for node_id in going_on & self._cluster.states.keys():
            if self._cluster.state(node_id) is NodeState.UP:
                self._returned(node_id)
