"""A random program, from its seed: what happens, then rest, then what must hold.

Rules: after the last fault all nodes run. The store has to become whole by what it notices itself
(unless bytes rotted, which only a scrub can see), and then, after a scrub and the grace periods,
to have nothing left over. Everything is over when the coordinator was stopped.
"""

import asyncio
import gc
import logging
import random
import traceback
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from tests.simulation import invariants
from tests.simulation.coordinator import Settings
from tests.simulation.faults import Faults
from tests.simulation.operators import Operators
from tests.simulation.users import Users
from tests.simulation.virtual_time import VirtualLoop, run
from tests.simulation.world import BUCKET, Complaints, Violation, World

MAX_REQUESTS = 5
"""Of users, at once."""

WHOLE_WITHIN_S = 2000.0
SCRUBBED_WITHIN_S = 1000.0
RECLAIM_LOOK_S = 6.0
STUCK_AFTER_S = 600.0


@dataclass
class Outcome:
    """Of one seed: the program as it ran, and what was wrong."""

    seed: int
    notes: list[str]
    failure: str | None


class Program:
    """See the module's rules."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(f"{seed}/shape")
        k, m = chance.choice([(2, 1), (2, 1), (2, 1), (1, 1), (1, 2), (3, 2), (4, 2)])
        self.goes_beyond_m = chance.random() < 0.2
        self.rots_silently = chance.random() < 0.4
        self.is_operated = chance.random() < 0.6
        settings = Settings(
            k,
            m,
            unit_size=chance.choice([16, 64]),
            scrub_period_s=chance.choice([14 * 24 * 3600.0] * 2 + [3.0]),
            orphan_grace_s=chance.choice([0.5, 6.0]),
        )
        self.steps = chance.choice([10, 40, 40, 80])
        count = k + m + chance.choice([0, 0, 1, 2])
        self.world = World(seed, settings, count)
        self.faults = Faults(
            self.world, goes_beyond_m=self.goes_beyond_m, silently=self.rots_silently
        )
        self.users = Users(self.world, self.faults)
        self.operators = Operators(self.world)
        self._requests: set[asyncio.Task[None]] = set()
        self._shape = (
            f"{k}+{m} on {count} nodes, {self.steps} steps"
            f"{', beyond m' if self.goes_beyond_m else ''}"
            f"{', bytes rot' if self.rots_silently else ''}"
        )

    async def run(self) -> None:
        """All of it. Raises Violation."""
        world = self.world
        world.note(self._shape)
        its = await world.start_coordinator()
        await its.metadata.create_bucket(BUCKET, "root", "", 0)
        await self.happen()
        await self.rest()
        await self.become_whole()
        await self.become_clean()
        await self.end()

    # what happens ---------------------------------------------------------------------------------
    def _steps(self) -> Sequence[tuple[int, Callable[[], Awaitable[None]]]]:
        users, faults, operators = self.users, self.faults, self.operators
        operated = 3 if self.is_operated else 0
        return [
            (24, lambda: self._request(users.put)),
            (5, lambda: self._request(users.break_off)),
            (7, lambda: self._request(users.delete)),
            (14, lambda: self._request(users.read)),
            (12, lambda: self._request(users.upload)),
            (16, faults.strike),
            (2, faults.spoil_weather),
            (4, faults.restart_coordinator),
            (operated, operators.add_node),
            (operated, operators.drain),
            (operated, operators.remove),
            (5, operators.scrub),
            (1, operators.retry_dead),
        ]

    async def happen(self) -> None:
        """One step after the other, some of them at once."""
        chance, steps = self.world.chance, self._steps()
        weights = [weight for weight, _ in steps]
        for _ in range(self.steps):
            (_, step) = chance.choices(steps, weights)[0]
            await step()
            await asyncio.sleep(chance.choice([0.0, 0.0, 0.003, 0.1, 0.6, 2.0, 5.0]))
            self.world.check()

    async def _request(self, request: Callable[[], Awaitable[None]]) -> None:
        while len(self._requests) >= MAX_REQUESTS:
            await asyncio.wait(self._requests, return_when=asyncio.FIRST_COMPLETED)
        task = asyncio.ensure_future(request())
        self._requests.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._requests.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self.world.report(f"a request failed: {error!r}")

    # and then -------------------------------------------------------------------------------------
    async def rest(self) -> None:
        """Until nothing happens any more by itself."""
        world = self.world
        world.note("rest")

        async def is_quiet() -> bool:
            return not self._requests and self.faults.is_quiet

        await world.until("quiet", is_quiet, STUCK_AFTER_S)
        world.check()
        # What nodes were asked for while they were slow, they may still do.
        late = [
            task for node in world.nodes.values() if node.process for task in node.process.tasks
        ]
        if late:
            await asyncio.wait(late)

    async def become_whole(self) -> None:
        """The healer heals, and says so when it has."""
        world = self.world
        assert world.coordinator is not None
        if self.rots_silently:
            await world.coordinator.healer.scrub_now()
            await world.until("scrubbed", world.coordinator.has_scrubbed, SCRUBBED_WITHIN_S)
        await world.until("whole, says the healer", world.coordinator.says_done, WHOLE_WITHIN_S)
        world.note("whole, says the healer")
        self._demand("redundancy", invariants.redundancy_is_full(world))
        self._demand("audit", await invariants.audit_agrees(world))

    async def become_clean(self) -> None:
        """What is left over goes."""
        world, settings = self.world, self.world.settings
        its = world.coordinator
        assert its is not None
        await self.operators.remove()
        if world.chance.random() < 0.5:
            await self.users.abort_all()
        await asyncio.sleep(settings.orphan_grace_s + 1)
        await its.healer.scrub_now()
        await world.until("scrubbed", its.has_scrubbed, SCRUBBED_WITHIN_S)
        await asyncio.sleep(settings.reclaim_grace_s + RECLAIM_LOOK_S)
        await world.until("whole again, says the healer", its.says_done, WHOLE_WITHIN_S)
        world.note("clean, presumably")
        self._demand("exact", await invariants.acknowledged_writes_are_exact(world, self.users))
        self._demand("deleted", await invariants.deleted_keys_stay_away(world, self.users))
        self._demand("redundancy", invariants.redundancy_is_full(world))
        self._demand("audit", await invariants.audit_agrees(world))
        self._demand("orphans", invariants.nothing_is_left_over(world))
        self._demand("reclaims", invariants.nothing_waits_to_be_reclaimed(world))
        self._demand("notes", invariants.notes_are_known(world))

    async def end(self) -> None:
        """The coordinator stops."""
        world = self.world
        assert world.coordinator is not None
        dead = [worker for worker in world.coordinator.workers if worker.done()]
        self._demand("workers", [f"ended: {worker}" for worker in dead])
        await world.coordinator.stop()
        self._demand("held", invariants.nothing_is_held(world))
        self._demand("tasks", invariants.no_task_is_left(world))
        for node in world.nodes.values():
            await node.kill()

    def _demand(self, what: str, wrong: list[str]) -> None:
        if wrong:
            raise Violation(f"{what}: {'; '.join(wrong)}")


def simulate(seed: int) -> Outcome:
    """Run a seed to its end, whatever that is."""
    notes: list[str] = []
    try:
        run(_run(seed, notes))
    except Violation as violation:
        return Outcome(seed, notes, str(violation))
    except Exception:
        return Outcome(seed, notes, traceback.format_exc())
    return Outcome(seed, notes, None)


async def _run(seed: int, notes: list[str]) -> None:
    complaints = Complaints()
    logging.getLogger().addHandler(complaints)
    try:
        program = Program(seed)
        program.world.notes = notes
        await program.run()
    finally:
        logging.getLogger().removeHandler(complaints)
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualLoop)
    gc.collect(0)  # tasks that nobody looked at complain when they go
    if wrong := complaints.found + loop.troubles:
        raise Violation("; ".join(wrong))
