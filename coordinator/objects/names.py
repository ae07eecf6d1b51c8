"""Which names buckets and objects may have, whatever surface they come by.

Rules: keys are any UTF-8 text and never normalised. Bucket names follow S3's rules for general
purpose buckets, so that every bucket can be addressed by every client.
"""

import re
from typing import Final

MAX_KEY_BYTES: Final = 1024

_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_BAD_IN_BUCKET = re.compile(r"\.\.|\.-|-\.")
_IP_ADDRESS = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
_RESERVED_PREFIXES: Final = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES: Final = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def is_bucket_name(name: str) -> bool:
    """Whether a bucket may have that name."""
    return (
        _BUCKET.fullmatch(name) is not None
        and _BAD_IN_BUCKET.search(name) is None
        and _IP_ADDRESS.fullmatch(name) is None
        and not name.startswith(_RESERVED_PREFIXES)
        and not name.endswith(_RESERVED_SUFFIXES)
    )
