"""Damage to segment files: what is found in them, what is hit, and that a seed repeats itself."""

import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from benchmarks.faults.damage import FaultError, corrupt, truncate, wipe
from benchmarks.faults.segments import HEADER_BYTES, live_records, segment_files
from node.record import HEADER_SIZE, Kind, RecordKey, encode_header

A, B, C = (bytes([letter]) * 16 for letter in b"abc")
SIZE = 3000


def data(part_id: bytes, shard: int = 0, stripe: int = 0, size: int = SIZE) -> bytes:
    payload = random.Random(f"{part_id!r} {shard} {stripe}").randbytes(size)
    return encode_header(RecordKey(part_id, shard, stripe), payload) + payload


def tombstone(part_id: bytes, shard: int = 0) -> bytes:
    return encode_header(RecordKey(part_id, shard, 0), b"", Kind.TOMBSTONE)


def node_with(tmp_path: Path, *segments: Sequence[bytes], padding: int = 0) -> Path:
    folder = tmp_path / "node-1" / "segments"
    folder.mkdir(parents=True)
    for number, records in enumerate(segments, 1):
        path = folder / f"{number:012d}-{number:012d}.00000.segment"
        path.write_bytes(b"".join(records) + bytes(padding))
    (folder / "000000000009-000000000009.00000.segment.tmp").write_bytes(b"not one yet")
    return tmp_path / "node-1"


def found(node: Path) -> set[bytes]:
    """The part ids of the live records, with their stripe."""
    return {
        place.path.read_bytes()[place.offset + 8 : place.offset + 28]
        for place in live_records(node)
    }


def named(part_id: bytes, stripe: int = 0) -> bytes:
    return part_id + stripe.to_bytes(4, "little")


def test_the_header_is_as_long_as_the_nodes() -> None:
    assert HEADER_BYTES == HEADER_SIZE


def test_live_records_are_those_that_no_later_one_buries(tmp_path: Path) -> None:
    node = node_with(
        tmp_path,
        [data(A), data(B), data(B, stripe=1), data(C)],
        [tombstone(B), data(A)],
        [tombstone(C), data(C, stripe=7)],
        padding=5000,
    )
    assert found(node) == {named(A), named(C, 7)}
    again = next(
        place for place in live_records(node) if place.path.name.startswith("000000000002")
    )
    assert again.offset == HEADER_SIZE
    assert again.length == HEADER_SIZE + SIZE


def test_a_damaged_header_is_stepped_over(tmp_path: Path) -> None:
    node = node_with(tmp_path, [data(A), b"\0" + data(B)[1:], data(C), data(B, 1)[:-1]])
    assert found(node) == {named(A), named(C)}


def test_segments_stand_in_the_order_of_the_log(tmp_path: Path) -> None:
    node = node_with(tmp_path, [data(A)], [data(B)])
    rewritten = node / "segments" / "000000000001-000000000002.00003.segment"
    rewritten.write_bytes(data(C))
    assert [path.name[:31] for path in segment_files(node)] == [
        "000000000001-000000000001.00000",
        "000000000001-000000000002.00003",
        "000000000002-000000000002.00000",
    ]


def test_corruption_flips_one_bit_in_each_of_some_live_records(tmp_path: Path) -> None:
    segment = [data(A, stripe=stripe) for stripe in range(20)] + [data(B), tombstone(B)]
    node = node_with(tmp_path, segment, padding=100)
    (path,) = segment_files(node)
    before = path.read_bytes()
    chosen = corrupt(node, random.Random(5))
    after = path.read_bytes()
    assert len(after) == len(before)
    flipped = [at for at in range(len(after)) if after[at] != before[at]]
    assert len(flipped) == len(chosen) == 8
    assert all((after[at] ^ before[at]).bit_count() == 1 for at in flipped)
    for place in chosen:
        assert sum(place.offset <= at < place.end for at in flipped) == 1
    dead = 20 * (HEADER_SIZE + SIZE)
    assert all(at < dead for at in flipped)


def test_the_same_seed_does_the_same(tmp_path: Path) -> None:
    node = node_with(tmp_path, [data(A, stripe=stripe) for stripe in range(20)])
    other = tmp_path / "other" / "node-1"
    shutil.copytree(node, other)
    corrupt(node, random.Random(9))
    truncate(node, random.Random(9))
    corrupt(other, random.Random(9))
    truncate(other, random.Random(9))
    assert segment_files(node)[0].read_bytes() == segment_files(other)[0].read_bytes()


def test_fewer_records_than_asked_for(tmp_path: Path) -> None:
    assert len(corrupt(node_with(tmp_path, [data(A), data(B)]), random.Random(1))) == 2


@pytest.mark.parametrize("seed", range(10))
def test_a_cut_takes_live_records(tmp_path: Path, seed: int) -> None:
    node = node_with(tmp_path, [data(A)], [data(B, stripe=n) for n in range(4)], padding=99_999)
    place = truncate(node, random.Random(seed))
    assert place.path.stat().st_size == place.offset
    assert len(live_records(node)) < 5


def test_an_empty_node_has_nothing_to_damage(tmp_path: Path) -> None:
    node = node_with(tmp_path, [data(A), tombstone(A)])
    for damage in (corrupt, truncate):
        with pytest.raises(FaultError, match="node-1 has no live record"):
            damage(node, random.Random(1))


def test_a_wiped_directory_stays_and_is_empty(tmp_path: Path) -> None:
    node = node_with(tmp_path, [data(A)])
    (node / "identity.json").write_text("{}")
    wipe(node)
    assert list(node.iterdir()) == []
