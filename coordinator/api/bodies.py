"""The bodies of requests: an object's bytes as they stream in, and small JSON documents.

Rules: memory is bounded, by the writer's window for an object and by MAX_DOCUMENT_BYTES for a
document. A body that breaks off, is longer than it may be, or is not the one that was signed
raises, and then nothing of it is committed.
"""

import hashlib
import hmac
from collections.abc import AsyncGenerator
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Message, Receive

from coordinator.api.errors import ApiError
from coordinator.objects import Digested
from node.record import Buffer

MAX_OBJECT_BYTES: Final = 5 * 1024**3
"""What one PUT may hold, as S3 has it."""

MAX_DOCUMENT_BYTES: Final = 64 * 1024


class Digest:
    """MD5, and SHA-256 where the signature names one; a `coordinator.objects` BodyDigest."""

    def __init__(self, expected_sha256: str = "") -> None:
        self._expected_sha256 = expected_sha256
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256() if expected_sha256 else None

    def update(self, data: Buffer) -> None:
        """Hash the next bytes."""
        self._md5.update(data)
        if self._sha256 is not None:
            self._sha256.update(data)

    def finish(self) -> Digested:
        """Raises ApiError when the body is not the one that was signed."""
        if self._sha256 is not None and not hmac.compare_digest(
            self._sha256.hexdigest(), self._expected_sha256
        ):
            raise ApiError(400, "ContentSHA256Mismatch", "the body is not the one that was signed")
        return Digested(self._md5.hexdigest())


class Incoming:
    """The body of one request."""

    def __init__(self, headers: Headers, receive: Receive, limit_bytes: int) -> None:
        """Raises ApiError when the announced length can't be right."""
        self._receive = receive
        self._limit_bytes = limit_bytes
        self._declared_bytes = _declared_length(headers)
        if (self._declared_bytes or 0) > limit_bytes:
            raise _too_large(limit_bytes)

    async def chunks(self) -> AsyncGenerator[Buffer, None]:
        """The bytes as they arrive. Raises ApiError, RequestStalled."""
        received = 0
        more = True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ApiError(400, "IncompleteBody", "the request's body broke off")
            data: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            received += len(data)
            if received > self._limit_bytes:
                raise _too_large(self._limit_bytes)
            if data:
                yield data
        if self._declared_bytes not in (None, received):
            raise ApiError(400, "IncompleteBody", "the body is not as long as was announced")


async def read_document(headers: Headers, receive: Receive, expected_sha256: str) -> Receive:
    """Read a whole small body, check it, and give a `receive` that brings it once more."""
    digest = Digest(expected_sha256)
    pieces = []
    async for chunk in Incoming(headers, receive, MAX_DOCUMENT_BYTES).chunks():
        digest.update(chunk)
        pieces.append(bytes(chunk))
    digest.finish()
    waiting: list[Message] = [{"type": "http.request", "body": b"".join(pieces)}]

    async def replay() -> Message:
        return waiting.pop() if waiting else await receive()

    return replay


def _declared_length(headers: Headers) -> int | None:
    text = headers.get("content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise ApiError(400, "InvalidRequest", "Content-Length is not a number")
    return int(text)


def _too_large(limit_bytes: int) -> ApiError:
    return ApiError(413, "EntityTooLarge", f"the body may have at most {limit_bytes} bytes")
