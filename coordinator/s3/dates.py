"""Moments as S3's documents and headers write them: ISO 8601, always with a zone.

Rules: milliseconds since the epoch, UTC; text that is no such date is None, never an exception.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_ISO: Final = re.compile(
    r"(\d{4})-?(\d\d)-?(\d\d)T(\d\d):?(\d\d):?(\d\d)(?:[.,](\d{1,9}))?"
    r"(?:Z|([+-])(\d\d):?(\d\d))",
    re.ASCII,
)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_iso_date(text: str) -> int | None:
    """`2030-01-01T00:00:00Z`, with or without a fraction, and with an offset instead of Z."""
    match = _ISO.fullmatch(text.strip())
    if match is None:
        return None
    year, month, day, hour, minute, second = (int(match[n]) for n in range(1, 7))
    offset = timedelta(hours=int(match[9] or 0), minutes=int(match[10] or 0))
    try:
        zone = timezone(-offset if match[8] == "-" else offset)
        # a leap second is written as 60; the epoch knows none
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=zone)
        # in UTC first: a zone may move the last days of the calendar beyond its end
        whole_s = (moment.astimezone(UTC) - _EPOCH) // timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None
    return whole_s * 1000 + int((match[7] or "").ljust(3, "0")[:3])
