"""From request headers to an object's attributes, and back to response headers.

Rules: values are kept byte for byte; in `str` they are latin-1, one character per byte. What a
client put into a query parameter is checked before it becomes a header: no line breaks.
"""

import re
from collections.abc import Mapping
from typing import Final

from coordinator.s3.conditions import format_http_date
from coordinator.s3.errors import S3Error
from metadata.model import Attributes, Version

HeaderList = list[tuple[bytes, bytes]]
"""Headers as ASGI wants them."""

MAX_USER_METADATA_BYTES: Final = 2048
USER_PREFIX: Final = "x-amz-meta-"
DEFAULT_CONTENT_TYPE: Final = "binary/octet-stream"
DEFAULT_STORAGE_CLASS: Final = "STANDARD"
STORAGE_CLASSES: Final = frozenset(
    {
        DEFAULT_STORAGE_CLASS,
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER_IR",
    }
)
"""Names kept and given back; every object is stored alike. Those that promise an archive to be
restored from first are refused."""

CONTENT_HEADERS: Final = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
KEPT_HEADERS: Final = (
    *CONTENT_HEADERS,
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
)

_KEPT_NAMES: Final = frozenset(KEPT_HEADERS)
_OVERRIDES: Final = {f"response-{name}": name for name in CONTENT_HEADERS}
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_NOT_HOISTED: Final = frozenset(
    {
        "x-amz-algorithm",
        "x-amz-content-sha256",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-security-token",
        "x-amz-signature",
        "x-amz-signedheaders",
    }
)
_HOISTED_BY_SIGV2: Final = ("content-md5", "content-type")
_EMPTY: Final[Mapping[str, str]] = {}


def hoisted(headers: Mapping[str, str], query: Mapping[str, str]) -> Mapping[str, str]:
    """The headers, with what a presigned URL carries in its query instead added.

    `x-amz-*` parameters count as headers unless a header of that name is there; x-amz-checksum-*
    values are left out, because clients put the checksum of an EMPTY body there and S3 ignores it.
    Raises S3Error InvalidArgument for control characters.
    """
    is_sigv2 = "AWSAccessKeyId" in query
    if not is_sigv2 and "X-Amz-Signature" not in query:
        return headers
    added: dict[str, str] = {}
    for parameter, value in query.items():
        name = parameter.lower()
        if name in headers or name in _NOT_HOISTED:
            continue
        if (name.startswith("x-amz-") and not _is_checksum_value(name)) or (
            is_sigv2 and name in _HOISTED_BY_SIGV2
        ):
            # the first counts, as for the signature: names may come in several spellings
            added.setdefault(name, as_header(parameter, value))
    return {**headers, **added} if added else headers


def attributes(headers: Mapping[str, str], checksums: Mapping[str, str] = _EMPTY) -> Attributes:
    """What a PUT, a multipart initiation, or a copy with REPLACE says about the object.

    Raises S3Error MetadataTooLarge, InvalidStorageClass, InvalidRedirectLocation.
    """
    return Attributes(_kept(headers), _user_metadata(headers), checksums)


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    if _KEPT_NAMES.isdisjoint(headers):
        return {"content-type": DEFAULT_CONTENT_TYPE}
    kept = {name: headers[name] for name in KEPT_HEADERS if headers.get(name)}
    if "content-encoding" in kept:
        _strip_aws_chunked(kept)
    kept.setdefault("content-type", DEFAULT_CONTENT_TYPE)
    redirect = kept.get("x-amz-website-redirect-location")
    if redirect is not None and not redirect.startswith(("/", "http://", "https://")):
        raise S3Error("InvalidRedirectLocation")
    storage_class = kept.pop("x-amz-storage-class", DEFAULT_STORAGE_CLASS)
    if storage_class not in STORAGE_CLASSES:
        raise S3Error("InvalidStorageClass")
    if storage_class != DEFAULT_STORAGE_CLASS:
        kept["x-amz-storage-class"] = storage_class
    return kept


def _user_metadata(headers: Mapping[str, str]) -> dict[str, str]:
    user = {
        name[len(USER_PREFIX) :]: value
        for name, value in headers.items()
        if name.startswith(USER_PREFIX)
    }
    if not user:
        return user
    # one character is one byte here
    size = sum(len(name) + len(value) for name, value in user.items())
    if size > MAX_USER_METADATA_BYTES:
        raise S3Error(
            "MetadataTooLarge",
            extra={"Size": str(size), "MaxSizeAllowed": str(MAX_USER_METADATA_BYTES)},
        )
    return user


def response_overrides(query: Mapping[str, str]) -> dict[str, str]:
    """response-content-type and its like: header name -> value. Raises S3Error InvalidArgument."""
    if not query:
        return {}
    return {
        name: as_header(parameter, query[parameter])
        for parameter, name in _OVERRIDES.items()
        if parameter in query
    }


def object_headers(
    version: Version,
    *,
    overrides: Mapping[str, str] = _EMPTY,
    checksums: Mapping[str, str] = _EMPTY,
) -> HeaderList:
    """The headers of a GET or HEAD answer, except Content-Length and Content-Range. `checksums`:
    those that were asked for, of the object or of a part of it."""
    kept = version.attributes.headers
    if overrides:
        kept = {**kept, **overrides}
    found = [
        (b"last-modified", format_http_date(version.created_at_ms).encode()),
        (b"etag", quoted(version.etag).encode()),
        (b"accept-ranges", b"bytes"),
    ]
    for name, value in kept.items():
        found.append((name.encode("latin-1"), value.encode("latin-1")))
    if "content-type" not in kept:
        found.append((b"content-type", DEFAULT_CONTENT_TYPE.encode()))
    for name, value in version.attributes.user.items():
        found.append((f"{USER_PREFIX}{name}".encode("latin-1"), value.encode("latin-1")))
    if checksums:
        found += checksum_headers(checksums)
    return found


def object_checksums(checksums: Mapping[str, str]) -> Mapping[str, str]:
    """An object's checksums with their type, which a plain PUT does not store: it has but one."""
    return (
        {**checksums, "type": "FULL_OBJECT"} if checksums and "type" not in checksums else checksums
    )


def checksum_headers(checksums: Mapping[str, str]) -> HeaderList:
    """x-amz-checksum-* and, of an object, x-amz-checksum-type."""
    return [
        (f"x-amz-checksum-{name}".encode(), value.encode()) for name, value in checksums.items()
    ]


def quoted(etag: str) -> str:
    """The ETag as headers and XML carry it."""
    return f'"{etag}"'


def _is_checksum_value(name: str) -> bool:
    return name.startswith("x-amz-checksum-") and name not in (
        "x-amz-checksum-algorithm",
        "x-amz-checksum-mode",
        "x-amz-checksum-type",
    )


def _strip_aws_chunked(kept: dict[str, str]) -> None:
    """aws-chunked is about the request, not about the object."""
    encodings = [encoding.strip() for encoding in kept["content-encoding"].split(",")]
    if "aws-chunked" not in encodings:
        return
    rest = ", ".join(encoding for encoding in encodings if encoding not in ("aws-chunked", ""))
    if rest:
        kept["content-encoding"] = rest
    else:
        del kept["content-encoding"]


def as_header(parameter: str, value: str) -> str:
    """Text from a query or a form as the value of a header. Raises S3Error InvalidArgument for
    control characters."""
    if _CONTROL.search(value):
        raise S3Error(
            "InvalidArgument",
            "Header values can't have control characters",
            extra={"ArgumentName": parameter},
        )
    return value.encode().decode("latin-1")
