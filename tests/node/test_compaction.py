"""Compaction: what it keeps, what it gives back, what it leaves alone."""

import pytest

from node.errors import NodeError
from node.protocol import Outcome
from node.segment import TEMPORARY_SUFFIX
from tests.node.records import abandon, compact, delete, get, key, open_store, put
from tests.node.simulated_disk import SimulatedDisk

PAYLOAD = b"p" * 300


@pytest.fixture
def disk():
    return SimulatedDisk()


@pytest.fixture
def store(disk, tmp_path):
    store = open_store(disk, tmp_path, compaction_step_bytes=500)
    for number in range(60):
        put(store, key(number), PAYLOAD)
    return store


def reopened(store, disk, tmp_path):
    abandon(store)
    disk.stop()
    (tmp_path / "index.db").unlink()
    return open_store(disk, tmp_path)


def test_dead_space_is_given_back(store, disk, tmp_path):
    used = store.stats()["disk_used_bytes"]
    for number in range(60):
        if number % 10:
            delete(store, key(number))
    assert compact(store)
    stats = store.stats()
    assert stats["disk_used_bytes"] < used / 2
    assert stats["records"] == 6
    for step in (1, 2):
        for number in range(60):
            expected = Outcome.MISSING if number % 10 else PAYLOAD
            assert get(store, key(number)) == expected
        if step == 1:
            store = reopened(store, disk, tmp_path)
    abandon(store)


def test_deleting_everything_leaves_next_to_nothing(store, disk, tmp_path):
    for number in range(60):
        delete(store, key(number))
    for number in range(100, 112):
        put(store, key(number), PAYLOAD)  # so that the tombstones' segments are sealed
    compact(store)
    tombstones = store.index.catalog.writer.execute("SELECT count(*) FROM tombstone").fetchone()
    assert tombstones == (0,)
    assert store.stats()["dead_bytes"] < 4096
    store = reopened(store, disk, tmp_path)
    assert get(store, key(5)) is Outcome.MISSING
    abandon(store)


def test_a_tombstone_outlives_what_it_hides(store, disk, tmp_path):
    """The deleted record's own segment stays (it is mostly live); the tombstone's is rewritten."""
    delete(store, key(3))
    for number in range(200, 230):
        put(store, key(number), PAYLOAD)
    for number in range(200, 229):
        delete(store, key(number))
    for number in range(300, 320):
        put(store, key(number), PAYLOAD)
    assert compact(store)
    store = reopened(store, disk, tmp_path)
    assert get(store, key(3)) is Outcome.MISSING
    assert get(store, key(4)) == PAYLOAD
    abandon(store)


def test_a_repaired_shard_lives_on_through_the_rewriting_of_its_tombstone(store, disk, tmp_path):
    delete(store, key(3))
    put(store, key(3), PAYLOAD)
    for number in range(40, 60):
        delete(store, key(number))
    for number in range(300, 330):
        put(store, key(number), PAYLOAD)
    compact(store)
    assert get(store, key(3)) == PAYLOAD
    store = reopened(store, disk, tmp_path)
    assert get(store, key(3)) == PAYLOAD
    abandon(store)


def test_what_dies_while_it_is_copied_stays_dead(store, disk, tmp_path):
    for number in range(1, 9):
        delete(store, key(number))
    steps = store.compactor.rewrite(store.compactor.choose())
    next(steps)
    delete(store, key(0))
    store.index.flush()
    list(steps)
    assert get(store, key(0)) is Outcome.MISSING
    store = reopened(store, disk, tmp_path)
    assert get(store, key(0)) is Outcome.MISSING
    abandon(store)


def test_what_is_written_anew_while_it_is_copied_stays_new(store, disk, tmp_path):
    for number in range(1, 9):
        delete(store, key(number))
    steps = store.compactor.rewrite(store.compactor.choose())
    next(steps)
    put(store, key(0), b"new")
    store.index.flush()
    list(steps)
    assert get(store, key(0)) == b"new"
    before = store.stats()["live_bytes"]
    store = reopened(store, disk, tmp_path)
    assert get(store, key(0)) == b"new"
    assert store.stats()["live_bytes"] == before
    abandon(store)


def test_readers_go_on_while_a_segment_disappears(store):
    for number in range(1, 9):
        delete(store, key(number))
    located = store.reader.locate([key(0)])
    assert compact(store)
    body = store.reader.fill(located)
    assert body[0] == Outcome.FOUND
    abandon(store)


def test_a_segment_with_an_unreadable_stretch_is_left_alone(store, disk):
    first = store.log.sealed()[0]
    for number in range(1, 9):
        delete(store, key(number))
    disk.rot(str(first.name), store.index.find(key(0)).offset + 3, 1)
    compact(store)
    assert str(first.name) in disk.names()
    assert not any(name.endswith(TEMPORARY_SUFFIX) for name in disk.names())
    assert get(store, key(0)) is Outcome.DAMAGED
    abandon(store)


def test_a_disk_without_room_for_the_copy_is_left_in_peace(store, disk):
    for number in range(60):
        if number % 10:
            delete(store, key(number))
    disk.free = 100
    assert store.compactor.choose() == []
    disk.free = 1 << 30
    assert store.compactor.choose()
    disk.errors = {"create": [28]}
    with pytest.raises(NodeError):
        compact(store)
    assert compact(store)
    abandon(store)


def test_small_neighbours_are_merged(store, disk):
    for number in range(60):
        if number % 6:
            delete(store, key(number))
    for number in range(100, 112):
        put(store, key(number), PAYLOAD)
    compact(store)
    assert len(store.log.segments) <= 5
    assert all(get(store, key(number)) == PAYLOAD for number in range(0, 60, 6))
    abandon(store)
