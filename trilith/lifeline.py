"""Ends this process when the one that started it is gone.

Standard input is a pipe whose other end only the parent holds: it reads as ended when the parent
dies, however it dies. (Linux's PR_SET_PDEATHSIG was the alternative: it fires when the parent's
THREAD ends, misses a parent that died before the call, and exists on one system only.)
"""

import os
import signal
import threading

GRACE_S = 20.0


def exit_with_parent(fd: int = 0) -> None:
    """Watch the pipe; at its end ask this process to stop, and after GRACE_S end it."""
    threading.Thread(target=_watch, args=(fd,), name="lifeline", daemon=True).start()


def _watch(fd: int) -> None:
    while os.read(fd, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    # A daemon thread: it never outlives a process that stops by itself.
    threading.Event().wait(GRACE_S)
    os._exit(1)
