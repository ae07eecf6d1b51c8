"""Ends and starts the processes of a local cluster behind the back of what keeps them running.

Rules: a process is held (DIR/hold/<name>) before it is ended, so that `trilith up` does not start
it again until it is let go, and then does so at once. Further options for a start stand in
DIR/arguments/<name>; only our own lines there are added and removed. Waiting has a deadline.
"""

import contextlib
import signal
import socket
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.cluster import Cluster, is_running, wait_until
from benchmarks.faults.damage import FaultError
from benchmarks.process import Process

END_TIMEOUT_S = 20.0
START_TIMEOUT_S = 30.0
_CONNECT_TIMEOUT_S = 1.0


class Control:
    """The processes of one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def launcher(self) -> int | None:
        """The pid of the `trilith up` that keeps them running, if one does."""
        status = self._cluster.status()
        pid = status.get("pid")
        return pid if pid and status.get("phase") != "stopped" and is_running(pid) else None

    def described(self, name: str) -> dict[str, Any]:
        """What the cluster's status says of the process. Raises FaultError if there is none."""
        processes = self._cluster.processes() if self._cluster.status() else {}
        if name not in processes:
            known = ", ".join(sorted(processes)) or "none: no cluster was ever started there"
            raise FaultError(f"no process {name!r} in {self._cluster.data} (there are: {known})")
        return processes[name]

    def running(self, name: str) -> Process:
        """The process. Raises FaultError if it does not run."""
        pid = self.described(name)["pid"]
        process = Process.of(pid) if pid else None
        if process is None:
            raise FaultError(f"{name} does not run")
        return process

    def hold(self, name: str) -> Path:
        """Keep it from being started again once it is down."""
        path = self._cluster.data / "hold" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
        return path

    def is_held(self, name: str) -> bool:
        """Whether it is kept from being started."""
        return (self._cluster.data / "hold" / name).exists()

    def end(self, name: str, number: signal.Signals) -> None:
        """Hold it and signal it until it is down. Raises ClusterError."""
        self.hold(name)
        signalled: set[Process] = set()

        def is_down() -> bool:
            told = self.described(name)
            # It may have been about to be restarted when we held it: then it has another pid now.
            process = Process.of(told["pid"]) if told["pid"] else None
            if process is not None and process not in signalled:
                signalled.add(process)
                process.send(number)
            return process is None and (told["pid"] is None or self.launcher() is None)

        wait_until(is_down, f"{name} ends ({number.name})", END_TIMEOUT_S)

    def start(self, name: str, host: str = "") -> None:
        """Let it go and wait until it listens (at `host`, if not at its usual one). If no
        `trilith up` runs it starts with the next. Raises ClusterError."""
        self._cluster.release(name)
        if self.launcher() is None:
            return
        url = urlsplit(self.described(name)["url"])
        address = (host or url.hostname or "", url.port or 0)

        def is_up() -> bool:
            pid = self.described(name)["pid"]
            return bool(pid) and is_running(pid) and listens(address)

        wait_until(is_up, f"{name} listens at {address[0]}:{address[1]}", START_TIMEOUT_S)

    # further options ---------------------------------------------------------------
    def add_argument(self, name: str, argument: str) -> None:
        """From its next start on."""
        path = self._arguments(name)
        path.parent.mkdir(exist_ok=True)
        kept = [line for line in _lines(path) if line != argument]
        path.write_text("".join(f"{line}\n" for line in (*kept, argument)))

    def remove_argument(self, name: str, argument: str) -> None:
        """From its next start on."""
        path = self._arguments(name)
        kept = [line for line in _lines(path) if line != argument]
        if kept:
            path.write_text("".join(f"{line}\n" for line in kept))
        else:
            path.unlink(missing_ok=True)

    def _arguments(self, name: str) -> Path:
        return self._cluster.data / "arguments" / name


def listens(address: tuple[str, int]) -> bool:
    """Whether a server takes connections there."""
    with contextlib.suppress(OSError):
        socket.create_connection(address, _CONNECT_TIMEOUT_S).close()
        return True
    return False


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except FileNotFoundError:
        return []
