"""Decode aws-chunked bodies, sans-I/O: feed it bytes, get payload back.

    chunk    = hex-size [";chunk-signature=" signature] CRLF  payload  CRLF
    body     = *chunk  last-chunk(size 0, no payload)  *(trailer-name ":" value CRLF)  CRLF

Source: "Signature Calculations for the Authorization Header: Transferring Payload in Multiple
Chunks", with and without trailing headers, in the S3 API Reference.

Rules:
1. A chunk's bytes are handed on before its signature was checked, because chunks may be huge and
   nothing is committed before `finish`: a forged chunk ends the request with an error, and what
   was written for it becomes an orphan. So memory stays flat whatever the chunk size.
2. Payload is never copied: callers get slices of what they fed. Only lines are gathered.
3. What the client declared as the decoded length is enforced exactly.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from coordinator.auth.canonical import ChunkChain
from coordinator.auth.credentials import Authentication, PayloadMode
from coordinator.s3.errors import S3Error
from node.record import Buffer

MAX_LINE_BYTES: Final = 1024
"""A chunk's header has about 90 bytes, a trailer about 110."""

MAX_TRAILERS: Final = 16
TRAILER_SIGNATURE: Final = "x-amz-trailer-signature"

_CHUNK = re.compile(rb"([0-9a-fA-F]{1,16})(?:;chunk-signature=([0-9a-f]{64}))?(;[^;]*)*")


class _State(Enum):
    CHUNK_HEADER = auto()
    PAYLOAD = auto()
    PAYLOAD_END = auto()
    TRAILER = auto()
    DONE = auto()


