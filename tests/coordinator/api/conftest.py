"""The API under test."""

from collections.abc import AsyncIterator

import pytest

from tests.coordinator.api.support import Stand


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    """An API with root, alice and bob."""
    made = await Stand().start()
    yield made
    await made.close()
