"""The body of a request: received, unframed, checked against everything the client said of it.

Rules: the chunks are handed on before they are proven; nothing is committed until `finish` has
compared length, signatures and checksums. A client that stops half-way ends the iteration with an
error, never with a short body.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from coordinator.auth.credentials import Authentication
from coordinator.http import Receive, RequestStalled
from coordinator.objects import Digested
from coordinator.s3.checksums import Digest, parse_expected
from coordinator.s3.chunked import ChunkedDecoder, decoded_length
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request
from coordinator.s3.xml import MAX_BODY_BYTES
from node.record import Buffer

MAX_OBJECT_BYTES = 5 * 1024**3
"""What one PUT or one part may hold, as S3 has it."""

MAX_FRAMED_BYTES = MAX_OBJECT_BYTES + MAX_OBJECT_BYTES // 64
"""The same with the framing of aws-chunked around it."""

HASH_INLINE_BYTES = 64 * 1024


class Incoming(Protocol):
    """Bytes on their way into an object, whatever they came in: a `coordinator.objects` BodyDigest
    as well as the source of its chunks."""

    def chunks(self) -> AsyncGenerator[Buffer, None]:
        """The bytes as they arrive."""
        ...

    def update(self, data: Buffer) -> None:
        """Hash the next bytes."""
        ...

    def finish(self) -> Digested:
        """Compare with what the client announced."""
        ...


class Payload:
    """One body; an `Incoming`."""

    def __init__(
        self,
        request: Request,
        headers: Mapping[str, str] | None = None,
        *,
        limit: int = MAX_OBJECT_BYTES,
        checksum: str = "",
        default_checksum: str = "",
    ) -> None:
        """`headers` are the request's, with what a presigned URL carries in its query; `checksum`
        an algorithm that is computed in any case, the default one unless the client names another.

        Raises S3Error EntityTooLarge, MissingContentLength, InvalidDigest, InvalidRequest.
        """
        headers = request.headers if headers is None else headers
        authentication = request.authentication
        assert authentication is not None, "a body is read after authentication"
        self._receive = request.receive
        self._declared = content_length(headers)
        self._limit = limit
        self._decoder: ChunkedDecoder | None = None
        if authentication.payload.is_streaming:
            self._decoder = self._open_decoder(authentication, headers, limit)
        elif self._declared is None and headers.get("transfer-encoding", "") != "chunked":
            raise S3Error("MissingContentLength")
        elif (self._declared or 0) > limit:
            raise too_large(limit)
        self._digest = Digest(
            parse_expected(headers, authentication.payload_sha256, checksum, default_checksum)
        )
        self._trailers: Mapping[str, str] = {}
        self._hashes_chunks = authentication.chunk_seed is not None

    def _open_decoder(
        self, authentication: Authentication, headers: Mapping[str, str], limit: int
    ) -> ChunkedDecoder:
        length = decoded_length(headers)
        if length is None:
            raise S3Error("MissingContentLength", "x-amz-decoded-content-length is missing")
        if length > limit or (self._declared or 0) > MAX_FRAMED_BYTES:
            raise too_large(limit)
        return ChunkedDecoder(authentication, decoded_length=length)

    async def chunks(self) -> AsyncGenerator[Buffer, None]:
        """The payload as it arrives. Raises S3Error IncompleteBody, RequestTimeout, EntityTooLarge
        and what the framing deserves."""
        received = 0
        more = True
        while more:
            data, more = await receive_chunk(self._receive)
            received += len(data)
            if received > (self._limit if self._decoder is None else MAX_FRAMED_BYTES):
                raise too_large(self._limit)
            if self._decoder is None:
                if data:
                    yield data
                continue
            for piece in await self._unframe(self._decoder, data):
                yield piece
        if self._declared is not None and received != self._declared:
            raise S3Error("IncompleteBody")
        if self._decoder is not None:
            self._trailers = self._decoder.finish()

    async def _unframe(self, decoder: ChunkedDecoder, data: bytes) -> list[memoryview]:
        if self._hashes_chunks and len(data) > HASH_INLINE_BYTES:
            return await asyncio.to_thread(decoder.feed, data)
        return decoder.feed(data)

    def update(self, data: Buffer) -> None:
        """Hash the next bytes."""
        self._digest.update(data)

    def finish(self) -> Digested:
        """Compare with what the client announced. Raises S3Error BadDigest,
        XAmzContentSHA256Mismatch, MalformedTrailerError."""
        return self._digest.finish(self._trailers)


async def receive_chunk(receive: Receive) -> tuple[bytes, bool]:
    """The next bytes of a request's body (perhaps none), and whether more will follow. Raises
    S3Error IncompleteBody where the client went away, RequestTimeout where it stalled."""
    try:
        message = await receive()
    except RequestStalled as error:
        raise S3Error("RequestTimeout") from error
    if message["type"] == "http.disconnect":
        raise S3Error("IncompleteBody")
    return message.get("body", b""), message.get("more_body", False)


def content_length(headers: Mapping[str, str]) -> int | None:
    """The Content-Length header, None without one. Raises S3Error BadRequest if malformed."""
    text = headers.get("content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 20):
        raise S3Error("BadRequest", "Content-Length is not a number")
    return int(text)


def too_large(limit: int) -> S3Error:
    """The error for a body over the limit."""
    return S3Error("EntityTooLarge", extra={"MaxSizeAllowed": str(limit)})


async def read_small(
    request: Request, *, needs_checksum: bool = False, checksum_is_object_s: bool = False
) -> bytes:
    """A whole body that is a document, checked. At most MAX_BODY_BYTES.

    `needs_checksum`: S3 insists on Content-MD5 or a checksum for some documents.
    `checksum_is_object_s`: the checksum headers are not about the document, but about the object
    that it makes. Raises S3Error as Payload does.
    """
    if needs_checksum and not _has_checksum(request.headers):
        raise S3Error("InvalidRequest", "Missing required header for this request: Content-MD5")
    if not request.headers.keys() & {"content-length", "transfer-encoding"}:
        return b""
    headers = request.headers
    if checksum_is_object_s:
        headers = {name: headers[name] for name in headers if not _is_checksum(name)}
    payload = Payload(request, headers, limit=MAX_BODY_BYTES)
    pieces = []
    async for chunk in payload.chunks():
        payload.update(chunk)
        pieces.append(bytes(chunk))
    payload.finish()
    return b"".join(pieces)


def _has_checksum(headers: Mapping[str, str]) -> bool:
    return "content-md5" in headers or any(
        _is_checksum(name) or name == "x-amz-trailer" for name in headers
    )


def _is_checksum(name: str) -> bool:
    return name.startswith("x-amz-checksum-")
