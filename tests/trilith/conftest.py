"""Fixtures of the trilith tests: a fake cluster, and clients for it that do not wait."""

from collections.abc import Iterator

import pytest

from tests.trilith.fake_store import ACCESS_KEY, SECRET_KEY, FakeStore
from trilith import Client


@pytest.fixture
def store() -> Iterator[FakeStore]:
    fake = FakeStore()
    fake.buckets["b"] = {}
    yield fake
    fake.close()


@pytest.fixture
def waits() -> list[float]:
    """What the client of the test was told to wait."""
    return []


@pytest.fixture
def client(store: FakeStore, waits: list[float]) -> Iterator[Client]:
    made = Client(store.endpoint, ACCESS_KEY, SECRET_KEY, sleep=waits.append, chance=lambda: 1.0)
    with made:
        yield made
