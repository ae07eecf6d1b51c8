"""IAM over a store in memory."""

from collections.abc import AsyncIterator

import pytest

from tests.coordinator.iam.sts_support import Iam
from tests.coordinator.s3.support import Stand


@pytest.fixture
async def iam() -> AsyncIterator[Iam]:
    """IAM, STS and S3: alice's bucket holds the object `key`."""
    stand = await Stand().start()
    assert (await stand.call("PUT", body=b"x")).status == 200
    yield Iam(stand)
    await stand.close()
