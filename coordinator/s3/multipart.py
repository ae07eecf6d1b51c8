"""The multipart operations: create, upload part, copy part, complete, abort, list parts."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from coordinator.objects import MAX_PART_NUMBER, NamedPart
from coordinator.s3 import xml
from coordinator.s3.checksums import (
    Digest,
    Expected,
    UploadChecksum,
    check_complete,
    multipart_checksum,
    parse_upload_checksum,
)
from coordinator.s3.conditions import write_condition
from coordinator.s3.copying import find_source
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.headers import attributes, checksum_headers, hoisted, quoted
from coordinator.s3.listing import encode_url, owner
from coordinator.s3.payload import MAX_OBJECT_BYTES, Payload, read_small
from coordinator.s3.ranges import parse_copy_source_range
from coordinator.s3.surface import Surface
from coordinator.s3.unsupported import refuse_unsupported
from metadata import Bucket, Part, Upload

ALGORITHM = "algorithm"
"""Key in an upload's checksums for the algorithm its creator chose, beside `type`."""

MAX_PARTS_PAGE = 1000


async def create_upload(s3: Surface, request: Request) -> Response:
    """CreateMultipartUpload."""
    headers = hoisted(request.headers, request.params)
    refuse_unsupported(headers)
    bucket = await s3.bucket(request)
    wanted = parse_upload_checksum(headers)
    described = attributes(headers)
    lines = []
    if wanted is not None:
        chosen = {ALGORITHM: wanted.algorithm, "type": wanted.kind}
        described = replace(described, checksums=chosen)
        lines = [
            (b"x-amz-checksum-algorithm", wanted.algorithm.upper().encode()),
            (b"x-amz-checksum-type", wanted.kind.encode()),
        ]
    upload = await s3.multipart.create(bucket, request.key, request.identity.user_id, described)
    return xml_response(
        xml.initiate_multipart_upload_result(bucket.name, request.key, upload.upload_id),
        headers=lines,
    )


async def upload_part(s3: Surface, request: Request) -> Response:
    """UploadPart."""
    headers = hoisted(request.headers, request.params)
    refuse_unsupported(headers)
    number = _part_number(request)
    _, upload = await _find(s3, request)
    payload = Payload(request, headers, checksum=upload.attributes.checksums.get(ALGORITHM, ""))
    part = await s3.multipart.put_part(upload, number, payload.chunks(), payload)
    return Response(200, [(b"etag", quoted(part.etag).encode()), *checksum_headers(part.checksums)])


async def upload_part_copy(s3: Surface, request: Request) -> Response:
    """UploadPartCopy: a part made of (a range of) an object."""
    headers = hoisted(request.headers, request.params)
    refuse_unsupported(headers)
    number = _part_number(request)
    _, upload = await _find(s3, request)
    source = await find_source(s3, request, headers)
    start, stop = 0, source.version.size
    if "x-amz-copy-source-range" in headers:
        selected = parse_copy_source_range(headers["x-amz-copy-source-range"], stop)
        start, stop = selected.start, selected.stop
    if stop - start > MAX_OBJECT_BYTES:
        raise S3Error("InvalidRequest", "A part holds at most 5 GiB: copy a range")
    digest = Digest(Expected(algorithm=upload.attributes.checksums.get(ALGORITHM, "")))
    async with await s3.objects.open(source, start, stop) as body:
        part = await s3.multipart.put_part(upload, number, body, digest)
    return xml_response(xml.copy_part_result(part.etag, part.created_at_ms, part.checksums))


async def complete_upload(s3: Surface, request: Request) -> Response:
    """CompleteMultipartUpload."""
    bucket, upload = await _find(s3, request)
    named = xml.parse_complete_multipart_upload(await read_small(request))
    parts = await s3.multipart.chosen_parts(
        upload, [NamedPart(part.number, part.etag, part.checksums) for part in named]
    )
    # Combining thousands of parts' checksums takes a while.
    checksums = await asyncio.to_thread(_object_checksum, request.headers, upload, parts)
    described = replace(upload.attributes, checksums=checksums)
    version = await s3.multipart.complete(
        bucket, upload, parts, described, write_condition(request.headers)
    )
    location = f"http://{request.headers.get('host', '')}/{bucket.name}/{request.key}"
    return xml_response(
        xml.complete_multipart_upload_result(
            location=location,
            bucket=bucket.name,
            key=request.key,
            etag=version.etag,
            checksums=version.attributes.checksums,
        )
    )


def _object_checksum(
    headers: Mapping[str, str], upload: Upload, parts: Sequence[Part]
) -> dict[str, str]:
    chosen: Mapping[str, str] = upload.attributes.checksums
    algorithm = chosen.get(ALGORITHM)
    if algorithm is None:
        check_complete(headers, None, "")
        return {}
    if any(algorithm not in part.checksums for part in parts):
        raise S3Error(
            "InvalidRequest",
            f"The upload was created using a {algorithm} checksum; every part must carry one",
        )
    wanted = UploadChecksum(algorithm, chosen["type"])
    value = multipart_checksum(wanted, [(part.checksums[algorithm], part.size) for part in parts])
    check_complete(headers, wanted, value)
    return {algorithm: value, "type": wanted.kind}


async def abort_upload(s3: Surface, request: Request) -> Response:
    """AbortMultipartUpload."""
    bucket = await s3.bucket(request)
    await s3.metadata.abort_upload(bucket.name, request.key, request.params["uploadId"])
    return Response(204)


async def list_parts(s3: Surface, request: Request) -> Response:
    """ListParts."""
    bucket, upload = await _find(s3, request)
    limit = request.number("max-parts", MAX_PARTS_PAGE, 0, MAX_PARTS_PAGE)
    marker = request.number("part-number-marker", 0, 0, MAX_PART_NUMBER)
    parts = await s3.metadata.upload_parts(upload.upload_id, after_number=marker, limit=limit + 1)
    page = parts[:limit]
    return xml_response(
        xml.list_parts_result(
            bucket=bucket.name,
            upload=upload,
            owner=await owner(s3, upload.owner_id),
            parts=page,
            part_number_marker=marker,
            next_part_number_marker=page[-1].number if page and len(parts) > limit else None,
            max_parts=limit,
            encode_url=encode_url(request),
        )
    )


async def _find(s3: Surface, request: Request) -> tuple[Bucket, Upload]:
    bucket = await s3.bucket(request)
    upload = await s3.metadata.upload(bucket.name, request.key, request.params["uploadId"])
    return bucket, upload


def _part_number(request: Request) -> int:
    text = request.params.get("partNumber", "")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MAX_PART_NUMBER):
        raise S3Error(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {MAX_PART_NUMBER}, inclusive",
        )
    return int(text)
