"""The generator matrix: its form, that every k rows rebuild all, and that it never changes."""

import hashlib
import random
from collections.abc import Iterator
from itertools import combinations

import pytest

from erasure.errors import InvalidCode
from erasure.generator import MAX_POWER_COLUMNS_OF_4_ROWS, MAX_SHARDS, generator
from tests.erasure import oracle

SMALL = [(k, m) for k in range(1, 8) for m in range(6)]
LARGE = [(20, 5), (200, 55), (253, 2), (252, 3), (1, 254), (100, 4), (128, 127)]


def _parity(k: int, m: int) -> list[list[int]]:
    return generator(k, m)[k:].tolist()


def _singular(parity: list[list[int]], sizes: range) -> Iterator[tuple[object, object]]:
    """Square parts without an inverse: there are none just where any k rows are independent."""
    columns = range(len(parity[0]) if parity else 0)
    for size in sizes:
        for rows in combinations(range(len(parity)), size):
            for chosen in combinations(columns, size):
                part = [[parity[row][column] for column in chosen] for row in rows]
                if oracle.determinant(part) == 0:
                    yield rows, chosen


@pytest.mark.parametrize(("k", "m"), SMALL)
def test_every_k_shards_of_small_codes_rebuild_all(k: int, m: int) -> None:
    assert not list(_singular(_parity(k, m), range(1, min(k, m) + 1)))


def test_four_rows_of_powers_are_mds_up_to_their_limit_and_no_further() -> None:
    rows = [[oracle.gf_pow(2, row * column) for column in range(22)] for row in range(4)]
    limit = MAX_POWER_COLUMNS_OF_4_ROWS
    assert _parity(limit, 4) == [row[:limit] for row in rows]
    assert not list(_singular([row[:limit] for row in rows], range(1, 5)))
    assert any(True for _ in _singular(rows, range(1, 5)))
    assert _parity(limit + 1, 4) != rows


@pytest.mark.parametrize(("k", "m"), LARGE)
def test_sampled_losses_of_large_codes_can_be_rebuilt(k: int, m: int) -> None:
    chance = random.Random(k * 256 + m)
    parity = _parity(k, m)
    sizes = [*range(1, min(k, m, 6) + 1)] * 5 + [min(k, m, 55)]
    for size in sizes:
        rows = chance.sample(range(m), size)
        columns = chance.sample(range(k), size)
        part = [[parity[row][column] for column in columns] for row in rows]
        assert oracle.determinant(part) != 0, (rows, columns)


@pytest.mark.parametrize(("k", "m"), SMALL + LARGE)
def test_identity_then_a_first_parity_row_of_ones(k: int, m: int) -> None:
    matrix = generator(k, m).tolist()
    assert matrix == oracle.generator(k, m)
    if m > 0:
        assert matrix[k] == [1] * k


@pytest.mark.parametrize(
    ("k", "m", "digest"),
    [
        (2, 1, "fe310435df62f225"),
        (4, 2, "2276acc2fbe7b8c2"),
        (8, 3, "64f453af809ba7f6"),
        (10, 4, "c7c190a3e4bba8ec"),
        (22, 4, "c955c826e92ac7ad"),
        (20, 5, "b2bb16ba9ded2f03"),
        (200, 55, "9b4eb8d1e43366a4"),
    ],
)
def test_stored_shards_stay_readable(k: int, m: int, digest: str) -> None:
    """The matrix is part of the stored format: a digest that changes here loses people's data."""
    assert hashlib.sha256(generator(k, m).tobytes()).hexdigest()[:16] == digest


@pytest.mark.parametrize(("k", "m"), [(0, 0), (0, 1), (-1, 2), (1, -1), (255, 1), (1, 255)])
def test_impossible_codes_are_refused(k: int, m: int) -> None:
    with pytest.raises(InvalidCode, match=f"k={k}, m={m}"):
        generator(k, m)


def test_the_largest_codes_exist() -> None:
    assert generator(MAX_SHARDS, 0).shape == (255, 255)
    assert generator(1, 254).tolist() == [[1]] * 255
