"""Keeps processes running: starts them, restarts those that die, and stops them in order.

Rules: a process is restarted at once, then after ever longer waits while it keeps dying; one that
ran for a while has earned a fresh start. While its hold file exists a process that is down stays
down; one that runs is left alone. What its arguments file says, one a line, is added to the command
at each start. Stopping means SIGTERM, then SIGKILL after a bounded time. Every
change of state is told to `on_change`. Children have their own process group, so that Ctrl-C
reaches them only through here, and a pipe as standard input, whose end tells them we are gone.
"""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from trilith.status import Role, State

HOLD_POLL_S = 0.1
STOP_GRACE_S = 10.0
MAX_LOG_BYTES = 32 * 1024 * 1024
"""A log longer than this is set aside as <name>.log.1 when its process starts."""


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """One process to keep running."""

    name: str
    role: Role
    command: Sequence[str]
    url: str
    data_dir: Path
    log: Path
    hold: Path
    arguments: Path
    environ: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RestartPolicy:
    """How long to wait before a restart."""

    first_wait_s: float = 0.1
    longest_wait_s: float = 5.0
    fresh_after_s: float = 10.0

    def wait_s(self, deaths: int) -> float:
        """The wait after so many deaths in a row (1 or more)."""
        return min(self.first_wait_s * float(1 << min(deaths - 1, 16)), self.longest_wait_s)


class Child:
    """One supervised process. `deaths` counts those in a row, `restarts` all of them."""

    def __init__(
        self,
        spec: ProcessSpec,
        on_change: Callable[["Child"], None],
        policy: RestartPolicy,
        stop_grace_s: float,
        clock: Callable[[], float],
    ) -> None:
        self.spec = spec
        self.state = State.STARTING
        self.pid: int | None = None
        self.exit_code: int | None = None
        self.deaths = 0
        self.restarts = 0
        self._on_change = on_change
        self._policy = policy
        self._stop_grace_s = stop_grace_s
        self._clock = clock
        self._stopping = asyncio.Event()

    def stop(self) -> None:
        """Ask for the end; `run` returns when it is reached."""
        self._stopping.set()

    async def run(self, lifeline: int, pass_fds: Sequence[int]) -> None:
        """Keep the process running until `stop`."""
        while await self._may_start():
            started = self._clock()
            process = await self._spawn(lifeline, pass_fds)
            self._enter(State.RUNNING, process.pid)
            await self._until_exit_or_stop(process)
            if self._stopping.is_set():
                await self._end(process)
                break
            self.exit_code = process.returncode
            if self._clock() - started >= self._policy.fresh_after_s:
                self.deaths = 0
            self.deaths += 1
            self.restarts += 1
            self._enter(State.HELD if self.spec.hold.exists() else State.RESTARTING)
            if self.state is State.RESTARTING:
                await self._pause(self._policy.wait_s(self.deaths))
        self._enter(State.STOPPED)

    async def _may_start(self) -> bool:
        """Waits while the process is held; False if it is to stop for good."""
        while not self._stopping.is_set() and self.spec.hold.exists():
            if self.state is not State.HELD:
                self._enter(State.HELD)
            await self._pause(HOLD_POLL_S)
        return not self._stopping.is_set()

    async def _spawn(self, lifeline: int, pass_fds: Sequence[int]) -> asyncio.subprocess.Process:
        with open_log(self.spec.log) as log:
            return await asyncio.create_subprocess_exec(
                *self.spec.command,
                *added_arguments(self.spec.arguments),
                stdin=lifeline,
                stdout=log,
                stderr=log,
                env=self.spec.environ,
                process_group=0,
                pass_fds=pass_fds,
            )

    async def _until_exit_or_stop(self, process: asyncio.subprocess.Process) -> None:
        exited = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait({exited, stopping}, return_when=asyncio.FIRST_COMPLETED)
        for task in (exited, stopping):
            task.cancel()

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), self._stop_grace_s)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
        self.exit_code = process.returncode

    async def _pause(self, wait_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), wait_s)

    def _enter(self, state: State, pid: int | None = None) -> None:
        self.state = state
        self.pid = pid
        self._on_change(self)


class Supervisor:
    """Several processes, started together and stopped in order: coordinator first, then nodes.

    Children inherit `pass_fds` (the lock that tells a later start that they are still there).
    """

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        on_change: Callable[[Child], None],
        *,
        pass_fds: Sequence[int] = (),
        policy: RestartPolicy | None = None,
        stop_grace_s: float = STOP_GRACE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        policy = policy or RestartPolicy()
        self.children = [Child(spec, on_change, policy, stop_grace_s, clock) for spec in specs]
        self._pass_fds = pass_fds
        self._tasks: list[tuple[Child, asyncio.Task[None]]] = []

    async def run(self, until: Awaitable[object]) -> None:
        """Start all processes at once, wait for `until`, stop them; none is left then, whatever
        ended the wait. Raises what `until` raised, or what kept a process from being started."""
        reading_end, writing_end = os.pipe()
        try:
            for child in self.children:
                task = asyncio.create_task(child.run(reading_end, self._pass_fds))
                self._tasks.append((child, task))
            waiting = asyncio.ensure_future(until)
            done, _ = await asyncio.wait(
                [waiting, *(task for _, task in self._tasks)], return_when=asyncio.FIRST_COMPLETED
            )
            for ended in done:
                ended.result()
        finally:
            await self._stop()
            waiting.cancel()
            os.close(writing_end)
            os.close(reading_end)

    async def _stop(self) -> None:
        for role in (Role.COORDINATOR, Role.NODE):
            chosen = [(child, task) for child, task in self._tasks if child.spec.role is role]
            for child, _ in chosen:
                child.stop()
            await asyncio.gather(*(task for _, task in chosen), return_exceptions=True)


def added_arguments(path: Path) -> list[str]:
    """The lines of the file that are not empty; none if there is no such file."""
    try:
        return [line.strip() for line in path.read_text().splitlines() if line.strip()]
    except FileNotFoundError:
        return []


def open_log(path: Path, limit_bytes: int = MAX_LOG_BYTES) -> BinaryIO:
    """The log file, to be appended to; a long one is set aside first."""
    if path.exists() and path.stat().st_size > limit_bytes:
        path.replace(path.with_name(path.name + ".1"))
    return path.open("ab")
