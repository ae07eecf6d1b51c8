"""The path of the bytes over failing nodes: what is acknowledged comes back, whole and exact."""

import asyncio
import hashlib
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.cluster import NodeState
from coordinator.objects import BodyTooLarge, Digested, NewObject, Unreadable, WriteFailed
from coordinator.objects import writer as writer_module
from coordinator.objects.body import stripes
from metadata import MemoryStore, MetadataUnavailable, PreconditionFailed, WriteCondition
from node.errors import NodeFull, NodeUnreachable
from tests.coordinator.objects.fakes import Bench, body_of

NEW = NewObject("root")


class Md5:
    """A digest that may refuse at the end."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._refusal = refusal

    def update(self, data) -> None:
        self._md5.update(data)

    def finish(self) -> Digested:
        if self._refusal is not None:
            raise self._refusal
        return Digested(self._md5.hexdigest())


async def put(bench: Bench, key: str, data: bytes, new: NewObject = NEW):
    bucket = await bucket_of(bench)
    return await bench.objects.put(bucket, key, body_of(data), Md5(), new)


async def bucket_of(bench: Bench):
    for bucket in await bench.metadata.buckets(None):
        return bucket
    return await bench.metadata.create_bucket("bucket", "root", "", 0)


async def get(bench: Bench, key: str, start: int = 0, stop: int | None = None) -> bytes:
    stored = await bench.objects.look_up("bucket", key)
    stop = stored.version.size if stop is None else stop
    async with await bench.objects.open(stored, start, stop) as stream:
        return b"".join([bytes(chunk) async for chunk in stream])


# bodies ------------------------------------------------------------------------------------------


@given(st.lists(st.binary(max_size=30), max_size=20), st.integers(1, 40))
def test_stripes_recut_any_chunks(chunks: list[bytes], size: int) -> None:
    async def run() -> list[bytes]:
        return [bytes(stripe) async for stripe in stripes(body_of(*chunks), size)]

    cut = asyncio.run(run())
    assert b"".join(cut) == b"".join(chunks)
    assert all(len(stripe) == size for stripe in cut[:-1])
    assert all(0 < len(stripe) <= size for stripe in cut)


# healthy -----------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from([(1, 0), (1, 2), (2, 1), (3, 2), (4, 2)]),
    st.integers(0, 1100),
    st.data(),
)
def test_any_range_comes_back_after_any_m_losses(code, size: int, data) -> None:
    k, m = code
    payload = random.Random(size).randbytes(size)
    start = data.draw(st.integers(0, size))
    stop = data.draw(st.integers(start, size))
    lost = data.draw(st.sets(st.integers(0, k + m - 1), max_size=m))

    async def run() -> bytes:
        bench = Bench(k, m)
        version = await put(bench, "key", payload)
        assert version.etag == hashlib.md5(payload).hexdigest()
        for index in lost:
            bench.cluster.kill(f"node-{index + 1}", noticed=data.draw(st.booleans()))
        return await get(bench, "key", start, stop)

    assert asyncio.run(run()) == payload[start:stop]


async def test_a_range_reads_only_the_stripes_it_touches() -> None:
    bench = Bench(unit_size=64)
    await put(bench, "key", bytes(1000))
    await get(bench, "key", 130, 140)
    asked = {key.stripe for node in bench.cluster.fakes.values() for key in node.reads}
    assert asked == {1}


async def test_an_empty_object_needs_no_node() -> None:
    bench = Bench()
    await put(bench, "key", b"")
    assert bench.record_count() == 0
    for node_id in bench.cluster.fakes:
        bench.cluster.kill(node_id)
    assert await get(bench, "key") == b""


# degraded writes ---------------------------------------------------------------------------------


@pytest.mark.parametrize("noticed", [True, False])
async def test_a_write_with_one_node_dead_is_whole_and_queues_the_repair(noticed: bool) -> None:
    bench = Bench()
    bench.cluster.kill("node-2", noticed=noticed)
    payload = random.Random(1).randbytes(700)
    version = await put(bench, "key", payload)
    assert await get(bench, "key") == payload
    (part,) = (await bench.objects.look_up("bucket", "key")).parts
    (task,) = await bench.metadata.repairs()
    assert (task.part_id, part.nodes[task.shard]) == (part.part_id, "node-2")
    assert version.size == 700


async def test_a_full_node_degrades_the_write() -> None:
    bench = Bench()
    bench.cluster.fakes["node-1"].fault = lambda *_: NodeFull("disk full")
    await put(bench, "key", bytes(100))
    (task,) = await bench.metadata.repairs()
    assert task.reason == "disk full"


async def test_a_node_that_fails_once_gets_nothing_more_of_the_part() -> None:
    bench = Bench()
    node = bench.cluster.fakes["node-1"]
    appends = []

    def fail_first(operation, key):
        if operation == "append":
            appends.append(key)
            return NodeUnreachable("once") if len(appends) == 1 else None
        return None

    node.fault = fail_first
    # More stripes than the window: the failure is known before the last of them leaves.
    await put(bench, "key", bytes(128 * (writer_module.WINDOW + 6)))
    assert len(appends) <= writer_module.WINDOW + 1
    assert len(await bench.metadata.repairs()) == 1
    assert bench.cluster.failures[0][0] == "node-1"


async def test_too_few_nodes_is_an_error_that_names_them_and_leaves_nothing() -> None:
    bench = Bench()
    bench.cluster.kill("node-1", noticed=False)
    bench.cluster.kill("node-3")
    with pytest.raises(WriteFailed, match=r"node-1.*node-3"):
        await put(bench, "key", bytes(1000))
    await bench.writer.close()
    assert bench.record_count() == 0
    assert (await bench.metadata.list_current("bucket", limit=10)).objects == ()


async def test_more_durable_shards_can_be_required() -> None:
    bench = Bench(required=3)
    bench.cluster.kill("node-1")
    with pytest.raises(WriteFailed, match="3 are required"):
        await put(bench, "key", b"x")


# refused writes ----------------------------------------------------------------------------------


class Refused(Exception):
    """What a surface raises for a body it does not believe."""


async def test_a_body_that_breaks_off_leaves_nothing() -> None:
    async def broken():
        yield bytes(1000)
        raise Refused

    bench = Bench()
    bucket = await bucket_of(bench)
    with pytest.raises(Refused):
        await bench.objects.put(bucket, "key", broken(), Md5(), NEW)
    await bench.writer.close()
    assert bench.record_count() == 0


async def test_a_digest_that_does_not_match_leaves_nothing() -> None:
    bench = Bench()
    bucket = await bucket_of(bench)
    with pytest.raises(Refused):
        await bench.objects.put(bucket, "key", body_of(bytes(500)), Md5(Refused()), NEW)
    await bench.writer.close()
    assert bench.record_count() == 0
    assert (await bench.metadata.list_current("bucket", limit=10)).objects == ()


async def test_a_commit_that_is_refused_leaves_nothing() -> None:
    bench = Bench()
    await put(bench, "key", b"first")
    before = bench.record_count()
    with pytest.raises(PreconditionFailed):
        await put(bench, "key", b"second", NewObject("root", condition=WriteCondition(True)))
    await bench.writer.close()
    assert bench.record_count() == before
    assert await get(bench, "key") == b"first"


class Unavailable(MemoryStore):
    """Refuses every commit without knowing what came of it."""

    async def put_version(self, *args, **kwargs):
        raise MetadataUnavailable("fsync failed")


async def test_a_commit_of_unknown_outcome_keeps_its_shards() -> None:
    bench = Bench()
    bench.objects.metadata = Unavailable()
    bucket = await bucket_of(bench)
    with pytest.raises(MetadataUnavailable):
        await bench.objects.put(bucket, "key", body_of(bytes(100)), Md5(), NEW)
    await bench.writer.close()
    assert bench.record_count() == 3


async def test_a_part_over_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer_module, "MAX_PART_BYTES", 300)
    bench = Bench()
    with pytest.raises(BodyTooLarge):
        await put(bench, "key", bytes(301))
    await bench.writer.close()
    assert bench.record_count() == 0


# degraded reads ----------------------------------------------------------------------------------


async def test_a_damaged_unit_is_rebuilt_and_reported() -> None:
    bench = Bench()
    payload = random.Random(2).randbytes(400)
    await put(bench, "key", payload)
    (part,) = (await bench.objects.look_up("bucket", "key")).parts
    node = bench.cluster.fakes[part.nodes[0]]
    node.damaged.add(next(key for key in node.records if key.stripe == 1))
    assert await get(bench, "key") == payload
    assert [(report.part_id, report.shard) for report in bench.reports] == [(part.part_id, 0)]


async def test_a_node_that_never_answers_is_hedged() -> None:
    bench = Bench(hedge_after_s=0.01)
    payload = random.Random(3).randbytes(300)
    await put(bench, "key", payload)
    (part,) = (await bench.objects.look_up("bucket", "key")).parts
    bench.cluster.fakes[part.nodes[1]].hangs = True
    async with asyncio.timeout(10):
        assert await get(bench, "key") == payload


async def test_a_node_known_to_be_down_is_not_asked() -> None:
    bench = Bench()
    await put(bench, "key", bytes(300))
    (part,) = (await bench.objects.look_up("bucket", "key")).parts
    bench.cluster.states[part.nodes[0]] = NodeState.DOWN
    await get(bench, "key")
    assert bench.cluster.fakes[part.nodes[0]].reads == []


async def test_fewer_than_k_shards_is_an_error_and_comes_back_with_the_node() -> None:
    bench = Bench()
    payload = random.Random(4).randbytes(300)
    await put(bench, "key", payload)
    bench.cluster.kill("node-1")
    bench.cluster.kill("node-2", noticed=False)
    with pytest.raises(Unreadable, match="only 1 of the 2"):
        await get(bench, "key")
    assert bench.reports == []
    bench.cluster.revive("node-1")
    assert await get(bench, "key") == payload


async def test_a_reader_that_goes_away_leaves_nothing_pinned_or_pending() -> None:
    bench = Bench()
    await put(bench, "key", bytes(5000))
    stored = await bench.objects.look_up("bucket", "key")
    async with await bench.objects.open(stored, 0, 5000) as stream:
        await anext(stream)
        assert stored.parts[0].part_id in bench.pins
    assert stored.parts[0].part_id not in bench.pins


async def test_copy_makes_shards_of_its_own() -> None:
    bench = Bench()
    payload = random.Random(5).randbytes(900)
    await put(bench, "source", payload)
    source = await bench.objects.look_up("bucket", "source")
    await bench.objects.copy(source, source.bucket, "target", Md5(), NEW)
    await bench.metadata.delete_version("bucket", "source", "null")
    assert await get(bench, "target") == payload
    target = await bench.objects.look_up("bucket", "target")
    assert target.parts[0].part_id != source.parts[0].part_id
