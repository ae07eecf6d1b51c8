"""Names in paths of the API."""

import pytest

from coordinator.api.errors import ApiError
from coordinator.api.names import decode


@pytest.mark.parametrize("encoded", ["%", "%4", "%zz", "a%2", "%ff", "%c3", "%ed%a0%80", "\xff"])
def test_what_is_no_text_is_refused(encoded: str) -> None:
    with pytest.raises(ApiError) as refused:
        decode(encoded)
    assert refused.value.status == 400
