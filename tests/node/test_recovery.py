"""Opening a store after something happened to it."""

import errno
import random

import pytest

from node.batch import append_of, delete_of
from node.errors import NodeFailed, NodeFull
from node.protocol import Outcome
from node.record import HEADER_SIZE, ShardKey
from node.segment import SegmentName
from tests.node.records import abandon, compact, delete, get, key, open_store, put, record
from tests.node.simulated_disk import Crash, SimulatedDisk

FIRST = str(SegmentName(1, 1, 0))


@pytest.fixture
def disk():
    return SimulatedDisk()


def filled(disk, tmp_path, count=5):
    store = open_store(disk, tmp_path)
    for number in range(count):
        put(store, key(number), bytes([number]) * 50)
    return store


def reopened(store, disk, tmp_path, *, lose_index=False):
    abandon(store)
    disk.stop()
    if lose_index:
        (tmp_path / "index.db").unlink()
    return open_store(disk, tmp_path)


def append(record_key, payload=b"payload"):
    return append_of(record(record_key, payload))


def delete_write(record_key):
    return delete_of([ShardKey(record_key.part_id, record_key.shard)])


def damage(disk, location, offset):
    disk.rot(FIRST, location.offset + offset, 0x40)


@pytest.mark.parametrize("garbage", [b"\1", b"x" * 500, record(key(99))[:-1], b"TRIL" * 50])
def test_a_torn_tail_is_cut(disk, tmp_path, garbage):
    store = filled(disk, tmp_path)
    end = store.log.active.end
    disk.open(FIRST).write([garbage], end)
    store = reopened(store, disk, tmp_path)
    assert store.log.active.end == disk.open(FIRST).size() == end
    assert store.damage.count == 0
    assert get(store, key(4)) == bytes([4]) * 50
    assert get(store, key(99)) is Outcome.MISSING
    put(store, key(99))
    assert get(reopened(store, disk, tmp_path, lose_index=True), key(99)) == b"payload"


def test_damage_in_the_middle_is_reported(disk, tmp_path):
    store = filled(disk, tmp_path)
    damage(disk, store.index.find(key(2)), HEADER_SIZE + 3)
    store = reopened(store, disk, tmp_path, lose_index=True)
    (report,) = store.damage.reports()
    assert (report.segment, report.key) == (FIRST, key(2))
    assert get(store, key(2)) is Outcome.DAMAGED
    assert get(store, key(4)) == bytes([4]) * 50
    assert store.stats()["damaged"] == 1
    store.close()


def test_a_damaged_header_is_reported_and_its_record_known_from_the_index(disk, tmp_path):
    store = filled(disk, tmp_path)
    location = store.index.find(key(2))
    store.close()
    disk.stop()
    damage(disk, location, 9)
    store = open_store(disk, tmp_path)
    assert get(store, key(2)) is Outcome.DAMAGED
    step = store.scrubber.step(None, 1 << 20)
    assert [report.key for report in step.damaged] == [key(2)]
    store = reopened(store, disk, tmp_path, lose_index=True)
    (report,) = store.damage.reports()
    assert (report.offset, report.key) == (location.offset, None)
    assert get(store, key(4)) == bytes([4]) * 50
    abandon(store)


def test_damage_at_the_end_of_a_sealed_segment_is_reported_not_cut(disk, tmp_path):
    store = filled(disk, tmp_path, 40)
    assert len(store.log.segments) > 1
    size = disk.open(FIRST).size()
    disk.rot(FIRST, size - 50 - HEADER_SIZE + 8, 1)
    store = reopened(store, disk, tmp_path, lose_index=True)
    (report,) = store.damage.reports()
    assert (report.segment, report.end) == (FIRST, size)
    assert disk.open(FIRST).size() == size
    abandon(store)


def test_a_retried_append_torn_by_a_crash_does_not_hide_the_first(disk, tmp_path):
    store = filled(disk, tmp_path)
    again = bytearray(record(key(2), bytes([2]) * 50))
    again[-1] ^= 1
    disk.open(FIRST).write([bytes(again) + record(key(7))], store.log.active.end)
    store = reopened(store, disk, tmp_path)
    assert get(store, key(2)) == bytes([2]) * 50
    assert get(store, key(7)) == b"payload"
    abandon(store)


def test_nor_does_it_when_the_index_is_rebuilt_much_later(disk, tmp_path):
    store = filled(disk, tmp_path)
    again = bytearray(record(key(2), bytes([2]) * 50))
    again[-1] ^= 1
    disk.open(FIRST).write([bytes(again) + record(key(7))], store.log.active.end)
    store = reopened(store, disk, tmp_path)
    for number in range(10, 50):
        put(store, key(number), b"p" * 100)
    assert len(store.log.segments) > 1
    store = reopened(store, disk, tmp_path, lose_index=True)
    assert get(store, key(2)) == bytes([2]) * 50
    assert store.damage.count == 1
    abandon(store)


def test_what_only_the_page_cache_knows_is_made_durable_before_it_is_served(disk, tmp_path):
    store = open_store(disk, tmp_path)
    put(store, key(1))
    disk.errors = {"sync": [errno.EIO], "truncate": [errno.EIO]}
    disk.fate.rng = NothingArrives()
    (outcome,) = store.commit([append(key(2))])
    assert isinstance(outcome, NodeFailed)
    assert get(store, key(2)) is Outcome.MISSING
    store = reopened(store, disk, tmp_path)
    assert get(store, key(2)) == b"payload"
    put(store, key(3))
    disk.crash()
    abandon(store)
    store = open_store(disk, tmp_path)
    assert [get(store, key(number)) for number in (1, 2, 3)] == [b"payload"] * 3
    assert store.damage.count == 0
    store.close()


