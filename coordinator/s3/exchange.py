"""One S3 request and its response, as the operations see them.

Rules: a request is parsed once, from what was on the wire; nothing in it is trusted before the
signature was checked. A response's body is bytes, or a stream that is closed whatever happens.
"""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from coordinator.access import ANONYMOUS, Identity
from coordinator.auth.credentials import Authentication
from coordinator.auth.request import SignedRequest
from coordinator.http import Receive
from coordinator.objects import ByteStream
from coordinator.s3.errors import S3Error
from coordinator.s3.headers import HeaderList, hoisted
from metadata import Bucket, User
from node.record import Buffer

Scope = MutableMapping[str, Any]


@dataclass(slots=True)
class Request:
    """What an operation works on. `params` holds decoded query parameters, the first of each.

    `found` is the request's bucket once it was looked up, whether the sender may use it or not: its
    settings also say what stands in the answer and who is told of it. `touched` are the keys (with
    version ids) that it is about beside its own, and `acl_required` says that an ACL allowed it:
    both are for the access log. `sender` is who asks, as decisions about access see it: `operation`
    is what for, by S3's name, and `action` by IAM's. `tags` are those of a document that sets tags,
    once it was read. `peer` is the client's address.
    """

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
    found: Bucket | None = None
    touched: Sequence[tuple[str, str]] = ()
    acl_required: bool = False
    sender: Identity = ANONYMOUS
    operation: str = ""
    action: str = ""
    tags: Mapping[str, str] | None = None
    peer: str = ""
    is_secure: bool = False

    @property
    def all_headers(self) -> Mapping[str, str]:
        """`headers` with what a presigned URL carries in its query instead added. Raises S3Error
        InvalidArgument; see `hoisted`."""
        return hoisted(self.headers, self.params)

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
