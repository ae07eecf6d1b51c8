"""Which names buckets and objects may have, whatever surface they come by.

Rules: keys are any UTF-8 text and never normalised. Bucket names follow S3's rules for general
purpose buckets, so that every bucket can be addressed by every client.
"""

import re
from typing import Final

MAX_KEY_BYTES: Final = 1024

BUCKET_NAME: Final = (
    r"^(?!.*(\.\.|\.-|-\.))"
    r"(?![0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$)"  # an IPv4 address
    r"(?!xn--|sthree-|amzn-s3-demo-)"
    r"(?!.*(-s3alias|--ol-s3|\.mrap|--x-s3|--table-s3)$)"
    r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$"
)
"""A regular expression in words that Python and JSON Schema share."""

_BUCKET = re.compile(BUCKET_NAME)


def is_bucket_name(name: str) -> bool:
    """Whether a bucket may have that name."""
    return _BUCKET.fullmatch(name) is not None
