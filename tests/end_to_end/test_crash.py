"""kill -9 at random instants during random writes: what was acknowledged is whole afterwards, and
what was not is either there whole or not at all.

`TRILITH_CRASH_ROUNDS=200` runs the full claim; `TRILITH_CRASH_SEED` another sequence of writes.
"""

import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.cluster import Cluster
from tests.end_to_end.scribble import Scribblers, check
from tests.end_to_end.support import s3_client

ROUNDS = int(os.environ.get("TRILITH_CRASH_ROUNDS", "15"))
SEED = int(os.environ.get("TRILITH_CRASH_SEED", "1"))
MOST_ACKNOWLEDGED = 60
MOST_DELAY_S = 0.03


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[Cluster]:
    with Cluster(tmp_path / "data") as running:
        yield running


@pytest.mark.timeout(120 + 15 * ROUNDS)
def test_acknowledged_writes_survive(doomed: Cluster) -> None:
    rng = random.Random(SEED)
    s3 = s3_client(doomed)
    s3.create_bucket(Bucket="crash")
    s3.close()
    scribblers = Scribblers(doomed, "crash", SEED)
    for number in range(ROUNDS):
        victim = choose_victim(rng, number)
        scribblers.start(number)
        scribblers.wait_for(rng.randrange(1, MOST_ACKNOWLEDGED))
        # Not a wait for anything: the instant within an operation is what is left to chance.
        threading.Event().wait(rng.uniform(0, MOST_DELAY_S))
        if victim == "everything":
            doomed.kill_everything()
        else:
            doomed.kill(victim)
        if victim.startswith("node-"):
            scribblers.wait_for(MOST_ACKNOWLEDGED + rng.randrange(MOST_ACKNOWLEDGED))
        scribblers.stop()
        told = f"round {number} (seed {SEED}), {victim} killed"
        if victim.startswith("node-"):
            assert not scribblers.refused, f"{told}: two of three nodes must do"
        doomed.wait_until_whole()
        assert list(check(doomed, "crash", scribblers.fates)) == [], told


def choose_victim(rng: random.Random, number: int) -> str:
    """Each kind in turn: killed too often in a row a process would be restarted ever later."""
    return ("coordinator", f"node-{rng.randrange(1, 4)}", "everything")[number % 3]
