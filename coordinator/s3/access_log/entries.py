"""What of a request and its answer a bucket's owner is told: from both to the lines' entries.

Rules: a request about several keys has an entry for each. Signatures, session tokens and customers'
encryption keys stand in the query of presigned URLs: their values are left out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from coordinator.auth.credentials import CredentialKind
from coordinator.s3.access_log.record import Entry, operation_name
from coordinator.s3.exchange import Request, Response

_SECRETS: Final = re.compile(
    r"(?<=[?&])((?:X-Amz-Signature|X-Amz-Security-Token|Signature"
    r"|x-amz-(?:copy-source-)?server-side-encryption-customer-key)=)[^&]*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Answered:
    """What only the endpoint knows. `target` is path and query as they were sent."""

    target: str
    error_code: str = ""
    sent_bytes: int = 0
    total_s: float = 0.0
    turn_around_s: float = 0.0
    is_website: bool = False


def entries(request: Request, response: Response, answered: Answered) -> list[Entry]:
    """The entries of an answered request, at least one. Its bucket was found."""
    bucket = request.found
    assert bucket is not None, "what has no bucket is noted nowhere"
    operation = operation_name(request.method, bool(request.key), request.params)
    if answered.is_website:
        operation = f"WEBSITE.{request.method}.OBJECT"
    authentication = request.authentication
    touched: Sequence[tuple[str, str]] = request.touched
    return [
        Entry(
            bucket_owner=bucket.owner_id,
            bucket=bucket.name,
            at_ms=int(request.signed.now * 1000),
            operation=operation,
            request_id=request.request_id,
            status=response.status,
            method=request.method,
            target=_SECRETS.sub(r"\1REDACTED", answered.target),
            key=key,
            remote_ip=request.peer,
            requester=_requester(request),
            error_code=answered.error_code,
            sent_bytes=answered.sent_bytes or None,
            object_size=_object_size(request, response),
            total_ms=round(answered.total_s * 1000),
            turn_around_ms=round(answered.turn_around_s * 1000),
            referrer=request.headers.get("referer", ""),
            user_agent=request.headers.get("user-agent", ""),
            version_id=version_id,
            credential=CredentialKind.ANONYMOUS if authentication is None else authentication.kind,
            host=request.headers.get("host", ""),
            acl_required=request.acl_required,
        )
        for key, version_id in touched or [(request.key, _version_id(request, response))]
    ]


def _version_id(request: Request, response: Response) -> str:
    found = _header(response, b"x-amz-version-id")
    return found or request.params.get("versionId", "")


def _requester(request: Request) -> str:
    """An account by its id; a user, role or session of one by its ARN."""
    if request.user is None:
        return ""
    return request.user.user_id if request.sender.is_account else request.sender.arn


def _object_size(request: Request, response: Response) -> int | None:
    """The whole object's size, as far as request or answer say it."""
    if not request.key or response.status >= HTTPStatus.BAD_REQUEST:
        return None
    if request.method in ("GET", "HEAD"):
        total = _header(response, b"content-range").rpartition("/")[2]
        return int(total) if total.isdigit() else response.length
    if request.method != "PUT":
        return None
    headers = request.headers
    text = headers.get("x-amz-decoded-content-length", headers.get("content-length", ""))
    return int(text) if text.isascii() and text.isdigit() and len(text) < 20 else None


def _header(response: Response, wanted: bytes) -> str:
    return next((value.decode("latin-1") for name, value in response.headers if name == wanted), "")
