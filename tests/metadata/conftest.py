"""Both backends, and short ways to make what they remember."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from metadata import MemoryStore, MetadataStore, SqliteStore, open_sqlite
from tests.metadata.making import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["memory", "sqlite"])
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, clock: Clock
) -> AsyncIterator[MetadataStore]:
    """A store with the bucket `b`: every test that takes it is part of the conformance suite."""
    backend: MetadataStore
    if request.param == "memory":
        backend = MemoryStore(clock)
    else:
        backend = await open_sqlite(tmp_path / "metadata.db", clock_ms=clock)
    await backend.create_bucket("b", "owner", "", 1)
    yield backend
    await backend.close()


@pytest.fixture
async def sqlite(tmp_path: Path, clock: Clock) -> AsyncIterator[SqliteStore]:
    """A SQLite store with the bucket `b`, for what only SQLite has to show."""
    backend = await open_sqlite(tmp_path / "metadata.db", clock_ms=clock)
    await backend.create_bucket("b", "owner", "", 1)
    yield backend
    await backend.close()
