"""The parts of the cluster handle that need no cluster."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.cluster import Cluster, ClusterError, is_running, wait_until


def test_waiting_ends_with_the_condition() -> None:
    answers = iter([False, False, True])
    wait_until(lambda: next(answers), "the third answer")
    assert next(answers, None) is None


def test_waiting_in_vain_says_what_for() -> None:
    with pytest.raises(ClusterError, match="the moon"):
        wait_until(lambda: False, "the moon", timeout_s=0.05)


def test_running_and_not() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_running(child.pid)
    child.kill()
    wait_until(lambda: not is_running(child.pid), "a zombie does not run")
    child.communicate()
    assert not is_running(child.pid)


def test_nothing_is_known_of_a_cluster_that_never_ran(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    assert cluster.status() == {}
    assert cluster.kill_everything() == []
    cluster.stop()
    with pytest.raises(ClusterError, match="ended"):
        cluster.is_ready()
