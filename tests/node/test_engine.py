"""The engine's threads: group commit, bounded overlay, background work, a really full disk."""

import asyncio
import contextlib
import os
import subprocess

import pytest

from node.disk import LocalDisk
from node.engine import CHECK_INLINE_BYTES, READ_INLINE_BYTES, Engine, Pace
from node.errors import NodeFailed, NodeFull, RecordDamaged
from node.protocol import Outcome, unpack_answers
from node.record import HEADER_SIZE, ShardKey
from tests.node.records import key, open_store, record


class NeverSleep:
    """Background work runs only when a test lets it: each `tick` wakes every sleeper once."""

    def __init__(self):
        self._event = asyncio.Event()

    async def __call__(self, delay_s: float) -> None:
        await self._event.wait()

    def tick(self) -> None:
        self._event.set()
        self._event = asyncio.Event()


@contextlib.asynccontextmanager
async def running(directory, *, pace=None, sleep=None, **options):
    store = open_store(LocalDisk(directory), directory, **options)
    engine = Engine(store, pace or Pace(), sleep or NeverSleep())
    try:
        yield engine, store
    finally:
        await engine.close()


async def read(engine, *keys):
    body = await engine.read(engine.locate(keys))
    answers = unpack_answers(body, len(keys))
    return [
        answer if isinstance(answer, Outcome) else bytes(answer[HEADER_SIZE:]) for answer in answers
    ]


async def test_what_was_appended_is_read_and_outlives_a_restart(tmp_path):
    big = os.urandom(CHECK_INLINE_BYTES)
    for is_first in (True, False):
        async with running(tmp_path, segment_size_bytes=4 << 20) as (engine, _):
            if is_first:
                await engine.append(record(key(1)) + record(key(2), b"two"))
                await engine.append(record(key(3), big))
                await engine.append(b"")
                await engine.delete([ShardKey(key(2).part_id, 0)])
            wanted = [b"payload", Outcome.MISSING, big]
            assert await read(engine, key(1), key(2), key(3)) == wanted
    assert len(big) > READ_INLINE_BYTES  # so that both ways of reading were taken


async def test_concurrent_appends_share_their_flushes(tmp_path):
    async with running(tmp_path, segment_size_bytes=1 << 20) as (engine, _):
        await asyncio.gather(*(engine.append(record(key(number))) for number in range(200)))
        assert all(answer == b"payload" for answer in await read(engine, *map(key, range(200))))
        stats = await engine.stats()
    assert stats["appended_records"] == 200
    assert stats["fsyncs"] < 100


@pytest.mark.parametrize("body", [b"x", record(key(1))[:-1], record(key(1)) + b"\0"])
async def test_a_bad_batch_stores_nothing(tmp_path, body):
    async with running(tmp_path) as (engine, _):
        with pytest.raises((RecordDamaged, ValueError)):
            await engine.append(record(key(5)) + body)
        assert await read(engine, key(5), key(1)) == [Outcome.MISSING] * 2


async def test_a_payload_that_is_not_its_headers_is_refused(tmp_path):
    bad = bytearray(record(key(1)))
    bad[-1] ^= 1
    async with running(tmp_path) as (engine, _):
        with pytest.raises(RecordDamaged, match="checksum"):
            await engine.append(bytes(bad))
        assert (await engine.stats())["commits"] == 0


async def test_the_overlay_stays_bounded(tmp_path):
    pace = Pace(overlay_records=10)
    async with running(tmp_path, pace=pace, segment_size_bytes=1 << 20) as (engine, store):
        for number in range(200):
            await engine.append(record(key(number)))
            assert store.index.pending <= 2 * 10 + 1
        assert all(answer == b"payload" for answer in await read(engine, *map(key, range(200))))


async def test_background_work_flushes_and_compacts(tmp_path):
    sleep = NeverSleep()
    async with running(tmp_path, sleep=sleep) as (engine, store):
        for number in range(100):
            await engine.append(record(key(number), b"p" * 300))
        await engine.delete([ShardKey(key(number).part_id, 0) for number in range(1, 100)])
        used = (await engine.stats())["disk_used_bytes"]
        while store.counters.compactions == 0 or store.compactor.choose():
            sleep.tick()
            await asyncio.sleep(0)
        assert (await engine.stats())["disk_used_bytes"] < used / 2
        assert await read(engine, key(0), key(1)) == [b"p" * 300, Outcome.MISSING]


async def test_nothing_is_accepted_after_the_end(tmp_path):
    async with running(tmp_path) as (engine, _):
        await engine.append(record(key(1)))
    with pytest.raises(NodeFailed, match="stopping"):
        await engine.append(record(key(2)))


async def test_what_was_submitted_before_the_end_is_committed(tmp_path):
    async with running(tmp_path) as (engine, _):
        appends = [asyncio.create_task(engine.append(record(key(n)))) for n in range(20)]
        await asyncio.sleep(0)
    await asyncio.gather(*appends)
    async with running(tmp_path) as (engine, _):
        assert await read(engine, *map(key, range(20))) == [b"payload"] * 20


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 4 MiB."""
    if os.geteuid() != 0:
        pytest.skip("mounting a tmpfs needs root")
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(tmp_path)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not let us mount a tmpfs")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


@pytest.mark.parametrize("floor_bytes", [0, 512 << 10])
async def test_a_really_full_disk(small_disk, tmp_path_factory, floor_bytes):
    index = tmp_path_factory.mktemp("index")
    store = open_store(
        LocalDisk(small_disk), index, segment_size_bytes=1 << 20, free_floor_bytes=floor_bytes
    )
    engine = Engine(store, Pace(), NeverSleep())
    payload = os.urandom(100 << 10)
    stored = []

    async def fill() -> None:
        for number in range(100):
            await engine.append(record(key(number), payload))
            stored.append(key(number))

    with pytest.raises(NodeFull):
        await fill()
    assert len(stored) > 20
    assert await read(engine, *stored, key(len(stored))) == [payload] * len(stored) + [
        Outcome.MISSING
    ]
    if floor_bytes:
        await engine.delete([ShardKey(shard.part_id, 0) for shard in stored[:15]])
        run = store.compactor.choose()
        assert run
        assert list(store.compactor.rewrite(run))
        await engine.append(record(key(1000), payload))
        stored = [*stored[15:], key(1000)]
    await engine.close()
    store = open_store(LocalDisk(small_disk), index)
    engine = Engine(store, Pace(), NeverSleep())
    assert await read(engine, *stored) == [payload] * len(stored)
    await engine.close()
