"""The engine's threads: group commit, bounded overlay, background work, a really full disk."""

import contextlib
import os
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from node.batch import Write
from node.disk import LocalDisk
from node.engine import Engine, Pace
from node.errors import NodeFailed, NodeFull, RecordDamaged
from node.group_commit import GroupCommit
from node.protocol import Outcome, unpack_answers
from node.record import HEADER_SIZE, ShardKey
from tests.node.records import key, open_store, record

GENEROUS_S = 20.0


class NeverUntilTold(threading.Event):
    """Background work runs only when a test lets it: each `tick` ends every wait once."""

    def __init__(self):
        super().__init__()
        self._ticks = 0
        self._told = threading.Condition()

    def set(self) -> None:
        super().set()
        self.tick()

    def tick(self) -> None:
        with self._told:
            self._ticks += 1
            self._told.notify_all()

    def wait(self, timeout=None) -> bool:
        with self._told:
            before = self._ticks
            self._told.wait_for(lambda: self._ticks != before or self.is_set())
        return self.is_set()


@contextlib.contextmanager
def running(directory, *, pace=None, stopping=None, **options):
    store = open_store(LocalDisk(directory), directory, **options)
    engine = Engine(store, pace or Pace(), stopping or NeverUntilTold())
    try:
        yield engine, store
    finally:
        engine.close()


def read(engine, *keys):
    body = engine.read(engine.locate(keys))
    answers = unpack_answers(body, len(keys))
    return [
        answer if isinstance(answer, Outcome) else bytes(answer[HEADER_SIZE:]) for answer in answers
    ]


def test_what_was_appended_is_read_and_outlives_a_restart(tmp_path):
    big = os.urandom(1 << 20)
    for is_first in (True, False):
        with running(tmp_path, segment_size_bytes=4 << 20) as (engine, _):
            if is_first:
                engine.append(record(key(1)) + record(key(2), b"two"))
                engine.append(record(key(3), big))
                engine.append(b"")
                engine.delete([ShardKey(key(2).part_id, 0)])
            wanted = [b"payload", Outcome.MISSING, big]
            assert read(engine, key(1), key(2), key(3)) == wanted


def test_concurrent_appends_share_their_flushes(tmp_path):
    with (
        running(tmp_path, segment_size_bytes=1 << 20) as (engine, _),
        ThreadPoolExecutor(16) as pool,
    ):
        gate = threading.Barrier(16)

        def append(writer: int) -> None:
            gate.wait()
            for number in range(writer, 160, 16):
                engine.append(record(key(number)))

        list(pool.map(append, range(16)))
        assert read(engine, *map(key, range(160))) == [b"payload"] * 160
        stats = engine.stats()
    assert stats["appended_records"] == 160
    assert stats["fsyncs"] == stats["commits"] < 160


def test_a_group_gathers_while_another_is_on_its_way():
    began, go_on, groups = threading.Event(), threading.Event(), []

    def commit(writes):
        groups.append([write.size for write in writes])
        began.set()
        go_on.wait(GENEROUS_S)
        return [NodeFull("full") if write.size == 3 else None for write in writes]

    commits = GroupCommit(commit)
    with ThreadPoolExecutor(4) as pool:
        first = pool.submit(commits.submit, write_of(1))
        assert began.wait(GENEROUS_S)
        others = []
        for size in (2, 3, 4):
            others.append(pool.submit(commits.submit, write_of(size)))
            while len(commits._queue) < len(others):
                os.sched_yield()
        go_on.set()
        assert first.result(GENEROUS_S) is None
        # The failure of one is not the failure of its neighbours.
        assert [type(other.exception(GENEROUS_S)) for other in others] == [
            type(None),
            NodeFull,
            type(None),
        ]
    assert groups == [[1], [2, 3, 4]]


def test_a_commit_that_breaks_fails_its_group_and_no_other():
    outcomes = iter([RuntimeError("broken"), None])

    def commit(writes):
        if outcome := next(outcomes):
            raise outcome
        return [None] * len(writes)

    commits = GroupCommit(commit)
    with pytest.raises(NodeFailed, match="broken"):
        commits.submit(write_of(1))
    commits.submit(write_of(2))


