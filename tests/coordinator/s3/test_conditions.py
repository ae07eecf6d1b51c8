"""Conditional requests: every combination that the precedence rules speak about."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.s3.conditions import (
    IF_MODIFIED_TIME,
    IF_SIZE,
    check_copy_source,
    check_read,
    delete_condition,
    format_http_date,
    range_applies,
    write_condition,
)
from coordinator.s3.errors import S3Error
from metadata.model import WriteCondition

ETAG = "9b2cf535f27731c974343645a3985328"
MODIFIED_AT_MS = 1_700_000_000_987
BEFORE = format_http_date(MODIFIED_AT_MS - 1000)
SAME = format_http_date(MODIFIED_AT_MS)
AFTER = format_http_date(MODIFIED_AT_MS + 1000)
OK, FAILED, NOT_MODIFIED = None, "PreconditionFailed", "NotModified"

READS: list[tuple[dict[str, str], str | None]] = [
    ({}, OK),
    ({"if-match": f'"{ETAG}"'}, OK),
    ({"if-match": ETAG}, OK),
    ({"if-match": f'W/"{ETAG}"'}, OK),
    ({"if-match": f'"other", "{ETAG}"'}, OK),
    ({"if-match": "*"}, OK),
    ({"if-match": '"other"'}, FAILED),
    ({"if-match": ""}, FAILED),
    ({"if-none-match": f'"{ETAG}"'}, NOT_MODIFIED),
    ({"if-none-match": "*"}, NOT_MODIFIED),
    ({"if-none-match": '"other"'}, OK),
    ({"if-modified-since": BEFORE}, OK),
    ({"if-modified-since": SAME}, NOT_MODIFIED),
    ({"if-modified-since": AFTER}, NOT_MODIFIED),
    ({"if-unmodified-since": BEFORE}, FAILED),
    ({"if-unmodified-since": SAME}, OK),
    ({"if-unmodified-since": AFTER}, OK),
    ({"if-modified-since": "yesterday"}, OK),
    ({"if-unmodified-since": "yesterday"}, OK),
    # an ETag overrides a date
    ({"if-match": ETAG, "if-unmodified-since": BEFORE}, OK),
    ({"if-match": "other", "if-unmodified-since": AFTER}, FAILED),
    ({"if-none-match": ETAG, "if-modified-since": BEFORE}, NOT_MODIFIED),
    ({"if-none-match": "other", "if-modified-since": AFTER}, OK),
    # preconditions come before cache validation
    ({"if-match": "other", "if-none-match": ETAG}, FAILED),
    ({"if-match": ETAG, "if-none-match": ETAG}, NOT_MODIFIED),
    ({"if-unmodified-since": BEFORE, "if-modified-since": AFTER}, FAILED),
]


@pytest.mark.parametrize(("headers", "code"), READS, ids=range(len(READS)))
def test_reads_and_copies(headers: dict[str, str], code: str | None) -> None:
    of_copy = {f"x-amz-copy-source-{name}": value for name, value in headers.items()}
    if code is None:
        check_read(headers, etag=ETAG, modified_at_ms=MODIFIED_AT_MS)
        check_copy_source(of_copy, etag=ETAG, modified_at_ms=MODIFIED_AT_MS)
        return
    with pytest.raises(S3Error) as caught:
        check_read(headers, etag=ETAG, modified_at_ms=MODIFIED_AT_MS)
    assert caught.value.code == code
    with pytest.raises(S3Error, match=FAILED):
        check_copy_source(of_copy, etag=ETAG, modified_at_ms=MODIFIED_AT_MS)


def test_not_modified_says_what_is_there_and_has_no_body() -> None:
    with pytest.raises(S3Error) as caught:
        check_read({"if-none-match": "*"}, etag=ETAG, modified_at_ms=MODIFIED_AT_MS)
    assert caught.value.status == 304
    assert not caught.value.has_body
    assert caught.value.headers == {"etag": f'"{ETAG}"', "last-modified": SAME}


def test_conditions_on_a_copy_are_not_those_on_a_read() -> None:
    check_read({"x-amz-copy-source-if-match": "x"}, etag=ETAG, modified_at_ms=0)
    check_copy_source({"if-match": "x"}, etag=ETAG, modified_at_ms=0)


@pytest.mark.parametrize(
    ("value", "applies"),
    [
        (None, True),
        (f'"{ETAG}"', True),
        ('"other"', False),
        (f'W/"{ETAG}"', False),
        (SAME, True),
        (BEFORE, False),
        ("nonsense", False),
    ],
)
def test_if_range(value: str | None, applies: bool) -> None:
    headers = {} if value is None else {"if-range": value}
    assert range_applies(headers, etag=ETAG, modified_at_ms=MODIFIED_AT_MS) is applies


@pytest.mark.parametrize(
    ("headers", "condition"),
    [
        ({}, WriteCondition()),
        ({"if-none-match": "*"}, WriteCondition(must_not_exist=True)),
        ({"if-match": f'"{ETAG}"'}, WriteCondition(must_match_etag=ETAG)),
        ({"if-match": ETAG}, WriteCondition(must_match_etag=ETAG)),
        ({"if-match": "*"}, WriteCondition(must_match_etag="*")),
        ({"if-none-match": ETAG}, WriteCondition(must_not_match_etag=ETAG)),
        (
            {"if-match": ETAG, "if-none-match": "*"},
            WriteCondition(must_match_etag=ETAG, must_not_exist=True),
        ),
        ({"if-none-match": ""}, "NotImplemented"),
        ({"if-match": ""}, "NotImplemented"),
        ({"if-match": '"a", "b"'}, "NotImplemented"),
        ({"x-amz-if-match-size": "5"}, "NotImplemented"),
        ({"x-amz-if-match-last-modified-time": SAME}, "NotImplemented"),
    ],
)
def test_writes(headers: dict[str, str], condition: WriteCondition | str) -> None:
    if isinstance(condition, WriteCondition):
        assert write_condition(headers) == condition
    else:
        with pytest.raises(S3Error, match=condition):
            write_condition(headers)


@pytest.mark.parametrize(
    ("headers", "condition"),
    [
        ({}, WriteCondition()),
        ({"if-match": f'"{ETAG}"'}, WriteCondition(must_match_etag=ETAG)),
        ({"if-match": "*"}, WriteCondition(must_match_etag="*")),
        ({IF_SIZE: "5"}, WriteCondition(must_match_size=5)),
        ({IF_MODIFIED_TIME: SAME}, WriteCondition(must_match_modified_s=MODIFIED_AT_MS // 1000)),
        (
            {IF_MODIFIED_TIME: "2023-11-14T22:13:20.987Z"},
            WriteCondition(must_match_modified_s=MODIFIED_AT_MS // 1000),
        ),
        (
            {"if-match": ETAG, IF_SIZE: "0", IF_MODIFIED_TIME: SAME},
            WriteCondition(
                must_match_etag=ETAG,
                must_match_size=0,
                must_match_modified_s=MODIFIED_AT_MS // 1000,
            ),
        ),
        ({"if-none-match": "*"}, "NotImplemented"),
        ({"if-match": '"a", "b"'}, "NotImplemented"),
        ({IF_SIZE: ""}, "InvalidArgument"),
        ({IF_SIZE: "-1"}, "InvalidArgument"),
        ({IF_SIZE: "9" * 30}, "InvalidArgument"),
        ({IF_MODIFIED_TIME: "yesterday"}, "InvalidArgument"),
    ],
)
def test_deletes(headers: dict[str, str], condition: WriteCondition | str) -> None:
    if isinstance(condition, WriteCondition):
        assert delete_condition(headers) == condition
    else:
        with pytest.raises(S3Error, match=condition):
            delete_condition(headers)


@given(
    st.dictionaries(
        st.sampled_from(
            [
                "if-match",
                "if-none-match",
                "if-modified-since",
                "if-unmodified-since",
                "if-range",
                IF_MODIFIED_TIME,
                IF_SIZE,
            ]
        ),
        st.text(max_size=20),
    )
)
def test_nonsense_raises_our_error_only(headers: dict[str, str]) -> None:
    range_applies(headers, etag=ETAG, modified_at_ms=0)
    with suppress(S3Error):
        write_condition(headers)
    with suppress(S3Error):
        delete_condition(headers)
    with suppress(S3Error):
        check_read(headers, etag=ETAG, modified_at_ms=0)
