"""What `trilith status` tells scripts about a running cluster, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

from benchmarks.cluster import Cluster, is_running


def test_status_names_every_process(cluster: Cluster) -> None:
    shown = subprocess.run(
        [sys.executable, "-m", "trilith", "status", "--json", "--data", str(cluster.data)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    status = json.loads(shown.stdout)
    assert status["endpoint"] == cluster.endpoint
    processes = {one["name"]: one for one in status["processes"]}
    assert sorted(processes) == ["coordinator", "node-1", "node-2", "node-3"]
    for name, one in processes.items():
        assert one["role"] == ("coordinator" if name == "coordinator" else "node")
        assert one["node_id"] == (None if name == "coordinator" else name)
        assert one["state"] == "running"
        assert one["url"].startswith("http://127.0.0.1:")
        assert is_running(one["pid"])
        assert str(Path(one["data_dir"])).startswith(str(cluster.data))
        assert Path(one["data_dir"]).is_dir()
    assert len({one["pid"] for one in processes.values()}) == 4


def test_secrets_are_nobody_elses(cluster: Cluster) -> None:
    secret_key = cluster.credentials[1]
    secret = (cluster.data / "cluster-secret").read_text().strip()
    for name in ("credentials.json", "cluster-secret"):
        assert (cluster.data / name).stat().st_mode & 0o777 == 0o600
    for log in [*(cluster.data / "logs").iterdir(), cluster.data / "status.json"]:
        text = log.read_text(errors="replace")
        assert secret_key not in text, log
        assert secret not in text, log


def test_it_ends_cleanly_and_comes_back_on_the_same_data(tmp_path: Path) -> None:
    running = Cluster(tmp_path / "data")
    running.start()
    endpoint, keys, pids = running.endpoint, running.credentials, running.pids()
    running.stop()
    assert not any(is_running(pid) for pid in pids.values())
    with running:
        assert (running.endpoint, running.credentials) == (endpoint, keys)
        assert set(running.pids()) == set(pids)
