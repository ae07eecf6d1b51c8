"""One S3 request and its response, as the operations see them.

Rules: a request is parsed once, from what was on the wire; nothing in it is trusted before the
signature was checked. A response's body is bytes, or a stream that is closed whatever happens.
"""

from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

from coordinator.auth.credentials import Authentication
from coordinator.auth.request import SignedRequest
from coordinator.objects import ByteStream
from coordinator.s3.errors import S3Error
from coordinator.s3.headers import HeaderList
from metadata import User
from node.http import Receive
from node.record import Buffer

Scope = MutableMapping[str, Any]


@dataclass(slots=True)
class Request:
    """What an operation works on. `params` holds decoded query parameters, the first of each."""

    method: str
    bucket: str
    key: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    signed: SignedRequest
    request_id: str
    receive: Receive
    user: User | None = None
    authentication: Authentication | None = None

    @property
    def identity(self) -> User:
        """Who asks; an operation only runs for someone."""
        assert self.user is not None, "operations run after authentication"
        return self.user

    def number(self, name: str, default: int, lowest: int, highest: int) -> int:
        """An integer query parameter, capped at `highest` as S3 does. Raises InvalidArgument."""
        text = self.params.get(name)
        if text is None or text == "":
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 20) or int(text) < lowest:
            raise S3Error("InvalidArgument", f"{name} must be a number from {lowest}, not {text!r}")
        return min(int(text), highest)


@dataclass(slots=True)
class Response:
    """Status, headers (lower-case names, without Content-Length) and body.

    `stream` follows `body` where that is not all; `length` is then the length of both.
    """

    status: int = 200
    headers: HeaderList = field(default_factory=list)
    body: Buffer = b""
    stream: ByteStream | None = None
    length: int | None = None


def xml_response(body: bytes, status: int = 200, headers: HeaderList | None = None) -> Response:
    """A response with an XML document."""
    return Response(status, [(b"content-type", b"application/xml"), *(headers or [])], body)


def join_headers(raw: list[tuple[bytes, bytes]]) -> dict[str, str]:
    """Lower-case names to values; a repeated header's values are joined by commas."""
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1"), value_bytes.strip().decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers
