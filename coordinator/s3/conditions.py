"""Conditional requests, and the dates they are written in.

Rules: the order of evaluation is that of RFC 9110, section 13.2.2, which is S3's too: an If-Match
that holds overrides If-Unmodified-Since, an If-None-Match overrides If-Modified-Since. Dates count
in whole seconds, and a date that can't be read is as if it had not been sent.
"""

from collections.abc import Mapping
from typing import Final

from coordinator.auth.dates import format_http_date as format_seconds
from coordinator.auth.dates import parse_http_date
from coordinator.s3.dates import parse_iso_date
from coordinator.s3.errors import S3Error
from metadata import UNCONDITIONAL, WriteCondition

__all__ = [
    "check_copy_source",
    "check_read",
    "delete_condition",
    "delete_condition_of",
    "format_http_date",
    "parse_http_date",
    "range_applies",
    "write_condition",
]

ANY: Final = "*"
COPY_PREFIX: Final = "x-amz-copy-source-"
IF_MODIFIED_TIME: Final = "x-amz-if-match-last-modified-time"
IF_SIZE: Final = "x-amz-if-match-size"
DELETE_CONDITIONS: Final = frozenset({IF_MODIFIED_TIME, IF_SIZE})
READ_CONDITIONS: Final = frozenset(
    {"if-match", "if-none-match", "if-modified-since", "if-unmodified-since"}
)


def check_read(headers: Mapping[str, str], *, etag: str, modified_at_ms: int) -> None:
    """If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since of a GET or HEAD.

    `etag` without quotes. Raises S3Error PreconditionFailed (412) or NotModified (304; its
    `headers` hold etag and last-modified, and there is no body).
    """
    if READ_CONDITIONS.isdisjoint(headers):
        return
    failed = _failed_condition(headers, "", etag, modified_at_ms // 1000)
    if failed is None:
        return
    if failed in ("If-None-Match", "If-Modified-Since"):
        raise S3Error(
            "NotModified",
            headers={"etag": f'"{etag}"', "last-modified": format_http_date(modified_at_ms)},
        )
    raise S3Error("PreconditionFailed", extra={"Condition": failed})


def check_copy_source(headers: Mapping[str, str], *, etag: str, modified_at_ms: int) -> None:
    """The same for x-amz-copy-source-if-*: every failure is PreconditionFailed."""
    failed = _failed_condition(headers, COPY_PREFIX, etag, modified_at_ms // 1000)
    if failed is not None:
        raise S3Error("PreconditionFailed", extra={"Condition": f"{COPY_PREFIX}{failed}"})


def range_applies(headers: Mapping[str, str], *, etag: str, modified_at_ms: int) -> bool:
    """Whether If-Range (absent: yes) lets the Range header count."""
    text = headers.get("if-range")
    if text is None:
        return True
    if text.startswith('"'):
        return text.strip('"') == etag
    return parse_http_date(text) == modified_at_ms // 1000


def write_condition(headers: Mapping[str, str]) -> WriteCondition:
    """If-None-Match and If-Match of a PUT, a copy's target or a multipart completion.

    `If-Match: *` (there must be an object) gives `must_match_etag="*"`. Raises S3Error
    NotImplemented for what can't be promised: several ETags, conditions that only deletes know.
    """
    if not DELETE_CONDITIONS.isdisjoint(headers):
        raise S3Error("NotImplemented", "Size and modification time are conditions of a delete")
    none_match, match = headers.get("if-none-match"), headers.get("if-match")
    if none_match is None and match is None:
        return UNCONDITIONAL
    found = None if none_match is None else _one_etag("If-None-Match", none_match)
    return WriteCondition(
        must_not_exist=found == ANY,
        must_not_match_etag=None if found == ANY else found,
        must_match_etag=None if match is None else _one_etag("If-Match", match),
    )


def delete_condition(headers: Mapping[str, str]) -> WriteCondition:
    """If-Match, x-amz-if-match-last-modified-time and x-amz-if-match-size of a DELETE.

    Raises S3Error NotImplemented (If-None-Match, several ETags), InvalidArgument.
    """
    if "if-none-match" in headers:
        raise S3Error("NotImplemented", extra={"Header": "If-None-Match"})
    match = headers.get("if-match")
    return delete_condition_of(
        None if match is None else _one_etag("If-Match", match),
        headers.get(IF_MODIFIED_TIME),
        headers.get(IF_SIZE),
    )


def delete_condition_of(etag: str | None, modified: str | None, size: str | None) -> WriteCondition:
    """The same from its texts (`etag` without quotes), as DeleteObjects has them for each key.

    Unlike those of a read, a condition that can't be read is refused: ignored, it would delete.
    Raises S3Error InvalidArgument.
    """
    if etag is None and modified is None and size is None:
        return UNCONDITIONAL
    return WriteCondition(
        must_match_etag=etag,
        must_match_modified_s=None if modified is None else _moment_s(modified),
        must_match_size=None if size is None else _size(size),
    )


def _one_etag(header: str, value: str) -> str:
    etags = _etags(value)
    if len(etags) != 1:
        raise S3Error("NotImplemented", "Exactly one ETag is possible", extra={"Header": header})
    return etags[0]


def _moment_s(text: str) -> int:
    moment_s = parse_http_date(text.strip())
    if moment_s is None:
        moment_ms = parse_iso_date(text)
        if moment_ms is None:
            raise _unreadable(IF_MODIFIED_TIME, text)
        moment_s = moment_ms // 1000
    return moment_s


def _size(text: str) -> int:
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19):
        raise _unreadable(IF_SIZE, text)
    return int(digits)


def _unreadable(name: str, value: str) -> S3Error:
    return S3Error(
        "InvalidArgument",
        "The condition can't be read",
        extra={"ArgumentName": name, "ArgumentValue": value},
    )


def format_http_date(at_ms: int) -> str:
    """`Wed, 21 Oct 2015 07:28:00 GMT`, rounded down to the second."""
    return format_seconds(at_ms // 1000)


def _failed_condition(
    headers: Mapping[str, str], prefix: str, etag: str, modified_at_s: int
) -> str | None:
    """The name of the condition that does not hold, or None."""
    match = headers.get(f"{prefix}if-match")
    if match is not None:
        if not _names(match, etag):
            return "If-Match"
    else:
        limit_s = parse_http_date(headers.get(f"{prefix}if-unmodified-since", ""))
        if limit_s is not None and modified_at_s > limit_s:
            return "If-Unmodified-Since"
    none_match = headers.get(f"{prefix}if-none-match")
    if none_match is not None:
        return "If-None-Match" if _names(none_match, etag) else None
    since_s = parse_http_date(headers.get(f"{prefix}if-modified-since", ""))
    return "If-Modified-Since" if since_s is not None and modified_at_s <= since_s else None


def _names(header: str, etag: str) -> bool:
    etags = _etags(header)
    return ANY in etags or etag in etags


def _etags(header: str) -> list[str]:
    """The entity tags of a list, without quotes and weakness: clients send all variants."""
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return [tag for tag in tags if tag]
