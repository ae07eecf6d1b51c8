"""Checksums of bodies: what a request expects, what the bytes amount to, and whether they agree.

Rules: only what is needed is computed: MD5 always (it is the ETag), SHA-256 where the payload hash
is signed, and the one S3 checksum that was asked for, or the default one. A value in the query of a
presigned URL is not looked at (`headers.hoisted` leaves it out): clients put the checksum of an
empty body there.
"""

import base64
import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from coordinator.objects.body import Digested
from coordinator.s3.errors import S3Error
from coordinator.s3.hashers import (
    ALGORITHMS,
    COMBINABLE,
    Hasher,
    combine_crcs,
    decode_checksum,
    encode_checksum,
    new_hasher,
)
from node.record import Buffer

HEADER_PREFIX: Final = "x-amz-checksum-"
FULL_OBJECT: Final = "FULL_OBJECT"
COMPOSITE: Final = "COMPOSITE"
DEFAULT: Final = "crc64nvme"
"""The checksum of objects whose clients name none, as S3 has it."""

_HEADERS: Final = {HEADER_PREFIX + algorithm: algorithm for algorithm in ALGORITHMS}
_TRAILER: Final = "x-amz-trailer"
_ANNOUNCED: Final = "x-amz-sdk-checksum-algorithm"
_ABOUT_CHECKSUMS: Final = frozenset({*_HEADERS, _TRAILER, _ANNOUNCED})


@dataclass(slots=True)
class Expected:
    """What a request says about its body. Made by `parse_expected`; `Expected()` expects nothing.

    `content_md5`: 16 bytes or None. `sha256`: payload hash in lower-case hex or "".
    `algorithm`: the S3 checksum to compute and store, or "". `checksum`: its expected value,
    None where it comes in a trailer (`in_trailer`) or was not given. `is_default`: nobody asked
    for it.
    """

    content_md5: bytes | None = None
    sha256: str = ""
    algorithm: str = ""
    checksum: bytes | None = None
    in_trailer: bool = False
    is_default: bool = False


EXPECTS_NOTHING: Final = Expected()


def parse_expected(
    headers: Mapping[str, str], payload_sha256: str = "", required: str = "", default: str = ""
) -> Expected:
    """Read Content-MD5, x-amz-checksum-*, x-amz-sdk-checksum-algorithm and x-amz-trailer.

    `payload_sha256` is `Authentication.payload_sha256`. `required` is the algorithm that the
    multipart upload was created with: it is computed even if the client sends no value, and
    another one is refused. `default` is computed where there is neither. Raises S3Error
    InvalidDigest, InvalidRequest.
    """
    content_md5 = _parse_content_md5(headers["content-md5"]) if "content-md5" in headers else None
    algorithm, checksum, in_trailer = _parse_checksum(headers)
    if required and algorithm not in ("", required):
        raise S3Error(
            "InvalidRequest",
            f"Checksum Type mismatch occurred, expected checksum Type: {required}, "
            f"actual checksum Type: {algorithm}",
        )
    asked = algorithm or required
    return Expected(
        content_md5, payload_sha256, asked or default, checksum, in_trailer, is_default=not asked
    )


def expect(algorithm: str) -> Expected:
    """What is to be computed of bytes that are copied: that checksum, or the default one."""
    return Expected(algorithm=algorithm or DEFAULT, is_default=not algorithm)


def asked_algorithm(headers: Mapping[str, str]) -> str:
    """x-amz-checksum-algorithm of a copy or of a multipart upload, "" without. Raises S3Error
    InvalidRequest."""
    algorithm = headers.get("x-amz-checksum-algorithm", "").lower()
    if algorithm and algorithm not in ALGORITHMS:
        raise S3Error("InvalidRequest", "Checksum algorithm provided is unsupported.")
    return algorithm


