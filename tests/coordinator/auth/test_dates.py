"""Dates, in the forms that requests carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.auth.dates import (
    MAX_DATE_LENGTH,
    format_amz_date,
    format_http_date,
    parse_amz_date,
    parse_http_date,
)

MOMENT = 784_111_777


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", MOMENT),
        ("Mon, 06 Nov 1994 08:49:37 GMT", MOMENT),  # the wrong weekday
        ("06 Nov 1994 08:49:37 GMT", MOMENT),
        ("Sun, 06 Nov 1994 08:49:37 +0000", MOMENT),
        ("Sun, 06 Nov 1994 10:19:37 +0130", MOMENT),
        ("Sun, 06 Nov 1994 03:49:37 -0500", MOMENT),
        ("Sunday, 06-Nov-94 08:49:37 GMT", MOMENT),
        ("Sun Nov  6 08:49:37 1994", MOMENT),
        ("Sun, 06 Nov 1994 08:49:60 GMT", MOMENT + 22),
        ("Sun, 31 Feb 1994 08:49:37 GMT", None),
        ("Sun, 06 Nuv 1994 08:49:37 GMT", None),
        ("Sun, 06 Nov 1994 25:49:37 GMT", None),
        ("Sun, 06 Nov 0000 08:49:37 GMT", None),
        ("1994-11-06T08:49:37Z", None),
        (f"Sun,{' ' * MAX_DATE_LENGTH}06 Nov 1994 08:49:37 GMT", None),
        ("", None),
    ],
)
def test_http_dates(text: str, at_s: int | None) -> None:
    assert parse_http_date(text) == at_s


@pytest.mark.parametrize(
    ("text", "at_s"),
    [
        ("19941106T084937Z", MOMENT),
        ("19941106T084937", None),
        ("19941306T084937Z", None),
        ("1994-11-06T08:49:37Z", None),
        ("\u0661\u0669\u0669\u06641106T084937Z", None),
    ],
)
def test_amz_dates(text: str, at_s: int | None) -> None:
    assert parse_amz_date(text) == at_s


@given(st.integers(0, 4_000_000_000))
def test_round_trips(at_s: int) -> None:
    assert parse_http_date(format_http_date(at_s)) == at_s
    assert parse_amz_date(format_amz_date(at_s)) == at_s


@given(st.text(max_size=40))
def test_nonsense_is_none(text: str) -> None:
    assert parse_http_date(text) is None
    assert parse_amz_date(text) is None
