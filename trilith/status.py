"""status.json as its readers see it: the processes of a local cluster, for people and for tools.

    {format, phase, pid, endpoint, data_dir, k, m, started_at_ms,
     processes: [{name, role, node_id, pid, url, state, restarts, exit_code, data_dir, log}]}

Rules: the file is replaced whole at every change. It may outlive the launcher (SIGKILL): a reader
asks the lock whether that still runs, and reports every process as stopped if not.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from trilith import locks
from trilith.layout import DataDirectory, read_json

STATUS_FORMAT = 1


class Phase(StrEnum):
    """Where the launcher is."""

    STARTING = "starting"
    READY = "ready"
    STOPPING = "stopping"
    STOPPED = "stopped"


class Role(StrEnum):
    """What a process is for."""

    COORDINATOR = "coordinator"
    NODE = "node"


class State(StrEnum):
    """What the launcher knows of a process."""

    STARTING = "starting"
    RUNNING = "running"
    RESTARTING = "restarting"
    HELD = "held"
    STOPPED = "stopped"


def read_status(directory: DataDirectory) -> dict[str, Any] | None:
    """What status.json says, corrected if its launcher is gone; None if there never was one."""
    told = read_json(directory.status_file)
    if told is None:
        return None
    if locks.running_pid(directory) is None:
        told |= {"phase": str(Phase.STOPPED), "pid": None}
        for process in told.get("processes", []):
            process |= {"state": str(State.STOPPED), "pid": None}
    return told


def merge_cluster(told: dict[str, Any], cluster: Mapping[str, Any] | None) -> dict[str, Any]:
    """Add the coordinator's view: `cluster`, and each node's `node_state` (None if unknown)."""
    nodes = cluster.get("nodes", []) if cluster is not None else []
    states = {node.get("node_id"): node.get("state") for node in nodes}
    for process in told.get("processes", []):
        if process["role"] == Role.NODE:
            process["node_state"] = states.get(process["node_id"])
    return {**told, "cluster": None if cluster is None else dict(cluster)}
