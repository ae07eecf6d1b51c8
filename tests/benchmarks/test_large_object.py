"""The large object is made piece by piece, each unlike the others."""

import os

import pytest

from benchmarks.large_object import PIECE_BYTES, peak_bytes, pieces


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES, 3 * PIECE_BYTES + 17])
def test_pieces(size: int) -> None:
    made = list(pieces(size))
    assert sum(map(len, made)) == size
    assert len(set(made)) == len(made)
    assert made == list(pieces(size))


def test_the_peak_is_at_least_what_python_needs() -> None:
    assert peak_bytes(os.getpid()) > 5 * 1024 * 1024
