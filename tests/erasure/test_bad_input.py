"""What the package refuses, each with its own error and before anything is written."""

from collections.abc import Callable

import numpy as np
import pytest

from erasure import (
    Codec,
    ErasureError,
    InvalidCode,
    InvalidShard,
    InvalidUnits,
    NotEnoughShards,
    codec,
    split,
)

CODEC = codec(4, 2)
UNITS = np.arange(4 * 16, dtype=np.uint8).reshape(4, 16)
SHARDS = dict(enumerate([*UNITS, *CODEC.encode(UNITS)]))
DEFAULT = codec(2, 1)
"""It has a way of its own to rebuild a lost unit."""

LEFT = {1: UNITS[0], 2: UNITS[1]}


def _without(*lost: int) -> dict[int, np.ndarray]:
    return {index: unit for index, unit in SHARDS.items() if index not in lost}


def _empty(*shape: int, dtype: type = np.uint8) -> np.ndarray:
    return np.empty(shape, dtype)


def _read_only() -> np.ndarray:
    out = _empty(2, 16)
    out.flags.writeable = False
    return out


CASES: dict[str, tuple[type[ErasureError], Callable[[], object]]] = {
    "no data shards": (InvalidCode, lambda: Codec(0, 1)),
    "too many shards": (InvalidCode, lambda: codec(200, 56)),
    "split into none": (InvalidCode, lambda: split(b"abc", 0)),
    "split a list": (InvalidUnits, lambda: split([1, 2], 1)),
    "split a str": (InvalidUnits, lambda: split("abc", 1)),
    "too few units": (InvalidUnits, lambda: CODEC.encode(UNITS[:3])),
    "flat data": (InvalidUnits, lambda: CODEC.encode(UNITS.reshape(-1))),
    "words": (InvalidUnits, lambda: CODEC.encode(UNITS.view(np.uint16))),
    "gaps between bytes": (InvalidUnits, lambda: CODEC.encode(UNITS[:, ::2])),
    "columns first": (InvalidUnits, lambda: CODEC.encode(np.asfortranarray(UNITS))),
    "output too short": (InvalidUnits, lambda: CODEC.encode(UNITS, _empty(2, 15))),
    "output of one row": (InvalidUnits, lambda: CODEC.encode(UNITS, _empty(1, 16))),
    "output of words": (InvalidUnits, lambda: CODEC.encode(UNITS, _empty(2, 16, dtype=np.uint16))),
    "output read-only": (InvalidUnits, lambda: CODEC.encode(UNITS, _read_only())),
    "three lost": (NotEnoughShards, lambda: CODEC.reconstruct(_without(0, 1, 5), [0])),
    "all lost": (NotEnoughShards, lambda: CODEC.reconstruct({}, [0])),
    "wanted too high": (InvalidShard, lambda: CODEC.reconstruct(SHARDS, [6])),
    "wanted negative": (InvalidShard, lambda: CODEC.reconstruct(SHARDS, [-1])),
    "given too high": (InvalidShard, lambda: CODEC.reconstruct({**SHARDS, 6: UNITS[0]}, [0])),
    "lengths differ": (
        InvalidUnits,
        lambda: CODEC.reconstruct({**_without(0), 1: UNITS[1][:1]}, [0]),
    ),
    "unit is text": (InvalidUnits, lambda: CODEC.reconstruct({**_without(0), 1: "abc"}, [0])),
    "unit with gaps": (
        InvalidUnits,
        lambda: CODEC.reconstruct({**_without(0), 1: memoryview(bytes(32))[::2]}, [0]),
    ),
    "rebuild into too little": (
        InvalidUnits,
        lambda: CODEC.reconstruct(_without(0, 1), [0, 1], _empty(1, 16)),
    ),
    "rebuild into read-only": (
        InvalidUnits,
        lambda: CODEC.reconstruct(_without(0, 1), [0, 1], _read_only()),
    ),
    "2+1, lengths differ": (
        InvalidUnits,
        lambda: DEFAULT.reconstruct({**LEFT, 2: UNITS[1][:1]}, [0]),
    ),
    "2+1, unit is text": (InvalidUnits, lambda: DEFAULT.reconstruct({**LEFT, 2: "abc"}, [0])),
    "2+1, unit with gaps": (
        InvalidUnits,
        lambda: DEFAULT.reconstruct({**LEFT, 1: memoryview(bytes(32))[::2]}, [0]),
    ),
    "2+1, rebuild into too little": (
        InvalidUnits,
        lambda: DEFAULT.reconstruct(LEFT, [0], _empty(1, 15)),
    ),
    "2+1, rebuild into two rows": (
        InvalidUnits,
        lambda: DEFAULT.reconstruct(LEFT, [0], _empty(2, 16)),
    ),
    "2+1, rebuild into words": (
        InvalidUnits,
        lambda: DEFAULT.reconstruct(LEFT, [0], _empty(1, 16, dtype=np.uint16)),
    ),
    "2+1, rebuild into read-only": (
        InvalidUnits,
        lambda: DEFAULT.reconstruct(LEFT, [0], _read_only()[:1]),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_refused(name: str) -> None:
    error, action = CASES[name]
    before = UNITS.copy()
    with pytest.raises(error):
        action()
    assert np.array_equal(UNITS, before)


def test_not_enough_shards_says_how_many() -> None:
    with pytest.raises(NotEnoughShards, match="4 shards are needed, 3 were given") as caught:
        CODEC.reconstruct(_without(0, 1, 2), [0])
    assert (caught.value.needed, caught.value.given) == (4, 3)


def test_what_is_there_needs_no_k_shards() -> None:
    assert CODEC.reconstruct({3: UNITS[3]}, [3])[3].tobytes() == UNITS[3].tobytes()
    assert CODEC.reconstruct({}, []) == {}
