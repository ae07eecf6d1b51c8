"""`trilith up --detach` and `trilith down`: a cluster that outlives the command that started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from trilith import locks
from trilith.errors import LaunchError
from trilith.layout import DataDirectory, read_json
from trilith.status import Phase

START_TIMEOUT_S = 90.0
STOP_TIMEOUT_S = 60.0
POLL_S = 0.03

Sleep = Callable[[float], None]


def start(
    directory: DataDirectory, arguments: Sequence[str], sleep: Sleep = time.sleep
) -> dict[str, Any]:
    """Run `trilith up` with these arguments in the background; its status once it is ready.

    Raises LaunchError with what it said if it ends before that.
    """
    directory.create()
    log = directory.log("up")
    with log.open("ab") as output:
        said_from = output.tell()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "trilith", "up", "--quiet", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            said = log.read_bytes()[said_from:].decode(errors="replace").strip()
            raise LaunchError(said.removeprefix("trilith: ") or f"it ended at once; see {log}")
        told = read_json(directory.status_file)
        if told is not None and told["pid"] == process.pid and told["phase"] == Phase.READY:
            return told
        sleep(POLL_S)
    process.terminate()
    raise LaunchError(f"the cluster was not ready within {START_TIMEOUT_S:.0f} s; see {log}")


def stop(directory: DataDirectory, sleep: Sleep = time.sleep) -> int | None:
    """Stop the cluster that runs on the directory; its launcher's process id, None if none ran."""
    pid = locks.running_pid(directory)
    if pid is None:
        return None
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while locks.running_pid(directory) is not None:
        if time.monotonic() > deadline:
            raise LaunchError(f"process {pid} did not stop within {STOP_TIMEOUT_S:.0f} s")
        sleep(POLL_S)
    return pid
