"""The rounds of faults, against a cluster that only takes notes: how many nodes are in trouble."""

import itertools
import random

import pytest

from benchmarks.cluster import ClusterError
from benchmarks.faults import DAMAGE, Broken, FaultError, FaultKind
from benchmarks.torture.chaos import COORDINATOR, Chaos

NODES = [f"node-{number}" for number in range(1, 6)]
SPARE = 2


class FakeStore:
    """Cluster, faults and healing in one, which checks what it is told to suffer."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.lasting: dict[str, FaultKind] = {}
        self.in_trouble: set[str] = set()
        self.damaged: set[str] = set()
        self.restarts = dict.fromkeys([*NODES, COORDINATOR], 0)
        self.is_empty = False

    def node_ids(self) -> list[str]:
        return NODES

    def processes(self) -> dict[str, dict[str, int]]:
        return {name: {"restarts": count} for name, count in self.restarts.items()}

    def broken(self) -> list[Broken]:
        return [Broken(kind, name) for name, kind in self.lasting.items()]

    def inject(self, kind: FaultKind, name: str, seed: int) -> str:
        if self.is_empty and kind in (FaultKind.CORRUPT, FaultKind.TRUNCATE):
            raise FaultError("no live record")
        is_free = name not in self.lasting
        assert is_free or kind in (FaultKind.CORRUPT, FaultKind.TRUNCATE), "heal it first"
        if kind not in DAMAGE:
            self.lasting[name] = kind
        if kind in (FaultKind.CORRUPT, FaultKind.TRUNCATE):
            self.damaged.add(name)
        else:
            self.restarts[name] += kind is not FaultKind.PAUSE
        if name != COORDINATOR:
            self.in_trouble.add(name)
        assert len(self.in_trouble) <= SPARE
        self.told.append(f"{kind} {name} {seed}")
        return self.told[-1]

    def heal(self, name: str | None = None) -> None:
        for one in [name] if name else list(self.lasting):
            kind = self.lasting.pop(one)
            if kind in (FaultKind.SLOW, FaultKind.PARTITION, FaultKind.FILL_DISK):
                self.restarts[one] += 1

    def wait_until_whole(self, damaged: set[str], timeout_s: float) -> None:
        assert self.lasting == {}
        assert damaged == self.damaged, "damage is looked for where it was done"
        self.in_trouble.clear()
        self.damaged.clear()


def chaos(store: FakeStore, seed: int = 1) -> tuple[Chaos, list[float]]:
    deaths: list[float] = []
    ticks = itertools.count()

    def died(at_s: float) -> None:
        assert store.lasting[COORDINATOR] is FaultKind.KILL, "it is told while none runs"
        deaths.append(at_s)

    made = Chaos(
        store,  # type: ignore[arg-type]
        store,  # type: ignore[arg-type]
        store,  # type: ignore[arg-type]
        spare=SPARE,
        rng=random.Random(seed),
        pause=lambda _: None,
        clock=lambda: float(next(ticks)),
        died=died,
        note=lambda _: None,
        check=lambda: None,
    )
    return made, deaths


@pytest.mark.parametrize("seed", range(5))
def test_never_more_than_m_nodes_are_in_trouble(seed: int) -> None:
    store = FakeStore()
    breaking, deaths = chaos(store, seed)
    for _ in range(200):
        breaking.round()
    assert breaking.rounds == 200
    assert set(breaking.counts) == set(FaultKind)
    assert breaking.counts.total() == len(store.told)
    assert deaths
    assert breaking.died_by_themselves() == []


def test_the_same_seed_breaks_the_same() -> None:
    told = []
    for seed in (4, 4, 5):
        store = FakeStore()
        breaking, _ = chaos(store, seed)
        breaking.run(200.0)
        told.append(store.told)
    assert told[0] == told[1] != told[2]


def test_an_empty_node_is_not_damaged_and_nothing_is_counted() -> None:
    store = FakeStore()
    store.is_empty = True
    breaking, _ = chaos(store)
    for _ in range(50):
        breaking.round()
    assert not {FaultKind.CORRUPT, FaultKind.TRUNCATE} & set(breaking.counts)


def test_who_died_by_himself_is_told() -> None:
    store = FakeStore()
    breaking, _ = chaos(store)
    breaking.round()
    store.restarts["node-3"] += 2
    (told,) = breaking.died_by_themselves()
    assert told.startswith("node-3 ended ")


def test_a_store_that_does_not_become_whole_ends_it() -> None:
    class Broken(FakeStore):
        def wait_until_whole(self, damaged: set[str], timeout_s: float) -> None:
            raise ClusterError("3 parts degraded")

    breaking, _ = chaos(Broken())
    with pytest.raises(ClusterError, match="3 parts"):
        breaking.run(1000.0)
