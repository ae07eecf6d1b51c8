"""When a signed request is too old, too new, or no longer good."""

from datetime import UTC, datetime
from typing import Final

from coordinator.auth.errors import AuthError

MAX_SKEW_S: Final = 15 * 60


def check_skew(at_s: int | None, text: str, now: float) -> None:
    """Raises AuthError unless the request was made about now. `text` is how it said so."""
    if at_s is None or at_s < 0:
        raise AuthError(
            "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header"
        )
    if abs(now - at_s) > MAX_SKEW_S:
        raise AuthError(
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
            {
                "RequestTime": text,
                "ServerTime": iso_time(now),
                "MaxAllowedSkewMilliseconds": str(MAX_SKEW_S * 1000),
            },
        )


def expired(expired_at_s: int, now: float) -> AuthError:
    """The error for a presigned URL whose time is over."""
    return AuthError(
        "AccessDenied",
        "Request has expired",
        {"Expires": iso_time(expired_at_s), "ServerTime": iso_time(now)},
    )


def iso_time(at_s: float) -> str:
    """`2013-05-24T00:00:00Z`; what no calendar can write is given in seconds."""
    try:
        return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return str(int(at_s))
