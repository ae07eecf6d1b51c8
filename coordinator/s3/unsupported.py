"""Request headers that ask for something this store does not do: refused, never ignored.

Rules: an empty value asks for nothing; any other gets NotImplemented, so that no client believes a
lie.
"""

from collections.abc import Mapping
from typing import Final

from coordinator.s3.errors import S3Error

_UNSUPPORTED: Final = ("x-amz-mfa", "x-amz-write-offset-bytes")


def refuse_unsupported(headers: Mapping[str, str]) -> None:
    """Raises S3Error NotImplemented that names the header."""
    for name in _UNSUPPORTED:
        if headers.get(name):
            raise S3Error("NotImplemented", f"The header {name} asks for what is not implemented")
