"""The generator matrix: which sum of the data shards each shard is.

Rules: the matrix is part of what is stored for ever, so it never changes for a given (k, m). The
first k rows are the identity (data shards are the data), the first parity row is all ones (one XOR
for m = 1), and every k rows are independent (MDS: any k shards rebuild all).
"""

from typing import Final

import numpy as np

from erasure.errors import InvalidCode
from erasure.field import INVERSES, ORDER, PRODUCTS, Matrix, power_of_two

MAX_SHARDS: Final = 255

MAX_POWER_ROWS: Final = 3
"""Rows of powers of 1, 2 and 4 are MDS for every k: any choice of them and of as many columns is a
Vandermonde matrix up to scaling and squaring, and the powers of 2 are distinct."""

MAX_POWER_COLUMNS_OF_4_ROWS: Final = 21
"""Rows of powers of 1, 2, 4 and 8 are MDS up to this k (tested exhaustively), not beyond."""


def generator(k: int, m: int) -> Matrix:
    """The (k + m) x k matrix over GF(256). Raises InvalidCode."""
    if k < 1 or m < 0 or k + m > MAX_SHARDS:
        raise InvalidCode(f"1 <= k, 0 <= m, k + m <= {MAX_SHARDS} expected, got k={k}, m={m}")
    few_rows = m <= MAX_POWER_ROWS
    few_columns = m == MAX_POWER_ROWS + 1 and k <= MAX_POWER_COLUMNS_OF_4_ROWS
    copies = k == 1
    parity = _powers(k, m) if few_rows or few_columns or copies else _cauchy(k, m)
    return np.concatenate([np.eye(k, dtype=np.uint8), parity])


def _powers(k: int, m: int) -> Matrix:
    """Row r holds the powers of 2**r: small shifts, which the kernels do almost for nothing.

    Source: the triple parity of ZFS (raidz3), which uses the same rows.
    """
    rows = [[power_of_two(row * column) for column in range(k)] for row in range(m)]
    return np.array(rows, dtype=np.uint8).reshape(m, k)


def _cauchy(k: int, m: int) -> Matrix:
    """1 / (x_r + y_c) with all x and y distinct, each column divided by its first element.

    Every square part of a Cauchy matrix is regular, and scaling a column keeps it so.
    Source: Bloemer et al., An XOR-Based Erasure-Resilient Coding Scheme, 1995.
    """
    assert k + m <= ORDER + 1
    columns = np.arange(k, dtype=np.uint8)
    rows = np.arange(k, k + m, dtype=np.uint8)
    cauchy = INVERSES[rows[:, None] ^ columns[None, :]]
    scaled: Matrix = PRODUCTS[cauchy, INVERSES[cauchy[0]][None, :]]
    return scaled
