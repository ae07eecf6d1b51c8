"""What is settled before a local cluster starts: shape, ports, secrets, the processes' commands."""

import json
import random
import socket
from pathlib import Path

import pytest

from trilith import ports
from trilith.errors import LaunchError, UsageError
from trilith.launch import UpOptions, prepare, process_specs
from trilith.layout import DataDirectory


@pytest.fixture
def data(tmp_path: Path) -> Path:
    DataDirectory(tmp_path).create()
    return tmp_path


def test_the_first_start_writes_everything_down(data: Path) -> None:
    launch = prepare(UpOptions(data, port=0), {}, random.Random(1))
    told = json.loads((data / "cluster.json").read_text())
    assert (told["k"], told["m"], told["port"]) == (2, 1, launch.config.port)
    assert [node["node_id"] for node in told["nodes"]] == ["node-1", "node-2", "node-3"]
    used = [launch.config.port, *(node.port for node in launch.config.nodes)]
    assert len(set(used)) == 4
    assert all(ports.FIRST_PORT <= port < ports.LAST_PORT for port in used)
    secret = data / "cluster-secret"
    assert len(bytes.fromhex(secret.read_text())) == 32
    assert secret.stat().st_mode & 0o777 == 0o600


def test_the_next_start_finds_the_same(data: Path) -> None:
    first = prepare(UpOptions(data, port=0, nodes=6, k=4, m=2), {})
    secret = (data / "cluster-secret").read_text()
    assert prepare(UpOptions(data), {}).config == first.config
    assert prepare(UpOptions(data, port=0), {}).config == first.config
    assert (data / "cluster-secret").read_text() == secret


@pytest.mark.parametrize("change", [{"k": 3}, {"m": 0}])
def test_another_shape_is_refused_and_explained(data: Path, change: dict[str, int]) -> None:
    prepare(UpOptions(data, port=0), {})
    with pytest.raises(LaunchError, match="was made with --k 2 --m 1"):
        prepare(UpOptions(data, port=0, **change), {})


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ({"k": 3, "nodes": 3}, "k \\+ m = 4 shards need as many nodes"),
        ({"k": 0}, "k must be at least 1"),
        ({"m": -1}, "m at least 0"),
        ({"nodes": 65}, "at most 64 nodes"),
    ],
)
def test_a_shape_that_cannot_be(data: Path, shape: dict[str, int], told: str) -> None:
    with pytest.raises(UsageError, match=told):
        prepare(UpOptions(data, port=0, **shape), {})
    assert not (data / "cluster.json").exists()


def test_nodes_may_be_added_later(data: Path) -> None:
    first = prepare(UpOptions(data, port=0), {})
    second = prepare(UpOptions(data, nodes=5), {})
    assert second.config.nodes[:3] == first.config.nodes
    assert [node.node_id for node in second.config.nodes[3:]] == ["node-4", "node-5"]
    assert len({node.port for node in second.config.nodes}) == 5
    names = [spec.name for spec in process_specs(second)]
    assert names == ["coordinator", *(f"node-{number}" for number in range(1, 6))]
    assert prepare(UpOptions(data), {}).config == second.config
    with pytest.raises(LaunchError, match="trilith node drain"):
        prepare(UpOptions(data, nodes=4), {})
    with pytest.raises(UsageError, match="at most 64"):
        prepare(UpOptions(data, nodes=65), {})


def test_more_shards_bring_more_nodes(data: Path) -> None:
    assert len(prepare(UpOptions(data, port=0, k=4, m=2), {}).config.nodes) == 6


def test_a_node_port_that_was_taken_is_picked_anew(data: Path) -> None:
    first = prepare(UpOptions(data, port=0), {})
    with socket.create_server(("127.0.0.1", first.config.nodes[1].port)):
        second = prepare(UpOptions(data), {})
    assert second.config.nodes[1].port != first.config.nodes[1].port
    assert second.config.nodes[0] == first.config.nodes[0]
    assert second.config.nodes[2] == first.config.nodes[2]


def test_the_port_asked_for_must_be_free(data: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(LaunchError, match=f"port {port} on 127.0.0.1 is in use"):
            prepare(UpOptions(data, port=port), {})


def test_an_address_that_is_not_ours(data: Path) -> None:
    with pytest.raises(LaunchError, match=r"cannot listen on 192\.0\.2\.1"):
        prepare(UpOptions(data, host="192.0.2.1", port=0), {})


def test_one_key_without_the_other_is_refused(data: Path) -> None:
    with pytest.raises(LaunchError, match="set both"):
        prepare(UpOptions(data, port=0), {"TRILITH_ACCESS_KEY": "a"})


def test_the_secrets_are_on_no_command_line_and_root_keys_reach_no_node(data: Path) -> None:
    environ = {"TRILITH_ACCESS_KEY": "the-key", "TRILITH_SECRET_KEY": "the-secret", "HOME": "/h"}
    launch = prepare(UpOptions(data, port=0), environ)
    coordinator, *nodes = process_specs(launch)
    assert coordinator.environ["TRILITH_SECRET_KEY"] == "the-secret"
    for node in nodes:
        assert "the-secret" not in str(node.environ)
        assert node.environ["HOME"] == "/h"
    cluster_secret = (data / "cluster-secret").read_text().strip()
    for spec in (coordinator, *nodes):
        assert "the-secret" not in str(spec.command)
        assert cluster_secret not in str(spec.command)
    assert "the-secret" not in repr(launch)
    assert (launch.keys().access_key, launch.keys().secret_key) == ("the-key", "the-secret")


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [("127.0.0.1", "http://127.0.0.1:"), ("0.0.0.0", "http://127.0.0.1:"), ("::", "http://[::1]:")],
)
def test_the_endpoint_can_be_used_on_this_machine(data: Path, host: str, endpoint: str) -> None:
    assert prepare(UpOptions(data, host=host, port=0), {}).endpoint.startswith(endpoint)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": 1}', '{"format": 2}'])
def test_a_damaged_cluster_file_is_told(data: Path, text: str) -> None:
    (data / "cluster.json").write_text(text)
    with pytest.raises(LaunchError, match=r"cluster\.json"):
        prepare(UpOptions(data, port=0), {})


def test_keys_come_from_the_file_if_it_is_private(data: Path) -> None:
    launch = prepare(UpOptions(data, port=0), {})
    with pytest.raises(LaunchError, match="no keys"):
        launch.keys()
    path = data / "credentials.json"
    path.write_text('{"access_key": "a", "secret_key": "b"}')
    path.chmod(0o640)
    with pytest.raises(LaunchError, match="chmod 600"):
        launch.keys()
    path.chmod(0o600)
    assert launch.keys().secret_key == "b"
