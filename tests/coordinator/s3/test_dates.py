"""Moments in ISO 8601, as clients of several languages write them."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.s3.dates import parse_iso_date
from coordinator.s3.xml.markup import timestamp

NEW_YEAR_MS = 1_893_456_000_000


@pytest.mark.parametrize(
    ("text", "moment_ms"),
    [
        ("2030-01-01T00:00:00Z", NEW_YEAR_MS),
        ("2030-01-01T00:00:00.000Z", NEW_YEAR_MS),
        ("20300101T000000Z", NEW_YEAR_MS),
        ("2030-01-01T00:00:00.123456Z", NEW_YEAR_MS + 123),
        ("2030-01-01T00:00:00.5Z", NEW_YEAR_MS + 500),
        ("2030-01-01T01:30:00+01:30", NEW_YEAR_MS),
        ("2029-12-31T19:00:00-0500", NEW_YEAR_MS),
        (" 2030-01-01T00:00:00Z\n", NEW_YEAR_MS),
        ("2029-12-31T23:59:60Z", NEW_YEAR_MS - 1000),
        ("1969-12-31T23:59:59.900Z", -100),
        ("", None),
        ("2030-01-01", None),
        ("2030-01-01T00:00:00", None),
        ("2030-02-30T00:00:00Z", None),
        ("2030-01-01T25:00:00Z", None),
        ("2030-01-01T00:00:00+99:00", None),
        ("0001-01-01T00:00:00+23:00", None),
        ("9999-12-31T23:59:59-23:00", None),
        ("Tue, 01 Jan 2030 00:00:00 GMT", None),
        ("２０３０-01-01T00:00:00Z", None),
    ],
)
def test_moments(text: str, moment_ms: int | None) -> None:
    assert parse_iso_date(text) == moment_ms


@given(st.datetimes(datetime(1000, 1, 1), timezones=st.just(UTC)))
def test_what_we_write_is_what_we_read(moment: datetime) -> None:
    moment_ms = (moment - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() // 0.001
    found = parse_iso_date(moment.isoformat().replace("+00:00", "Z"))
    assert found is not None
    assert abs(found - moment_ms) <= 1
    assert parse_iso_date(timestamp(found)) == found


@given(st.text("0123456789-:+TZ. ", max_size=30))
def test_nonsense_is_no_moment(text: str) -> None:
    found = parse_iso_date(text)
    assert found is None or timestamp(found)
