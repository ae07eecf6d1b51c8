"""Requests whose body is not what the head says: hashes, lengths, aws-chunked framing."""

import base64
import zlib
from collections.abc import Callable

from tests.end_to_end.bad_case import BODY, HANG_UP, PLAIN_400, Case, bent, put
from tests.end_to_end.wire import Wire

GIB = 1024**3


def _chunks(wire: Wire, path: str, bend: Callable[[list[bytes]], list[bytes]]) -> list[bytes]:
    head, framed = wire.signed_chunks(path, [BODY, BODY[:500]])
    return [head, *bend(framed)]


def _declared(wire: Wire, path: str, length: int) -> list[bytes]:
    head, framed = wire.signed_chunks(path, [BODY], declared=length)
    return [head, *framed]


def _trailed(wire: Wire, path: str, framed: bytes) -> list[bytes]:
    return wire.trailing(path, framed, declared=len(BODY), trailer="x-amz-checksum-crc32")


_SIZE = f"{len(BODY):x}".encode()
_CRC32 = base64.b64encode(zlib.crc32(BODY).to_bytes(4, "big"))
_GOOD_TRAILER = b"x-amz-checksum-crc32:" + _CRC32 + b"\r\n\r\n"
_WRONG_TRAILER = b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n"

BODIES = [
    Case(
        "another body than signed",
        lambda w, p: [put(w, p)[0], BODY.replace(b"a", b"b", 1)],
        ((400, "XAmzContentSHA256Mismatch"),),
    ),
    Case(
        "wrong MD5",
        lambda w, p: put(w, p, headers={"content-md5": base64.b64encode(b"0" * 16).decode()}),
        ((400, "BadDigest"),),
    ),
    Case(
        "malformed MD5",
        lambda w, p: put(w, p, headers={"content-md5": "nonsense"}),
        ((400, "InvalidDigest"),),
    ),
    Case(
        "wrong checksum",
        lambda w, p: put(w, p, headers={"x-amz-checksum-crc32": "AAAAAA=="}),
        ((400, "BadDigest"),),
    ),
    Case(
        "malformed checksum",
        lambda w, p: put(w, p, headers={"x-amz-checksum-sha256": "AAAAAA=="}),
        ((400, "BadDigest"),),
    ),
    Case(
        "body cut short",
        lambda w, p: [put(w, p)[0], BODY[:-1]],
        ((400, "IncompleteBody"), HANG_UP),
        half_close=True,
    ),
    Case(
        "large body cut short",
        lambda w, p: [
            w.signed("PUT", p, payload="UNSIGNED-PAYLOAD", length=64 * 1024**2),
            [b"x" * 1024**2] * 5,
        ],
        ((400, "IncompleteBody"), HANG_UP),
        half_close=True,
    ),
    Case(
        "over 5 GiB announced",
        lambda w, p: [w.signed("PUT", p, payload="UNSIGNED-PAYLOAD", length=5 * GIB + 1)],
        ((400, "EntityTooLarge"),),
    ),
    Case(
        "absurd length",
        lambda w, p: [w.signed("PUT", p, payload="UNSIGNED-PAYLOAD", length="9" * 30)],
        (PLAIN_400, HANG_UP),
    ),
    Case(
        "negative length",
        lambda w, p: [w.signed("PUT", p, payload="UNSIGNED-PAYLOAD", length=-1)],
        (PLAIN_400, HANG_UP),
    ),
    Case(
        "no length",
        lambda w, p: [w.signed("PUT", p, payload="UNSIGNED-PAYLOAD", length="")],
        ((411, "MissingContentLength"),),
    ),
    Case(
        "two lengths",
        lambda w, p: bent(w, p, b"content-length:", b"content-length: 5\r\ncontent-length:"),
        (PLAIN_400, HANG_UP),
    ),
    Case(
        "length and chunked",
        lambda w, p: bent(
            w, p, b"content-length:", b"transfer-encoding: chunked\r\ncontent-length:"
        ),
        (PLAIN_400, HANG_UP),
    ),
    Case(
        "HTTP chunks that lie",
        lambda w, p: [
            w.signed(
                "PUT",
                p,
                payload="UNSIGNED-PAYLOAD",
                length="",
                headers={"transfer-encoding": "chunked"},
            ),
            b"5\r\nhello wor",
        ],
        (PLAIN_400, HANG_UP),
    ),
]

FRAMING = [
    Case(
        "a chunk with another's signature",
        lambda w, p: _chunks(w, p, lambda f: [f[0].replace(b"a body", b"A body", 1), *f[1:]]),
        ((403, "SignatureDoesNotMatch"),),
    ),
    Case(
        "chunks in another order",
        lambda w, p: _chunks(w, p, lambda f: [f[1], f[0], f[2]]),
        ((403, "SignatureDoesNotMatch"),),
    ),
    Case(
        "last chunk missing",
        lambda w, p: _chunks(w, p, lambda f: f[:2]),
        ((400, "IncompleteBody"), HANG_UP),
        half_close=True,
    ),
    Case(
        "decoded length too long",
        lambda w, p: _declared(w, p, len(BODY) + 1),
        ((400, "IncompleteBody"),),
    ),
    Case(
        "decoded length too short",
        lambda w, p: _declared(w, p, len(BODY) - 1),
        ((400, "IncompleteBody"),),
    ),
    Case(
        "no decoded length",
        lambda w, p: [
            w.signed(
                "PUT",
                p,
                headers={"content-encoding": "aws-chunked"},
                payload="STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
                length=10,
            ),
            b"0\r\n\r\n     ",
        ],
        ((411, "MissingContentLength"),),
    ),
    Case(
        "chunk size that is no number",
        lambda w, p: _trailed(w, p, b"zz\r\n" + BODY + b"\r\n0\r\n" + _GOOD_TRAILER),
        (PLAIN_400,),
    ),
    Case(
        "chunk size that lies",
        lambda w, p: _trailed(w, p, b"5\r\n" + BODY + b"\r\n0\r\n" + _GOOD_TRAILER),
        (PLAIN_400,),
    ),
    Case(
        "chunk size beyond everything",
        lambda w, p: _trailed(w, p, b"f" * 16 + b"\r\n" + BODY + b"\r\n0\r\n" + _GOOD_TRAILER),
        (PLAIN_400,),
    ),
    Case(
        "chunk header without an end",
        lambda w, p: _trailed(w, p, b"0" * 100_000),
        (PLAIN_400,),
    ),
    Case(
        "wrong trailing checksum",
        lambda w, p: _trailed(w, p, _SIZE + b"\r\n" + BODY + b"\r\n0\r\n" + _WRONG_TRAILER),
        ((400, "BadDigest"),),
    ),
    Case(
        "announced trailer missing",
        lambda w, p: _trailed(w, p, _SIZE + b"\r\n" + BODY + b"\r\n0\r\n\r\n"),
        ((400, "MalformedTrailerError"), (400, "IncompleteBody"), (400, "InvalidRequest")),
    ),
    Case(
        "bytes after the end",
        lambda w, p: _trailed(
            w, p, _SIZE + b"\r\n" + BODY + b"\r\n0\r\n" + _GOOD_TRAILER + b"more"
        ),
        (PLAIN_400,),
    ),
]
