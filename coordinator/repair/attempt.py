"""One try at one repair task, and the stripes it consists of: who was asked, what came of it.

Rules:
1. The shard itself comes first: what its holder still has intact needs no rebuilding, and a move
   copies it. Then k of the others, in the attempt's order; each that has not got it is replaced
   by the next.
2. A stripe that can't be had now is BLOCKED if those that did not answer might make up for it, and
   FAILED if too little would be left even then.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import islice
from typing import Final

from erasure import Layout
from metadata import DueRepair
from node.client import Outcome
from node.errors import NodeError

BLOCKED_S: Final = 60.0
SOON_S: Final = 2.0

Answer = memoryview | Outcome | NodeError


class Verdict(StrEnum):
    """What became of a task."""

    DONE = "done"
    """The whole shard is durable on the target."""

    NEEDLESS = "needless"
    BLOCKED = "blocked"
    """A node is away or full: not the shard's fault."""

    FAILED = "failed"
    """Too few shards are intact."""


class Attempt:
    """A task being worked on. Undecided until `verdict` is set."""

    __slots__ = (
        "asks_own",
        "away",
        "due",
        "layout",
        "order",
        "outages",
        "pause_s",
        "reason",
        "shard",
        "target",
        "verdict",
        "written_bytes",
    )

    def __init__(self, due: DueRepair) -> None:
        part = due.part
        self.due: Final = due
        self.shard: Final = due.task.shard
        self.layout: Final = Layout(part.size, part.unit_size, part.k)
        self.target = ""
        self.outages = 0
        """How often what the target keeps had come into doubt before the attempt."""

        self.asks_own = False
        """Whether the shard's holder is to be asked for the shard itself."""

        self.order: Sequence[int] = ()
        """The other shards that can be asked, in this order."""

        self.away: Sequence[int] = ()
        """The shards that can't be asked now."""

        self.verdict: Verdict | None = None
        self.reason = ""
        self.pause_s = BLOCKED_S
        """Until the next try, if it is BLOCKED."""

        self.written_bytes = 0

    @property
    def moves(self) -> bool:
        """Whether the shard is to stand elsewhere afterwards."""
        return self.target != self.due.part.nodes[self.shard]

    def decide(self, verdict: Verdict, reason: str = "") -> None:
        """The first verdict counts."""
        if self.verdict is None:
            self.verdict, self.reason = verdict, reason

    def take_back(self, reason: str) -> None:
        """What was done does not count: look at it anew, and soon."""
        self.verdict, self.reason, self.pause_s = Verdict.BLOCKED, reason, SOON_S

    def postpone(self, shard: int) -> None:
        """Ask that shard last for the stripes that follow: it lacked one."""
        if shard in self.order:
            self.order = [*(other for other in self.order if other != shard), shard]


class Piece:
    """One stripe of an attempt: gathers the shard's unit, or k others."""

    __slots__ = (
        "_begun",
        "_findings",
        "_missed",
        "_untried",
        "attempt",
        "found",
        "length",
        "stripe",
    )

    def __init__(self, attempt: Attempt, stripe: int) -> None:
        self.attempt: Final = attempt
        self.stripe: Final = stripe
        self.length: Final = attempt.layout.unit_length(stripe)
        self.found: dict[int, memoryview] = {}
        self._untried: Iterator[int] = iter(attempt.order)
        self._begun = False
        self._findings: dict[int, str] = {}
        self._missed: set[int] = set()

    @property
    def has_own(self) -> bool:
        """Whether the unit itself was found."""
        return self.attempt.shard in self.found

    @property
    def is_complete(self) -> bool:
        """Whether the unit is there or can be rebuilt."""
        return len(self.found) >= self.attempt.due.part.k or self.has_own

    def asks(self) -> list[int]:
        """The shards to ask next; none if it is complete or nobody is left."""
        attempt = self.attempt
        k = attempt.due.part.k
        if not self._begun:
            self._begun = True
            if attempt.asks_own:
                if attempt.layout.stripes > 1 or attempt.moves:
                    return [attempt.shard]
                # A lost shard of one stripe is hardly ever there: don't wait for that answer.
                return [attempt.shard, *islice(self._untried, k)]
        if self.is_complete:
            return []
        return list(islice(self._untried, k - len(self.found)))

    def take(self, shard: int, answer: Answer) -> None:
        """What the holder of that shard has answered."""
        if isinstance(answer, memoryview) and len(answer) == self.length:
            self.found[shard] = answer
            return
        if isinstance(answer, NodeError):
            self._missed.add(shard)
            self._findings[shard] = str(answer)
        elif isinstance(answer, Outcome):
            self._findings[shard] = answer.name.lower()
        else:
            self._findings[shard] = f"{len(answer)} bytes long instead of {self.length}"
        if self.attempt.layout.stripes > 1:
            self.attempt.postpone(shard)

    def give_up(self) -> None:
        """Too little was found: pass the verdict on the attempt."""
        attempt, part = self.attempt, self.attempt.due.part
        silent = self._missed.union(attempt.away)
        told = [
            f"shard {shard} on {node}: {self._findings.get(shard, 'away')}"
            for shard, node in enumerate(part.nodes)
            if shard in silent or shard in self._findings
        ]
        can_recover = attempt.shard in silent or len(self.found) + len(silent) >= part.k
        attempt.decide(
            Verdict.BLOCKED if can_recover else Verdict.FAILED,
            f"of stripe {self.stripe} only {len(self.found)} of the {part.k} units needed are"
            f" there ({'; '.join(told)})",
        )
