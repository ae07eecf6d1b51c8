"""What a request says about its sender, and what a verified signature tells about the body.

Rules: signatures, keys and session tokens are left out of every repr and message.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from hmac import HMAC
from urllib.parse import quote

from coordinator.auth.request import SignedRequest


class CredentialKind(StrEnum):
    """How the request is signed."""

    ANONYMOUS = "anonymous"
    SIGV4_HEADER = "sigv4-header"
    SIGV4_QUERY = "sigv4-query"
    SIGV2_HEADER = "sigv2-header"
    SIGV2_QUERY = "sigv2-query"
    SIGV4_POST = "sigv4-post"
    SIGV2_POST = "sigv2-post"
    """The last two are those of browser uploads: a form whose policy is signed."""


class PayloadMode(StrEnum):
    """What the signature says about the body, by S3's own names.

    `is_streaming`: the body is framed as aws-chunked.
    """

    is_streaming: bool

    UNSIGNED = "UNSIGNED-PAYLOAD"
    LITERAL = "literal"
    """`Authentication.payload_sha256` is the SHA-256 of the body, in lower-case hex."""
    STREAMING_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    STREAMING_SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    STREAMING_UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"

    def __init__(self, name: str) -> None:
        self.is_streaming = name.startswith("STREAMING-")


@dataclass(slots=True)  # not frozen: made for every request, which a frozen one costs three times
class ParsedCredentials:
    """What the request says about its sender; nothing of it is proven yet.

    `access_key` is "" for ANONYMOUS. `session_token` is the x-amz-security-token, "" without.
    Each version of signatures adds what only it signs.
    """

    kind: CredentialKind
    request: SignedRequest = field(repr=False)
    access_key: str
    session_token: str = field(repr=False)
    signature: str = field(repr=False)


def without_token(text: str, session_token: str) -> str:
    """What was signed, as it may be told: the token left out, plain and as part of a query."""
    if not session_token:
        return text
    for spelling in {session_token, quote(session_token, safe="~", errors="surrogateescape")}:
        text = text.replace(spelling, "REDACTED")
    return text


@dataclass(frozen=True, slots=True)
class ChunkSeed:
    """Where a chain of chunk signatures starts: the request's own signature, and the key."""

    signature: str = field(repr=False)
    signing_key: HMAC = field(repr=False)
    timestamp: str
    scope: str


@dataclass(slots=True)
class Authentication:
    """A verified sender. `chunk_seed` is set in the STREAMING_SIGNED* payload modes only."""

    kind: CredentialKind
    access_key: str
    payload: PayloadMode
    payload_sha256: str = ""
    chunk_seed: ChunkSeed | None = None
