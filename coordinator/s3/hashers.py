"""The checksum algorithms of S3, in one shape, and how CRCs of pieces become the CRC of the whole.

Rules: names are lower-case, as in `metadata.model.Part.checksums`. Every hasher releases the GIL
on big buffers or is so fast (CRC32C, CRC64NVME: 50 GB/s) that it does not matter.
"""

import base64
import hashlib
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from typing import Final, Protocol

import xxhash
from awscrt import checksums as awscrt_checksums

from node.record import Buffer

CACHED_SHIFTS: Final = 1024


class Hasher(Protocol):
    """One running checksum."""

    def update(self, data: Buffer, /) -> None:
        """Take in the next bytes."""
        ...

    def digest(self) -> bytes:
        """The checksum so far, big-endian where it is a number."""
        ...


class _Crc:
    """A CRC function in the shape of hashlib's objects."""

    __slots__ = ("_compute", "_size", "_value")

    def __init__(self, compute: Callable[[Buffer, int], int], size: int) -> None:
        self._compute = compute
        self._size = size
        self._value = 0

    def update(self, data: Buffer, /) -> None:
        self._value = self._compute(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


_HASHERS: Final[Mapping[str, tuple[Callable[[], Hasher], int]]] = {
    "crc32": (partial(_Crc, zlib.crc32, 4), 4),
    "crc32c": (partial(_Crc, awscrt_checksums.crc32c, 4), 4),
    "crc64nvme": (partial(_Crc, awscrt_checksums.crc64nvme, 8), 8),
    "sha1": (partial(hashlib.sha1, usedforsecurity=False), 20),
    "sha256": (hashlib.sha256, 32),
    "sha512": (hashlib.sha512, 64),
    "md5": (partial(hashlib.md5, usedforsecurity=False), 16),
    "xxhash64": (xxhash.xxh64, 8),
    "xxhash3": (xxhash.xxh3_64, 8),
    "xxhash128": (xxhash.xxh3_128, 16),
}
"""Name -> (how to make one, digest size in bytes)."""

ALGORITHMS: Final = tuple(_HASHERS)

_POLYNOMIALS: Final = {
    "crc32": (0xEDB88320, 32),
    "crc32c": (0x82F63B78, 32),
    "crc64nvme": (0x9A6C9329AC4BC9B5, 64),
}
"""Name -> (reflected polynomial, width in bits)."""

COMBINABLE: Final = tuple(_POLYNOMIALS)
"""Algorithms whose checksum of a whole follows from those of its pieces."""


def new_hasher(algorithm: str) -> Hasher:
    """A fresh hasher; KeyError for a name that is not in ALGORITHMS."""
    return _HASHERS[algorithm][0]()


def digest_size(algorithm: str) -> int:
    """In bytes; KeyError for an unknown name."""
    return _HASHERS[algorithm][1]


def decode_checksum(algorithm: str, text: str) -> bytes | None:
    """The bytes of a checksum in base64, or None if it can be none of that algorithm."""
    try:
        decoded = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return decoded if len(decoded) == digest_size(algorithm) else None


def encode_checksum(digest: bytes) -> str:
    """In base64."""
    return base64.b64encode(digest).decode()


def combine_crcs(algorithm: str, first: bytes, second: bytes, second_size: int) -> bytes:
    """The CRC of two runs of bytes, one after the other, from the CRC of each.

    With CRCs as polynomials over GF(2): crc(A + B) = crc(A) * x^(8 * len(B)) mod P + crc(B). The
    inversion of the bits before and after cancels out, as in zlib's crc32_combine, which is the
    source of the idea.
    """
    shifted = _multiply(
        algorithm, int.from_bytes(first, "big"), _power_of_x(algorithm, 8 * second_size)
    )
    return (shifted ^ int.from_bytes(second, "big")).to_bytes(len(first), "big")


def _multiply(algorithm: str, left: int, right: int) -> int:
    """The product modulo the polynomial; bits are reflected: the highest bit is x^0."""
    polynomial, width = _POLYNOMIALS[algorithm]
    product = 0
    bit = 1 << (width - 1)
    while bit:
        if left & bit:
            product ^= right
        bit >>= 1
        right = (right >> 1) ^ polynomial if right & 1 else right >> 1
    return product


@lru_cache(maxsize=CACHED_SHIFTS)
def _power_of_x(algorithm: str, exponent: int) -> int:
    """x^exponent modulo the polynomial. Cached: the parts of an upload mostly have one size."""
    result = 1 << (_POLYNOMIALS[algorithm][1] - 1)
    bit = 0
    while exponent:
        if exponent & 1:
            result = _multiply(algorithm, result, _squared(algorithm, bit))
        exponent >>= 1
        bit += 1
    return result


@lru_cache(maxsize=CACHED_SHIFTS)
def _squared(algorithm: str, times: int) -> int:
    """x^(2^times) modulo the polynomial."""
    if times == 0:
        return 1 << (_POLYNOMIALS[algorithm][1] - 2)
    root = _squared(algorithm, times - 1)
    return _multiply(algorithm, root, root)
