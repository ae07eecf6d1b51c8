"""Rebuilds a chunk of shards together: reads what is left, reconstructs, appends.

Rules:
1. Everything goes in windows of at most WINDOW_BYTES read or WINDOW_PIECES units (less while users
   are served), READ_AHEAD of them at a time, one request per node and round: many small shards
   share a request, a large one passes through in flat memory.
2. What was read was checked twice (node.client), and a unit is rebuilt from k intact ones or not at
   all. Only what the target has not got is written.
3. Nothing is recorded here. A shard that is DONE is durable on its target; whoever calls tells the
   metadata, and keeps the parts pinned until then.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from coordinator.cluster import Cluster, NodeState, UnknownNode
from coordinator.repair.attempt import SOON_S, Answer, Attempt, Piece, Verdict
from coordinator.repair.pace import Pace
from coordinator.repair.targets import Blocked, Needless, Targets
from erasure import codec
from metadata import DueRepair, Standing
from node.client import Record, make_record
from node.errors import NodeError, NodeFull, NodeUnreachable
from node.record import RecordKey

MIB: Final = 1024 * 1024
WINDOW_BYTES: Final = 4 * MIB
WINDOW_PIECES: Final = 256
BUSY_WINDOW_BYTES: Final = 2 * MIB
BUSY_WINDOW_PIECES: Final = 16
"""While users are served: what a request of theirs may have to wait for."""

READ_AHEAD: Final = 2

INLINE_BYTES: Final = 512 * 1024
"""Windows up to here are rebuilt on the event loop, larger ones in a thread."""

SLICE_PIECES: Final = 32
"""Units rebuilt in one go on the event loop: well under a millisecond."""

_AWAY: Final = 9


class Rebuilder:
    """See the module's rules."""

    def __init__(self, cluster: Cluster, targets: Targets, pace: Pace) -> None:
        self._cluster = cluster
        self._targets = targets
        self._pace = pace

    async def rebuild(self, chunk: Sequence[DueRepair]) -> list[Attempt]:
        """Work on the tasks; every attempt that comes back is decided."""
        attempts = [self._plan(due) for due in chunk]
        windows = _windows(attempts, self._pace)

        async def work() -> None:
            for window in windows:
                async with self._pace.turn(sum(piece.length for piece in window)):
                    await self._work_on(window)

        async with asyncio.TaskGroup() as group:
            for _ in range(READ_AHEAD):
                group.create_task(work())
        for attempt in attempts:
            attempt.decide(Verdict.DONE)
        return attempts

    # planning ---------------------------------------------------------------------------------
    def _plan(self, due: DueRepair) -> Attempt:
        attempt = Attempt(due)
        try:
            attempt.target = self._targets.choose(due)
        except Blocked as blocked:
            attempt.decide(Verdict.BLOCKED, str(blocked))
            return attempt
        except Needless:
            attempt.decide(Verdict.NEEDLESS)
            return attempt
        nodes, shard = due.part.nodes, attempt.shard
        ranks = [self._rank(node_id) for node_id in nodes]
        attempt.away = [other for other, rank in enumerate(ranks) if rank == _AWAY]
        others = [other for other, rank in enumerate(ranks) if rank != _AWAY and other != shard]
        others.sort(key=ranks.__getitem__)
        attempt.order = others
        # A fresh disk is known to be empty: not worth a question, unless a restart of ours cut
        # off the rebuilding of something large.
        attempt.asks_own = ranks[shard] != _AWAY and not (
            attempt.layout.stripes == 1 and self._is_fresh(nodes[shard])
        )
        attempt.outages = self._cluster.outages(attempt.target)
        return attempt

    def _rank(self, node_id: str) -> int:
        """Lower ones are asked first."""
        state = self._cluster.states.get(node_id, NodeState.DOWN)
        if state is NodeState.DOWN:
            return _AWAY
        return (state is not NodeState.UP) + 2 * self._is_fresh(node_id)

    def _is_fresh(self, node_id: str) -> bool:
        return self._cluster.standing(node_id) is Standing.REPLACED

    # one window -------------------------------------------------------------------------------
    async def _work_on(self, window: Sequence[Piece]) -> None:
        await self._gather(window)
        wanted = []
        for piece in window:
            if not piece.is_complete:
                piece.give_up()
            elif piece.attempt.moves or not piece.has_own:
                wanted.append(piece)
        await self._write(wanted)

    async def _gather(self, window: Sequence[Piece]) -> None:
        """Ask round after round, until all pieces are complete or nobody is left to ask."""
        while True:
            asked: dict[str, list[tuple[Piece, int]]] = {}
            for piece in window:
                nodes = piece.attempt.due.part.nodes
                for shard in piece.asks():
                    asked.setdefault(nodes[shard], []).append((piece, shard))
            if not asked:
                return
            answered = await asyncio.gather(*(self._ask(node, asked[node]) for node in asked))
            for asks, answers in zip(asked.values(), answered, strict=True):
                for (piece, shard), answer in zip(asks, answers, strict=True):
                    piece.take(shard, answer)

    async def _ask(self, node_id: str, asks: Sequence[tuple[Piece, int]]) -> Sequence[Answer]:
        wanted = [
            (RecordKey(piece.attempt.due.part.part_id, shard, piece.stripe), piece.length)
            for piece, shard in asks
        ]
        try:
            return await self._cluster.client(node_id).read(wanted)
        except UnknownNode as error:
            return [NodeUnreachable(str(error))] * len(asks)
        except NodeError as error:
            self._note_failure(node_id, error)
            return [error] * len(asks)

    async def _write(self, pieces: Sequence[Piece]) -> None:
        if sum(len(piece.found) * piece.length for piece in pieces) > INLINE_BYTES:
            records = await asyncio.to_thread(_seal, pieces)
        else:
            records = []
            for start in range(0, len(pieces), SLICE_PIECES):
                records += _seal(pieces[start : start + SLICE_PIECES])
                await asyncio.sleep(0)
        by_target: dict[str, list[int]] = {}
        for at, piece in enumerate(pieces):
            by_target.setdefault(piece.attempt.target, []).append(at)
        await asyncio.gather(
            *(
                self._append(node_id, [pieces[at] for at in chosen], [records[at] for at in chosen])
                for node_id, chosen in by_target.items()
            )
        )

    async def _append(
        self, node_id: str, pieces: Sequence[Piece], records: Sequence[Record]
    ) -> None:
        try:
            await self._cluster.client(node_id).append(records)
        except (NodeError, UnknownNode) as error:
            if isinstance(error, NodeFull):
                self._targets.note_full(node_id)
                for piece in pieces:
                    piece.attempt.pause_s = SOON_S  # elsewhere, if it may stand elsewhere
            if isinstance(error, NodeError):
                self._note_failure(node_id, error)
            for piece in pieces:
                piece.attempt.decide(Verdict.BLOCKED, str(error))
        else:
            for piece in pieces:
                piece.attempt.written_bytes += piece.length

    def _note_failure(self, node_id: str, error: NodeError) -> None:
        if node_id in self._cluster.states:  # else it was removed meanwhile
            self._cluster.note_failure(node_id, error)


