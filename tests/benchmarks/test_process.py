"""A process by pid and start: running, stopped, gone, and never somebody else."""

import os
import signal
import subprocess
import sys
from dataclasses import replace

from benchmarks.cluster import wait_until
from benchmarks.process import Process


def test_from_running_to_gone() -> None:
    child = subprocess.Popen([sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE)
    process = Process.of(child.pid)
    assert process is not None
    assert process.is_running()
    assert not process.is_stopped()
    assert process.send(signal.SIGSTOP)
    wait_until(process.is_stopped, "it is stopped")
    assert process.is_running()
    assert process.send(signal.SIGCONT)
    wait_until(lambda: not process.is_stopped(), "it goes on")
    assert process.send(signal.SIGKILL)
    wait_until(lambda: not process.is_running(), "a zombie does not run")
    child.communicate()
    assert Process.of(child.pid) is None
    assert not process.send(signal.SIGTERM)


def test_who_got_the_same_pid_is_another() -> None:
    me = Process.of(os.getpid())
    assert me is not None
    former = replace(me, started=me.started - 1)
    assert me.is_running()
    assert not former.is_running()
    assert not former.send(signal.SIGKILL)
