"""One `up` per data directory, and only when the former one's processes are gone."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.trilith.waiting import until
from trilith import background, locks
from trilith.errors import LaunchError
from trilith.layout import DataDirectory
from trilith.status import merge_cluster, read_status

HOLDS = """
import sys, time
from pathlib import Path
from trilith import locks
from trilith.layout import DataDirectory
with locks.exclusive(DataDirectory(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def directory(tmp_path: Path) -> DataDirectory:
    made = DataDirectory(tmp_path)
    made.create()
    return made


def test_a_second_one_is_refused_while_the_first_runs(directory: DataDirectory) -> None:
    command = [sys.executable, "-c", HOLDS, str(directory.root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        assert locks.running_pid(directory) == first.pid
        with pytest.raises(LaunchError, match=rf"already runs .*process {first.pid}"):  # noqa: SIM117
            with locks.exclusive(directory):
                pass
        first.kill()
    assert locks.running_pid(directory) is None
    with locks.exclusive(directory):
        assert locks.running_pid(directory) == os.getpid()


def test_leftover_processes_are_waited_for(directory: DataDirectory) -> None:
    with locks.exclusive(directory) as fd:
        leftover = subprocess.Popen(
            [sys.executable, "-S", "-c", "input()"], stdin=subprocess.PIPE, pass_fds=[fd]
        )
    waits: list[float] = []

    def sleep(wait_s: float) -> None:
        waits.append(wait_s)
        if len(waits) == 3:
            leftover.kill()
            leftover.wait()

    with leftover, locks.exclusive(directory, sleep=sleep):
        assert len(waits) == 3


def test_leftover_processes_that_stay_are_told(directory: DataDirectory) -> None:
    ticks = iter([0.0, 1.0, 100.0])
    with locks.exclusive(directory) as fd:
        keeps = os.dup(fd)
    try:
        with (
            pytest.raises(LaunchError, match="processes of a former run"),
            locks.exclusive(directory, sleep=lambda _: None, clock=lambda: next(ticks)),
        ):
            pass
    finally:
        os.close(keeps)


def test_nothing_to_stop(directory: DataDirectory) -> None:
    assert background.stop(directory) is None
    assert read_status(directory) is None


def test_the_status_of_a_launcher_that_was_killed(directory: DataDirectory) -> None:
    directory.status_file.write_text(
        '{"phase": "ready", "pid": 1, "processes":'
        ' [{"role": "node", "node_id": "node-1", "state": "running", "pid": 2}]}'
    )
    told = read_status(directory)
    assert told is not None
    assert (told["phase"], told["pid"]) == ("stopped", None)
    assert (told["processes"][0]["state"], told["processes"][0]["pid"]) == ("stopped", None)
    merged = merge_cluster(told, {"nodes": [{"node_id": "node-1", "state": "down"}]})
    assert merged["processes"][0]["node_state"] == "down"
    assert merge_cluster(told, None)["cluster"] is None


LIVES = """
import signal, sys
from trilith.lifeline import exit_with_parent
def end(*_):
    print("asked to stop", flush=True)
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
exit_with_parent()
print("watching", flush=True)
signal.pause()
"""


def test_a_child_ends_with_its_parent() -> None:
    command = [sys.executable, "-c", LIVES]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stdout.readline() == b"watching\n"
        child.stdin.close()
        assert child.stdout.readline() == b"asked to stop\n"
        assert until(lambda: child.poll() is not None)
        assert child.returncode == 7