def write_of(size: int) -> Write:
    return Write([bytes(size)], [], size, is_delete=False)


@pytest.mark.parametrize("body", [b"x", record(key(1))[:-1], record(key(1)) + b"\0"])
def test_a_bad_batch_stores_nothing(tmp_path, body):
    with running(tmp_path) as (engine, _):
        with pytest.raises((RecordDamaged, ValueError)):
            engine.append(record(key(5)) + body)
        assert read(engine, key(5), key(1)) == [Outcome.MISSING] * 2


def test_a_payload_that_is_not_its_headers_is_refused(tmp_path):
    bad = bytearray(record(key(1)))
    bad[-1] ^= 1
    with running(tmp_path) as (engine, _):
        with pytest.raises(RecordDamaged, match="checksum"):
            engine.append(bytes(bad))
        assert (engine.stats())["commits"] == 0


def test_the_overlay_stays_bounded(tmp_path):
    pace = Pace(overlay_records=10)
    with running(tmp_path, pace=pace, segment_size_bytes=1 << 20) as (engine, store):
        for number in range(200):
            engine.append(record(key(number)))
            assert store.index.pending <= 2 * 10 + 1
        assert all(answer == b"payload" for answer in read(engine, *map(key, range(200))))


def test_background_work_flushes_and_compacts(tmp_path):
    stopping = NeverUntilTold()
    with running(tmp_path, stopping=stopping) as (engine, store):
        for number in range(100):
            engine.append(record(key(number), b"p" * 300))
        engine.delete([ShardKey(key(number).part_id, 0) for number in range(1, 100)])
        used = engine.stats()["disk_used_bytes"]
        while store.counters.compactions == 0 or engine._upkeep(store.compactor.choose):
            stopping.tick()
        assert engine.stats()["disk_used_bytes"] < used / 2
        assert read(engine, key(0), key(1)) == [b"p" * 300, Outcome.MISSING]


def test_nothing_is_accepted_after_the_end(tmp_path):
    with running(tmp_path) as (engine, _):
        engine.append(record(key(1)))
    with pytest.raises(NodeFailed, match="stopping"):
        engine.append(record(key(2)))


def test_what_was_acknowledged_before_the_end_is_there(tmp_path):
    acknowledged: list[int] = []

    def append(numbers: range) -> None:
        with contextlib.suppress(NodeFailed):
            for number in numbers:
                engine.append(record(key(number)))
                acknowledged.append(number)

    with ThreadPoolExecutor(4) as pool, running(tmp_path) as (engine, _):
        for writer in range(4):
            pool.submit(append, range(writer, 100_000, 4))
        while len(acknowledged) < 40:
            os.sched_yield()
    with running(tmp_path) as (engine, _):
        assert read(engine, *map(key, acknowledged)) == [b"payload"] * len(acknowledged)


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
def test_a_really_full_disk(small_disk, tmp_path_factory, floor_bytes):
    index = tmp_path_factory.mktemp("index")
    store = open_store(
        LocalDisk(small_disk), index, segment_size_bytes=1 << 20, free_floor_bytes=floor_bytes
    )
    engine = Engine(store, Pace(), NeverUntilTold())
    payload = os.urandom(100 << 10)
    stored = []

    def fill() -> None:
        for number in range(100):
            engine.append(record(key(number), payload))
            stored.append(key(number))

    with pytest.raises(NodeFull):
        fill()
    assert len(stored) > 20
    assert read(engine, *stored, key(len(stored))) == [payload] * len(stored) + [Outcome.MISSING]
    if floor_bytes:
        engine.delete([ShardKey(shard.part_id, 0) for shard in stored[:15]])
        run = store.compactor.choose()
        assert run
        assert list(store.compactor.rewrite(run))
        engine.append(record(key(1000), payload))
        stored = [*stored[15:], key(1000)]
    engine.close()
    store = open_store(LocalDisk(small_disk), index)
    engine = Engine(store, Pace(), NeverUntilTold())
    assert read(engine, *stored) == [payload] * len(stored)
    engine.close()