class ChunkedDecoder:
    """One body. Feed bytes as they arrive, then call `finish` at the end of the request body."""

    def __init__(self, authentication: Authentication, *, decoded_length: int | None) -> None:
        """`authentication.payload` must be a streaming mode (assert). `decoded_length` is
        x-amz-decoded-content-length, enforced exactly; None where the client did not say."""
        mode = authentication.payload
        assert mode.is_streaming, "only aws-chunked bodies can be decoded"
        self._has_trailers = mode is not PayloadMode.STREAMING_SIGNED
        seed = authentication.chunk_seed
        assert (seed is None) == (mode is PayloadMode.STREAMING_UNSIGNED_TRAILER)
        self._chain = None if seed is None else ChunkChain(seed)
        self._decoded_length = decoded_length
        self._decoded = 0
        self._state = _State.CHUNK_HEADER
        self._line = bytearray()
        self._left = 0
        self._hash = hashlib.sha256()
        self._signature = ""
        self._trailers: dict[str, str] = {}
        self._is_trailer_signed = False

    def feed(self, data: Buffer) -> list[memoryview]:
        """The payload in `data`, as slices of it (no copies; they keep `data` alive).

        In the signed modes this hashes the payload: for a big `data` call it in a worker thread.
        Raises S3Error: InvalidRequest, IncompleteBody, SignatureDoesNotMatch; then the decoder is
        of no further use.
        """
        view = memoryview(data)
        payload = []
        position = 0
        while position < len(view):
            if self._state is _State.PAYLOAD:
                piece = view[position : position + self._left]
                position += len(piece)
                self._left -= len(piece)
                if self._chain is not None:
                    self._hash.update(piece)
                payload.append(piece)
                if self._left == 0:
                    self._end_chunk()
                    self._state = _State.PAYLOAD_END
            elif self._state is _State.DONE:
                raise _malformed("there are bytes after the end of the body")
            else:
                position = self._gather_line(view, position)
        return payload

    def finish(self) -> Mapping[str, str]:
        """The trailers (lower-case names), once the body has ended. Raises S3Error
        IncompleteBody if it ended too early."""
        # The very last CRLF may be missing: some clients leave it out, and nothing hangs on it
        is_whole = self._state is _State.DONE or (
            self._state is _State.TRAILER
            and not self._line
            and (self._is_trailer_signed or not self._needs_trailer_signature)
        )
        if not is_whole:
            raise S3Error("IncompleteBody", "The aws-chunked body ended before its last chunk.")
        return self._trailers

    @property
    def _needs_trailer_signature(self) -> bool:
        return self._has_trailers and self._chain is not None

    def _gather_line(self, view: memoryview, position: int) -> int:
        """Take bytes up to the end of a line, act on it if it is whole, and return what follows."""
        room = MAX_LINE_BYTES - len(self._line)
        ahead = bytes(view[position : position + room])
        end = ahead.find(b"\n")
        if end < 0:
            if len(ahead) == room:
                raise _malformed(f"a line is longer than {MAX_LINE_BYTES} bytes")
            self._line += ahead
            return position + len(ahead)
        line = bytes(self._line) + ahead[: end + 1]
        self._line.clear()
        if self._state is _State.TRAILER:
            self._take_trailer(line.rstrip(b"\r\n"))
        elif not line.endswith(b"\r\n"):
            raise _malformed("a chunk's line must end in CRLF")
        elif self._state is _State.PAYLOAD_END:
            if line != b"\r\n":
                raise _malformed("a chunk is longer than its header says")
            self._state = _State.CHUNK_HEADER
        else:
            self._take_chunk_header(line[:-2])
        return position + end + 1

    def _take_chunk_header(self, line: bytes) -> None:
        match = _CHUNK.fullmatch(line)
        if match is None:
            raise _malformed("a chunk's header can't be read")
        size = int(match[1], 16)
        if self._chain is not None:
            if match[2] is None:
                raise _malformed("a chunk has no signature")
            self._signature = match[2].decode()
        declared = self._decoded_length
        if declared is not None and (
            self._decoded + size > declared or (size == 0 and self._decoded != declared)
        ):
            raise S3Error(
                "IncompleteBody",
                "You did not provide the number of bytes specified by the "
                "x-amz-decoded-content-length HTTP header.",
            )
        self._decoded += size
        self._left = size
        if size:
            self._state = _State.PAYLOAD
        else:
            self._end_chunk()
            self._state = _State.TRAILER

    def _end_chunk(self) -> None:
        """The chunk's payload is complete: check its signature."""
        if self._chain is None:
            return
        digest = self._hash.hexdigest()
        self._hash = hashlib.sha256()
        if not hmac.compare_digest(self._chain.chunk(digest), self._signature):
            raise S3Error("SignatureDoesNotMatch")

    def _take_trailer(self, line: bytes) -> None:
        if not line:
            # Signed trailers have been seen with an empty line before their signature
            if self._is_trailer_signed or not self._needs_trailer_signature:
                self._state = _State.DONE
            return
        name_bytes, colon, value_bytes = line.partition(b":")
        name = name_bytes.decode("latin-1").strip(" \t").lower()
        value = value_bytes.decode("latin-1").strip(" \t")
        if (
            not (colon and name and self._has_trailers)
            or name in self._trailers
            or len(self._trailers) == MAX_TRAILERS
            or self._is_trailer_signed
        ):
            raise S3Error("MalformedTrailerError")
        if name == TRAILER_SIGNATURE and self._chain is not None:
            self._check_trailer_signature(self._chain, value)
        else:
            self._trailers[name] = value

    def _check_trailer_signature(self, chain: ChunkChain, given: str) -> None:
        text = "".join(f"{name}:{value}\n" for name, value in self._trailers.items())
        if not hmac.compare_digest(
            chain.trailer(text.encode("latin-1")).encode(), given.encode("latin-1")
        ):
            raise S3Error("SignatureDoesNotMatch")
        self._is_trailer_signed = True


def decoded_length(headers: Mapping[str, str]) -> int | None:
    """x-amz-decoded-content-length, or None. Raises S3Error InvalidArgument if malformed."""
    text = headers.get("x-amz-decoded-content-length")
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 16):
        raise S3Error("InvalidArgument", "x-amz-decoded-content-length must be a number")
    return int(text)


def _malformed(what: str) -> S3Error:
    return S3Error("InvalidRequest", f"The aws-chunked body is malformed: {what}.")
