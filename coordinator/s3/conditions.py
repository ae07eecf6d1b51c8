"""Conditional requests, and the dates they are written in.

Rules: the order of evaluation is that of RFC 9110, section 13.2.2, which is S3's too: an If-Match
that holds overrides If-Unmodified-Since, an If-None-Match overrides If-Modified-Since. Dates count
in whole seconds, and a date that can't be read is as if it had not been sent.
"""

from collections.abc import Mapping
from typing import Final

from coordinator.auth.dates import format_http_date as format_seconds
from coordinator.auth.dates import parse_http_date
from coordinator.s3.errors import S3Error
from metadata.model import WriteCondition

__all__ = [
    "check_copy_source",
    "check_read",
    "format_http_date",
    "parse_http_date",
    "range_applies",
    "write_condition",
]

ANY: Final = "*"
COPY_PREFIX: Final = "x-amz-copy-source-"
UNKNOWN_WRITE_CONDITIONS: Final = ("x-amz-if-match-last-modified-time", "x-amz-if-match-size")
_UNCONDITIONAL: Final = WriteCondition()


def check_read(headers: Mapping[str, str], *, etag: str, modified_at_ms: int) -> None:
    """If-Match, If-None-Match, If-Modified-Since, If-Unmodified-Since of a GET or HEAD.

    `etag` without quotes. Raises S3Error PreconditionFailed (412) or NotModified (304; its
    `headers` hold etag and last-modified, and there is no body).
    """
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
    """If-None-Match and If-Match of a PUT, DELETE or multipart completion.

    `If-Match: *` (there must be an object) gives `must_match_etag="*"`. Raises S3Error
    NotImplemented for what can't be promised: any other If-None-Match, several ETags, both
    headers at once.
    """
    if any(name in headers for name in UNKNOWN_WRITE_CONDITIONS):
        raise S3Error("NotImplemented")
    none_match, match = headers.get("if-none-match"), headers.get("if-match")
    if none_match is None and match is None:
        return _UNCONDITIONAL
    if none_match is not None:
        if none_match.strip() != ANY or match is not None:
            raise S3Error(
                "NotImplemented",
                "A header you provided implies functionality that is not implemented",
                extra={"Header": "If-None-Match"},
            )
        return WriteCondition(must_not_exist=True)
    etags = _etags(match or "")
    if len(etags) != 1:
        raise S3Error("NotImplemented", extra={"Header": "If-Match"})
    return WriteCondition(must_match_etag=etags[0])


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
