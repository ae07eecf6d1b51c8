"""A minute of torture, as a user would run it; and what an interrupted one leaves: nothing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from benchmarks.cluster import wait_until

COMMAND = (sys.executable, "-P", "-m", "benchmarks", "torture")
SEED = "20260814"
LEAST_FAULTS = 15
RELAY_AND_PAUSE_SEED = "117"
"""Its first two faults are a partition and a pause."""

RUN_TIMEOUT_S = 240
DEADLINE_S = 60


def test_a_minute_of_torture(tmp_path: Path) -> None:
    run = subprocess.run(
        [*COMMAND, "--minutes", "1", "--seed", SEED],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    assert run.returncode == 0, f"{run.stdout[-6000:]}\n{run.stderr[-3000:]}"
    *_, verdict = run.stdout.strip().splitlines()
    assert verdict == f"PASSED (seed {SEED})"
    told = next(line for line in run.stdout.splitlines() if line.startswith("faults "))
    assert int(told.split()[1]) >= LEAST_FAULTS, told
    assert list(tmp_path.iterdir()) == [], "it cleans up"


def test_an_interrupted_one_ends_all_it_started(tmp_path: Path) -> None:
    """By SIGTERM, with one node behind a relay and another stopped in its tracks."""
    run = subprocess.Popen(
        [*COMMAND, "--minutes", "5", "--seed", RELAY_AND_PAUSE_SEED],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert run.stdout is not None
    try:
        for line in run.stdout:
            if "tracks" in line:
                break
        assert any("benchmarks.relay" in command for command in using(tmp_path))
        run.send_signal(signal.SIGTERM)
        rest, _ = run.communicate(timeout=DEADLINE_S)
    finally:
        run.kill()
    assert run.returncode not in (0, None)
    assert "data and logs are kept in" in rest
    wait_until(lambda: not using(tmp_path), "nothing is left running", DEADLINE_S)


def using(folder: Path) -> list[str]:
    """The commands of all processes that name the folder or log to it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            log = os.readlink(process / "fd" / "2")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if str(folder) in command + log:
            found.append(command)
    return found
