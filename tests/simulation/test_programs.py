"""Thousands of random programs over a cluster that fails: what must hold, always holds.

By default as many seeds as fit into DEFAULT_S. TRILITH_SIMULATION_SEEDS=5000 runs so many, and
TRILITH_SIMULATION_FIRST=n begins elsewhere than at 0; TRILITH_SIMULATION_SEED=n replays one, and
shows its program if it fails.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

DEFAULT_S = 22
ROOT = Path(__file__).parent.parent.parent
SEED = os.environ.get("TRILITH_SIMULATION_SEED")
SEEDS = os.environ.get("TRILITH_SIMULATION_SEEDS")
FIRST = int(os.environ.get("TRILITH_SIMULATION_FIRST", "0"))
SHOWN = 3
"""Failing seeds that are shown with their programs."""


def start(*arguments: object) -> subprocess.Popen[str]:
    """A process that runs seeds."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.simulation", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        stdout=subprocess.PIPE,
        text=True,
    )


def told(process: subprocess.Popen[str]) -> list[dict]:
    """What it has said, line by line, after its end."""
    output, _ = process.communicate()
    assert process.returncode == 0, f"ended with {process.returncode}: {output}"
    return [json.loads(line) for line in output.splitlines()]


def shown(outcome: dict) -> str:
    """A seed that failed, with its program."""
    seed, program = outcome["seed"], "\n".join(outcome["notes"])
    return (
        f"seed {seed}: {outcome['failure']}\n{program}\n"
        f"TRILITH_SIMULATION_SEED={seed} pytest {Path(__file__).relative_to(ROOT)} replays it"
    )


@pytest.mark.timeout(0)
@pytest.mark.skipif(SEED is not None, reason="only one seed is replayed")
def test_programs() -> None:
    workers = os.cpu_count() or 1
    limits = ["--count", -(-int(SEEDS) // workers)] if SEEDS else ["--seconds", DEFAULT_S]
    limits = limits if SEEDS else [*limits, "--count", 10**9]
    processes = [
        start("--first", FIRST + worker, "--step", workers, *limits) for worker in range(workers)
    ]
    lines = [line for process in processes for line in told(process)]
    failed = [line for line in lines if "seed" in line]
    done = sum(line["done"] for line in lines if "done" in line)
    print(f"{done} seeds, {len(failed)} failed")
    seeds = [outcome["seed"] for outcome in failed]
    assert not failed, "\n\n".join(
        [*map(shown, failed[:SHOWN]), f"{len(seeds)} of {done} seeds failed: {seeds}"]
    )
    assert done


@pytest.mark.skipif(SEED is None, reason="TRILITH_SIMULATION_SEED names none")
def test_seed() -> None:
    assert SEED is not None
    outcome, _ = told(start("--first", int(SEED), "-v"))
    assert outcome["failure"] is None, shown(outcome)


def test_a_seed_replays_exactly() -> None:
    runs = [start("--first", 7, "--count", 6, "-v") for _ in range(2)]
    first, second = (told(run) for run in runs)
    assert first == second
    assert all(len(outcome["notes"]) > 10 for outcome in first[:-1])
