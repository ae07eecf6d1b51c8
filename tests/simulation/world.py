"""Everything that is simulated, in one place: nodes, metadata, a coordinator, and what is told.

Rules: all randomness comes from the seed, by one generator for each purpose, so that a change to
one does not change all others. What happens is noted; the notes are the program of a run.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from metadata import MetadataError, NodeRecord, Part
from metadata.memory import MemoryStore
from node.record import ShardKey
from tests.simulation.coordinator import EPOCH_S, Settings, SimulatedCoordinator
from tests.simulation.network import MetadataWeather
from tests.simulation.nodes import Disk, SimulatedNode
from tests.simulation.promises import Promises
from tests.simulation.virtual_time import Process

T = TypeVar("T")

BUCKET = "bucket"
RETRY_S = 0.5
LOOK_S = 0.25


class Violation(AssertionError):
    """Something that must never be."""


class World:
    """See the module's rules."""

    def __init__(self, seed: int, settings: Settings, count: int) -> None:
        self._seed = seed
        self.settings = settings
        self.chance = self.stream("program")
        self.notes: list[str] = []
        self.violations: list[str] = []
        self.promises = Promises()
        loop = asyncio.get_running_loop()
        self.store = MemoryStore(lambda: int((EPOCH_S + loop.time()) * 1000))
        self.weather = MetadataWeather(self.stream("metadata"))
        self.nodes: dict[str, SimulatedNode] = {}
        self.made_nodes = 0
        self.made_disks = 0
        self.coordinator: SimulatedCoordinator | None = None
        self.lives = 0
        self.fate = Process("fate")
        """Whatever befalls the world by itself."""

        self.exposures: list[set[str]] = []
        """For each request of a user under way: the nodes in trouble in its time."""

        self.open: list[Sequence[Part]] = []
        """For each read under way: what it reads, dropped since or not."""

        self.configured = [self.make_node() for _ in range(count)]

    def stream(self, purpose: str) -> random.Random:
        """A generator of its own."""
        return random.Random(f"{self._seed}/{purpose}")

    def note(self, text: str) -> None:
        """Part of the program."""
        self.notes.append(f"{asyncio.get_running_loop().time():9.3f}  {text}")

    def report(self, violation: str) -> None:
        """Something must not be: told at the next moment when the program looks."""
        self.note(f"VIOLATION: {violation}")
        self.violations.append(violation)

    def check(self) -> None:
        """Raises Violation."""
        if self.violations:
            raise Violation("; ".join(self.violations))

    # nodes ----------------------------------------------------------------------------------------
    def make_node(self) -> NodeRecord:
        """One more node, running; not a member yet."""
        self.made_nodes += 1
        name = f"node-{self.made_nodes}"
        self.nodes[name] = SimulatedNode(name, Disk(self.new_store_id()), self.stream(name))
        self.nodes[name].start()
        return NodeRecord(name, f"http://{name}", zone=name, weight=1.0)

    def new_store_id(self) -> str:
        self.made_disks += 1
        return f"store-{self.made_disks}"

    def is_intact(self, part: Part, shard: int) -> bool:
        """Whether the shard's node has all of it, on its disk."""
        node = self.nodes.get(part.nodes[shard])
        if node is None:
            return False
        held = node.disk.of(ShardKey(part.part_id, shard))
        stripes = -(-part.size // (part.k * part.unit_size))
        return len(held) == stripes and node.disk.damaged.isdisjoint(held)

    def parts(self) -> list[Part]:
        """All that are named, as the metadata know them at this moment."""
        return [named.part for named in at_once(self.store.parts_by_id(limit=100_000))]

    # the coordinator ------------------------------------------------------------------------------
    async def start_coordinator(self) -> SimulatedCoordinator:
        """A new life, as often as it takes."""
        assert self.coordinator is None
        while True:
            self.lives += 1
            its = SimulatedCoordinator(
                self.lives,
                self.settings,
                self.store,
                self.weather,
                self.nodes,
                self.configured,
                self.stream(f"ids {self.lives}"),
            )
            try:
                await its.start()
            except MetadataError:
                await its.crash()
                await asyncio.sleep(RETRY_S)
            else:
                self.coordinator = its
                return its

    async def crash_coordinator(self) -> None:
        its, self.coordinator = self.coordinator, None
        assert its is not None
        await its.crash()

    # trouble --------------------------------------------------------------------------------------
    @contextmanager
    def exposed(self, now: set[str]) -> Iterator[set[str]]:
        """The nodes in trouble while this lasts, those that are `now` among them."""
        exposure = set(now)
        self.exposures.append(exposure)
        try:
            yield exposure
        finally:
            self.exposures = [other for other in self.exposures if other is not exposure]

    @contextmanager
    def reading(self, parts: Sequence[Part]) -> Iterator[None]:
        """While this lasts the parts must stay readable, even if nothing names them any more."""
        self.open.append(parts)
        try:
            yield
        finally:
            self.open = [other for other in self.open if other is not parts]

    # waiting --------------------------------------------------------------------------------------
    async def until(
        self, what: str, condition: Callable[[], Awaitable[bool]], at_most_s: float
    ) -> None:
        """Look again and again. Raises Violation if it does not come true."""
        loop = asyncio.get_running_loop()
        end = loop.time() + at_most_s
        while not await condition():
            self.check()
            if loop.time() > end:
                raise Violation(f"after {at_most_s:.0f} s not yet: {what}")
            await asyncio.sleep(LOOK_S)


def at_once(answer: Awaitable[T]) -> T:
    """The result of something asynchronous that never waits."""
    try:
        answer.__await__().send(None)
    except StopIteration as stop:
        return stop.value
    raise AssertionError("it does wait")


class Complaints(logging.Handler):
    """Collects what was logged with a traceback: errors that nobody foresaw."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info:
            text = logging.Formatter().formatException(record.exc_info)
            self.found.append(f"{record.name}: {record.getMessage()}\n{text}")
