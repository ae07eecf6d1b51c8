"""The operating system's files behind the seam."""

import os

import pytest

from node.disk import MAX_BUFFERS_PER_CALL, LocalDisk


@pytest.fixture
def disk(tmp_path):
    return LocalDisk(tmp_path)


def test_many_buffers_are_one_write(disk):
    file = disk.create("f")
    pieces = [bytes([number % 251]) * 3 for number in range(MAX_BUFFERS_PER_CALL * 2 + 5)]
    file.write(pieces, 10)
    buffer = memoryview(bytearray(10 + 3 * len(pieces) + 7))
    assert file.read_into(buffer, 0) == len(buffer) - 7
    assert bytes(buffer) == bytes(10) + b"".join(pieces) + bytes(7)


def test_a_short_write_is_continued(disk, monkeypatch):
    """The kernel may take less than all, as on a disk that is nearly full."""
    monkeypatch.setattr(os, "pwritev", lambda fd, pieces, at: os.pwrite(fd, pieces[0][:2], at))
    file = disk.create("f")
    file.write([b"abcd", b"efgh"], 0)
    buffer = memoryview(bytearray(8))
    assert (file.read_into(buffer, 0), bytes(buffer)) == (8, b"abcdefgh")


def test_creating_empties_and_names_are_listed(disk):
    disk.create("b").write([b"x"], 0)
    assert disk.create("b").size() == 0
    disk.create("a").truncate(7)
    assert disk.names() == ["a", "b"]
    disk.rename("a", "c")
    disk.sync_directory()
    assert disk.open("c").size() == 7
    disk.unlink("c")
    assert disk.names() == ["b"]
    assert 0 < disk.free_bytes() <= disk.total_bytes()


def test_a_file_closes_with_its_last_reference(disk):
    before = len(os.listdir("/proc/self/fd"))
    file = disk.create("f")
    assert len(os.listdir("/proc/self/fd")) == before + 1
    del file
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(FileNotFoundError):
        disk.open("missing")
