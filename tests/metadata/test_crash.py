"""Killed while it commits: what was acknowledged is there, and nothing is half there."""

import subprocess
import sys
from pathlib import Path

from metadata import open_sqlite
from tests.metadata.invariants import broken_invariants

REPOSITORY = Path(__file__).parents[2]
ACKNOWLEDGED_BEFORE_THE_KILL = (1, 40, 700)


def commit_until_killed(path: Path, round_name: str, count: int) -> list[str]:
    """The keys that a process acknowledged before it was killed with SIGKILL."""
    command = [sys.executable, "-m", "tests.metadata.committing", str(path), round_name]
    with subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        keys = [process.stdout.readline().rstrip("\n") for _ in range(count)]
        process.kill()
        rest = process.stdout.read()
    # The last line may have been cut by the kill.
    return keys + [line.rstrip("\n") for line in rest.splitlines(keepends=True) if "\n" in line]


async def test_acknowledged_versions_survive_sigkill(tmp_path: Path) -> None:
    path = tmp_path / "metadata.db"
    store = await open_sqlite(path)
    await store.create_bucket("b", "owner", "", 1)
    await store.close()
    acknowledged: list[str] = []
    for round_number, count in enumerate(ACKNOWLEDGED_BEFORE_THE_KILL):
        acknowledged += commit_until_killed(path, f"r{round_number}", count)
        store = await open_sqlite(path)
        for key in acknowledged:
            assert (await store.version("b", key)).version.key == key
        assert await store._pages.connection.call(broken_invariants) == []
        await store.close()
    assert len(acknowledged) >= sum(ACKNOWLEDGED_BEFORE_THE_KILL)
