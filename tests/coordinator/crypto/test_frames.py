"""Frames: any data, any range of frames, and any change to what is stored is noticed."""

import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.crypto import FRAME_BYTES, FrameCipher, Tampered, plain_size, stored_size
from coordinator.crypto.frames import STORED_FRAME_BYTES, TAG_BYTES

KEY = bytes(range(32))
SIZES = st.integers(0, 3 * FRAME_BYTES + 3) | st.sampled_from(
    [
        step * FRAME_BYTES + near
        for step in range(4)
        for near in (-1, 0, 1)
        if step * FRAME_BYTES + near >= 0
    ]
)


def data_of(size: int) -> bytes:
    return os.urandom(64).ljust(size, b"x")[:size]


@given(st.integers(0, 2**50))
def test_each_size_follows_from_the_other(size: int) -> None:
    assert plain_size(stored_size(size)) == size


@given(st.integers(1, 2**50))
def test_a_size_that_nothing_is_stored_in_is_noticed(stored: int) -> None:
    try:
        size = plain_size(stored)
    except Tampered:
        assert 0 < stored % STORED_FRAME_BYTES <= TAG_BYTES
    else:
        assert stored_size(size) == stored


@settings(deadline=None, max_examples=60)
@given(SIZES)
def test_what_was_sealed_opens(size: int) -> None:
    cipher = FrameCipher(KEY)
    data = data_of(size)
    stored = cipher.seal(0, data, is_end=True)
    assert len(stored) == stored_size(size)
    assert b"".join(cipher.open(0, stored, is_end=True)) == data
    assert size < 64 or data[:64] not in stored


@settings(deadline=None, max_examples=60)
@given(SIZES.filter(bool), st.data())
def test_any_run_of_frames_opens_alone(size: int, choose: st.DataObject) -> None:
    cipher = FrameCipher(KEY)
    data = data_of(size)
    stored = cipher.seal(0, data, is_end=True)
    count = -(-size // FRAME_BYTES)
    first = choose.draw(st.integers(0, count - 1))
    stop = choose.draw(st.integers(first + 1, count))
    run = stored[first * STORED_FRAME_BYTES : stop * STORED_FRAME_BYTES]
    opened = b"".join(cipher.open(first, run, is_end=stop == count))
    assert opened == data[first * FRAME_BYTES : stop * FRAME_BYTES]


@settings(deadline=None, max_examples=100)
@given(SIZES.filter(bool), st.data())
def test_a_flipped_bit_is_noticed(size: int, choose: st.DataObject) -> None:
    cipher = FrameCipher(KEY)
    stored = bytearray(cipher.seal(0, data_of(size), is_end=True))
    bit = choose.draw(st.integers(0, 8 * len(stored) - 1))
    stored[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Tampered):
        cipher.open(0, stored, is_end=True)


@settings(deadline=None, max_examples=60)
@given(SIZES.filter(lambda size: size > 1), st.data())
def test_a_part_that_was_cut_short_is_noticed(size: int, choose: st.DataObject) -> None:
    cipher = FrameCipher(KEY)
    stored = cipher.seal(0, data_of(size), is_end=True)
    boundaries = st.integers(1, -(-size // FRAME_BYTES) - 1).map(lambda n: n * STORED_FRAME_BYTES)
    cuts = st.integers(1, len(stored) - 1)
    cut = choose.draw(cuts | boundaries if size > FRAME_BYTES else cuts)
    with pytest.raises(Tampered):
        cipher.open(0, stored[:cut], is_end=True)


def test_frames_can_be_neither_swapped_nor_repeated_nor_taken_from_another_part() -> None:
    cipher = FrameCipher(KEY)
    stored = cipher.seal(0, data_of(3 * FRAME_BYTES), is_end=True)
    one, two, three = (
        stored[i * STORED_FRAME_BYTES : (i + 1) * STORED_FRAME_BYTES] for i in range(3)
    )
    foreign = FrameCipher(bytes(32)).seal(0, data_of(3 * FRAME_BYTES), is_end=True)
    for forged in (two + one + three, one + one + three, one + two + three + three, one + three):
        with pytest.raises(Tampered):
            cipher.open(0, forged, is_end=True)
    with pytest.raises(Tampered):
        cipher.open(0, foreign, is_end=True)
    with pytest.raises(Tampered):
        # It is the last one, and nobody may append to it.
        cipher.open(2, three, is_end=False)


def test_blocks_make_the_same_frames_as_the_whole() -> None:
    cipher = FrameCipher(KEY)
    data = data_of(3 * FRAME_BYTES + 7)
    first = cipher.seal(0, data[: 2 * FRAME_BYTES], is_end=False)
    rest = cipher.seal(2, data[2 * FRAME_BYTES :], is_end=True)
    assert first + rest == cipher.seal(0, data, is_end=True)