class Digest:
    """All checksums of one body. `update` may run in a worker thread, one call at a time."""

    __slots__ = ("_expected", "_hashers")

    def __init__(self, expected: Expected = EXPECTS_NOTHING) -> None:
        self._expected = expected
        hashers: dict[str, Hasher] = {"md5": new_hasher("md5")}
        if expected.sha256:
            hashers["sha256"] = new_hasher("sha256")
        if expected.algorithm and expected.algorithm not in hashers:
            hashers[expected.algorithm] = new_hasher(expected.algorithm)
        self._hashers = hashers

    def update(self, data: Buffer) -> None:
        """Take in the next bytes of the (decoded) body."""
        for hasher in self._hashers.values():
            hasher.update(data)

    def finish(self, trailers: Mapping[str, str] | None = None) -> Digested:
        """Compare with what was expected. Raises S3Error BadDigest, XAmzContentSHA256Mismatch,
        MalformedTrailerError (the announced trailer is missing), InvalidRequest."""
        expected = self._expected
        md5 = self._hashers["md5"].digest()
        if expected.content_md5 not in (None, md5):
            raise S3Error(
                "BadDigest",
                "The Content-MD5 you specified did not match what we received.",
                extra={
                    "ExpectedDigest": encode_checksum(expected.content_md5),
                    "CalculatedDigest": encode_checksum(md5),
                },
            )
        if expected.sha256:
            self._check_sha256(expected.sha256)
        if not expected.algorithm:
            return Digested(md5.hex())
        digest = self._hashers[expected.algorithm].digest()
        wanted = expected.checksum
        if expected.in_trailer:
            wanted = _trailing_checksum(expected.algorithm, trailers or {})
        if wanted not in (None, digest):
            raise _bad_checksum(expected.algorithm)
        return Digested(
            md5.hex(),
            {expected.algorithm: encode_checksum(digest)},
            is_default=expected.is_default,
        )

    def _check_sha256(self, wanted: str) -> None:
        computed = self._hashers["sha256"].digest().hex()
        if not hmac.compare_digest(computed, wanted):
            raise S3Error(
                "XAmzContentSHA256Mismatch",
                extra={
                    "ClientComputedContentSHA256": wanted,
                    "S3ComputedContentSHA256": computed,
                },
            )


# multipart ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UploadChecksum:
    """What CreateMultipartUpload asked for. `kind` is FULL_OBJECT or COMPOSITE."""

    algorithm: str
    kind: str


DEFAULT_OF_UPLOAD: Final = UploadChecksum(DEFAULT, FULL_OBJECT)


def parse_upload_checksum(headers: Mapping[str, str]) -> UploadChecksum | None:
    """x-amz-checksum-algorithm and x-amz-checksum-type of CreateMultipartUpload.

    Raises S3Error InvalidRequest for unknown names and impossible pairs.
    """
    algorithm = asked_algorithm(headers)
    kind = headers.get("x-amz-checksum-type", "").upper()
    if not algorithm:
        if kind:
            raise S3Error(
                "InvalidRequest",
                "The x-amz-checksum-type header can only be used with the "
                "x-amz-checksum-algorithm header.",
            )
        return None
    kind = kind or (FULL_OBJECT if algorithm == "crc64nvme" else COMPOSITE)
    if kind not in (FULL_OBJECT, COMPOSITE):
        raise S3Error("InvalidRequest", "Value for x-amz-checksum-type header is invalid.")
    is_possible = algorithm in COMBINABLE if kind == FULL_OBJECT else algorithm != "crc64nvme"
    if not is_possible:
        raise S3Error(
            "InvalidRequest",
            f"The {kind} checksum type cannot be used with the {algorithm} checksum algorithm.",
        )
    return UploadChecksum(algorithm, kind)


