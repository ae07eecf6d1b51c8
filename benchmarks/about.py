"""What was measured on which machine: a small JSON file beside the CSV of a run.

Rules: enough to compare two runs fairly (cores, processor, memory, Python, settings), and nothing
that names a host, a user or a path.
"""

import importlib.metadata
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

Setting = str | int | float


@dataclass(frozen=True)
class About:
    """The command, its settings by name, and the machine they ran on."""

    command: str
    settings: Mapping[str, Setting]
    measured_at: str
    version: str
    system: str
    processor: str
    cores: int
    memory_bytes: int
    python: str


def describe(command: str, settings: Mapping[str, Setting]) -> About:
    """This machine, now."""
    return About(
        command=command,
        settings=dict(settings),
        measured_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        version=importlib.metadata.version("trilith"),
        system=f"{platform.system()} {platform.machine()}",
        processor=_processor(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        python=f"{platform.python_implementation()} {platform.python_version()}",
    )


def path_beside(csv: Path) -> Path:
    """`out.csv` -> `out-about.json`."""
    return csv.with_name(f"{csv.stem}-about.json")


def write(csv: Path, about: About) -> None:
    """Beside the run's CSV."""
    csv.parent.mkdir(parents=True, exist_ok=True)
    path_beside(csv).write_text(json.dumps(asdict(about), indent=1) + "\n")


def read(csv: Path) -> About | None:
    """What stands beside the run's CSV; None where nothing (or another version's) does."""
    try:
        return About(**json.loads(path_beside(csv).read_text()))
    except (FileNotFoundError, TypeError, json.JSONDecodeError):
        return None


def _processor() -> str:
    """As the kernel calls it, without marketing spaces; empty where it does not."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = (line.partition(":")[2] for line in lines if line.startswith("model name"))
    return " ".join(next(names, "").split())
