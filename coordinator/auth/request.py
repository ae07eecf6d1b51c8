"""A request as its signature sees it, and the query string taken apart.

Rules: everything arrives as it stood on the wire. Bytes that are not ASCII travel in `str` as
latin-1 (one character per byte), so nothing is lost and signatures are made over the very bytes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes


@dataclass(slots=True)  # not frozen: made for every request, which a frozen one costs three times
class SignedRequest:
    """What a signature may cover.

    `raw_path`: the path as sent, still percent-encoded, without the query. `query_string`: as
    sent, without "?". `headers`: lower-case names; values decoded as latin-1, duplicates joined
    with "," in their order. `now`: the server's clock in seconds since the epoch.
    `virtual_bucket`: the bucket taken from the Host header, "" in path style (SigV2 signs it).
    `services` are those that it may be signed for. `body_sha256`: the hash of the body, where that
    was read before: it stands in for the header that only clients of S3 send.
    """

    method: str
    raw_path: bytes | str
    query_string: str
    headers: Mapping[str, str]
    now: float
    virtual_bucket: str = ""
    services: tuple[str, ...] = ("s3",)
    body_sha256: str = ""


def join_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Lower-case names to values; a repeated header's values are joined by commas."""
    headers: dict[str, str] = {}
    for name_bytes, value_bytes in raw:
        name, value = name_bytes.decode("latin-1"), value_bytes.strip().decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return headers


Query = list[tuple[str, str]]
"""Decoded (name, value) pairs in the order they were sent."""


def parse_query(query_string: str) -> Query:
    """The decoded (name, value) pairs in their order; a name without "=" has the value "".

    "+" means a space, as it does for AWS. Bytes that are not UTF-8 become lone surrogates
    (surrogateescape): a caller who wants text must refuse those.
    """
    if not query_string:
        return []
    pairs: Query = []
    for piece in query_string.split("&"):
        if piece:
            name, _, value = piece.partition("=")
            if "%" in piece or "+" in piece or not piece.isascii():
                name, value = _decode(name), _decode(value)
            pairs.append((name, value))
    return pairs


def _decode(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text and text.isascii():
        return text
    return unquote_to_bytes(text.encode("latin-1")).decode("utf-8", "surrogateescape")
