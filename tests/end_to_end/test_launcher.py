"""`trilith up` and `down` with real processes: what is refused, restarted, held, left behind."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster import is_running, wait_until
from trilith import Client
from trilith.errors import Unavailable

TRILITH = [sys.executable, "-m", "trilith"]
TIMEOUT_S = 60
RECONNECT_S = 30.0


def environment(**more: str) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("TRILITH_")}
    return plain | more


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*TRILITH, *arguments],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=environment(**environ),
        check=False,
    )


def is_ready(store: Client) -> bool:
    try:
        store.ready()
    except Unavailable:
        return False
    return True


class Launched:
    """A foreground `trilith up` and what it announced."""

    def __init__(self, data: Path, *options: str, **environ: str) -> None:
        self.data = data
        command = [*TRILITH, "up", "--data", str(data), "--port", "0", "--json", *options]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(**environ),
        )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, self.process.communicate()[1]
        self.told: dict[str, str] = json.loads(line)
        self._drain = threading.Thread(target=self._read_events)
        self.events: list[str] = []
        self._drain.start()

    def _read_events(self) -> None:
        assert self.process.stderr is not None
        self.events += self.process.stderr

    def client(self) -> Client:
        return Client(self.told["endpoint"], self.told["access_key"], self.told["secret_key"])

    def processes(self) -> dict[str, dict[str, Any]]:
        told = json.loads((self.data / "status.json").read_text())
        return {one["name"]: one for one in told["processes"]}

    def pids(self) -> list[int]:
        return [one["pid"] for one in self.processes().values() if one["pid"]]

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(TIMEOUT_S)
        self._drain.join(TIMEOUT_S)
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.process.stdout.close()
        self.process.stderr.close()
        return code


@pytest.fixture
def launched(tmp_path: Path) -> Iterator[Launched]:
    made = Launched(tmp_path / "data")
    pids = made.pids()
    yield made
    made.end()
    wait_until(lambda: not any(map(is_running, pids)), "the children are gone", RECONNECT_S)


def test_ctrl_c_ends_everything_and_the_data_stays(launched: Launched) -> None:
    with launched.client() as store:
        store.create_bucket("bucket")
        store.put("bucket", "key", b"data")
    pids = launched.pids()
    assert len(pids) == 4
    assert launched.end(signal.SIGINT) == 0
    assert not any(map(is_running, pids))
    assert all(one["state"] == "stopped" for one in launched.processes().values())
    shown = run("status", "--data", str(launched.data), "--json")
    assert shown.returncode == 5
    assert json.loads(shown.stdout)["phase"] == "stopped"
    again = Launched(launched.data)
    try:
        assert again.told == launched.told
        with again.client() as store:
            assert store.get("bucket", "key") == b"data"
    finally:
        assert again.end() == 0


def test_what_is_refused_beside_a_running_cluster(launched: Launched, tmp_path: Path) -> None:
    data, port = str(launched.data), launched.told["endpoint"].rpartition(":")[2]
    second = run("up", "--data", data)
    assert second.returncode == 1
    assert f"already runs on {data}" in second.stderr
    same_port = run("up", "--data", str(tmp_path / "other"), "--port", port)
    assert same_port.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in same_port.stderr
    other_shape = run("up", "--data", data, "--m", "0")
    assert other_shape.returncode == 1
    assert "was made with --k 2 --m 1" in other_shape.stderr
    impossible = run("up", "--data", str(tmp_path / "never"), "--k", "9", "--nodes", "3")
    assert impossible.returncode == 2
    assert not (tmp_path / "never").exists()


def test_a_killed_process_comes_back_and_a_held_one_does_not(launched: Launched) -> None:
    coordinator = launched.processes()["coordinator"]["pid"]
    os.kill(coordinator, signal.SIGKILL)

    def is_back(name: str, former: int) -> bool:
        one = launched.processes()[name]
        return one["state"] == "running" and one["pid"] != former

    wait_until(lambda: is_back("coordinator", coordinator), "the coordinator is back", RECONNECT_S)
    with launched.client() as store:
        wait_until(lambda: is_ready(store), "the coordinator serves again", RECONNECT_S)
        store.create_bucket("bucket")
        node = launched.processes()["node-2"]["pid"]
        hold = launched.data / "hold" / "node-2"
        hold.touch()
        os.kill(node, signal.SIGKILL)
        wait_until(lambda: launched.processes()["node-2"]["state"] == "held", "node-2 is held")
        store.put("bucket", "key", b"written with a node down")
        hold.unlink()
        wait_until(lambda: is_back("node-2", node), "node-2 is back", RECONNECT_S)
        assert store.get("bucket", "key") == b"written with a node down"
    launched.end()
    told = "".join(launched.events)
    assert "coordinator ended (killed by SIGKILL); restarting it" in told
    assert "node-2 is held down by" in told


def test_children_do_not_outlive_a_killed_launcher(launched: Launched) -> None:
    pids = launched.pids()
    launched.end(signal.SIGKILL)
    again = Launched(launched.data)
    try:
        # The new one started only when the last of the former ones was gone.
        assert not any(map(is_running, pids))
        assert again.told == launched.told
    finally:
        assert again.end() == 0


def test_it_runs_on_when_nobody_reads_what_it_says(tmp_path: Path) -> None:
    data = tmp_path / "data"
    reading, writing = os.pipe()
    os.close(reading)
    command = [*TRILITH, "up", "--data", str(data), "--port", "0", "--quiet"]
    deaf = subprocess.Popen(command, stdout=writing, stderr=writing, env=environment())
    os.close(writing)

    def node() -> dict[str, Any]:
        if not (data / "status.json").exists():
            return {}
        told = json.loads((data / "status.json").read_text())
        ours = told["phase"] == "ready" and told["pid"] == deaf.pid
        return told["processes"][1] if ours else {}

    try:
        wait_until(lambda: bool(node()), "it is ready", RECONNECT_S)
        os.kill(node()["pid"], signal.SIGKILL)
        wait_until(lambda: node().get("restarts") == 1 and node()["pid"], "it is back", RECONNECT_S)
    finally:
        deaf.terminate()
        assert deaf.wait(TIMEOUT_S) == 0


def test_in_the_background_and_down(tmp_path: Path) -> None:
    data = str(tmp_path / "data")
    started = run("up", "--detach", "--data", data, "--port", "0")
    try:
        assert started.returncode == 0, started.stderr
        keys = json.loads((tmp_path / "data" / "credentials.json").read_text())
        for told in ("http://127.0.0.1:", keys["access_key"], keys["secret_key"], "boto3.client("):
            assert told in started.stdout
        assert run("up", "--detach", "--data", data).returncode == 1
        assert run("ls", "--data", data).returncode == 0
        assert keys["secret_key"] not in (tmp_path / "data" / "logs" / "up.log").read_text()
    finally:
        stopped = run("down", "--data", data)
    assert stopped.returncode == 0
    assert run("ls", "--data", data).returncode == 5
    assert run("down", "--data", data).returncode == 0


def test_keys_of_the_environment_are_used_and_not_written(tmp_path: Path) -> None:
    keys = {"TRILITH_ACCESS_KEY": "MYKEY", "TRILITH_SECRET_KEY": "my-very-own-secret"}
    launched = Launched(tmp_path / "data", **keys)
    try:
        assert (launched.told["access_key"], launched.told["secret_key"]) == tuple(keys.values())
        with launched.client() as store:
            assert list(store.buckets()) == []
        assert not (tmp_path / "data" / "credentials.json").exists()
        for log in (tmp_path / "data" / "logs").iterdir():
            assert "my-very-own-secret" not in log.read_text()
    finally:
        launched.end()


def test_a_child_that_cannot_start_is_told_with_its_log(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "cluster-secret").write_text("short\n")
    (data / "cluster-secret").chmod(0o600)
    failed = run("up", "--data", str(data), "--port", "0")
    assert failed.returncode == 1
    assert "does not start" in failed.stderr
    assert "See " in failed.stderr
    assert "Traceback" not in failed.stderr
