"""The endpoint under test."""

from collections.abc import AsyncIterator

import pytest

from tests.coordinator.s3.support import Stand


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    """An S3 endpoint with root, alice and bob, and a bucket of alice's."""
    made = await Stand().start()
    yield made
    await made.close()
