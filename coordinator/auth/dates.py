"""The two ways a request writes a moment: HTTP dates and AWS's ISO 8601 basic form.

Rules: seconds since the epoch, UTC; text that is no such date is None, never an exception. All
conversions are cached, because within one second every request carries the same few texts; text
that is too long to be a date is not looked at, so that nobody fills the caches with it.
"""

import calendar
import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

CACHED_DATES: Final = 4096
MAX_DATE_LENGTH: Final = 64
_MONTHS: Final = (
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
)  # fmt: skip
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

_AMZ = re.compile(r"(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z", re.ASCII)
_HTTP_FORMS: Final = tuple(
    re.compile(form, re.ASCII)
    for form in (
        # IMF-fixdate, and RFC 2822's numeric zones beside it: old boto sends "+0000"
        r"(?:\w{3}, *)?(?P<day>\d{1,2}) (?P<month>\w{3}) (?P<year>\d{4}) "
        r"(?P<time>\d\d:\d\d:\d\d) (?P<zone>GMT|UTC|[+-]\d{4})",
        # RFC 850
        r"\w{6,9}, (?P<day>\d\d)-(?P<month>\w{3})-(?P<year>\d\d) (?P<time>\d\d:\d\d:\d\d) "
        r"(?P<zone>GMT)",
        # asctime
        r"\w{3} (?P<month>\w{3}) (?P<day>[ \d]\d) (?P<time>\d\d:\d\d:\d\d) (?P<year>\d{4})"
        r"(?P<zone>)",
    )
)


def parse_amz_date(text: str) -> int | None:
    """`20130524T000000Z`."""
    return _parse_amz_date(text) if len(text) <= MAX_DATE_LENGTH else None


@lru_cache(maxsize=CACHED_DATES)
def _parse_amz_date(text: str) -> int | None:
    match = _AMZ.fullmatch(text)
    return _epoch(*map(int, match.groups())) if match else None


@lru_cache(maxsize=CACHED_DATES)
def format_amz_date(at_s: int) -> str:
    """`20130524T000000Z`."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at_s))


def parse_signing_date(text: str) -> tuple[int | None, str]:
    """Either form, as SigV4 takes it: the moment, and as it is signed (`20130524T000000Z`)."""
    return _parse_signing_date(text) if len(text) <= MAX_DATE_LENGTH else (None, "")


@lru_cache(maxsize=CACHED_DATES)
def _parse_signing_date(text: str) -> tuple[int | None, str]:
    at_s = parse_amz_date(text)
    if at_s is None:
        at_s = parse_http_date(text)
    return at_s, "" if at_s is None else format_amz_date(at_s)


def parse_http_date(text: str) -> int | None:
    """`Wed, 21 Oct 2015 07:28:00 GMT`, and the two obsolete forms of RFC 7231.

    The name of the weekday is not compared with the date: clients get it wrong.
    """
    return _parse_http_date(text) if len(text) <= MAX_DATE_LENGTH else None


@lru_cache(maxsize=CACHED_DATES)
def _parse_http_date(text: str) -> int | None:
    for form in _HTTP_FORMS:
        match = form.fullmatch(text)
        if match is None:
            continue
        if match["month"] not in _MONTHS:
            return None
        year = int(match["year"])
        if len(match["year"]) == 2:
            year += 1900 if year >= 70 else 2000
        month = _MONTHS.index(match["month"]) + 1
        hour, minute, second = map(int, match["time"].split(":"))
        at_s = _epoch(year, month, int(match["day"]), hour, minute, second)
        return None if at_s is None else at_s - _zone_offset_s(match["zone"])
    return None


@lru_cache(maxsize=CACHED_DATES)
def format_http_date(at_s: int) -> str:
    """`Wed, 21 Oct 2015 07:28:00 GMT`."""
    # not strftime: its names of days and months follow the process's locale
    year, month, day, hour, minute, second, weekday, *_ = time.gmtime(at_s)
    return (
        f"{_DAYS[weekday]}, {day:02} {_MONTHS[month - 1]} {year:04} "
        f"{hour:02}:{minute:02}:{second:02} GMT"
    )


def _epoch(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int | None:
    try:
        # a leap second is written as 60; the epoch knows none
        moment = datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    return calendar.timegm(moment.utctimetuple())


def _zone_offset_s(zone: str) -> int:
    if not zone.startswith(("+", "-")):
        return 0
    offset_s = int(zone[1:3]) * 3600 + int(zone[3:5]) * 60
    return -offset_s if zone[0] == "-" else offset_s
