"""Any k of k + m shards give back the bytes: for all codes and lengths, and as the oracle says."""

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from erasure import Codec, Layout, codec, split
from erasure.kernels import BLOCK_SIZE
from tests.erasure import oracle

CODES = [(1, 0), (3, 0), (1, 1), (1, 3), (2, 1), (4, 2), (5, 3), (8, 3), (10, 4), (7, 5), (20, 5)]
WIDE_CODES = [(200, 55), (22, 4), (254, 1), (1, 254)]

codes = st.sampled_from(CODES)


def _random(size: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def _shards(data: bytes | np.ndarray, k: int, m: int) -> dict[int, np.ndarray]:
    units = split(data, k)
    return dict(enumerate([*units, *codec(k, m).encode(units)]))


def _bytes(units: Mapping[int, np.ndarray]) -> dict[int, bytes]:
    return {index: unit.tobytes() for index, unit in units.items()}


def _lengths(k: int) -> st.SearchStrategy[int]:
    """0, 1, and what lies around the edges of units, of planes and of their tails."""
    edges = [k * unit + difference for unit in (1, 7, 8, 9, 64) for difference in (-1, 0, 1)]
    return st.sampled_from([0, 1, *edges]) | st.integers(0, 40 * k)


@settings(max_examples=200, deadline=None)
@given(codes, st.data())
def test_any_k_shards_give_back_everything(code: tuple[int, int], data: st.DataObject) -> None:
    k, m = code
    length = data.draw(_lengths(k))
    content = _random(length, seed=length).tobytes()
    shards = _shards(content, k, m)
    survivors = data.draw(st.permutations(range(k + m)))[:k]
    everything = codec(k, m).reconstruct({i: shards[i] for i in survivors}, range(k + m))
    assert _bytes(everything) == _bytes(shards)
    assert b"".join(everything[i].tobytes() for i in range(k))[:length] == content


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 5), st.integers(0, 2000), codes)
def test_a_part_survives_stripe_by_stripe(
    unit_size: int, lost: int, part_size: int, code: tuple[int, int]
) -> None:
    k, m = code
    content = _random(part_size, seed=unit_size).tobytes()
    layout = Layout(part_size, unit_size, k)
    result = b""
    for stripe in range(layout.stripes):
        start = layout.stripe_offset(stripe)
        length = layout.stripe_length(stripe)
        shards = _shards(content[start : start + length], k, m)
        assert {len(unit) for unit in shards.values()} == {layout.unit_length(stripe)}
        left = {i: unit for i, unit in shards.items() if i >= min(lost, m)}
        units = codec(k, m).reconstruct(left, range(k))
        result += b"".join(units[i].tobytes() for i in range(k))[:length]
    assert result == content


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(CODES[:-2]), st.data())
def test_parity_and_decoding_are_the_oracles(code: tuple[int, int], data: st.DataObject) -> None:
    k, m = code
    unit = data.draw(st.integers(0, 26))
    content = [_random(unit, seed=100 * unit + i).tobytes() for i in range(k)]
    units = np.frombuffer(b"".join(content), dtype=np.uint8).reshape(k, unit)
    parity = codec(k, m).encode(units)
    assert [row.tobytes() for row in parity] == oracle.encode(content, m)

    stored = dict(enumerate([*content, *(row.tobytes() for row in parity)]))
    survivors = data.draw(st.permutations(range(k + m)))[:k]
    left = {i: stored[i] for i in survivors}
    assert oracle.decode(left, k, m) == content
    assert list(_bytes(codec(k, m).reconstruct(left, range(k))).values()) == content


@pytest.mark.parametrize(("k", "m"), WIDE_CODES)
def test_wide_codes(k: int, m: int) -> None:
    shards = _shards(_random(k * 43 - 5), k, m)
    for seed in range(3):
        survivors = np.random.default_rng(seed).permutation(k + m)[:k].tolist()
        left = {i: shards[i] for i in survivors}
        assert _bytes(codec(k, m).reconstruct(left, range(k + m))) == _bytes(shards)


def test_wide_parity_is_the_oracles() -> None:
    shards = _bytes(_shards(_random(200 * 9), 200, 55))
    assert [shards[i] for i in range(200, 255)] == oracle.encode(
        [shards[i] for i in range(200)], 55
    )


@pytest.mark.parametrize("unit", [BLOCK_SIZE + d for d in (-8, -1, 0, 1, 8, 13)] + [2 * BLOCK_SIZE])
def test_units_around_the_block_size(unit: int) -> None:
    shards = _shards(_random(3 * unit), 3, 3)
    left = {i: shards[i] for i in (1, 4, 5)}
    assert _bytes(codec(3, 3).reconstruct(left, range(6))) == _bytes(shards)


