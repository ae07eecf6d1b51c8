"""What a bad disk does to the files of a node: flipped bits, a cut segment, nothing left at all.

Rules: only the node's own files are touched, and of these (but for `wipe`) only what lives, for
damage to dead bytes proves nothing. The same seed over the same files does the same. A running node
sees the damage at once: it shares its pages with us.
"""

import os
import random
import shutil
from pathlib import Path

from benchmarks.cluster import ClusterError
from benchmarks.faults.segments import Place, live_records

CORRUPTED_RECORDS = 8
LEAST_CUT, MOST_CUT = 0.25, 0.95
"""How far into its live records a segment is cut."""


class FaultError(ClusterError):
    """The fault cannot be done here, or not now."""


def corrupt(node: Path, rng: random.Random, records: int = CORRUPTED_RECORDS) -> list[Place]:
    """Flip one bit in each of so many live records (all, if there are fewer); which they are.

    Raises FaultError if the node has none.
    """
    chosen = _some(node, rng, records)
    for place in chosen:
        at = place.offset + rng.randrange(place.length)
        fd = os.open(place.path, os.O_RDWR)
        try:
            (byte,) = os.pread(fd, 1, at)
            os.pwrite(fd, bytes([byte ^ 1 << rng.randrange(8)]), at)
            os.fsync(fd)
        finally:
            os.close(fd)
    return chosen


def truncate(node: Path, rng: random.Random) -> Place:
    """Cut a segment within its live records; the place is all that is gone.

    Raises FaultError if the node has none.
    """
    path = _some(node, rng, 1)[0].path
    ends = [place.end for place in live_records(node) if place.path == path]
    at = int(max(ends) * rng.uniform(LEAST_CUT, MOST_CUT))
    size = path.stat().st_size
    os.truncate(path, at)
    return Place(path, at, size - at)


def wipe(node: Path) -> None:
    """Leave the data directory as empty as a new disk. The node must not run."""
    for entry in node.iterdir():
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _some(node: Path, rng: random.Random, count: int) -> list[Place]:
    live = sorted(live_records(node))
    if not live:
        raise FaultError(f"{node.name} has no live record to damage")
    return rng.sample(live, min(count, len(live)))
