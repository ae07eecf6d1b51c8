"""When a file counts as staying in memory."""

from pathlib import Path

import pytest

from metadata.residence import MIB, USES_BETWEEN_CHECKS, Residence, resident_limit_bytes


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "metadata.db"
    path.write_bytes(b"x" * 3 * MIB)
    return path


def test_a_small_file_stays(file: Path) -> None:
    residence = Residence(file, 3 * MIB)
    residence.read_through()
    assert all(residence.is_in_memory() for _ in range(2 * USES_BETWEEN_CHECKS))


def test_a_large_one_does_not_and_is_not_read(file: Path) -> None:
    residence = Residence(file, 3 * MIB - 1)
    file.unlink()
    residence.read_through()
    assert not residence.is_in_memory()


def test_one_that_grows_is_noticed_and_stays_large(file: Path) -> None:
    residence = Residence(file, 3 * MIB)
    assert residence.is_in_memory()
    file.write_bytes(b"x" * 4 * MIB)
    answers = [residence.is_in_memory() for _ in range(USES_BETWEEN_CHECKS)]
    assert answers == [True] * (USES_BETWEEN_CHECKS - 1) + [False]
    file.write_bytes(b"")
    assert not any(residence.is_in_memory() for _ in range(2 * USES_BETWEEN_CHECKS))


def test_the_limit_is_a_share_of_the_memory() -> None:
    assert MIB < resident_limit_bytes() <= 1024 * MIB
