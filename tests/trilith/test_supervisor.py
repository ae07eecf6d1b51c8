"""The supervisor with tiny processes of its own: restarts, holds, order of stopping."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.trilith.waiting import DEADLINE_S, until
from trilith.status import Role, State
from trilith.supervisor import (
    Child,
    ProcessSpec,
    RestartPolicy,
    Supervisor,
    open_log,
)

QUICK = RestartPolicy(first_wait_s=0.001, longest_wait_s=0.01, fresh_after_s=60.0)
RUNS = "import signal; print('up', flush=True); signal.pause()"
DIES = "raise SystemExit(3)"
TELLS_ITS_END = """
import signal, sys
def end(*_):
    open('order', 'a').write(sys.argv[1] + '\\n')
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print('up', flush=True)
signal.pause()
"""


class Watcher:
    """Wakes whoever waits for a state of the children."""

    def __init__(self) -> None:
        self.changed = asyncio.Condition()
        self.seen: list[tuple[str, State]] = []
        self._tasks: set[asyncio.Task] = set()

    def __call__(self, child: Child) -> None:
        self.seen.append((child.spec.name, child.state))
        task = asyncio.get_running_loop().create_task(self._wake())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _wake(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(DEADLINE_S), self.changed:
            await self.changed.wait_for(condition)


def spec(tmp_path: Path, name: str, code: str, role: Role = Role.NODE) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        role=role,
        command=[sys.executable, "-S", "-c", code, name],
        url="http://127.0.0.1:1",
        data_dir=tmp_path,
        log=tmp_path / f"{name}.log",
        hold=tmp_path / f"hold-{name}",
        arguments=tmp_path / f"arguments-{name}",
        environ={},
    )


@asynccontextmanager
async def supervised(
    *specs: ProcessSpec, policy: RestartPolicy = QUICK
) -> AsyncIterator[tuple[Supervisor, Watcher]]:
    watcher = Watcher()
    supervisor = Supervisor(specs, watcher, policy=policy)
    enough = asyncio.Event()
    running = asyncio.create_task(supervisor.run(enough.wait()))
    try:
        yield supervisor, watcher
    finally:
        enough.set()
        await running
        assert all(child.state is State.STOPPED for child in supervisor.children)


async def test_a_process_that_dies_is_started_again(tmp_path: Path) -> None:
    async with supervised(spec(tmp_path, "a", RUNS)) as (supervisor, watcher):
        (child,) = supervisor.children
        await watcher.until(lambda: child.state is State.RUNNING)
        first = child.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await watcher.until(lambda: child.restarts == 1 and child.state is State.RUNNING)
        assert child.pid != first
        assert child.exit_code == -signal.SIGKILL
    assert [state for _, state in watcher.seen] == [
        State.RUNNING,
        State.RESTARTING,
        State.RUNNING,
        State.STOPPED,
    ]
    assert (tmp_path / "a.log").exists()


async def test_one_that_keeps_dying_is_counted(tmp_path: Path) -> None:
    async with supervised(spec(tmp_path, "a", DIES)) as (supervisor, watcher):
        (child,) = supervisor.children
        await watcher.until(lambda: child.deaths >= 3)
        assert child.exit_code == 3


async def test_a_hold_keeps_it_down_until_it_is_lifted(tmp_path: Path) -> None:
    async with supervised(spec(tmp_path, "a", RUNS)) as (supervisor, watcher):
        (child,) = supervisor.children
        await watcher.until(lambda: child.state is State.RUNNING)
        child.spec.hold.touch()
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        await watcher.until(lambda: child.state is State.HELD)
        assert child.pid is None
        child.spec.hold.unlink()
        await watcher.until(lambda: child.state is State.RUNNING)


async def test_more_arguments_are_read_at_each_start(tmp_path: Path) -> None:
    tells = "import sys; print(sys.argv[1:], 'up', flush=True)\n" + RUNS
    arguments = tmp_path / "arguments-a"
    arguments.write_text("--port=1\n\n  --zone=a b\n")
    async with supervised(spec(tmp_path, "a", tells)) as (supervisor, _):
        await asyncio.to_thread(until, lambda: "'a', '--port=1', '--zone=a b'" in log_of(tmp_path))
        arguments.unlink()
        (child,) = supervisor.children
        assert child.pid is not None
        os.kill(child.pid, signal.SIGKILL)
        await asyncio.to_thread(until, lambda: "['a'] up" in log_of(tmp_path))


def log_of(tmp_path: Path) -> str:
    log = tmp_path / "a.log"
    return log.read_text() if log.exists() else ""


async def test_one_held_from_the_start_can_be_stopped(tmp_path: Path) -> None:
    (tmp_path / "hold-a").touch()
    async with supervised(spec(tmp_path, "a", RUNS)) as (supervisor, watcher):
        await watcher.until(lambda: supervisor.children[0].state is State.HELD)
    assert State.RUNNING not in {state for _, state in watcher.seen}


async def test_the_coordinator_ends_before_the_nodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names = ("n1", "c", "n2")
    specs = [
        spec(tmp_path, name, TELLS_ITS_END, Role.COORDINATOR if name == "c" else Role.NODE)
        for name in names
    ]
    async with supervised(*specs):
        await asyncio.to_thread(until, lambda: all(logged(tmp_path, name) for name in names))
    order = (tmp_path / "order").read_text().split()
    assert order[0] == "c"
    assert sorted(order) == ["c", "n1", "n2"]


def logged(tmp_path: Path, name: str) -> bool:
    log = tmp_path / f"{name}.log"
    return log.exists() and "up" in log.read_text()


async def test_one_that_will_not_end_is_killed(tmp_path: Path) -> None:
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + RUNS
    watcher = Watcher()
    supervisor = Supervisor([spec(tmp_path, "a", code)], watcher, policy=QUICK, stop_grace_s=0.05)
    enough = asyncio.Event()
    running = asyncio.create_task(supervisor.run(enough.wait()))
    await asyncio.to_thread(until, lambda: logged(tmp_path, "a"))
    enough.set()
    await running
    assert supervisor.children[0].exit_code == -signal.SIGKILL


async def test_what_cannot_be_started_ends_the_run_and_the_others(tmp_path: Path) -> None:
    good, bad = spec(tmp_path, "good", RUNS), spec(tmp_path, "bad", RUNS)
    broken = ProcessSpec(
        **{name: getattr(bad, name) for name in bad.__slots__ if name != "command"},
        command=["/no/such/program"],
    )
    supervisor = Supervisor([good, broken], Watcher(), policy=QUICK)
    with pytest.raises(FileNotFoundError):
        await supervisor.run(asyncio.Event().wait())
    assert supervisor.children[0].state is State.STOPPED


@pytest.mark.parametrize(
    ("deaths", "wait_s"), [(1, 0.1), (2, 0.2), (3, 0.4), (6, 3.2), (7, 5.0), (1000, 5.0)]
)
def test_waits_grow_up_to_a_limit(deaths: int, wait_s: float) -> None:
    assert RestartPolicy().wait_s(deaths) == pytest.approx(wait_s)


def test_a_long_log_is_set_aside(tmp_path: Path) -> None:
    log = tmp_path / "a.log"
    with open_log(log, limit_bytes=10) as file:
        file.write(b"x" * 11)
    with open_log(log, limit_bytes=10) as file:
        file.write(b"new")
    assert log.read_bytes() == b"new"
    assert (tmp_path / "a.log.1").read_bytes() == b"x" * 11
