"""Schedules say the same as the coefficients they were made from, and are cheap."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reedsolo import gf_pow

from erasure.schedule import HIGHEST_SHIFT, plan
from tests.erasure import oracle

oracle.reedsolo.init_tables(0x11D)


def _row_of(schedule_terms: tuple[tuple[int, int], ...], columns: int) -> list[int]:
    row = [0] * columns
    for shift, column in schedule_terms:
        row[column] ^= gf_pow(2, shift)
    return row


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(0, 255), min_size=1, max_size=12).filter(any))
def test_the_terms_sum_to_the_row(row: list[int]) -> None:
    schedule = plan(np.array(row, dtype=np.uint8))
    assert _row_of(schedule.terms, len(row)) == row
    assert schedule.degree == schedule.terms[0][0] <= HIGHEST_SHIFT
    assert list(schedule.terms) == sorted(schedule.terms, key=lambda term: (-term[0], term[1]))


@pytest.mark.parametrize("coefficient", range(1, 256))
def test_each_coefficient_alone(coefficient: int) -> None:
    schedule = plan(np.array([coefficient], dtype=np.uint8))
    assert _row_of(schedule.terms, 1) == [coefficient]
    assert len(schedule.terms) <= coefficient.bit_count()


@pytest.mark.parametrize(("k", "row"), [(4, 1), (8, 1), (8, 2), (10, 3)])
def test_powers_of_two_take_one_term_each_or_few_more(k: int, row: int) -> None:
    coefficients = np.array([gf_pow(2, row * column) for column in range(k)], dtype=np.uint8)
    schedule = plan(coefficients)
    assert len(schedule.terms) + schedule.degree / 2 <= k + row * (k - 1) / 2
