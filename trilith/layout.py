"""The data directory of a local cluster: what stands where, and what cluster.json remembers.

cluster.json       ports, k, m, node ids           cluster-secret     hex, mode 0600
credentials.json   root's keys, mode 0600          status.json        what runs now
coordinator/  node-1/ ... node-N/                  logs/<process>.log
hold/<process>     keeps that process down         lock, lock.processes  see locks.py
arguments/<process>    more options for that process, one a line, from its next start on
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from trilith.errors import LaunchError
from trilith.files import write_json

DEFAULT_DATA = "./trilith-data"
LAYOUT_FORMAT = 1


@dataclass(frozen=True, slots=True)
class NodePlace:
    """A node of the local cluster and the port it had last."""

    node_id: str
    port: int


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """What must stay the same, or had better, from one start to the next."""

    k: int
    m: int
    port: int
    nodes: tuple[NodePlace, ...]


@dataclass(frozen=True, slots=True)
class DataDirectory:
    """The paths below one data directory."""

    root: Path

    @property
    def cluster_file(self) -> Path:
        """k, m, ports and node ids."""
        return self.root / "cluster.json"

    @property
    def secret_file(self) -> Path:
        """The secret that coordinator and nodes share."""
        return self.root / "cluster-secret"

    @property
    def credentials_file(self) -> Path:
        """Root's keys."""
        return self.root / "credentials.json"

    @property
    def status_file(self) -> Path:
        """What runs now."""
        return self.root / "status.json"

    @property
    def lock_file(self) -> Path:
        """Held by the `up` that runs; its text is that process's id."""
        return self.root / "lock"

    @property
    def processes_lock_file(self) -> Path:
        """Held by every process of the cluster."""
        return self.root / "lock.processes"

    def log(self, process: str) -> Path:
        """What a process printed."""
        return self.root / "logs" / f"{process}.log"

    def hold(self, process: str) -> Path:
        """While this file exists the process is not started again once it is down."""
        return self.root / "hold" / process

    def arguments(self, process: str) -> Path:
        """Further options for the process; where they say otherwise they outweigh the others."""
        return self.root / "arguments" / process

    def create(self) -> None:
        """Make the directories. Raises LaunchError."""
        try:
            for directory in ("", "logs", "hold", "arguments"):
                (self.root / directory).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LaunchError(f"cannot create the data directory {self.root}: {error}") from error

    def load_config(self) -> ClusterConfig | None:
        """What cluster.json says; None if there is none. Raises LaunchError if it is unreadable."""
        told = read_json(self.cluster_file)
        if told is None:
            return None
        try:
            if told["format"] != LAYOUT_FORMAT:
                raise LaunchError(
                    f"{self.cluster_file} has format {told['format']}; this version of Trilith"
                    f" reads format {LAYOUT_FORMAT}"
                )
            nodes = tuple(NodePlace(node["node_id"], node["port"]) for node in told["nodes"])
            return ClusterConfig(told["k"], told["m"], told["port"], nodes)
        except (KeyError, TypeError) as error:
            raise LaunchError(f"{self.cluster_file} is damaged: {error!r} is missing") from error

    def save_config(self, config: ClusterConfig) -> None:
        """Remember the configuration, durably."""
        write_json(self.cluster_file, {"format": LAYOUT_FORMAT, **asdict(config)}, durable=True)


def read_json(path: Path) -> dict[str, Any] | None:
    """The file's JSON object; None if there is no such file. Raises LaunchError."""
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise LaunchError(f"cannot read {path}: {error}") from error
    if not isinstance(told, dict):
        raise LaunchError(f"{path} is damaged: not a JSON object")
    return told
