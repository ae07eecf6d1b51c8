"""Runs an ASGI app: binds, listens, sweeps the connections, and ends gracefully.

Rules: what an app needs is opened by the caller around `serve`, and closed after it returned: at
that time no handler runs any more. There is no ASGI lifespan. Unlike uvicorn's own server this one
returns after SIGTERM instead of dying of it, so that the caller gets to close what it opened.
"""

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import uvicorn

from coordinator.http.connection import Connection
from coordinator.http.exchange import App
from coordinator.http.limits import Limits

log = logging.getLogger(__name__)

BACKLOG = 2048
CANCEL_GRACE_S = 2.0
"""How long cancelled handlers may take to clean up."""


class _Config(uvicorn.Config):
    """uvicorn's settings, all that we do not use switched off, and our limits."""

    def __init__(self, app: App, limits: Limits) -> None:
        super().__init__(
            cast(Any, app),
            http=Connection,
            ws="none",
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=cast(int, limits.shutdown_s),
        )
        self.limits = limits


class _Server(uvicorn.Server):
    """uvicorn's server, with the sweep and with signals that end it quietly."""

    def __init__(self, config: _Config, *, handles_signals: bool) -> None:
        super().__init__(config)
        self._limits = config.limits
        self._handles_signals = handles_signals
        self._next_sweep = 0.0
        self.on_listening: Callable[[], None] = _nothing

    def stop(self) -> None:
        """End gracefully; asked a second time, at once."""
        self.force_exit = self.should_exit
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to accept."""
        await super().startup(sockets)
        self.on_listening()

    async def on_tick(self, counter: int) -> bool:
        """Called by uvicorn ten times a second."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        if now >= self._next_sweep:
            self._next_sweep = now + self._limits.sweep_interval_s
            self.sweep(now)
        return await super().on_tick(counter)

    def sweep(self, now: float) -> None:
        """Let every connection look at its deadlines."""
        for connection in list(self.server_state.connections):
            cast(Connection, connection).sweep(now)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End within the time allowed; what is not done then is cut off."""
        await super().shutdown(sockets)
        tasks = set(self.server_state.tasks)
        for task in tasks:
            task.cancel()
        for connection in list(self.server_state.connections):
            connection.transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=CANCEL_GRACE_S)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop at SIGTERM and SIGINT, and only that."""
        if not self._handles_signals:
            yield
            return
        loop = asyncio.get_running_loop()
        signals = (signal.SIGTERM, signal.SIGINT)
        for number in signals:
            loop.add_signal_handler(number, self.stop)
        try:
            yield
        finally:
            for number in signals:
                loop.remove_signal_handler(number)


@dataclass(frozen=True, slots=True)
class RunningServer:
    """A server that accepts connections."""

    host: str
    port: int
    stop: Callable[[], None]

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def listen(host: str, port: int) -> socket.socket:
    """Bind; port 0 takes a free one. Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=BACKLOG)


async def serve(
    app: App,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    limits: Limits | None = None,
    on_listening: Callable[[RunningServer], None] | None = None,
) -> None:
    """Serve until SIGTERM or SIGINT (or `RunningServer.stop`). Raises OSError if it can't bind.

    `on_listening` is called once, when connections are accepted, and learns the port.
    """
    server = _Server(_Config(app, limits or Limits()), handles_signals=True)
    with listen(host, port) as sock:
        where = RunningServer(host, sock.getsockname()[1], server.stop)
        if on_listening is not None:
            server.on_listening = lambda: on_listening(where)
        await server.serve(sockets=[sock])


@contextlib.asynccontextmanager
async def running(
    app: App,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    limits: Limits | None = None,
) -> AsyncIterator[RunningServer]:
    """Serve as long as the context lasts, without touching signals: for tests and tools."""
    server = _Server(_Config(app, limits or Limits()), handles_signals=False)
    with listen(host, port) as sock:
        # Bound and listening: whoever connects from here on is served.
        task = asyncio.create_task(server.serve(sockets=[sock]))
        try:
            yield RunningServer(host, sock.getsockname()[1], server.stop)
        finally:
            server.should_exit = True
            await task


def _nothing() -> None:
    """Nobody waits for the server to listen."""
