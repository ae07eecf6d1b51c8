"""The field's tables against reedsolo's functions, and the matrix arithmetic on them."""

import numpy as np
import pytest
import reedsolo
from reedsolo import gf_inverse, gf_mul, gf_pow

from erasure.field import INVERSES, ORDER, PRODUCTS, invert, multiply, power_of_two

reedsolo.init_tables(0x11D)


def test_products_are_reedsolos() -> None:
    expected = [[gf_mul(a, b) for b in range(256)] for a in range(256)]
    assert PRODUCTS.tolist() == expected


def test_inverses_are_reedsolos() -> None:
    assert INVERSES[1:].tolist() == [gf_inverse(a) for a in range(1, 256)]


@pytest.mark.parametrize("exponent", [0, 1, 7, 8, 254, 255, 256, 1000])
def test_powers_of_two(exponent: int) -> None:
    assert power_of_two(exponent) == gf_pow(2, exponent % ORDER)


def test_doubling_is_shift_and_reduce() -> None:
    for a in range(256):
        assert PRODUCTS[2, a] == (a << 1) ^ (0x11D if a & 0x80 else 0)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 10, 55])
def test_inverse_times_matrix_is_identity(size: int) -> None:
    random = np.random.default_rng(size)
    lower = np.tril(random.integers(0, 256, (size, size), dtype=np.uint8), -1)
    upper = np.triu(random.integers(0, 256, (size, size), dtype=np.uint8), 1)
    identity = np.eye(size, dtype=np.uint8)
    # Rows in reverse, so that the elimination has to look for its pivots.
    matrix = multiply(lower | identity, upper | identity)[::-1]
    assert np.array_equal(multiply(invert(matrix), matrix), identity)
    assert np.array_equal(multiply(matrix, invert(matrix)), identity)
