"""Each fault on a real cluster: that it comes about, and that `heal` undoes it."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks import faults as package
from benchmarks.cluster import Cluster, is_running, wait_until
from benchmarks.faults import Broken, FaultError, FaultKind, Faults
from benchmarks.faults.segments import live_records
from benchmarks.process import Process
from tests.end_to_end.support import (
    STRIPE_BYTES,
    ask_node,
    empty_bucket,
    s3_client,
    seeded_bytes,
)

BUCKET = "faults"
NODE = "node-2"
FOLDER = Path(package.__file__).parent
BODY = seeded_bytes(3 * STRIPE_BYTES + 5)


@pytest.fixture
def faults(fragile: Cluster) -> Iterator[Faults]:
    with Faults(fragile) as injecting:
        yield injecting
    assert injecting.broken() == []


@pytest.fixture
def s3(fragile: Cluster, faults: Faults) -> Iterator[Any]:
    client = s3_client(fragile)
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="k", Body=BODY)
    yield client
    faults.heal()
    fragile.wait_until_whole()
    empty_bucket(client, BUCKET)
    client.close()


def assert_readable(s3: Any) -> None:
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == BODY


def sees(cluster: Cluster, *states: str) -> None:
    """Wait until the coordinator sees the node so."""
    wait_until(lambda: cluster.node_states().get(NODE) in states, f"{NODE} is {states}")


@pytest.mark.parametrize(("kind", "exit_code"), [("kill", -signal.SIGKILL), ("stop", 0)])
def test_one_that_was_ended_stays_down(
    fragile: Cluster, faults: Faults, s3: Any, kind: str, exit_code: int
) -> None:
    before = fragile.pids()
    assert NODE in faults.inject(kind, NODE)
    assert not is_running(before[NODE])
    assert_readable(s3)
    process = fragile.processes()[NODE]
    assert (process["state"], process["exit_code"]) == ("held", exit_code)
    assert faults.heal() == [Broken(FaultKind(kind), NODE)]
    assert is_running(fragile.pids()[NODE])
    sees(fragile, "up", "returned")


def test_a_paused_one_keeps_silent(fragile: Cluster, faults: Faults, s3: Any) -> None:
    faults.inject("pause", NODE)
    pid = fragile.pids()[NODE]
    process = Process.of(pid)
    assert process is not None
    assert process.is_stopped()
    assert_readable(s3)
    sees(fragile, "down")
    faults.heal(NODE)
    assert not process.is_stopped()
    sees(fragile, "up", "returned")
    assert fragile.pids()[NODE] == pid


def test_a_slow_way(fragile: Cluster, faults: Faults, s3: Any) -> None:
    faults.inject("slow", NODE, seed=3)
    (broken,) = faults.broken()
    assert broken.process is not None
    sees(fragile, "up")
    assert_readable(s3)
    assert ask_node(fragile, NODE, "health")["state"] == "ok"
    faults.heal()
    assert not broken.process.is_running()
    assert list((fragile.data / "arguments").iterdir()) == []
    sees(fragile, "up", "returned")


def test_a_cut_way(fragile: Cluster, faults: Faults, s3: Any) -> None:
    faults.inject("partition", NODE)
    sees(fragile, "down")
    assert is_running(fragile.pids()[NODE])
    assert_readable(s3)
    faults.heal()
    sees(fragile, "up", "returned")


def test_a_full_disk(fragile: Cluster, faults: Faults, s3: Any) -> None:
    faults.inject("fill-disk", NODE)
    assert ask_node(fragile, NODE, "health")["state"] == "full"
    sees(fragile, "up")
    s3.put_object(Bucket=BUCKET, Key="one shard fewer", Body=b"x" * 5000)
    assert ask_node(fragile, NODE, "stats")["refused_full"] > 0
    assert_readable(s3)
    faults.heal()
    assert ask_node(fragile, NODE, "health")["state"] == "ok"


@pytest.mark.parametrize("kind", ["corrupt", "truncate"])
def test_damage_is_there_and_is_not_served(
    fragile: Cluster, faults: Faults, s3: Any, kind: str
) -> None:
    assert NODE in faults.inject(kind, NODE, seed=1)
    assert faults.broken() == []
    assert_readable(s3)


def test_a_wiped_disk_is_another(fragile: Cluster, faults: Faults, s3: Any) -> None:
    identity = fragile.data / NODE / "identity.json"
    before = json.loads(identity.read_text())["store_id"]
    assert live_records(fragile.data / NODE)
    faults.inject("wipe", NODE)
    assert json.loads(identity.read_text())["store_id"] != before
    assert_readable(s3)


def test_one_can_be_wiped_while_it_is_held_down(fragile: Cluster, faults: Faults, s3: Any) -> None:
    faults.inject("kill", NODE)
    faults.inject("wipe", NODE)
    assert list((fragile.data / NODE).iterdir()) == []
    assert fragile.processes()[NODE]["state"] == "held"
    assert_readable(s3)
    faults.heal()
    assert (fragile.data / NODE / "identity.json").exists()


def test_the_coordinator_too(fragile: Cluster, faults: Faults, s3: Any) -> None:
    faults.inject("kill", "coordinator")
    assert "coordinator" not in fragile.pids()
    faults.heal("coordinator")
    assert_readable(s3)


def test_what_can_not_be(fragile: Cluster, faults: Faults, tmp_path: Path) -> None:
    for kind, name, told in (
        ("kill", "node-9", "no process 'node-9'"),
        ("wipe", "coordinator", "for nodes"),
        ("slow", "coordinator", "for nodes"),
    ):
        with pytest.raises(FaultError, match=told):
            faults.inject(kind, name)
    faults.inject("pause", NODE)
    for kind in ("pause", "kill", "wipe"):
        with pytest.raises(FaultError, match="heal it first"):
            faults.inject(kind, NODE)
    with pytest.raises(FaultError, match="was ever started"):
        Faults(Cluster(tmp_path)).inject("kill", NODE)
    assert [broken.name for broken in faults.broken()] == [NODE]


def test_a_fault_that_does_not_come_about_is_undone(fragile: Cluster, faults: Faults) -> None:
    # Nothing can listen there: a folder stands where the relay's log should be.
    (fragile.data / "logs" / f"relay-{NODE}.log").unlink(missing_ok=True)
    (fragile.data / "logs" / f"relay-{NODE}.log").mkdir()
    try:
        with pytest.raises(IsADirectoryError):
            faults.inject("slow", NODE)
    finally:
        (fragile.data / "logs" / f"relay-{NODE}.log").rmdir()
    assert faults.broken() == []
    assert is_running(fragile.pids()[NODE])


def test_the_command_line_heals_what_another_has_broken(fragile: Cluster, faults: Faults) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "benchmarks", "fault", *arguments],
            env={**os.environ, "TRILITH_DATA": str(fragile.data)},
            capture_output=True,
            text=True,
            check=False,
        )

    told = run("partition", "--node", NODE)
    assert told.returncode == 0, told.stderr
    relay = faults.broken()[0].process
    assert relay is not None
    assert relay.is_running(), "it outlives the program that started it"
    refused = run("kill", "--node", NODE)
    assert refused.returncode == 2
    assert "heal it first" in refused.stderr
    healed = run("heal")
    assert healed.stdout.strip() == f"healed: {NODE} (partition)"
    assert not relay.is_running()


def test_everything_ends_with_the_cluster(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    cluster.start()
    faults = Faults(cluster)
    faults.inject("slow", "node-1")
    faults.inject("pause", "node-3")
    left = [broken.process for broken in faults.broken() if broken.process is not None]
    assert len(left) == 2
    killed = cluster.kill_everything()
    wait_until(lambda: not any(process.is_running() for process in left), "all ended")
    assert not any(map(is_running, killed))
    assert len(faults.heal()) == 2, "a cluster that does not run can be healed too"
    for folder in ("arguments", "hold"):
        assert list((tmp_path / folder).iterdir()) == [], "the next start is as ever"


STORIES = sorted(path.name for path in FOLDER.glob("*-*.sh"))


@pytest.mark.parametrize("name", STORIES)
def test_a_story_can_be_read(name: str) -> None:
    assert os.access(FOLDER / name, os.X_OK)
    subprocess.run(["sh", "-n", FOLDER / name], check=True)


def test_a_story_has_a_verdict_and_leaves_nothing(tmp_path: Path) -> None:
    told = subprocess.run(
        ["sh", FOLDER / "wipe-a-disk.sh"],
        env={**os.environ, "PYTHON": sys.executable, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.splitlines()[-1] == "== PASSED"
    assert list(tmp_path.iterdir()) == []