def _windows(attempts: Sequence[Attempt], pace: Pace) -> Iterator[list[Piece]]:
    """What is to be done, window by window; nothing more of an attempt that has failed."""
    window: list[Piece] = []
    most_bytes, most_pieces = window_limits(pace)
    room = most_bytes
    for attempt in attempts:
        for stripe in range(attempt.layout.stripes):
            if attempt.verdict is not None:
                break
            piece = Piece(attempt, stripe)
            size = piece.length * attempt.due.part.k
            if window and (size > room or len(window) == most_pieces):
                yield window
                most_bytes, most_pieces = window_limits(pace)
                window, room = [], most_bytes
            window.append(piece)
            room -= size
    if window:
        yield window


def window_limits(pace: Pace) -> tuple[int, int]:
    """Bytes and units that a window may have now."""
    if pace.is_busy():
        return BUSY_WINDOW_BYTES, BUSY_WINDOW_PIECES
    return WINDOW_BYTES, WINDOW_PIECES


def _seal(pieces: Sequence[Piece]) -> list[Record]:
    """The records to be written: copied where the unit itself was found, else rebuilt."""
    records = []
    for piece in pieces:
        attempt, part = piece.attempt, piece.attempt.due.part
        shard = attempt.shard
        unit = piece.found.get(shard)
        if unit is None:
            unit = codec(part.k, part.m).reconstruct(piece.found, [shard])[shard].data
        records.append(make_record(RecordKey(part.part_id, shard, piece.stripe), unit))
    return records
