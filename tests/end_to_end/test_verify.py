"""Damage to real disks, found by `trilith verify`, mended, and found to be mended."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster import Cluster, wait_until
from tests.end_to_end.support import s3_client, seeded_bytes
from trilith import Client

HEALED_TIMEOUT_S = 60.0
COUNT = 20


def trilith(cluster: Cluster, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command on that cluster."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "trilith", *arguments, "--data", str(cluster.data)],
        env={name: value for name, value in os.environ.items() if "TRILITH" not in name},
        capture_output=True,
        text=True,
        timeout=HEALED_TIMEOUT_S,
        check=False,
    )


def verify(cluster: Cluster, *options: str) -> tuple[int, list[dict[str, Any]]]:
    """The exit code of an audit, and the lines that it told besides progress."""
    done = trilith(cluster, "verify", "--json", *options)
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return done.returncode, [line for line in told if line["type"] != "progress"]


def client(cluster: Cluster) -> Client:
    """The same without a process for each call."""
    return Client(cluster.endpoint, *cluster.credentials)


def is_whole(cluster: Cluster, *, deep: bool = False) -> bool:
    with client(cluster) as store:
        *_, summary = store.verify(deep=deep)
    return summary["is_whole"]


@pytest.fixture
def stocked(fragile: Cluster) -> Cluster:
    """A cluster with some objects, small and large."""
    s3 = s3_client(fragile)
    s3.create_bucket(Bucket="audited")
    for number in range(COUNT):
        s3.put_object(Bucket="audited", Key=f"small-{number}", Body=seeded_bytes(5000, number))
    s3.put_object(Bucket="audited", Key="large", Body=seeded_bytes(3_000_000, "large"))
    s3.close()
    return fragile


def test_damage_is_found_and_mended(stocked: Cluster) -> None:
    wait_until(lambda: is_whole(stocked), "nothing is left from before", HEALED_TIMEOUT_S)
    code, (summary,) = verify(stocked, "--deep", "--bucket", "audited")
    assert code == 0
    assert summary["parts"] == summary["whole"] == COUNT + 1
    assert summary["shards_found"] == 3 * (COUNT + 1)
    assert summary["bytes_read"] >= summary["bytes"] * 3 // 2

    # A bit rots: no inventory can tell, only who reads everything.
    node_id = flip_a_bit(stocked, seeded_bytes(3_000_000, "large")[:64])
    assert is_whole(stocked)
    code, (finding, summary) = verify(stocked, "--deep")
    assert (code, summary["degraded"], summary["lost"]) == (1, 1, 0)
    assert (finding["defect"], finding["key"]) == ("damaged", "large")
    assert (finding["shard"], finding["node_id"]) == (0, node_id)
    assert trilith(stocked, "scrub", "--wait").returncode == 0
    wait_until(lambda: is_whole(stocked, deep=True), "the damage is mended", HEALED_TIMEOUT_S)

    # A disk is lost: while its node is away, and after it came back empty.
    stocked.hold_down("node-2")
    code, lines = verify(stocked)
    summary = lines[-1]
    assert code == 1
    assert summary["silent_nodes"] == ["node-2"]
    assert (summary["lost"], summary["degraded"]) == (0, summary["parts"])
    shutil.rmtree(stocked.data / "node-2")
    stocked.release("node-2")
    wait_until(stocked.is_ready, "it serves", HEALED_TIMEOUT_S)
    wait_until(lambda: is_whole(stocked, deep=True), "the disk is made up for", HEALED_TIMEOUT_S)
    assert "node-2\treplaced" in trilith(stocked, "repair", "incidents").stdout
    missing = trilith(stocked, "verify", "--bucket", "no-such-bucket")
    assert missing.returncode == 3


def flip_a_bit(cluster: Cluster, needle: bytes) -> str:
    """Damage the record that starts so, on the disk; the node that has it."""
    for path in sorted(Path(cluster.data).glob("node-*/**/*.segment")):
        content = path.read_bytes()
        at = content.find(needle)
        if at < 0:
            continue
        with path.open("r+b") as file:
            file.seek(at + 1000)
            file.write(bytes([content[at + 1000] ^ 4]))
        return path.relative_to(cluster.data).parts[0]
    raise AssertionError("no node has it")


def test_a_node_joins_and_another_goes(tmp_path: Path) -> None:
    first = Cluster(tmp_path / "data")
    with first:
        s3 = s3_client(first)
        s3.create_bucket(Bucket="grown")
        for number in range(60):
            s3.put_object(Bucket="grown", Key=f"k{number}", Body=seeded_bytes(3000, number))
        s3.close()
    with Cluster(first.data, options=["--nodes", "4"]) as cluster:
        wait_until(
            lambda: kept(cluster).get("node-4", 0) > 0, "it gets its share", HEALED_TIMEOUT_S
        )
        refused = trilith(cluster, "node", "remove", "node-1")
        assert (refused.returncode, "drain it first" in refused.stderr) == (1, True)
        drained = trilith(cluster, "node", "drain", "node-1", "--wait")
        assert drained.returncode == 0, drained.stderr
        assert "safe to remove" in drained.stderr
        assert trilith(cluster, "node", "remove", "node-1").returncode == 0
        assert sorted(kept(cluster)) == ["node-2", "node-3", "node-4"]
        assert is_whole(cluster, deep=True)
        s3 = s3_client(cluster)
        for number in range(60):
            body = s3.get_object(Bucket="grown", Key=f"k{number}")["Body"].read()
            assert body == seeded_bytes(3000, number)
        s3.close()


def kept(cluster: Cluster) -> dict[str, int]:
    """How many bytes each member keeps."""
    with client(cluster) as store:
        return {
            node["node_id"]: (node["stats"] or {}).get("live_bytes", 0) for node in store.nodes()
        }
