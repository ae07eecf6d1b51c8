"""`mttr`: breaks a node of a cluster under load, again and again, and times how it heals.

Rules:
1. A trial begins with a cluster that `verify` finds whole, and ends when it finds it whole again;
   what the cluster says of itself is logged beside it and decides nothing.
2. The clock starts right before the fault is done. Full redundancy is the end of the first whole
   pass that began after the fault was over: after the wiping, after the corruption, or after the
   killed node was let go at the end of its outage.
3. Clients read and write the whole time, a while before and after too. At the end every object is
   read once more and a deep audit reads every shard; both are outside of the clock.
4. Silent damage is found by scrub, whose pace is a matter of weeks: after a corruption a scrub of
   the node is ordered at once, as an operator would who has a reason to. It is in the clock.
"""

import asyncio
import math
import random
import time
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from benchmarks.admin import Admin
from benchmarks.content import Content
from benchmarks.dialect import Dialect, Op
from benchmarks.foreground import SMALL_BYTES, Foreground, Pace
from benchmarks.load import Load, Phase, Row
from benchmarks.mttr_course import Course, Fault, course_of
from benchmarks.mttr_rows import MIB, Verdict
from benchmarks.mttr_watch import Watch
from benchmarks.workloads import Say

SMALL_OBJECTS = 500
SMALL_CONCURRENCY, LARGE_CONCURRENCY = 16, 4
HEAL_TIMEOUT_S = 900.0
_POLL_S = 0.02


class MttrError(Exception):
    """The measurement could not be made."""


class Breaker(Protocol):
    """What breaks nodes: benchmarks.faults does. Both block."""

    def inject(self, kind: str, name: str, seed: int = 0) -> object:
        """Break a node; returns when it has come about."""
        ...

    def heal(self, name: str | None = None) -> object:
        """Undo what lasts; returns when the node runs again."""
        ...


@dataclass(frozen=True)
class Plan:
    """What to measure. `outage_s`: how long a killed node stays down."""

    fault: str
    objects: int
    size_bytes: int
    trials: int
    seed: int = 0
    outage_s: float = 5.0
    before_s: float = 5.0
    after_s: float = 5.0
    pace: Pace = field(default_factory=Pace)
    heal_timeout_s: float = HEAL_TIMEOUT_S


class _Moments(NamedTuple):
    """Of the fault, by time.perf_counter."""

    fault_s: float
    over_s: float


