"""GetObject and HeadObject: whole, in ranges, by part number, on conditions.

Rules: what is answered is one version, and of its parts only those looked up for that very version.
"""

from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Final

from coordinator.crypto import CustomerKey
from coordinator.objects import with_current
from coordinator.s3.conditions import check_read, range_applies
from coordinator.s3.encryption import answer as encryption_headers
from coordinator.s3.encryption import reading_key
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response
from coordinator.s3.expiration import expiration_headers
from coordinator.s3.headers import object_checksums, object_headers, response_overrides
from coordinator.s3.multipart import part_number
from coordinator.s3.object_lock import lock_headers
from coordinator.s3.ranges import ByteRange, parse_range
from coordinator.s3.surface import Surface
from coordinator.s3.tagging import tag_count_headers
from coordinator.s3.unsupported import refuse_unsupported
from coordinator.s3.versioning import look_up, read_headers
from metadata import NoSuchKey, Part, StoredVersion

CHECKSUM_MODE: Final = "x-amz-checksum-mode"


def get_object(s3: Surface, request: Request) -> Awaitable[Response]:
    """The object's bytes, or the range or part asked for."""
    refuse_unsupported(request.headers)
    return with_current(partial(look_up, s3, request), partial(_get, s3, request))


def head_object(s3: Surface, request: Request) -> Awaitable[Response]:
    """What GetObject would say, without the bytes."""
    refuse_unsupported(request.headers)
    return with_current(partial(look_up, s3, request), partial(_head, s3, request))


async def _get(s3: Surface, request: Request, stored: StoredVersion) -> Response:
    response, selected, key = await _described(s3, request, stored)
    if response.length:
        response.body, response.stream = await s3.objects.begin(
            stored, selected.start, selected.stop, key
        )
    return response


async def _head(s3: Surface, request: Request, stored: StoredVersion) -> Response:
    response, _, _ = await _described(s3, request, stored)
    return response


async def _named_part(s3: Surface, request: Request, stored: StoredVersion) -> Part | None:
    """The part that ?partNumber= names; None without it, and of an object that has no parts, which
    all of it is part 1 of. Raises NoSuchKey where the version is gone meanwhile."""
    if "partNumber" not in request.params:
        return None
    number = part_number(request)
    if "range" in request.headers:
        raise S3Error(
            "InvalidRequest", "Cannot specify both Range header and partNumber query parameter"
        )
    version = stored.version
    if not version.part_count:
        if number > 1:
            raise S3Error("InvalidPart", "The object has no part of that number.")
        return None
    part = await s3.multipart.part(stored, number)
    if part is None:
        # Either there is none, or all have gone with their version
        if not await s3.metadata.version_parts(version.version_id, limit=1):
            raise NoSuchKey(f"{version.key!r} was replaced while it was being opened")
        raise S3Error("InvalidPart", "The object has no part of that number.")
    return part


async def _described(
    s3: Surface, request: Request, stored: StoredVersion
) -> tuple[Response, ByteRange, CustomerKey | None]:
    """The answer without its body, which bytes are to follow, and the key that opens them."""
    version, params, headers = stored.version, request.params, request.all_headers
    part = await _named_part(s3, request, stored) if "partNumber" in params else None
    key = reading_key(s3, headers, stored)
    check_read(headers, etag=version.etag, modified_at_ms=version.created_at_ms)
    selected = None
    if part is not None:
        selected = ByteRange(part.offset, part.offset + part.content_size)
    elif "partNumber" in params:
        selected = ByteRange(0, version.size)
    elif "range" in headers and range_applies(
        headers, etag=version.etag, modified_at_ms=version.created_at_ms
    ):
        selected = parse_range(headers["range"], version.size)
    checksums: Mapping[str, str] = {}
    if headers.get(CHECKSUM_MODE, "").upper() == "ENABLED":
        checksums = _checksums(stored, selected, part)
    lines = object_headers(version, overrides=_overrides(request), checksums=checksums)
    lines += read_headers(stored.bucket, version)
    lines += lock_headers(version)
    lines += encryption_headers(version.encryption)
    lines += tag_count_headers(version)
    if part is not None:
        lines.append((b"x-amz-mp-parts-count", b"%d" % version.part_count))
    status = 200
    if selected is None or not selected.length:
        selected = selected or ByteRange(0, version.size)
    else:
        status = 206
        lines.append((b"content-range", selected.content_range(version.size).encode()))
    # Of a version that was named it isn't known whether it is the current one.
    if "versionId" not in params:
        lines += await expiration_headers(s3, stored.bucket, version)
    return Response(status, lines, length=selected.length), selected, key


def _checksums(
    stored: StoredVersion, selected: ByteRange | None, part: Part | None
) -> Mapping[str, str]:
    """Those of the very bytes that are answered; a part's own are given beside the object's type,
    and a range has none."""
    checksums = object_checksums(stored.version.attributes.checksums)
    if part is None:
        is_whole = selected is None or selected.length == stored.version.size
        return checksums if is_whole else {}
    return {
        name: value if name == "type" else part.checksums[name]
        for name, value in checksums.items()
        if name == "type" or name in part.checksums
    }


def _overrides(request: Request) -> Mapping[str, str]:
    """response-content-type and its like, which only who is known may ask for."""
    overrides = response_overrides(request.params)
    if overrides and request.user is None:
        raise S3Error(
            "InvalidRequest",
            "Request specific response headers cannot be used for anonymous GET requests.",
        )
    return overrides