def multipart_checksum(wanted: UploadChecksum, parts: Sequence[tuple[str, int]]) -> str:
    """The object's checksum from its parts' (base64 checksum, size): of the checksums with "-N"
    for COMPOSITE, of the whole bytes (combined, not re-read) for FULL_OBJECT."""
    digests = [(base64.b64decode(checksum), size) for checksum, size in parts]
    if wanted.kind == COMPOSITE:
        hasher = new_hasher(wanted.algorithm)
        hasher.update(b"".join(digest for digest, _ in digests))
        return f"{encode_checksum(hasher.digest())}-{len(parts)}"
    whole, _ = digests[0]
    for digest, size in digests[1:]:
        whole = combine_crcs(wanted.algorithm, whole, digest, size)
    return encode_checksum(whole)


def check_complete(headers: Mapping[str, str], wanted: UploadChecksum | None, value: str) -> None:
    """Whether CompleteMultipartUpload's own x-amz-checksum-* and x-amz-checksum-type agree with
    the computed `value`. Raises S3Error BadDigest, InvalidRequest."""
    kind = headers.get("x-amz-checksum-type", "").upper()
    if kind and kind != (wanted.kind if wanted else ""):
        raise S3Error(
            "InvalidRequest",
            f"The upload was created using the {wanted.kind if wanted else 'null'} checksum mode. "
            f"The complete request must use the same checksum mode.",
        )
    given = [name for name in headers if name in _HEADERS]
    if not given:
        return
    if len(given) > 1 or wanted is None or _HEADERS[given[0]] != wanted.algorithm:
        raise S3Error(
            "InvalidRequest",
            f"The complete request's {given[0]} does not fit the upload, which was created using "
            f"the {wanted.algorithm if wanted else 'null'} checksum.",
        )
    # A composite value may come with its "-N" or without
    computed = value if "-" in headers[given[0]] else value.partition("-")[0]
    if headers[given[0]] != computed:
        raise _bad_checksum(wanted.algorithm)


def _parse_content_md5(text: str) -> bytes:
    content_md5 = decode_checksum("md5", text)
    if content_md5 is None:
        raise S3Error("InvalidDigest", "The Content-MD5 you specified was invalid.")
    return content_md5


def _parse_checksum(headers: Mapping[str, str]) -> tuple[str, bytes | None, bool]:
    """(algorithm or "", expected value, whether the value comes in a trailer)."""
    if _ABOUT_CHECKSUMS.isdisjoint(headers):
        return "", None, False
    names = [name for name in headers if name in _HEADERS]
    trailing = _trailing_names(headers)
    if len(names) + len(trailing) > 1:
        raise S3Error(
            "InvalidRequest",
            "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
        )
    announced = headers.get(_ANNOUNCED, "").lower()
    found = _HEADERS[(names or trailing)[0]] if names or trailing else ""
    if announced and (announced not in ALGORITHMS or found not in ("", announced)):
        raise S3Error("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
    if not names:
        # An algorithm without a value: nothing to compare, but the client wants one stored
        return found or announced, None, bool(trailing)
    checksum = decode_checksum(found, headers[names[0]])
    if checksum is None:
        # What can't be a checksum at all is one that does not match
        raise S3Error("BadDigest", f"Value for {names[0]} header is invalid.")
    return found, checksum, False


def _trailing_names(headers: Mapping[str, str]) -> list[str]:
    announced = headers.get(_TRAILER, "")
    if not announced:
        return []
    names = [name.strip().lower() for name in announced.split(",")]
    names = [name for name in names if name]
    if any(name not in _HEADERS for name in names):
        raise S3Error(
            "InvalidRequest", "The value specified in the x-amz-trailer header is not supported"
        )
    return names


def _trailing_checksum(algorithm: str, trailers: Mapping[str, str]) -> bytes:
    name = HEADER_PREFIX + algorithm
    if name not in trailers:
        raise S3Error("MalformedTrailerError", f"The announced trailer {name} is missing.")
    checksum = decode_checksum(algorithm, trailers[name])
    if checksum is None:
        raise S3Error("BadDigest", f"Value for {name} trailing header is invalid.")
    return checksum


def _bad_checksum(algorithm: str) -> S3Error:
    return S3Error(
        "BadDigest", f"The {algorithm.upper()} you specified did not match the calculated checksum."
    )
