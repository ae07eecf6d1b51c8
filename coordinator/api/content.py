"""An object's bytes and headers on their way out: whole, in a range, on a condition.

Rules: the first bytes are fetched before the status is sent, so that what can't be read is an error
and not a cut connection. Objects are strangers' documents on our own origin: browsers get them
sandboxed, so that a stored page can't use the API with somebody's remembered credentials.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from coordinator.api.errors import ApiError
from coordinator.auth.dates import format_http_date
from coordinator.crypto import scheme_of
from coordinator.objects import ByteStream, Objects, with_current
from metadata import StoredVersion, Version
from node.record import Buffer

DEFAULT_CONTENT_TYPE: Final = "application/octet-stream"
KEPT_HEADERS: Final = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
META_PREFIX: Final = "x-amz-meta-"
VERSION_HEADER: Final = "x-trilith-version-id"
ENCRYPTION_HEADER: Final = "x-trilith-encryption"
"""As `encryption` in the API's documents; absent where that is empty."""

_RANGE = re.compile(r"bytes=(\d{0,19})-(\d{0,19})", re.ASCII)


class ContentResponse(Response):
    """A head and `first`, then `rest`, which is closed whatever happens."""

    def __init__(
        self,
        status: int,
        headers: list[tuple[bytes, bytes]],
        first: Buffer = b"",
        rest: ByteStream | None = None,
    ) -> None:
        # Not by way of super(): that would give a body's length, which is another one for HEAD.
        self.status_code = status
        self.raw_headers = headers
        self.background = None
        self.body = b""
        self._first = first
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it. Starlette's own streaming needs two tasks and a cancel scope per answer."""
        rest = self._rest
        try:
            await send(
                {
                    "type": "http.response.start",
                    "status": self.status_code,
                    "headers": self.raw_headers,
                }
            )
            await send(
                {"type": "http.response.body", "body": self._first, "more_body": rest is not None}
            )
            if rest is not None:
                async for chunk in rest:
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
        finally:
            if rest is not None:
                await rest.aclose()


async def content(
    objects: Objects, look_up: Callable[[], Awaitable[StoredVersion]], asked: Mapping[str, str]
) -> Response:
    """The answer to a GET with these headers. Raises NoSuchKey, Unreadable, ApiError, and what the
    look-up raises."""
    return await with_current(look_up, partial(_open, objects, asked))


async def _open(objects: Objects, asked: Mapping[str, str], stored: StoredVersion) -> Response:
    answer, start, stop = head(stored.version, asked)
    if answer.status_code == 304 or start == stop:
        return answer
    first, rest = await objects.begin(stored, start, stop)
    return ContentResponse(answer.status_code, answer.raw_headers, first, rest)


def head(version: Version, asked: Mapping[str, str]) -> tuple[ContentResponse, int, int]:
    """The answer without its bytes, and which bytes (start, stop) belong to it. Raises ApiError."""
    lines = _headers(version)
    if_match = asked.get("if-match")
    if if_match is not None and not _names(if_match, version.etag):
        raise ApiError(412, "PreconditionFailed", "the object is not the one asked for")
    if_none_match = asked.get("if-none-match")
    if if_none_match is not None and _names(if_none_match, version.etag):
        return ContentResponse(304, lines), 0, 0
    selected = _select(asked, version)
    start, stop = selected or (0, version.size)
    lines.append((b"content-length", b"%d" % (stop - start)))
    if selected is None:
        return ContentResponse(200, lines), start, stop
    lines.append((b"content-range", b"bytes %d-%d/%d" % (start, stop - 1, version.size)))
    return ContentResponse(206, lines), start, stop


def _headers(version: Version) -> list[tuple[bytes, bytes]]:
    """Values stay byte for byte what the writer sent: in `str` they are latin-1."""
    attributes = version.attributes
    told = {"content-type": DEFAULT_CONTENT_TYPE}
    told |= {name: attributes.headers[name] for name in KEPT_HEADERS if name in attributes.headers}
    told |= {META_PREFIX + name: value for name, value in attributes.user.items()}
    told |= {
        "etag": f'"{version.etag}"',
        "last-modified": format_http_date(version.created_at_ms // 1000),
        "accept-ranges": "bytes",
        VERSION_HEADER: version.public_id,
        "content-security-policy": "sandbox",
        "x-content-type-options": "nosniff",
    }
    if (scheme := scheme_of(version.encryption)) is not None:
        told[ENCRYPTION_HEADER] = scheme.value
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in told.items()]


def _names(header: str, etag: str) -> bool:
    tags = [tag.strip().removeprefix("W/").strip('"') for tag in header.split(",")]
    return "*" in tags or etag in tags


def _select(asked: Mapping[str, str], version: Version) -> tuple[int, int] | None:
    """(start, stop) of the one range asked for; None for the whole object, which is also the
    answer to ranges that can't be understood (RFC 9110, 14.2). Raises ApiError."""
    size = version.size
    found = _RANGE.fullmatch(asked.get("range", ""))
    if found is None or not (found[1] or found[2]):
        return None
    if "if-range" in asked and asked["if-range"] != f'"{version.etag}"':
        return None
    if not found[1]:
        start, stop = max(size - int(found[2]), 0), size
    else:
        start, stop = int(found[1]), min(int(found[2] or size) + 1, size)
        if found[2] and int(found[2]) < start:
            return None
    if start >= stop:
        raise ApiError(
            416,
            "InvalidRange",
            f"the object has {size} bytes, none of them in this range",
            {"content-range": f"bytes */{size}"},
        )
    return start, stop
