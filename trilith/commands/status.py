"""`trilith status`: every process of a cluster, as its launcher and its coordinator see it."""

import os
from pathlib import Path
from typing import Any

import typer

from trilith import terminal
from trilith.commands import repair
from trilith.commands.options import Data, Endpoint, Json, connect
from trilith.credentials import Keys, root_keys
from trilith.errors import LaunchError
from trilith.layout import DEFAULT_DATA, DataDirectory
from trilith.status import Phase, merge_cluster, read_status

NOT_RUNNING = 5


def status(endpoint: Endpoint = None, data: Data = None, as_json: Json = False) -> None:
    """Show processes, nodes and repair. Exits with 5 if the cluster does not run or answer."""
    directory = DataDirectory((data or Path(DEFAULT_DATA)).absolute())
    local = read_status(directory)
    is_remote = endpoint is not None and (local is None or endpoint != local["endpoint"])
    if local is None or is_remote:
        with connect(endpoint, data) as client:
            _show_remote({**client.cluster(), "repairs": client.repairs()}, as_json)
        return
    try:
        keys = root_keys(directory.credentials_file, os.environ)
    except LaunchError:
        keys = None
    runs = local["phase"] != Phase.STOPPED
    cluster, repairs = _ask(local["endpoint"], keys) if runs else (None, None)
    told = {**merge_cluster(local, cluster), "repairs": repairs}
    if as_json:
        terminal.emit_json(told)
    else:
        _show_local(told)
    if cluster is None:
        raise typer.Exit(NOT_RUNNING)


def _ask(endpoint: str, keys: Keys | None) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    from trilith.readiness import probe_of

    probe = probe_of(endpoint, keys)
    cluster = probe.cluster()
    return cluster, None if cluster is None else probe.repairs()


def _show_local(told: dict[str, Any]) -> None:
    cluster = told["cluster"] or {}
    health = cluster.get("health", "not reachable")
    terminal.say(f"{told['endpoint']}  {told['phase']}, {health}, k={told['k']} m={told['m']}")
    _show_repairs(told["repairs"])
    terminal.table(
        ("process", "state", "node", "pid", "restarts", "url", "data"),
        [
            (
                process["name"],
                process["state"],
                process.get("node_state") or "",
                process["pid"] or "",
                process["restarts"],
                process["url"],
                process["data_dir"],
            )
            for process in told["processes"]
        ],
    )


def _show_remote(cluster: dict[str, Any], as_json: bool) -> None:
    if as_json:
        terminal.emit_json(cluster)
        return
    terminal.say(f"{cluster.get('health')}, k={cluster.get('k')} m={cluster.get('m')}")
    _show_repairs(cluster["repairs"])
    terminal.table(
        ("node", "state", "zone", "url"),
        [
            (node["node_id"], node["state"], node.get("zone", ""), node.get("url", ""))
            for node in cluster.get("nodes", [])
        ],
    )


def _show_repairs(repairs: dict[str, Any] | None) -> None:
    for line in repair.lines(repairs) if repairs is not None else ():
        terminal.say(line)
