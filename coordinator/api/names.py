"""Names as they stand in a path of the API, and which of them may be names at all.

Rules: paths are routed still percent-encoded (see gate.py), so a segment is decoded here, once, and
never normalised: "a//b", "../x" and "%2F" come out as they were meant.
"""

import re
from urllib.parse import unquote_to_bytes

from coordinator.api.errors import ApiError
from coordinator.objects.names import MAX_KEY_BYTES, is_bucket_name

_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")


def decode(encoded: str) -> str:
    """The text of a percent-encoded run of a path (latin-1 as on the wire). Raises ApiError."""
    if _BAD_ESCAPE.search(encoded):
        raise ApiError(400, "InvalidPath", "the path has a percent sign without two hex digits")
    try:
        return unquote_to_bytes(encoded.encode("latin-1")).decode()
    except UnicodeError as error:
        raise ApiError(400, "InvalidPath", "the path is not UTF-8") from error


def check_bucket_name(name: str) -> None:
    """Raises ApiError InvalidBucketName."""
    if not is_bucket_name(name):
        raise ApiError(
            400,
            "InvalidBucketName",
            "a bucket's name has 3 to 63 lower-case letters, digits, dots and hyphens",
        )


def check_key(key: str) -> None:
    """Raises ApiError InvalidPath, KeyTooLong."""
    if not key:
        raise ApiError(400, "InvalidPath", "the key is empty")
    if len(key.encode()) > MAX_KEY_BYTES:
        raise ApiError(400, "KeyTooLong", f"a key has at most {MAX_KEY_BYTES} bytes of UTF-8")
