"""What befalls the cluster: seeded rounds of faults, never more than m nodes in trouble at a time.

    choose m victims -> a few faults, one or several at once, on them alone -> heal -> wait until
    `verify` says that everything is whole -> the next round, with other victims

Rules: a node is in trouble from its first fault until the store is whole again, not only until the
fault is over: what it missed or lost meanwhile counts against m. The coordinator may be killed at
any time, for it keeps nothing in memory that was acknowledged. Everything is chosen by the seed.
"""

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from benchmarks.cluster import Cluster
from benchmarks.faults import DAMAGE, FaultError, FaultKind, Faults
from benchmarks.torture.healing import Healing

COORDINATOR = "coordinator"
COORDINATOR_SHARE = 0.12
MIN_FAULTS, MAX_FAULTS = 4, 8
MIN_PAUSE_S, MAX_PAUSE_S = 0.1, 1.0
WHOLE_TIMEOUT_S = 90.0

_WEIGHTS = {
    FaultKind.KILL: 6,
    FaultKind.STOP: 2,
    FaultKind.PAUSE: 4,
    FaultKind.SLOW: 2,
    FaultKind.PARTITION: 2,
    FaultKind.FILL_DISK: 2,
    FaultKind.CORRUPT: 4,
    FaultKind.TRUNCATE: 2,
    FaultKind.WIPE: 3,
}

_RESTARTS = {
    FaultKind.KILL: 1,
    FaultKind.STOP: 1,
    FaultKind.WIPE: 1,
    FaultKind.SLOW: 2,
    FaultKind.PARTITION: 2,
    FaultKind.FILL_DISK: 2,
}
"""How often a fault and its healing end the process."""


@dataclass(slots=True)
class Chaos:
    """Breaks one cluster. `pause` waits so many seconds, `clock` is monotonic, `died` is told when
    a coordinator is gone, `note` what happens, `check` raises if there is no point in going on."""

    cluster: Cluster
    faults: Faults
    healing: Healing
    spare: int
    """How many nodes may be in trouble at a time: m."""

    rng: random.Random
    pause: Callable[[float], object]
    clock: Callable[[], float]
    died: Callable[[float], None]
    note: Callable[[str], None]
    check: Callable[[], None]
    counts: Counter[FaultKind] = field(default_factory=Counter)
    rounds: int = 0
    slowest_whole_s: float = 0.0
    _ended: Counter[str] = field(default_factory=Counter)

    def run(self, until_s: float) -> None:
        """Round after round until then. Raises ClusterError if it does not become whole again."""
        while self.clock() < until_s:
            self.round()

    def round(self) -> None:
        """One round. Raises ClusterError."""
        victims = self.rng.sample(self.cluster.node_ids(), self.spare)
        damaged: set[str] = set()
        for _ in range(self.rng.randint(MIN_FAULTS, MAX_FAULTS)):
            if self.rng.random() < COORDINATOR_SHARE:
                self.kill_coordinator()
            else:
                self._hurt(self.rng.choice(victims), damaged)
            self.pause(self.rng.uniform(MIN_PAUSE_S, MAX_PAUSE_S))
            self.check()
        self.faults.heal()
        self.become_whole(damaged)
        self.rounds += 1

    def kill_coordinator(self) -> None:
        """SIGKILL, and a new one. Raises ClusterError."""
        self._inject(FaultKind.KILL, COORDINATOR)
        # None runs now, and none will before it is healed.
        self.died(self.clock())
        self.faults.heal(COORDINATOR)

    def become_whole(self, damaged: set[str]) -> None:
        """Wait for it. Raises ClusterError."""
        began_s = self.clock()
        self.healing.wait_until_whole(damaged, WHOLE_TIMEOUT_S)
        took_s = self.clock() - began_s
        self.slowest_whole_s = max(self.slowest_whole_s, took_s)
        self.note(f"whole after {took_s:.1f} s")

    def died_by_themselves(self) -> list[str]:
        """Processes that ended oftener than we ended them."""
        restarts = {name: one["restarts"] for name, one in self.cluster.processes().items()}
        return [
            f"{name} ended {count} times, of which {self._ended[name]} were ours"
            for name, count in restarts.items()
            if count != self._ended[name]
        ]

    def _hurt(self, victim: str, damaged: set[str]) -> None:
        kind = self.rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        is_broken = any(broken.name == victim for broken in self.faults.broken())
        if is_broken and (kind not in DAMAGE or kind is FaultKind.WIPE):
            self.faults.heal(victim)
        try:
            self._inject(kind, victim)
        except FaultError as error:
            # An empty node has nothing to damage.
            self.note(f"no {kind}: {error}")
            return
        if kind in (FaultKind.CORRUPT, FaultKind.TRUNCATE):
            damaged.add(victim)

    def _inject(self, kind: FaultKind, name: str) -> None:
        self.note(self.faults.inject(kind, name, self.rng.getrandbits(32)))
        self.counts[kind] += 1
        self._ended[name] += _RESTARTS.get(kind, 0)
