"""Who may use a data directory: one `trilith up` at a time, and only once the former one's
processes are gone.

Rules: locks are flock's, which end with their holders however these end. `lock` is held by `up`
alone; `lock.processes` is inherited by the processes it starts, so it is free when all are gone.
"""

import contextlib
import fcntl
import os
import time
from collections.abc import Callable, Iterator

from trilith.errors import LaunchError
from trilith.layout import DataDirectory

FORMER_PROCESSES_S = 30.0
POLL_S = 0.05
OWN_TRIES = 4


@contextlib.contextmanager
def exclusive(
    directory: DataDirectory,
    *,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[int]:
    """Hold the directory; gives the descriptor that the processes must inherit.

    Raises LaunchError if another `up` runs, or if processes of a former one do not end.
    """
    own = _open(directory)
    processes = os.open(directory.processes_lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        # `trilith status` looks by holding the lock for an instant: try more than once.
        if not any(_try_lock(own) or sleep(POLL_S) for _ in range(OWN_TRIES)):
            holder = os.pread(own, 32, 0).decode(errors="replace").strip()
            raise LaunchError(
                f"a cluster already runs on {directory.root} (process {holder}):"
                f" `trilith down --data {directory.root}` stops it"
            )
        os.ftruncate(own, 0)
        os.pwrite(own, f"{os.getpid()}\n".encode(), 0)
        deadline = clock() + FORMER_PROCESSES_S
        while not _try_lock(processes):
            if clock() > deadline:
                raise LaunchError(
                    f"processes of a former run still use {directory.root}; look for them with"
                    f" `ps ax | grep {directory.root}`"
                )
            sleep(POLL_S)
        yield processes
    finally:
        os.close(processes)
        os.close(own)


def running_pid(directory: DataDirectory) -> int | None:
    """The process id of the `up` that holds the directory, or None."""
    if not directory.lock_file.exists():
        return None
    own = _open(directory)
    try:
        if _try_lock(own, fcntl.LOCK_SH):
            return None
        return int(os.pread(own, 32, 0) or b"0") or None
    finally:
        os.close(own)


def _open(directory: DataDirectory) -> int:
    return os.open(directory.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _try_lock(fd: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
