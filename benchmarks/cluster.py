"""A whole Trilith cluster as processes of its own, to measure, to use and to hurt.

Rules: it is started with `trilith up` on a free port, as a user would; every process is known by
the pid that the cluster's status.json names, and only those are ever signalled; waiting has a
deadline and says what it waited for.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.process import Process

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 30.0
PROBE_TIMEOUT_S = 2.0
_POLL_S = 0.02


class ClusterError(Exception):
    """The cluster did not do in time what it was told."""


def wait_until(
    condition: Callable[[], bool], what: str, timeout_s: float = 15.0, poll_s: float = _POLL_S
) -> None:
    """Return as soon as the condition holds. Raises ClusterError after `timeout_s`."""
    pause = threading.Event()
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() >= deadline_s:
            raise ClusterError(f"waited {timeout_s:g} s in vain: {what}")
        pause.wait(poll_s)


def is_running(pid: int) -> bool:
    """Whether a process of that id runs (a zombie does not)."""
    return Process.of(pid) is not None


class Cluster:
    """`trilith up` on one data directory. A context manager: it ends what it started."""

    def __init__(
        self,
        data: Path,
        options: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.data = data
        self._options = list(options)
        self._environment = dict(environment or {})
        self._launcher: subprocess.Popen[bytes] | None = None

    # life ----------------------------------------------------------------------
    def start(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Start and wait until it is ready to serve. Raises ClusterError."""
        self.data.mkdir(parents=True, exist_ok=True)
        # Port 0 is any free one the first time and the same one after a restart.
        options = ["--data", str(self.data), "--port", "0", *self._options]
        with (self.data / "up.log").open("ab") as log:
            self._launcher = subprocess.Popen(
                [sys.executable, "-P", "-m", "trilith", "up", *options],
                env={**_plain_environment(), **self._environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            wait_until(self.is_ready, "the cluster is ready", timeout_s)
        except ClusterError as error:
            tail = (self.data / "up.log").read_text(errors="replace")[-2000:]
            self.stop()
            raise ClusterError(f"{error}\n{tail}") from None
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End it as Ctrl-C would; what does not end in time is killed."""
        launcher, self._launcher = self._launcher, None
        if launcher is None:
            return
        pids = self._known_pids()
        launcher.terminate()
        try:
            launcher.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            launcher.kill()
            launcher.wait()
        _kill_all(pids)

    def __enter__(self) -> "Cluster":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # what it says of itself ------------------------------------------------------
    def status(self) -> dict[str, Any]:
        """What status.json says now; empty while there is none."""
        try:
            status: dict[str, Any] = json.loads((self.data / "status.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return status

    @property
    def endpoint(self) -> str:
        """The S3 endpoint's URL."""
        return str(self.status()["endpoint"])

    @property
    def credentials(self) -> tuple[str, str]:
        """Root's access key and secret key."""
        keys = json.loads((self.data / "credentials.json").read_text())
        return keys["access_key"], keys["secret_key"]

    def processes(self) -> dict[str, dict[str, Any]]:
        """What runs, by name: "coordinator", "node-1", ..."""
        return {one["name"]: one for one in self.status()["processes"]}

    def node_ids(self) -> list[str]:
        """The nodes' names."""
        return [name for name, one in self.processes().items() if one["role"] == "node"]

    def pids(self) -> dict[str, int]:
        """The pid of every process that runs now."""
        return {name: one["pid"] for name, one in self.processes().items() if one["pid"]}

    def node_states(self) -> dict[str, str]:
        """Each node's state as the coordinator sees it; empty while it does not answer."""
        pair = ":".join(self.credentials).encode()
        request = urllib.request.Request(
            f"{self.endpoint}/_api/v1/cluster",
            headers={"authorization": f"Basic {b64encode(pair).decode()}"},
        )
        try:
            with urllib.request.urlopen(request, timeout=PROBE_TIMEOUT_S) as answer:
                told = json.load(answer)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return {}
        return {node["node_id"]: node["state"] for node in told["nodes"]}

    def is_whole(self) -> bool:
        """Whether every process runs and the coordinator sees every node up."""
        if not self.is_ready() or len(self.pids()) < len(self.processes()):
            return False
        states = self.node_states()
        return bool(states) and all(state == "up" for state in states.values())

    def is_ready(self) -> bool:
        """Whether it can serve. Raises ClusterError if `trilith up` has ended."""
        launcher = self._launcher
        if launcher is None or launcher.poll() is not None:
            raise ClusterError("trilith up has ended")
        status = self.status()
        if status.get("pid") != launcher.pid or status.get("phase") != "ready":
            return False
        try:
            ready = f"{status['endpoint']}/_health/ready"
            with urllib.request.urlopen(ready, timeout=PROBE_TIMEOUT_S) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def wait_until_whole(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait for `is_whole`, starting the cluster first if it does not run. ClusterError."""
        if self._launcher is None or self._launcher.poll() is not None:
            self.start(timeout_s)
        wait_until(self.is_whole, "every process is up", timeout_s)

    # faults ----------------------------------------------------------------------
    def kill(self, name: str) -> int:
        """SIGKILL one process and wait until it is gone; its pid. `trilith up` restarts it,
        unless it is held."""
        pid = self.pids()[name]
        _kill_all([pid])
        return pid

    def hold_down(self, node_id: str) -> int:
        """SIGKILL a node and keep it from being restarted until `release`; the pid it had."""
        hold = self.data / "hold" / node_id
        hold.parent.mkdir(exist_ok=True)
        hold.touch()
        return self.kill(node_id)

    def release(self, node_id: str) -> None:
        """Let a held node be started again."""
        (self.data / "hold" / node_id).unlink(missing_ok=True)

    def kill_everything(self) -> list[int]:
        """SIGKILL the launcher and all its children, at once; their pids."""
        launcher, self._launcher = self._launcher, None
        if launcher is None:
            return []
        pids = self._known_pids()
        # The launcher first: it must not restart what dies before it.
        for pid in (launcher.pid, *pids):
            _kill(pid)
        launcher.wait()
        # A child that it restarted while we looked is named in the status by now.
        pids = sorted({*pids, *self._known_pids()})
        _kill_all(pids)
        return [launcher.pid, *pids]

    def _known_pids(self) -> list[int]:
        named = [one.get("pid") for one in self.status().get("processes", [])]
        return [pid for pid in named if pid]


def _plain_environment() -> dict[str, str]:
    # What a developer's shell has set for clients must not set up the cluster.
    return {name: value for name, value in os.environ.items() if not name.startswith("TRILITH_")}


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _kill_all(pids: Sequence[int]) -> None:
    for pid in pids:
        _kill(pid)
    wait_until(lambda: not any(map(is_running, pids)), f"the killed processes {pids} are gone")
