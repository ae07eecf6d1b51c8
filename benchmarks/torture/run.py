"""One run of the torture, from an empty cluster to the verdict.

Rules: whatever ends the run, everything it broke is healed and everything it started is ended. The
verdict speaks only after everything was healed, audited to the last byte, and read once more.
"""

import asyncio
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.cluster import Cluster, ClusterError
from benchmarks.faults import Faults
from benchmarks.signer import Signer
from benchmarks.target import target_at
from benchmarks.torture.bodies import Bodies
from benchmarks.torture.chaos import Chaos
from benchmarks.torture.client import Client
from benchmarks.torture.healing import Healing
from benchmarks.torture.history import Violation, Wrong
from benchmarks.torture.load import Load, read_everything
from benchmarks.torture.memory import Memory

BUCKET = "torture"
ENVIRONMENT = {
    # Everything that waits for hours otherwise happens within the run: shards of a node that is
    # away move, orphans are collected, dropped parts reclaimed, segments rewritten.
    "TRILITH_LOST_AFTER_S": "4",
    "TRILITH_ORPHAN_GRACE_S": "5",
    "TRILITH_RECLAIM_GRACE_S": "1",
    "TRILITH_NODE_SEGMENT_SIZE_BYTES": str(8 << 20),
    "TRILITH_NODE_COMPACTION_INTERVAL_S": "1",
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run. The same seed chooses the same faults, objects and damage."""

    seed: int
    seconds: float
    nodes: int = 5
    k: int = 2
    m: int = 2


@dataclass(slots=True)
class Verdict:
    """What came of it."""

    plan: Plan
    faults: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    slowest_whole_s: float = 0.0
    violations: list[Violation] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    """Bytes and listings that are wrong by themselves."""

    died: list[str] = field(default_factory=list)
    """Processes that ended by themselves."""

    failure: str = ""
    """Why it did not come to its end."""

    @property
    def is_good(self) -> bool:
        """Nothing lost, nothing wrong, nothing back from the dead, and all of it whole."""
        return not (self.violations or self.wrong or self.died or self.failure)

    def count(self, wrong: Wrong) -> int:
        """How many reads told this untruth."""
        return sum(violation.wrong is wrong for violation in self.violations)


def torture(plan: Plan, data: Path, note: Callable[[str], None]) -> Verdict:
    """Run it on a new data directory; `note` is told what happens. What the store did wrong stands
    in the verdict and is not raised."""
    verdict = Verdict(plan)
    memory = Memory(Bodies(plan.seed))
    shape = (f"--nodes={plan.nodes}", f"--k={plan.k}", f"--m={plan.m}")
    cluster = Cluster(data, shape, ENVIRONMENT)
    try:
        with cluster, Faults(cluster) as faults:
            _run(plan, cluster, faults, memory, verdict, note)
    except ClusterError as error:
        verdict.failure = str(error)
    verdict.operations = memory.counts
    verdict.violations = memory.verdict()
    verdict.wrong = memory.wrong
    return verdict


def _run(
    plan: Plan,
    cluster: Cluster,
    faults: Faults,
    memory: Memory,
    verdict: Verdict,
    note: Callable[[str], None],
) -> None:
    target = target_at(cluster.endpoint, *cluster.credentials)
    signer = Signer(target.access_key, target.secret_key)

    def connect() -> Client:
        return Client((target.host, target.port), BUCKET, signer)

    load = Load(connect, memory, plan.seed)
    began_s = time.monotonic()

    def tell(what: str) -> None:
        note(f"{time.monotonic() - began_s:6.1f} s  {what}")

    chaos = Chaos(
        cluster,
        faults,
        Healing(cluster),
        spare=plan.m,
        rng=random.Random(plan.seed),
        pause=threading.Event().wait,
        clock=time.monotonic,
        died=memory.died,
        note=tell,
        check=load.check,
    )
    try:
        with load:
            chaos.run(began_s + plan.seconds)
        tell("the clients have stopped: heal, verify, compare")
        # What is in doubt is settled by the death of the one that had it.
        chaos.kill_coordinator()
        chaos.become_whole(set(cluster.node_ids()))
        asyncio.run(read_everything(connect(), memory))
        verdict.died = chaos.died_by_themselves()
    finally:
        verdict.faults = Counter({kind.value: count for kind, count in chaos.counts.items()})
        verdict.rounds = chaos.rounds
        verdict.slowest_whole_s = chaos.slowest_whole_s
