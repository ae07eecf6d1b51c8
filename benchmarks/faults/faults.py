"""Breaks a running local cluster from outside, one process at a time, and undoes it again.

Rules:
1. Real signals, real files, a real relay. What is to be broken is named by the cluster's status,
   and only that is touched. The same seed does the same damage to the same files.
2. A process has one lasting fault at a time: heal it first. Damage may come on top. `heal` undoes
   what lasts; what damage took is gone, and bringing it back is what the store is there for.
3. Whatever was begun can be healed: it is in the book (book.py) before it happens. A fault that
   does not come about is undone at once.
4. A node that moves behind a relay, or is given a full disk, is restarted for it: that is part of
   these faults. The relay takes the node's address, the node the same port of another one.
"""

import contextlib
import random
import signal
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.cluster import Cluster, ClusterError, wait_until
from benchmarks.faults import damage
from benchmarks.faults.book import DAMAGE, Book, Broken, FaultKind
from benchmarks.faults.control import END_TIMEOUT_S, START_TIMEOUT_S, Control, listens
from benchmarks.faults.damage import FaultError
from benchmarks.process import Process

SLOW_DELAY_S = 0.3
"""The mean delay of a slow way, in each direction."""

MOVED_HOST = "127.0.0.2"
"""Where a node listens while a relay stands at its usual address: loopback too, on Linux."""

_MOVED = f"--host={MOVED_HOST}"
_FULL = f"--free-floor-bytes={1 << 60}"
"""No disk has so much free: the node takes it for full. Filling a real one would hurt others."""

_FOR_COORDINATOR = (FaultKind.KILL, FaultKind.STOP, FaultKind.PAUSE)
_RELAYED = (FaultKind.SLOW, FaultKind.PARTITION)


