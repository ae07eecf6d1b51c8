"""Lifecycle rules: whom they are about, when they are due, and what headers say of that."""

import pytest

from coordinator.lifecycle.rules import (
    DAY_MS,
    Calendar,
    Filter,
    Rule,
    abort_headers,
    common_prefix,
    expiration_header,
)
from metadata.model import Version

CREATED_MS = 1_800_000_000_000
"""2027-01-15T08:00:00Z."""


def version(key: str = "a/b", size: int = 100, **tags: str) -> Version:
    return Version("0" * 32, key, size, "etag", CREATED_MS, "alice", tags=tags)


@pytest.mark.parametrize(
    ("chosen", "fits"),
    [
        (Filter(), True),
        (Filter("a/"), True),
        (Filter("b"), False),
        (Filter(tags=(("x", "1"),)), True),
        (Filter(tags=(("x", "1"), ("y", "2"))), True),
        (Filter(tags=(("x", "1"), ("y", "3"))), False),
        (Filter(larger_than_bytes=99), True),
        (Filter(larger_than_bytes=100), False),
        (Filter(smaller_than_bytes=101), True),
        (Filter(smaller_than_bytes=100), False),
        (Filter("a", (("x", "1"),), 99, 101), True),
        (Filter("a", (("x", "1"),), 99, 100), False),
    ],
)
def test_all_of_a_filter_must_fit(chosen: Filter, fits: bool) -> None:
    assert chosen.fits(version(x="1", y="2")) is fits


def test_days_end_at_midnight_unless_they_were_made_shorter() -> None:
    midnight_ms = 20_834 * DAY_MS
    assert Calendar().after(midnight_ms - DAY_MS, 1) == midnight_ms
    assert Calendar().after(midnight_ms - DAY_MS + 1, 1) == midnight_ms + DAY_MS
    assert Calendar(2000).after(1001, 3) == 7001


def test_the_header_names_the_first_rule_to_end_it() -> None:
    rules = (
        Rule("never", False, Filter(), days=1),
        Rule("other", True, Filter("b"), days=1),
        Rule("late", True, Filter(), days=9),
        Rule("first, of all", True, Filter("a/"), days=1),
        Rule("versions", True, Filter(), noncurrent_days=1),
    )
    assert expiration_header(rules, version()) == (
        'expiry-date="Sun, 17 Jan 2027 00:00:00 GMT", rule-id="first%2C%20of%20all"'
    )
    assert expiration_header(rules[:2], version()) is None
    date = Rule("date", True, Filter(), date_ms=0)
    assert 'expiry-date="Thu, 01 Jan 1970' in (expiration_header((*rules, date), version()) or "")


def test_what_no_calendar_has_is_not_said() -> None:
    rule = Rule("r", True, Filter(), days=2**31 - 1, abort_days=2**31 - 1)
    assert expiration_header([rule], version()) is None
    assert abort_headers([rule], "a", CREATED_MS) == {}


def test_an_upload_is_told_when_it_would_be_aborted() -> None:
    rules = [Rule("r", True, Filter("a"), abort_days=2), Rule("s", True, Filter("b"), abort_days=1)]
    assert abort_headers(rules, "a", CREATED_MS) == {
        "x-amz-abort-date": "Mon, 18 Jan 2027 00:00:00 GMT",
        "x-amz-abort-rule-id": "r",
    }
    assert abort_headers(rules, "c", CREATED_MS) == {}


@pytest.mark.parametrize(
    ("prefixes", "expected"),
    [([], ""), ([None], ""), (["ab"], "ab"), (["ab", "abc"], "ab"), (["b", "ab"], ""),
     (["logs/2", "logs/1"], "logs/")],
)  # fmt: skip
def test_keys_begin_with_what_all_prefixes_begin_with(
    prefixes: list[str | None], expected: str
) -> None:
    assert common_prefix([Rule("r", True, Filter(p)) for p in prefixes]) == expected
