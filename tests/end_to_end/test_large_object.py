"""A large object passes through with flat memory: TRILITH_LARGE_OBJECT_MIB, 256 unless set."""

import os

from benchmarks import large_object
from benchmarks.cluster import Cluster
from benchmarks.target import target_at

SIZE_BYTES = int(os.environ.get("TRILITH_LARGE_OBJECT_MIB", "256")) * 1024 * 1024


def test_memory_stays_flat(cluster: Cluster) -> None:
    target = target_at(cluster.endpoint, *cluster.credentials)
    result = large_object.run(target, SIZE_BYTES, cluster.pids())
    assert len(result.peak_bytes) == 4
    assert result.is_flat, result.peak_bytes