class Faults:
    """What breaks one cluster. As a context manager it heals everything at the end."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._control = Control(cluster)
        self._book = Book(cluster.data)
        self._relays: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Faults":
        return self

    def __exit__(self, *_: object) -> None:
        self.heal()

    def broken(self) -> list[Broken]:
        """What lasts now, oldest first."""
        return self._book.read()

    def inject(self, kind: FaultKind | str, name: str, seed: int = 0) -> str:
        """Break the process `name` ("node-2"; "coordinator" can be killed, stopped and paused).

        Returns, when it has come about, what was done. Raises FaultError, ClusterError.
        """
        kind = FaultKind(kind)
        with self._book.locked():
            self._check(kind, name)
            if kind in DAMAGE:
                return self._damage(kind, name, random.Random(seed))
            self._book.note(Broken(kind, name))
            try:
                return self._begin(kind, name, seed)
            except BaseException:
                # The reason why it failed is the one to tell.
                with contextlib.suppress(ClusterError):
                    self._end(next(one for one in self.broken() if one.name == name))
                raise

    def heal(self, name: str | None = None) -> list[Broken]:
        """Undo what lasts, of one process or of all; returns, when they run again, what it was.

        Raises ClusterError if one does not come back; the others are healed all the same.
        """
        healed, failures = [], []
        with self._book.locked():
            for broken in self.broken():
                if name is not None and broken.name != name:
                    continue
                try:
                    self._end(broken)
                    healed.append(broken)
                except ClusterError as error:
                    failures.append(str(error))
        if failures:
            raise ClusterError("; ".join(failures))
        return healed

    def _check(self, kind: FaultKind, name: str) -> None:
        role = self._control.described(name)["role"]
        if role == "coordinator" and kind not in _FOR_COORDINATOR:
            raise FaultError(f"{kind} is for nodes, not for the coordinator")
        if self._control.launcher() is None:
            raise FaultError(f"no cluster runs on {self._cluster.data}")
        before = next((one.kind for one in self.broken() if one.name == name), None)
        is_down = before in (FaultKind.KILL, FaultKind.STOP)
        if before is not None and (kind not in DAMAGE or (kind is FaultKind.WIPE and not is_down)):
            raise FaultError(f"{name} has a fault already ({before}): heal it first")

    # what lasts --------------------------------------------------------------------
    def _begin(self, kind: FaultKind, name: str, seed: int) -> str:
        process = self._control.running(name)
        match kind:
            case FaultKind.KILL | FaultKind.STOP:
                number = signal.SIGKILL if kind is FaultKind.KILL else signal.SIGTERM
                self._control.end(name, number)
                return f"{name} (process {process.pid}) is down, of {number.name}"
            case FaultKind.PAUSE:
                self._book.note(Broken(kind, name, process))
                process.send(signal.SIGSTOP)
                wait_until(process.is_stopped, f"{name} is stopped", END_TIMEOUT_S)
                return f"{name} (process {process.pid}) is stopped in its tracks"
            case FaultKind.FILL_DISK:
                self._restart_with(name, _FULL)
                return f"{name} takes its disk for full"
            case FaultKind.SLOW | FaultKind.PARTITION:
                relay = self._move_behind_relay(kind, name, seed)
                what = "is cut" if kind is FaultKind.PARTITION else "is slow"
                return f"the way to {name} {what} (relay: process {relay.pid})"
        raise AssertionError(f"{kind} does not last")

    def _end(self, broken: Broken) -> None:
        name = broken.name
        match broken.kind:
            case FaultKind.KILL | FaultKind.STOP:
                self._control.start(name)
            case FaultKind.PAUSE:
                if broken.process is not None:
                    broken.process.send(signal.SIGCONT)
            case FaultKind.FILL_DISK:
                self._restart_without(name, _FULL)
            case FaultKind.SLOW | FaultKind.PARTITION:
                self._end_relay(name, broken.process)
                self._restart_without(name, _MOVED)
        self._book.forget(name)

    def _restart_with(self, name: str, argument: str) -> None:
        self._control.end(name, signal.SIGTERM)
        self._control.add_argument(name, argument)
        self._control.start(name)

    def _restart_without(self, name: str, argument: str) -> None:
        self._control.remove_argument(name, argument)
        if self._control.launcher() is not None:
            self._control.end(name, signal.SIGTERM)
        self._control.start(name)

    # the relay -----------------------------------------------------------------------
    def _move_behind_relay(self, kind: FaultKind, name: str, seed: int) -> Process:
        url = urlsplit(self._control.described(name)["url"])
        usual, moved = (f"{host}:{url.port}" for host in (url.hostname, MOVED_HOST))
        self._control.end(name, signal.SIGTERM)
        way = ["--cut"] if kind is FaultKind.PARTITION else [f"--delay-s={SLOW_DELAY_S}"]
        with (self._cluster.data / "logs" / f"relay-{name}.log").open("ab") as log:
            relay = subprocess.Popen(
                [
                    *(sys.executable, "-P", "-m", "benchmarks.relay", *way, f"--seed={seed}"),
                    *(f"--listen={usual}", f"--to={moved}"),
                    f"--while-runs={self._control.launcher()}",
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for whoever started it, and he heals.
                start_new_session=True,
            )
        self._relays[name] = relay
        process = Process.of(relay.pid)
        self._book.note(Broken(kind, name, process))
        address = (url.hostname or "", url.port or 0)
        wait_until(
            lambda: relay.poll() is not None or listens(address),
            f"the relay listens at {usual}",
            START_TIMEOUT_S,
        )
        if process is None or relay.poll() is not None:
            raise FaultError(f"the relay for {name} does not start; see {log.name}")
        self._control.add_argument(name, _MOVED)
        self._control.start(name, MOVED_HOST)
        return process

    def _end_relay(self, name: str, process: Process | None) -> None:
        ours = self._relays.pop(name, None)
        if ours is not None:
            ours.kill()
            ours.wait()
        elif process is not None:
            process.send(signal.SIGKILL)
            wait_until(lambda: not process.is_running(), "the relay ends", END_TIMEOUT_S)

    # damage --------------------------------------------------------------------------
    def _damage(self, kind: FaultKind, name: str, rng: random.Random) -> str:
        node = Path(self._control.described(name)["data_dir"])
        match kind:
            case FaultKind.CORRUPT:
                places = damage.corrupt(node, rng)
                return f"a bit flipped in each of {len(places)} records of {name}"
            case FaultKind.TRUNCATE:
                place = damage.truncate(node, rng)
                return f"{place.length} bytes cut off {place.path.name} of {name}"
            case FaultKind.WIPE:
                return self._wipe(name, node)
        raise AssertionError(f"{kind} is no damage")

    def _wipe(self, name: str, node: Path) -> str:
        was_held = self._control.is_held(name)
        # A disk does not leave in an orderly way.
        self._control.end(name, signal.SIGKILL)
        try:
            damage.wipe(node)
        finally:
            if not was_held:
                self._control.start(name)
        return f"{name} has an empty disk"