def test_long_units_are_the_oracles() -> None:
    units = [_random(BLOCK_SIZE + 21, seed).tobytes() for seed in range(2)]
    expected = oracle.encode(units, 2)
    shards = _shards(b"".join(units), 2, 2)
    assert [shards[2].tobytes(), shards[3].tobytes()] == expected


@pytest.mark.parametrize(
    ("k", "m", "digest"),
    [(4, 2, "dadfe8ae59a43c46"), (10, 4, "4004855e3945bdcf"), (7, 5, "5d6b333912d9771a")],
)
def test_stored_parity_stays_readable(k: int, m: int, digest: str) -> None:
    """Planes and block size are part of the stored format: this digest never changes."""
    data = np.arange(k * (BLOCK_SIZE + 100_003), dtype=np.uint32).astype(np.uint8)
    data ^= (np.arange(len(data), dtype=np.uint32) >> 7).astype(np.uint8)
    parity = codec(k, m).encode(split(data, k))
    assert hashlib.sha256(parity).hexdigest()[:16] == digest


def test_one_parity_shard_is_the_xor_of_the_data() -> None:
    units = _random(5 * 77).reshape(5, 77)
    for m in (1, 2, 5):
        assert np.array_equal(codec(5, m).encode(units)[0], np.bitwise_xor.reduce(units))


def test_k_of_one_makes_copies() -> None:
    shards = _shards(_random(1000), 1, 3)
    assert len(set(_bytes(shards).values())) == 1
    assert _bytes(codec(1, 3).reconstruct({2: shards[2]}, [0, 3])) == _bytes(
        {0: shards[0], 3: shards[3]}
    )


def test_without_parity_nothing_is_encoded() -> None:
    units = _random(30).reshape(3, 10)
    assert codec(3, 0).encode(units).shape == (0, 10)
    assert _bytes(codec(3, 0).reconstruct(dict(enumerate(units)), [2])) == {2: units[2].tobytes()}


def test_more_than_k_shards_do_no_harm() -> None:
    shards = _shards(_random(400), 4, 2)
    left = {i: shards[i] for i in (5, 4, 3, 2, 1)}
    assert _bytes(codec(4, 2).reconstruct(left, [0])) == {0: shards[0].tobytes()}


def test_every_kind_of_buffer_is_taken() -> None:
    shards = _bytes(_shards(_random(90), 3, 2))
    left = {
        0: bytearray(shards[0]),
        3: memoryview(shards[3]),
        4: np.frombuffer(shards[4], np.uint8),
    }
    assert _bytes(codec(3, 2).reconstruct(left, [1, 2])) == {1: shards[1], 2: shards[2]}


def test_outputs_are_used_and_inputs_left_alone() -> None:
    units = _random(4 * 1000).reshape(4, 1000)
    units.flags.writeable = False
    parity = np.zeros((2, 1000), dtype=np.uint8)
    assert codec(4, 2).encode(units, parity) is parity
    assert np.array_equal(parity, codec(4, 2).encode(units))

    parity.flags.writeable = False
    out = np.zeros((2, 1000), dtype=np.uint8)
    left = {1: units[1], 3: units[3], 4: parity[0], 5: parity[1]}
    rebuilt = codec(4, 2).reconstruct(left, [2, 1, 0], out)
    assert np.array_equal(out, units[[2, 0]])
    assert rebuilt[2].base is out
    assert np.shares_memory(rebuilt[1], units)


def test_codecs_are_shared_and_caches_bounded() -> None:
    assert codec(4, 2) is codec(4, 2)
    assert Codec(4, 2).n == 6
    assert codec.cache_info().maxsize is not None


def test_threads_share_a_codec() -> None:
    shared = Codec(5, 3)
    sizes = [BLOCK_SIZE // 3 * i + 40 * i + 5 for i in range(1, 7)]
    units = [_random(5 * size, size).reshape(5, size) for size in sizes]
    parity = [Codec(5, 3).encode(data) for data in units]

    def work(turn: int) -> bool:
        data, expected = units[turn % len(units)], parity[turn % len(units)]
        left = {2: data[2], 4: data[4], 5: expected[0], 6: expected[1], 7: expected[2]}
        rebuilt = shared.reconstruct(left, [0, 1, 3])
        return np.array_equal(shared.encode(data), expected) and all(
            np.array_equal(rebuilt[i], data[i]) for i in rebuilt
        )

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(96)))


@pytest.mark.parametrize("length", [0, 1, 5, 6, 7, 11, 12])
def test_split_pads_with_zeros(length: int) -> None:
    content = _random(length).tobytes()
    units = split(content, 3)
    assert units.shape == (3, -(-length // 3))
    assert units.tobytes() == content + bytes(units.size - length)


def test_split_is_a_view_where_k_divides_the_length() -> None:
    content = bytearray(b"abcdef")
    units = split(memoryview(content), 2)
    content[3] = ord("X")
    assert units[1].tobytes() == b"Xef"
