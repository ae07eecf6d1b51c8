"""Appending: space written ahead, rolling, failures of every call on the way."""

import errno

import pytest

from node.errors import NodeFailed, NodeFull
from node.log import PADDED_BATCH_BYTES, SegmentLog
from tests.node.simulated_disk import SimulatedDisk

SEGMENT_BYTES, PADDING_BYTES = 1000, 100


@pytest.fixture
def disk():
    return SimulatedDisk()


@pytest.fixture
def log(disk):
    log = SegmentLog(disk, SEGMENT_BYTES, PADDING_BYTES)
    log.roll()
    return log


def append(log, size, fill=b"x"):
    return log.append([fill * size], size)


def active_size(disk, log):
    return disk.open(str(log.active.name)).size()


def test_small_appends_share_the_space_written_ahead(disk, log):
    sizes = []
    for _ in range(5):
        append(log, 40)
        sizes.append(active_size(disk, log))
    assert sizes == [140, 140, 140, 260, 260]
    assert log.position == (log.active.segment_id, 200)
    assert log.syncs == 5


def test_large_appends_are_not_padded(disk):
    log = SegmentLog(disk, 1 << 30, PADDING_BYTES)
    log.roll()
    append(log, PADDED_BATCH_BYTES + 1)
    assert active_size(disk, log) == PADDED_BATCH_BYTES + 1


def test_a_full_segment_is_trimmed_and_followed_by_the_next(disk, log):
    first = log.active
    append(log, 600)
    assert append(log, 600) == (log.active.segment_id, 0)
    assert log.active.name.first == 2
    assert disk.open(str(first.name)).size() == first.end == 600
    assert log.sealed() == [first]


def test_what_is_larger_than_a_segment_gets_its_own(log):
    append(log, 10)
    append(log, 3000)
    assert (log.active.name.first, log.active.end) == (2, 3000)
    append(log, 10)
    assert log.active.name.first == 3


def test_an_append_that_only_fits_without_padding_fits(disk, log):
    disk.errors = {"write": [errno.ENOSPC, 0]}
    append(log, 40)
    assert active_size(disk, log) == 40
    append(log, 40)
    assert active_size(disk, log) == 180


@pytest.mark.parametrize(
    ("number", "error"),
    [(errno.ENOSPC, NodeFull), (errno.EDQUOT, NodeFull), (errno.EIO, NodeFailed)],
)
@pytest.mark.parametrize("kind", ["write", "sync"])
def test_a_failed_append_leaves_nothing(disk, log, kind, number, error):
    append(log, 40)
    first = log.active
    disk.errors = {kind: [number]}
    with pytest.raises(error):
        append(log, 40, b"y")
    assert first.end == 40
    assert b"y" not in disk.content(str(first.name))
    segment_id, offset = append(log, 40, b"z")
    assert (segment_id, offset) == ((first.segment_id, 40) if kind == "write" else (2 << 16, 0))


@pytest.mark.parametrize("kind", ["write", "sync"])
def test_nothing_is_appended_while_a_failure_is_not_cleaned_up(disk, log, kind):
    append(log, 40)
    disk.errors = {kind: [errno.EIO], "truncate": [errno.EIO] * 3}
    for _ in range(3):
        with pytest.raises(NodeFailed):
            append(log, 40, b"y")
    disk.errors = {}
    assert append(log, 40, b"z") == (2 << 16, 0)


def test_a_segment_that_cannot_be_started_is_started_later(disk, log):
    append(log, 900)
    disk.errors = {"create": [errno.ENOSPC], "sync_directory": [errno.EIO]}
    for error in (NodeFull, NodeFailed):
        with pytest.raises(error):
            append(log, 900)
    assert append(log, 50) == (1 << 16, 900)
    assert append(log, 900) == (2 << 16, 0)


def test_files_are_opened_when_needed_and_gone_when_removed(log):
    append(log, 900)
    append(log, 900)
    (first,) = log.sealed()
    buffer = memoryview(bytearray(900))
    file = log.file(first.segment_id)
    log.remove(first.segment_id)
    assert file.read_into(buffer, 0) == 900  # who has it may go on reading
    with pytest.raises(KeyError):
        log.file(first.segment_id)
