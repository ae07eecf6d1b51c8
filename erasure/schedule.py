"""Turns a row of coefficients into the cheapest list of shifted XORs.

Rules: a coefficient is a sum of powers of x, so a product is a sum of shifted copies of the unit;
kernels.py makes a shift free and reduces once, at the end. A coefficient has many such sums when
powers above x**7 are allowed too (0x1d, four bits, is just x**8), but each further power costs a
share of the final reduction. So: for every highest power, count the shifted copies, and take the
cheapest.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from erasure.field import power_of_two

HIGHEST_SHIFT: Final = 31
"""Bounds the kernels' scratch space to (8 + 31) / 8 blocks; no row has got cheaper beyond it."""

REDUCTION_COST: Final = 9 / 16
"""What one more power costs, in XORs of a unit: half a one to reduce it, and the clearing."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """row . inputs == the sum of x**shift * inputs[column] over `terms` (shift, column).

    Highest shift first; `degree` is that shift.
    """

    terms: tuple[tuple[int, int], ...]
    degree: int


@cache
def _term_counts() -> NDArray[np.int64]:
    """Row d, column c: the least number of distinct powers x**0 .. x**(d-1) that sum to c."""
    unreachable = 256
    counts = np.full((HIGHEST_SHIFT + 2, 256), unreachable, dtype=np.int64)
    counts[0, 0] = 0
    elements = np.arange(256)
    for shift in range(HIGHEST_SHIFT + 1):
        with_shift = counts[shift, elements ^ power_of_two(shift)] + 1
        counts[shift + 1] = np.minimum(counts[shift], with_shift)
    return counts


def _shifts(coefficient: int, degree: int) -> list[int]:
    """The fewest shifts of at most `degree` whose powers sum to the coefficient, highest first."""
    counts = _term_counts()
    shifts = []
    for shift in range(degree, -1, -1):
        if counts[shift + 1, coefficient] < counts[shift, coefficient]:
            shifts.append(shift)
            coefficient ^= power_of_two(shift)
    assert coefficient == 0
    return shifts


def plan(row: NDArray[np.uint8]) -> Schedule:
    """The cheapest schedule for a row that has a non-zero coefficient."""
    assert row.any(), "a shard is never the sum of nothing"
    totals = _term_counts()[1:, row].sum(axis=1)
    degree = int(np.argmin(totals + REDUCTION_COST * np.arange(HIGHEST_SHIFT + 1)))
    terms = [
        (shift, column)
        for column, coefficient in enumerate(row.tolist())
        for shift in _shifts(coefficient, degree)
    ]
    terms.sort(key=lambda term: (-term[0], term[1]))
    return Schedule(tuple(terms), terms[0][0])
