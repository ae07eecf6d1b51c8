"""Finding records again: scans over damaged, torn and padded segments."""

import pytest

from node.record import HEADER_SIZE, Kind, encode_header
from node.segment import SCAN_CHUNK_BYTES, Damage, Entry, SegmentName, scan
from tests.node.records import key, record
from tests.node.simulated_disk import SimulatedDisk, SimulatedFile

RECORDS = [
    record(key(number), bytes([number]) * size) for number, size in enumerate((10, 0, 99, 5))
]
STARTS = [sum(map(len, RECORDS[:number])) for number in range(len(RECORDS) + 1)]
WHOLE = b"".join(RECORDS)


def file_of(content: bytes) -> SimulatedFile:
    file = SimulatedDisk().create("segment")
    file.write([content], 0)
    return file


def found_in(
    content: bytes, start: int = 0, *, check_payloads: bool = True
) -> list[Entry | Damage]:
    return list(scan(file_of(content), start, check_payloads=check_payloads))


def places(found: list[Entry | Damage]) -> list[tuple[str, int, int]]:
    return [(type(item).__name__.lower(), item.offset, item.end) for item in found]


def intact(*numbers: int) -> list[tuple[str, int, int]]:
    return [("entry", STARTS[number], STARTS[number + 1]) for number in numbers]


def flipped(offset: int) -> bytes:
    content = bytearray(WHOLE)
    content[offset] ^= 0x10
    return bytes(content)


@pytest.mark.parametrize("check_payloads", [True, False])
@pytest.mark.parametrize("padding", [0, 1, 55, 56, 57, 3000])
def test_a_whole_segment_with_and_without_zeros_behind(padding, check_payloads):
    found = found_in(WHOLE + bytes(padding), check_payloads=check_payloads)
    assert places(found) == intact(0, 1, 2, 3)
    assert [item.header.key for item in found] == [key(number) for number in range(4)]


def test_a_scan_starts_where_it_is_told():
    assert places(found_in(WHOLE, STARTS[2])) == intact(2, 3)


@pytest.mark.parametrize("at", range(HEADER_SIZE))
def test_a_damaged_header_costs_one_record(at):
    found = found_in(flipped(STARTS[2] + at))
    assert places(found) == [*intact(0, 1), ("damage", STARTS[2], STARTS[3]), *intact(3)]
    assert found[2].header is None


def test_a_damaged_payload_keeps_its_key():
    found = found_in(flipped(STARTS[2] + HEADER_SIZE + 1))
    assert places(found) == [*intact(0, 1), ("damage", STARTS[2], STARTS[3]), *intact(3)]
    assert found[2].header.key == key(2)
    assert places(found_in(flipped(STARTS[2] + HEADER_SIZE + 1), check_payloads=False)) == intact(
        0, 1, 2, 3
    )


@pytest.mark.parametrize("cut", range(STARTS[2] + 1, STARTS[3]))
def test_a_torn_record_reaches_the_end(cut):
    assert places(found_in(WHOLE[:cut])) == [*intact(0, 1), ("damage", STARTS[2], cut)]
    padded = found_in(WHOLE[:cut] + bytes(500))
    assert places(padded)[:2] == intact(0, 1)
    assert all(isinstance(item, Damage) for item in padded[2:])


def test_records_inside_a_payload_are_never_believed():
    """Users store segment files too: an intact header's length rules, whatever its payload says."""
    inner = encode_header(key(66), b"", Kind.TOMBSTONE) + record(key(67))
    outer = bytearray(record(key(5), b"x" * 20 + inner + b"y" * 20))
    outer[HEADER_SIZE] ^= 1
    torn = bytes(outer[:-10])
    for content in (bytes(outer), torn, bytes(outer) + WHOLE):
        keys = {item.header.key for item in found_in(content) if isinstance(item, Entry)}
        assert not keys & {key(66), key(67)}
    # A damaged header whose length field still points to a record or the end of it is followed.
    outer[10] ^= 1
    found = found_in(bytes(outer) + WHOLE)
    assert places(found)[0] == ("damage", 0, len(outer))


def test_the_next_header_is_found_across_chunks():
    header = bytearray(encode_header(key(9), b"z" * 10))
    header[28:32] = b"\xff\xff\xff\xff"  # the length points nowhere
    for shift in range(-4, 2):
        filler = b"z" * (SCAN_CHUNK_BYTES - len(header) + 1 + shift)
        found = found_in(bytes(header) + filler + RECORDS[0])
        start = len(header) + len(filler)
        assert places(found) == [("damage", 0, start), ("entry", start, start + len(RECORDS[0]))]


def test_records_larger_than_a_chunk():
    big = record(key(1), b"b" * (SCAN_CHUNK_BYTES + 5)) + RECORDS[0]
    for check_payloads in (True, False):
        assert len(found_in(big, check_payloads=check_payloads)) == 2


@pytest.mark.parametrize(
    "filename", ["x", "1-1.0.segment", "000000000001-000000000001.00000.segment.tmp", "index.db"]
)
def test_other_files_are_no_segments(filename):
    assert SegmentName.parse(filename) is None


def test_names_sort_as_the_log_and_say_what_they_replace():
    one, two, three = (SegmentName(number, number, 0) for number in (1, 2, 3))
    merged = SegmentName(1, 2, 1)
    assert SegmentName.parse(str(merged)) == merged
    assert [merged.replaces(other) for other in (one, two, three, merged)] == [
        True,
        True,
        False,
        False,
    ]
    ids = [name.segment_id for name in (one, merged, two, three)]
    assert ids == sorted(set(ids))