class Mttr:
    """The trials on one running cluster, which is filled first."""

    def __init__(
        self,
        plan: Plan,
        address: tuple[str, int],
        dialect: Dialect,
        admin: Admin,
        breaker: Breaker,
        say: Say,
    ) -> None:
        self._plan = plan
        self._address = address
        self._dialect = dialect
        self._admin = admin
        self._breaker = breaker
        self._say = say
        self._load = Load(*address, dialect)
        self._rng = random.Random(plan.seed)
        self._content = Content(plan.size_bytes)
        self._small_content = Content(SMALL_BYTES)
        self._stored: list[str] = []
        self._small: list[str] = []

    async def fill(self) -> None:
        """Write what is to be lost and healed. Raises MttrError, RequestFailed."""
        self._say(f"writing {self._plan.objects:,} objects of {self._plan.size_bytes:,} bytes")
        await self._load.create_bucket()
        self._stored = await self._write(self._content, "stored/", self._plan.objects)
        self._small = await self._write(self._small_content, "small/", SMALL_OBJECTS)

    async def run(self, number: int, node_id: str) -> Course:
        """One trial on one node. Raises MttrError, RequestFailed, and what the breaker raises."""
        plan = self._plan
        await self._until_whole()
        self._say(f"trial {number}: {plan.fault} {node_id}")
        watch = Watch(self._admin, deep=plan.fault == "corrupt")
        stored = (self._content, self._stored)
        prefix = f"meanwhile-{number}/"
        foreground = Foreground(
            self._address, self._dialect, self._small, stored, prefix, self._rng
        )
        stop = asyncio.Event()
        meanwhile = asyncio.gather(watch.run(stop), foreground.run(plan.pace, stop))
        try:
            await asyncio.sleep(plan.before_s)
            held = self._held(foreground)
            moments = await self._break(node_id, plan.seed + number)
            healed_s = await self._healed(watch, moments.over_s)
            await asyncio.sleep(plan.after_s)
        finally:
            stop.set()
            await meanwhile
        self._small = foreground.small_keys
        last_look = await self._read_everything()
        last = await self._admin.verify(deep=True)
        fault = Fault(number, plan.fault, node_id, moments.fault_s, moments.over_s, *held)
        return course_of(fault, watch, healed_s, foreground.requests, last_look, last)

    def close(self) -> None:
        """Close the connections of the writing and the reading of everything."""
        self._load.close()

    # steps of a trial ------------------------------------------------------------
    async def _break(self, node_id: str, seed: int) -> _Moments:
        fault_s = time.perf_counter()
        done = await asyncio.to_thread(self._breaker.inject, self._plan.fault, node_id, seed)
        self._say(f"  {done}")
        if self._plan.fault == "corrupt":
            await self._admin.scrub(node_id)
            return _Moments(fault_s, time.perf_counter())
        if self._plan.fault == "kill":
            await asyncio.sleep(fault_s + self._plan.outage_s - time.perf_counter())
            await asyncio.to_thread(self._breaker.heal, node_id)
        return _Moments(fault_s, time.perf_counter())

    async def _healed(self, watch: Watch, over_s: float) -> float:
        """When it was; NaN if it was not in time."""
        try:
            async with asyncio.timeout(self._plan.heal_timeout_s):
                return (await watch.until_whole(over_s)).end_s
        except TimeoutError:
            return math.nan

    def _held(self, foreground: Foreground) -> tuple[int, int]:
        """Objects and bytes stored now."""
        small = len(foreground.small_keys)
        size = len(self._stored) * self._plan.size_bytes + small * SMALL_BYTES
        return len(self._stored) + small, size

    async def _until_whole(self) -> None:
        """Raises MttrError if it does not become so."""
        try:
            async with asyncio.timeout(self._plan.heal_timeout_s):
                while True:
                    states = set((await self._admin.states()).values())
                    told = await self._admin.repair()
                    is_calm = states == {"up"} and not told.queued_shards
                    if is_calm and (await self._admin.verify(deep=False)).is_whole:
                        return
                    await asyncio.sleep(_POLL_S)
        except TimeoutError as error:
            raise MttrError("the cluster is not whole before the fault") from error

    async def _write(self, content: Content, prefix: str, count: int) -> list[str]:
        content.warm_up()
        at_once = SMALL_CONCURRENCY if content.size_bytes < MIB else LARGE_CONCURRENCY
        phase = Phase(Op.PUT, content, at_once, prefix, math.inf, count)
        outcome = await self._load.run(phase, [])
        if outcome.doubtful:
            raise MttrError(f"{len(outcome.doubtful)} of {count} writes failed before any fault")
        return outcome.written

    async def _read_everything(self) -> list[Verdict]:
        """Each object once, and whether it is right."""
        self._say("  reading everything back")
        rows: list[Row] = []
        for content, keys in ((self._content, self._stored), (self._small_content, self._small)):
            at_once = SMALL_CONCURRENCY if content.size_bytes < MIB else LARGE_CONCURRENCY
            phase = Phase(Op.GET, content, at_once, "", math.inf, len(keys))
            rows += (await self._load.run(phase, keys)).rows
        return [_verdict(row) for row in rows]


def _verdict(row: Row) -> Verdict:
    if row.verified:
        return Verdict.RIGHT
    return Verdict.WRONG if row.status == 200 else Verdict.ERROR
