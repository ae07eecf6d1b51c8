"""A node that is away in the middle of a write may come back without what it had taken."""

from collections.abc import AsyncIterator

import pytest

from coordinator.objects import NewObject, WriteFailed
from tests.coordinator.objects.fakes import Bench
from tests.coordinator.objects.test_writer_reader import Md5, bucket_of, get


async def body(bench: Bench, *wiped: str) -> AsyncIterator[bytes]:
    """Two stripes; nodes get other disks in between."""
    yield bytes(2 * bench.unit_size)
    for node_id in wiped:
        bench.cluster.wipe(node_id)
    yield bytes(2 * bench.unit_size)


async def put(bench: Bench, *wiped: str) -> None:
    bucket = await bucket_of(bench)
    await bench.objects.put(bucket, "key", body(bench, *wiped), Md5(), NewObject("root"))


async def test_its_shard_is_to_be_repaired() -> None:
    bench = Bench()
    await put(bench, "node-2")
    (task,) = await bench.metadata.repairs()
    assert (task.node_id, task.reason) == ("node-2", "node node-2 was away meanwhile")
    assert await get(bench, "key") == bytes(4 * bench.unit_size)


async def test_with_too_many_the_write_fails_and_leaves_nothing() -> None:
    bench = Bench()
    with pytest.raises(WriteFailed, match="was away meanwhile"):
        await put(bench, "node-1", "node-2")
    await bench.writer.close()
    assert bench.record_count() == 0
    assert not bench.writer.writing
