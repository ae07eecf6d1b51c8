"""The compose file and the Dockerfile: what can be known of them without a container engine."""

from pathlib import Path
from typing import Any

import pytest
import typer

from trilith.cli import app

yaml = pytest.importorskip("yaml", reason="needs PyYAML")
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())


def test_every_service_runs_a_command_that_exists(compose: dict[str, Any]) -> None:
    group = typer.main.get_command(app)
    for name, service in compose["services"].items():
        command, *arguments = service["command"]
        context = group.commands[command].make_context(command, list(arguments))
        assert context.params, name


def test_the_coordinator_knows_every_node(compose: dict[str, Any]) -> None:
    services = compose["services"]
    nodes = {name for name in services if name.startswith("node-")}
    arguments = services["coordinator"]["command"]
    named = {text.split("=")[1] for text in arguments if text.startswith("--node=")}
    assert named == nodes
    assert set(services["coordinator"]["depends_on"]) == nodes
    for name in nodes:
        assert f"--id={name}" in services[name]["command"]
        assert f"--node={name}=http://{name}:9101" in arguments


def test_only_the_coordinator_is_published_and_to_this_machine(compose: dict[str, Any]) -> None:
    published = {
        name: service["ports"]
        for name, service in compose["services"].items()
        if "ports" in service
    }
    assert published == {"coordinator": ["127.0.0.1:9000:9000"]}


def test_volumes_are_declared_and_data_is_shared_by_nobody(compose: dict[str, Any]) -> None:
    homes = []
    for service in compose["services"].values():
        for volume in service["volumes"]:
            source, target, *_ = volume.split(":")
            assert source in compose["volumes"]
            homes += [source] if target == "/data" else []
    assert len(homes) == len(set(homes)) == 4


def test_no_secret_stands_in_the_file(compose: dict[str, Any]) -> None:
    environment = compose["services"]["coordinator"]["environment"]
    assert environment["TRILITH_ACCESS_KEY"] is None
    assert environment["TRILITH_SECRET_KEY"] is None


def test_what_serves_is_checked(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert ("healthcheck" in service) == (name != "secret")
        if name != "secret":
            program = service["healthcheck"]["test"]
            assert program[:3] == ["CMD", "python", "-c"]
            compile(program[3], name, "exec")


def test_the_image_copies_what_is_there_and_drops_root() -> None:
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    for line in lines:
        if line.startswith("COPY") and "--from" not in line:
            for source in line.split()[1:-1]:
                assert (ROOT / source).exists(), source
    assert "USER trilith" in lines
