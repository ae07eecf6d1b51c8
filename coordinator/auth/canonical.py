"""The arithmetic of Signature Version 4, the same for those who sign and those who verify.

Source: "Authenticating Requests: Using the Authorization Header" and "Signature Calculations for
the Authorization Header: Transferring Payload in Multiple Chunks" in the S3 API Reference.

Rules: the path is encoded once, from its decoded form, and never normalised ("a//b" and "../x" are
keys). Headers are signed as the bytes that travelled, so everything is encoded as latin-1. Caches
are limited in number and, where anyone's text goes in, in its length.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote, quote_from_bytes, unquote_to_bytes

from coordinator.auth.credentials import ChunkSeed
from coordinator.auth.request import parse_query

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SERVICE: Final = "s3"
SCOPE_END: Final = "aws4_request"
EMPTY_SHA256: Final = hashlib.sha256(b"").hexdigest()
CACHED_SIGNING_KEYS: Final = 4096
CACHED_TEXTS: Final = 1024
MAX_CACHED_TEXT_LENGTH: Final = 256

_PLAIN_PATH = re.compile(r"[A-Za-z0-9/._~-]+", re.ASCII)
_PLAIN_TEXT = re.compile(r"[A-Za-z0-9._~-]*", re.ASCII)
_SPACES = re.compile(" {2,}")
_BLANKS: Final = " \t"


def canonical_path(raw_path: bytes | str) -> str:
    """The path percent-encoded as S3 wants it, whatever the client left unencoded."""
    if isinstance(raw_path, bytes):
        raw_path = raw_path.decode("latin-1")
    if _PLAIN_PATH.fullmatch(raw_path):
        return raw_path
    return quote_from_bytes(unquote_to_bytes(raw_path.encode("latin-1")), safe="/~") or "/"


def canonical_query(pairs: Iterable[tuple[str, str]]) -> str:
    """Decoded pairs, encoded and sorted."""
    encoded = [(_encode(name), _encode(value)) for name, value in pairs]
    # as pairs, because "=" sorts after "-" and "." which may be part of a longer name
    encoded.sort()
    return "&".join([f"{name}={value}" for name, value in encoded])


def canonical_query_string(query_string: str) -> str:
    """The same from the query as sent."""
    return canonical_query(parse_query(query_string)) if query_string else ""


def canonical_request(
    *,
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    signed_headers: str,
    payload_hash: str,
) -> bytes:
    """The document whose hash gets signed. `path` and `query` are canonical; `signed_headers`
    are lower-case names joined by ";", and a header that is missing counts as empty."""
    # not str.strip() without arguments: it would eat the latin-1 halves of UTF-8 letters
    lines = "".join(
        [f"{name}:{headers.get(name, '').strip(_BLANKS)}\n" for name in signed_headers.split(";")]
    )
    if "  " in lines:
        lines = _SPACES.sub(" ", lines)
    document = f"{method}\n{path}\n{query}\n{lines}\n{signed_headers}\n{payload_hash}"
    return document.encode("latin-1", "backslashreplace")


def string_to_sign(timestamp: str, scope: str, document: bytes) -> str:
    """What the signature is made over; `document` is the canonical request."""
    return f"{ALGORITHM}\n{timestamp}\n{scope}\n{hashlib.sha256(document).hexdigest()}"


@lru_cache(maxsize=CACHED_SIGNING_KEYS)
def signing_key(secret: str, date: str, region: str, service: str) -> hmac.HMAC:
    """The key of one day, region and service, as an HMAC that `sign` copies: to make it takes five,
    hence the cache."""
    key = f"AWS4{secret}".encode()
    for step in (date, region, service, SCOPE_END):
        key = hmac.digest(key, step.encode(), "sha256")
    return hmac.new(key, digestmod="sha256")


def sign(key: hmac.HMAC, text: str) -> str:
    """HMAC-SHA256 in hex. `key` has seen no text, and sees none here."""
    keyed = key.copy()
    keyed.update(text.encode())
    return keyed.hexdigest()


class ChunkChain:
    """The signatures of an aws-chunked body: each is made over the one before it."""

    def __init__(self, seed: ChunkSeed) -> None:
        self._key = seed.signing_key
        self._stamp = f"{seed.timestamp}\n{seed.scope}"
        self._previous = seed.signature

    def chunk(self, payload_sha256: str) -> str:
        """The signature of the next chunk (the last one has the hash of nothing)."""
        return self._next(f"{ALGORITHM}-PAYLOAD", f"{EMPTY_SHA256}\n{payload_sha256}")

    def trailer(self, trailer: bytes) -> str:
        """The signature of the trailers, each written as `name:value\\n`."""
        return self._next(f"{ALGORITHM}-TRAILER", hashlib.sha256(trailer).hexdigest())

    def _next(self, algorithm: str, hashes: str) -> str:
        text = f"{algorithm}\n{self._stamp}\n{self._previous}\n{hashes}"
        self._previous = sign(self._key, text)
        return self._previous


def _encode(text: str) -> str:
    if _PLAIN_TEXT.fullmatch(text):
        return text
    return (_cached_quote if len(text) <= MAX_CACHED_TEXT_LENGTH else _quote)(text)


def _quote(text: str) -> str:
    return quote(text, safe="~", errors="surrogateescape")


_cached_quote = lru_cache(maxsize=CACHED_TEXTS)(_quote)
