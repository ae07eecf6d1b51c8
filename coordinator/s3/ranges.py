"""Which bytes of an object a request asks for.

Source: RFC 9110, section 14, as S3 applies it: one range only, and what can't be understood is as
if it had not been sent.
"""

import re
from dataclasses import dataclass
from typing import Final

from coordinator.s3.errors import S3Error

_RANGE: Final = re.compile(r"bytes\s*=\s*(\d*)\s*-\s*(\d*)\s*", re.ASCII | re.IGNORECASE)
_COPY_RANGE: Final = re.compile(r"bytes=(\d{1,19})-(\d{1,19})", re.ASCII)
_MAX_DIGITS: Final = 19


@dataclass(slots=True)  # not frozen: most reads make one
class ByteRange:
    """Bytes `start` (included) to `stop` (excluded); never empty."""

    start: int
    stop: int

    @property
    def length(self) -> int:
        """How many bytes."""
        return self.stop - self.start

    def content_range(self, size: int) -> str:
        """The Content-Range header of a 206."""
        return f"bytes {self.start}-{self.stop - 1}/{size}"


def parse_range(header: str | None, size: int) -> ByteRange | None:
    """What a Range header selects of an object of that size; None means the whole object, 200.

    Malformed, foreign or several ranges are ignored, as S3 does. Raises S3Error InvalidRange
    where nothing of the range lies in the object.
    """
    if not header:
        return None
    match = _RANGE.fullmatch(header)
    if match is None:
        return None
    first, last = match[1], match[2]
    if not first:
        if not last:
            return None
        start, stop = size - min(_number(last), size), size
    else:
        start = _number(first)
        stop = min(_number(last) + 1, size) if last else size
        if last and _number(last) < start:
            return None
    if start >= stop:
        raise S3Error(
            "InvalidRange",
            extra={"RangeRequested": header, "ActualObjectSize": str(size)},
            headers={"content-range": f"bytes */{size}"},
        )
    return ByteRange(start, stop)


def parse_copy_source_range(header: str, size: int) -> ByteRange:
    """What x-amz-copy-source-range selects of a source of that size: strictly `bytes=first-last`
    (else S3Error InvalidArgument), wholly inside the source (else InvalidRange)."""
    match = _COPY_RANGE.fullmatch(header)
    if match is None or int(match[1]) > int(match[2]):
        raise S3Error(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
            "and last are the zero-based offsets of the first and last bytes to copy",
            extra={"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": header},
        )
    if int(match[2]) >= size:
        raise S3Error(
            "InvalidRange", f"Range specified is not valid for source object of size: {size}"
        )
    return ByteRange(int(match[1]), int(match[2]) + 1)


def _number(digits: str) -> int:
    """Numbers beyond any object are all the same (and int() refuses the longest ones)."""
    return int(digits) if len(digits) <= _MAX_DIGITS else 10**_MAX_DIGITS