def test_a_segment_whose_start_failed_does_not_seal_the_one_before(disk, tmp_path):
    store = open_store(disk, tmp_path)
    put(store, key(1), b"x" * 3900)
    disk.errors = {"sync_directory": [errno.EIO]}
    (outcome,) = store.commit([append(key(3), b"y" * 300)])
    assert isinstance(outcome, NodeFailed)
    assert len(disk.names()) == 2
    disk.fate.rng = NothingArrives()
    disk.crash_in = 1
    with pytest.raises(Crash):
        store.commit([append(key(4))])
    store = reopened(store, disk, tmp_path)
    served = get(store, key(4))
    disk.crash()
    abandon(store)
    store = open_store(disk, tmp_path)
    assert get(store, key(4)) == served == b"payload"
    store.close()


class NothingArrives(random.Random):
    """Whatever was not synced is lost."""

    def choice(self, options):
        return options[0]

    def randint(self, low, high):
        return low


def test_a_missing_segment_is_damage_not_absence(disk, tmp_path):
    store = filled(disk, tmp_path, 40)
    store.close()
    disk.unlink(FIRST)
    disk.stop()
    store = open_store(disk, tmp_path)
    assert store.damage.count == 1
    assert get(store, key(0)) is Outcome.DAMAGED
    assert get(store, key(39)) == bytes([39]) * 50
    abandon(store)


def test_a_segment_shorter_than_acknowledged_is_damage(disk, tmp_path):
    store = filled(disk, tmp_path)
    store.close()
    disk.open(FIRST).truncate(30)
    disk.stop()
    store = open_store(disk, tmp_path)
    assert [report.offset for report in store.damage.reports()] == [30]
    assert get(store, key(4)) is Outcome.DAMAGED
    put(store, key(50))
    assert store.log.active.name.first == 2
    assert get(store, key(50)) == b"payload"
    abandon(store)


@pytest.mark.parametrize("content", [b"", b"not a database" * 1000, None])
def test_an_unusable_index_is_rebuilt(disk, tmp_path, content):
    store = filled(disk, tmp_path)
    delete(store, key(1))
    abandon(store)
    disk.stop()
    path = tmp_path / "index.db"
    if content is None:
        data = bytearray(path.read_bytes())
        data[4096 : 4096 * 3] = b"\xa5" * 8192
        content = bytes(data)
    path.write_bytes(content)
    store = open_store(disk, tmp_path)
    assert [get(store, key(number)) for number in (0, 1)] == [bytes(50), Outcome.MISSING]
    assert store.stats()["records"] == 4
    store.close()


def test_the_index_of_another_store_is_not_believed(disk, tmp_path):
    store = filled(disk, tmp_path)
    store.index.flush()
    store.index.catalog.writer.execute("UPDATE meta SET store_id = 'other', records = 77")
    store = reopened(store, disk, tmp_path)
    assert store.stats()["records"] == 5
    store.close()


def test_a_removed_segment_that_comes_back_makes_the_index_start_anew(disk, tmp_path):
    store = filled(disk, tmp_path, 40)
    old = bytes(disk.content(FIRST))
    for number in range(35):
        delete(store, key(number))
    assert compact(store)
    put(store, key(90))
    store.close()
    disk.stop()
    assert FIRST not in disk.names()
    disk.create(FIRST).write([old], 0)
    store = open_store(disk, tmp_path)
    # Whether its records are dead again depends on the tombstones still there; none may be lost.
    assert get(store, key(39)) == bytes([39]) * 50
    assert get(store, key(90)) == b"payload"
    abandon(store)


def test_a_full_disk_refuses_appends_and_serves_the_rest(disk, tmp_path):
    store = open_store(disk, tmp_path, free_floor_bytes=1000)
    put(store, key(1))
    disk.free = 1000
    (outcome,) = store.commit([append(key(2))])
    assert isinstance(outcome, NodeFull)
    assert store.is_full()
    assert get(store, key(1)) == b"payload"
    delete(store, key(1))
    assert get(store, key(1)) is Outcome.MISSING
    disk.free = 10_000
    put(store, key(2))
    store.close()


def test_a_delete_does_not_share_the_fate_of_the_appends_beside_it(disk, tmp_path):
    store = open_store(disk, tmp_path)
    put(store, key(1), b"x" * 300)
    # The append fails, space written ahead or not; the delete alone then fits.
    disk.errors = {"write": [errno.ENOSPC, errno.ENOSPC]}
    outcomes = store.commit([append(key(2)), delete_write(key(1))])
    assert isinstance(outcomes[0], NodeFull)
    assert outcomes[1] is None
    assert [get(store, key(number)) for number in (1, 2)] == [Outcome.MISSING] * 2
    store.close()


def test_a_failed_fsync_seals_the_segment(disk, tmp_path):
    store = open_store(disk, tmp_path)
    put(store, key(1))
    end = store.log.active.end
    disk.errors = {"sync": [errno.EIO]}
    (outcome,) = store.commit([append(key(2))])
    assert isinstance(outcome, NodeFailed)
    assert store.log.active.name.first == 2
    assert disk.open(FIRST).size() == end
    put(store, key(3))
    disk.crash()
    abandon(store)
    store = open_store(disk, tmp_path)
    assert [get(store, key(number)) for number in (1, 2, 3)] == [
        b"payload",
        Outcome.MISSING,
        b"payload",
    ]
    store.close()
