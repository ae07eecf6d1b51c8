"""`trilith up`: a whole cluster on this machine, as separate processes, until it is told to stop.

Rules: everything is checked before anything is started; a cluster that cannot come up says why and
leaves nothing running; stopping is clean, and the next start finds the same data.
"""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass

from trilith import locks
from trilith.board import StatusBoard
from trilith.errors import LaunchError
from trilith.launch import Launch, UpOptions, prepare, process_specs, shape
from trilith.layout import DataDirectory
from trilith.readiness import Probe
from trilith.status import Phase, Role, State
from trilith.supervisor import Child, Supervisor

READY_TIMEOUT_S = 60.0
ALL_NODES_TIMEOUT_S = 5.0
READY_POLL_S = 0.03
MAX_DEATHS_BEFORE_READY = 3
LOG_TAIL_LINES = 12
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@dataclass(frozen=True, slots=True)
class Listener:
    """Who is told what happens: `ready` once, `event` a line for people now and then."""

    ready: Callable[[Launch], None]
    event: Callable[[str], None]


def up(options: UpOptions, listener: Listener) -> None:
    """Start the cluster and keep it running; returns when it was stopped. Raises LaunchError."""
    directory = DataDirectory(options.data)
    # First, so that a slip of the pen leaves no directory behind.
    shape(options, directory.load_config())
    directory.create()
    with locks.exclusive(directory) as processes_lock:
        launch = prepare(options, os.environ, random.Random())
        board = StatusBoard(launch, time.time)

        def on_change(child: Child) -> None:
            board.write()
            if board.phase in (Phase.STARTING, Phase.READY):
                _report(child, listener)

        supervisor = Supervisor(process_specs(launch), on_change, pass_fds=(processes_lock,))
        board.children = supervisor.children
        asyncio.run(_run(launch, supervisor, board, listener))


async def _run(
    launch: Launch, supervisor: Supervisor, board: StatusBoard, listener: Listener
) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, stopping.set)

    async def serve() -> None:
        ready = asyncio.create_task(_until_ready(launch, supervisor))
        stopped = asyncio.create_task(stopping.wait())
        await asyncio.wait({ready, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            ready.result()
            board.enter(Phase.READY)
            listener.ready(launch)
            await stopped
        else:
            ready.cancel()
        board.enter(Phase.STOPPING)
        _tell(listener, "stopping")

    board.enter(Phase.STARTING)
    try:
        await supervisor.run(serve())
    finally:
        board.enter(Phase.STOPPED)


async def _until_ready(launch: Launch, supervisor: Supervisor) -> None:
    """Returns when the coordinator can serve and, if that comes soon, sees every node."""
    probe = Probe(launch.contact_host, launch.config.port)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + READY_TIMEOUT_S
    while not await asyncio.to_thread(probe.is_ready):
        for child in supervisor.children:
            if child.deaths >= MAX_DEATHS_BEFORE_READY:
                raise LaunchError(f"{child.spec.name} does not start:\n{log_tail(child)}")
        if loop.time() > deadline:
            raise LaunchError(
                f"the cluster was not ready within {READY_TIMEOUT_S:.0f} s; see the logs in"
                f" {launch.directory.log('x').parent}"
            )
        await asyncio.sleep(READY_POLL_S)
    probe = Probe(launch.contact_host, launch.config.port, launch.keys())
    deadline = loop.time() + ALL_NODES_TIMEOUT_S
    while loop.time() < deadline:
        expected = {
            child.spec.name
            for child in supervisor.children
            if child.spec.role is Role.NODE and child.state is not State.HELD
        }
        if not expected & await asyncio.to_thread(probe.nodes_not_up):
            break
        await asyncio.sleep(READY_POLL_S)


def _report(child: Child, listener: Listener) -> None:
    name = child.spec.name
    if child.state is State.RESTARTING:
        _tell(listener, f"{name} ended ({ending(child.exit_code)}); restarting it")
    elif child.state is State.HELD:
        _tell(listener, f"{name} is held down by {child.spec.hold}")
    elif child.state is State.RUNNING and child.restarts:
        _tell(listener, f"{name} runs again (process {child.pid})")


def _tell(listener: Listener, text: str) -> None:
    # Nobody may be reading any more (a closed terminal, a pipe's dead end): that ends nothing.
    with contextlib.suppress(OSError):
        listener.event(text)


def ending(exit_code: int | None) -> str:
    """An exit code in words."""
    if exit_code is None:
        return "unknown"
    if exit_code < 0:
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def log_tail(child: Child) -> str:
    """The last lines of a child's log, and where the rest is."""
    try:
        lines = child.spec.log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
    except OSError:
        lines = []
    return "\n".join([*(f"    {line}" for line in lines), f"See {child.spec.log}"])
