"""GetObject and HeadObject: whole, in ranges, on conditions."""

from coordinator.s3.conditions import check_read, range_applies
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response
from coordinator.s3.headers import object_headers, response_overrides
from coordinator.s3.ranges import ByteRange, parse_range
from coordinator.s3.surface import Surface
from coordinator.s3.unsupported import refuse_unsupported
from metadata import NoSuchKey, StoredVersion

OPEN_TRIES = 5
"""How often a version may be replaced between its look-up and its opening."""


async def get_object(s3: Surface, request: Request) -> Response:
    """The object's bytes, or the range asked for."""
    for _ in range(OPEN_TRIES - 1):
        stored = await _look_up(s3, request)
        try:
            return await _get(s3, request, stored)
        except NoSuchKey:
            # Gone, or replaced between look-up and opening: the next look-up tells which.
            continue
    return await _get(s3, request, await _look_up(s3, request))


async def _get(s3: Surface, request: Request, stored: StoredVersion) -> Response:
    response, selected = _head(request, stored)
    if response.length:
        response.body, response.stream = await s3.objects.begin(
            stored, selected.start, selected.stop
        )
    return response


async def head_object(s3: Surface, request: Request) -> Response:
    """What GetObject would say, without the bytes."""
    response, _ = _head(request, await _look_up(s3, request))
    return response


async def _look_up(s3: Surface, request: Request) -> StoredVersion:
    refuse_unsupported(request.headers)
    version_id = request.params.get("versionId")
    try:
        return await s3.stored(request, request.bucket, request.key, version_id)
    except NoSuchKey as error:
        if version_id is None:
            raise
        raise S3Error("NoSuchVersion", extra={"Key": request.key}) from error


def _head(request: Request, stored: StoredVersion) -> tuple[Response, ByteRange]:
    version = stored.version
    headers = request.headers
    check_read(headers, etag=version.etag, modified_at_ms=version.created_at_ms)
    selected = None
    if "range" in headers and range_applies(
        headers, etag=version.etag, modified_at_ms=version.created_at_ms
    ):
        selected = parse_range(headers["range"], version.size)
    lines = object_headers(
        version,
        overrides=response_overrides(request.params),
        with_checksums=headers.get("x-amz-checksum-mode", "").upper() == "ENABLED"
        and selected is None,
    )
    if selected is None:
        selected = ByteRange(0, version.size)
        return Response(200, lines, length=version.size), selected
    lines.append((b"content-range", selected.content_range(version.size).encode()))
    return Response(206, lines, length=selected.length), selected
