"""The record format: a table of what is refused, and every single flipped bit."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from node.disk import LocalDisk
from node.errors import RecordDamaged
from node.protocol import Outcome
from node.record import (
    FORMAT_VERSION,
    HEADER_SIZE,
    MAX_PAYLOAD_BYTES,
    Kind,
    RecordKey,
    check_payload,
    decode_header,
    encode_header,
    is_record,
)
from tests.node.records import abandon, get, key, open_store, put, record

SMALL = record(key(7, 3, 5), b"twelve bytes")


def check(data: bytes) -> RecordKey:
    header = decode_header(data)
    check_payload(header, data[HEADER_SIZE:])
    return header.key


@given(
    part_id=st.binary(min_size=16, max_size=16),
    shard=st.integers(0, 255),
    stripe=st.integers(0, 2**32 - 1),
    payload=st.binary(max_size=300),
)
def test_what_was_encoded_is_decoded(part_id, shard, stripe, payload):
    wanted = RecordKey(part_id, shard, stripe)
    header = decode_header(encode_header(wanted, payload))
    assert (header.key, header.kind, header.length) == (wanted, Kind.DATA, len(payload))
    check_payload(header, payload)


def test_the_layout_is_as_documented():
    data = encode_header(RecordKey(bytes(range(16)), 2, 0x01020304), b"abc")
    assert data[:8] == b"TRIL" + bytes([FORMAT_VERSION, 1, 2, 0])
    assert data[8:24] == bytes(range(16))
    assert data[24:32] == bytes([4, 3, 2, 1, 3, 0, 0, 0])
    assert len(data) == HEADER_SIZE == 56


@pytest.mark.parametrize(
    ("part_id", "shard", "stripe", "error"),
    [
        (b"short", 0, 0, "16 bytes"),
        (bytes(17), 0, 0, "16 bytes"),
    ],
)
def test_keys_that_do_not_fit(part_id, shard, stripe, error):
    with pytest.raises(ValueError, match=error):
        encode_header(RecordKey(part_id, shard, stripe), b"")


def test_payloads_that_are_too_long():
    with pytest.raises(ValueError, match="over"):
        encode_header(key(1), memoryview(bytearray(MAX_PAYLOAD_BYTES + 1)))


@pytest.mark.parametrize("length", [0, 1, HEADER_SIZE - 1])
def test_a_header_cut_short(length):
    with pytest.raises(RecordDamaged, match="cut short"):
        decode_header(SMALL[:length])


@pytest.mark.parametrize("payload", [b"", b"twelve byte", b"twelve bytes+", b"twelve bytez"])
def test_another_payload(payload):
    with pytest.raises(RecordDamaged):
        check_payload(decode_header(SMALL), payload)


@pytest.mark.parametrize("bit", range(len(SMALL) * 8))
def test_every_flipped_bit_is_detected(bit):
    damaged = bytearray(SMALL)
    damaged[bit // 8] ^= 1 << bit % 8
    with pytest.raises(RecordDamaged):
        check(bytes(damaged))
    assert not is_record(key(7, 3, 5), memoryview(damaged))


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (key(7, 3, 5), True),
        (key(8, 3, 5), False),
        (key(7, 4, 5), False),
        (key(7, 3, 6), False),
        (key(7, 256, 5), False),
        (key(7, -1, 5), False),
        (RecordKey(b"short", 3, 5), False),
    ],
)
def test_a_record_is_that_of_one_key_only(wanted, expected):
    assert is_record(wanted, memoryview(SMALL)) is expected
    assert not is_record(wanted, memoryview(SMALL)[: HEADER_SIZE - 1])


def test_a_tombstone_is_no_data_record():
    assert not is_record(key(7), memoryview(encode_header(key(7), b"", Kind.TOMBSTONE)))


def test_every_flipped_bit_on_disk_is_detected(tmp_path):
    """Each bit of a record in the middle of a segment: read as DAMAGED, then as it was again."""
    store = open_store(LocalDisk(tmp_path), tmp_path)
    wanted = key(2)
    put(store, key(1))
    put(store, wanted, b"twelve bytes")
    put(store, key(3))
    location = store.index.find(wanted)
    assert location is not None
    path = tmp_path / str(store.log.active.name)
    with path.open("r+b", buffering=0) as file:
        for bit in range(location.length * 8):
            for expected in (Outcome.DAMAGED, b"twelve bytes"):
                file.seek(location.offset + bit // 8)
                (byte,) = file.read(1)
                file.seek(location.offset + bit // 8)
                file.write(bytes([byte ^ 1 << bit % 8]))
                assert get(store, wanted) == expected
    assert get(store, key(1)) == get(store, key(3)) == b"payload"
    assert store.damage.count == 1
    abandon(store)
