"""Arithmetic in GF(256), the field of 256 elements that the code's coefficients come from.

Rules: a byte is a polynomial over GF(2), bit i the coefficient of x**i, reduced by
x**8 + x**4 + x**3 + x**2 + 1 (0x11d), in which x (2) generates all 255 non-zero elements. Addition
is XOR. The tables come from `reedsolo`. This module serves matrices and a few bytes; bulk data
never goes through these tables (see kernels.py).
"""

from typing import Final

import numpy as np
import reedsolo
from numpy.typing import NDArray

POLYNOMIAL: Final = 0x11D
ORDER: Final = 255
"""How many non-zero elements there are; 2**ORDER == 1."""

Matrix = NDArray[np.uint8]
"""A 2-D array of field elements."""


def _tables() -> tuple[NDArray[np.uint8], NDArray[np.intp]]:
    logarithms, powers, order = reedsolo.init_tables(POLYNOMIAL)
    assert order == ORDER
    return np.array(powers[:ORDER], np.uint8), np.array(logarithms, np.intp)


POWERS, _LOGARITHMS = _tables()
"""POWERS[i] == 2**i in the field, 0 <= i < ORDER."""


def _multiplication_table() -> Matrix:
    table: Matrix = POWERS[(_LOGARITHMS[:, None] + _LOGARITHMS[None, :]) % ORDER]
    table[0, :] = 0
    table[:, 0] = 0
    return table


PRODUCTS: Final = _multiplication_table()
"""PRODUCTS[a, b] == a * b, 256 x 256."""

INVERSES: Final = POWERS[-_LOGARITHMS % ORDER]
"""INVERSES[a] == 1 / a; INVERSES[0] is meaningless."""


def power_of_two(exponent: int) -> int:
    """2**exponent in the field, for any exponent."""
    return int(POWERS[exponent % ORDER])


def multiply(left: Matrix, right: Matrix) -> Matrix:
    """The matrix product. Memory is rows x inner x columns bytes, so one of them must be small."""
    products = PRODUCTS[left[:, :, None], right[None, :, :]]
    total: Matrix = np.bitwise_xor.reduce(products, axis=1)
    return total


def invert(matrix: Matrix) -> Matrix:
    """The inverse of a square matrix, by Gauss-Jordan elimination.

    The caller knows that there is one: every square part of an MDS generator's parity rows is
    regular.
    """
    size = len(matrix)
    work = np.concatenate([matrix, np.eye(size, dtype=np.uint8)], axis=1)
    for column in range(size):
        pivot = column + int(np.argmax(work[column:, column] != 0))
        assert work[pivot, column] != 0, "singular matrix: the generator is not MDS"
        if pivot != column:
            work[[column, pivot]] = work[[pivot, column]]
        work[column] = PRODUCTS[INVERSES[work[column, column]], work[column]]
        factors = work[:, column].copy()
        factors[column] = 0
        work ^= PRODUCTS[factors[:, None], work[column][None, :]]
    return work[:, size:].copy()
