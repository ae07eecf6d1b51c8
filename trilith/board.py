"""Writes status.json (see status.py) while a local cluster runs, whole at every change."""

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from trilith.files import write_json
from trilith.launch import Launch
from trilith.status import STATUS_FORMAT, Phase, Role
from trilith.supervisor import Child


@dataclass(slots=True)
class StatusBoard:
    """Writes status.json."""

    launch: Launch
    clock: Callable[[], float]
    phase: Phase = Phase.STARTING
    children: list[Child] = field(default_factory=list)
    started_at_ms: int = 0

    def __post_init__(self) -> None:
        self.started_at_ms = int(self.clock() * 1000)

    def enter(self, phase: Phase) -> None:
        """The launcher has come to another phase."""
        self.phase = phase
        self.write()

    def write(self) -> None:
        """Replace the file."""
        told = {
            "format": STATUS_FORMAT,
            "phase": self.phase,
            "pid": os.getpid(),
            "endpoint": self.launch.endpoint,
            "data_dir": str(self.launch.directory.root),
            "k": self.launch.config.k,
            "m": self.launch.config.m,
            "started_at_ms": self.started_at_ms,
            "processes": [_described(child) for child in self.children],
        }
        # A full disk must not end the supervision; the next change tries again.
        with contextlib.suppress(OSError):
            write_json(self.launch.directory.status_file, told)


def _described(child: Child) -> dict[str, Any]:
    spec = child.spec
    return {
        "name": spec.name,
        "role": spec.role,
        "node_id": spec.name if spec.role is Role.NODE else None,
        "pid": child.pid,
        "url": spec.url,
        "state": child.state,
        "restarts": child.restarts,
        "exit_code": child.exit_code,
        "data_dir": str(spec.data_dir),
        "log": str(spec.log),
    }
