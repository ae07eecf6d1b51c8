"""Bucket and object names, and where they stand in a request.

Rules: keys are any UTF-8 text and never normalised: "a//b", "../x" and "/" are keys like others.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from coordinator.auth.request import parse_query
from coordinator.objects.names import MAX_KEY_BYTES, is_bucket_name
from coordinator.s3.errors import S3Error

MAX_HOSTS: Final = 256
"""Host headers that are kept in memory taken apart."""

MAX_BUCKET_NAMES: Final = 1024
"""Bucket names that are not looked at anew."""

_LONGEST_BUCKET_NAME: Final = 63

_BAD_ESCAPE = re.compile(rb"%(?![0-9a-fA-F]{2})")


class Address(NamedTuple):
    """What a request is about. `bucket` "" is the service itself, `key` "" the bucket."""

    bucket: str
    key: str
    is_virtual_host: bool = False
    is_website: bool = False


def resolve(
    host: str, raw_path: bytes, base_domains: Sequence[str] = (), website_domain: str = ""
) -> Address:
    """Split Host header and raw path (percent-encoded, without query) into bucket and key.

    A host `bucket.<website domain>[:port]` is the bucket's web site, `bucket.<base domain>` is
    virtual-host style, everything else path style. The bucket name is not checked (see
    check_bucket_name), the key is. Raises S3Error InvalidURI (bad percent-encoding or UTF-8),
    KeyTooLongError.
    """
    if not raw_path.startswith(b"/"):
        raise S3Error("InvalidURI")
    path = _decode(raw_path)[1:]
    bucket, is_website = _bucket_of_host(host, tuple(base_domains), website_domain)
    if bucket:
        _check_length(path)
        return Address(bucket, path, True, is_website)
    bucket, _, key = path.partition("/")
    _check_length(key)
    return Address(bucket, key)


def query_parameters(query_string: str) -> dict[str, str]:
    """The decoded query; the first of duplicates counts. Raises S3Error InvalidURI if not UTF-8."""
    parameters: dict[str, str] = {}
    for name, value in parse_query(query_string):
        if _is_text(name) and _is_text(value):
            parameters.setdefault(name, value)
        else:
            raise S3Error("InvalidURI", "The query is not UTF-8.")
    return parameters


def check_bucket_name(name: str) -> None:
    """Raises S3Error InvalidBucketName."""
    if len(name) > _LONGEST_BUCKET_NAME or not _is_bucket_name(name):
        raise S3Error("InvalidBucketName", extra={"BucketName": name})


def check_key(key: str) -> None:
    """A key that came as text: 1..1024 bytes of UTF-8. Raises S3Error KeyTooLongError,
    InvalidArgument (empty, or lone surrogates)."""
    if not key or not _is_text(key):
        raise S3Error("InvalidArgument", "A key has at least one byte of UTF-8.")
    _check_length(key)


def parse_copy_source(value: str) -> tuple[str, str, str | None]:
    """(bucket, key, version id or None) of an x-amz-copy-source header (latin-1 as on the wire).

    A raw "+" is a plus: s5cmd sends it so, and every client writes a space as %20 (AWS itself
    would read a space). Raises S3Error InvalidArgument, KeyTooLongError.
    """
    path, marker, version_id = value.rpartition("?versionId=")
    if not marker:
        path, version_id = value, ""
    try:
        bucket, _, key = _decode(path.encode("latin-1")).removeprefix("/").partition("/")
        version_id = _decode(version_id.encode("latin-1"))
    except (S3Error, UnicodeEncodeError):
        bucket = key = ""
    if not bucket or not key or (marker and not version_id):
        raise S3Error(
            "InvalidArgument",
            "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
            extra={"ArgumentName": "x-amz-copy-source", "ArgumentValue": value},
        )
    _check_length(key)
    return bucket, key, version_id or None


_is_bucket_name = lru_cache(maxsize=MAX_BUCKET_NAMES)(is_bucket_name)


@lru_cache(maxsize=MAX_HOSTS)
def _bucket_of_host(
    host: str, base_domains: tuple[str, ...], website_domain: str
) -> tuple[str, bool]:
    """The bucket that the host names, "" for none, and whether it names the bucket's web site."""
    name = host.lower()
    if not name.endswith("]"):  # an IPv6 address without a port
        before, colon, port = name.rpartition(":")
        if colon and port.isdigit():
            name = before
    site = _below(name, (website_domain,)) if website_domain else ""
    return site or _below(name, base_domains), site != ""


def _below(name: str, domains: Sequence[str]) -> str:
    for domain in domains:
        if name.endswith("." + domain):
            return name[: -len(domain) - 1]
    return ""


def _decode(raw: bytes) -> str:
    if b"%" in raw:
        if _BAD_ESCAPE.search(raw):
            raise S3Error("InvalidURI")
        raw = unquote_to_bytes(raw)
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise S3Error("InvalidURI", "The path is not UTF-8.") from error


def _check_length(key: str) -> None:
    # 4 bytes a character at most, so short keys need not be encoded to be measured
    if len(key) * 4 > MAX_KEY_BYTES:
        size = len(key.encode())
        if size > MAX_KEY_BYTES:
            raise S3Error(
                "KeyTooLongError",
                extra={"Size": str(size), "MaxSizeAllowed": str(MAX_KEY_BYTES)},
            )


def _is_text(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
