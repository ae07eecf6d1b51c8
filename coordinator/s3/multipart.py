"""The multipart operations: create, upload part, copy part, complete, abort, list parts.

Rules: what the finished object is to be (metadata, tags, access, protection, encryption, kind of
checksum) is said when the upload is created; its parts only bring bytes. Completing is idempotent:
a client that never got the answer asks again, and is told of the version that it made.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from coordinator.objects import MAX_PART_NUMBER, NamedPart
from coordinator.s3 import xml
from coordinator.s3.checksums import (
    DEFAULT,
    DEFAULT_OF_UPLOAD,
    Digest,
    UploadChecksum,
    check_complete,
    expect,
    multipart_checksum,
    parse_upload_checksum,
)
from coordinator.s3.conditions import write_condition
from coordinator.s3.copying import find_source, source_headers
from coordinator.s3.encryption import answer as encryption_headers
from coordinator.s3.encryption import check_completion, part_key, source_key
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.expiration import expiration_headers, upload_headers
from coordinator.s3.headers import checksum_headers, quoted
from coordinator.s3.listing import encode_url, owner
from coordinator.s3.payload import MAX_OBJECT_BYTES, Payload, read_small
from coordinator.s3.ranges import parse_copy_source_range
from coordinator.s3.surface import Surface
from coordinator.s3.unsupported import refuse_unsupported
from coordinator.s3.versioning import written_headers as version_headers
from coordinator.s3.writing import described
from metadata import Bucket, NoSuchUpload, Part, Upload, Version

ALGORITHM = "algorithm"
"""Key in an upload's checksums for the algorithm its creator chose, beside `type`."""

MAX_PARTS_PAGE = 1000


async def create_upload(s3: Surface, request: Request) -> Response:
    """CreateMultipartUpload."""
    headers = request.all_headers
    wanted = parse_upload_checksum(headers)
    bucket = await s3.bucket(request)
    new = await described(s3, request, bucket, request.key, headers)
    lines = []
    if wanted is not None:
        chosen = {ALGORITHM: wanted.algorithm, "type": wanted.kind}
        new = replace(new, attributes=replace(new.attributes, checksums=chosen))
        lines = [
            (b"x-amz-checksum-algorithm", wanted.algorithm.upper().encode()),
            (b"x-amz-checksum-type", wanted.kind.encode()),
        ]
    upload = await s3.multipart.create(bucket, request.key, new)
    return xml_response(
        xml.initiate_multipart_upload_result(bucket.name, request.key, upload.upload_id),
        headers=lines
        + encryption_headers(upload.encryption)
        + await upload_headers(s3, bucket, upload),
    )


async def upload_part(s3: Surface, request: Request) -> Response:
    """UploadPart."""
    headers = request.all_headers
    refuse_unsupported(headers)
    number = part_number(request)
    bucket, upload = await _find(s3, request)
    key = part_key(s3, headers, bucket, upload)
    payload = Payload(
        request,
        headers,
        checksum=upload.attributes.checksums.get(ALGORITHM, ""),
        default_checksum=DEFAULT,
    )
    part = await s3.multipart.put_part(upload, number, payload.chunks(), payload, key)
    return Response(
        200,
        [
            (b"etag", quoted(part.etag).encode()),
            *checksum_headers(part.checksums),
            *encryption_headers(upload.encryption),
        ],
    )


async def upload_part_copy(s3: Surface, request: Request) -> Response:
    """UploadPartCopy: a part made of (a range of) an object."""
    headers = request.all_headers
    refuse_unsupported(headers)
    number = part_number(request)
    bucket, upload = await _find(s3, request)
    key = part_key(s3, headers, bucket, upload)
    source = await find_source(s3, request, headers)
    source_secret = source_key(s3, headers, source)
    start, stop = 0, source.version.size
    if "x-amz-copy-source-range" in headers:
        selected = parse_copy_source_range(headers["x-amz-copy-source-range"], stop)
        start, stop = selected.start, selected.stop
    if stop - start > MAX_OBJECT_BYTES:
        raise S3Error("InvalidRequest", "A part holds at most 5 GiB: copy a range")
    digest = Digest(expect(upload.attributes.checksums.get(ALGORITHM, "")))
    async with await s3.objects.open(source, start, stop, source_secret) as body:
        part = await s3.multipart.put_part(upload, number, body, digest, key)
    return xml_response(
        xml.copy_part_result(part.etag, part.created_at_ms, part.checksums),
        headers=[*source_headers(source), *encryption_headers(upload.encryption)],
    )


async def complete_upload(s3: Surface, request: Request) -> Response:
    """CompleteMultipartUpload."""
    bucket = await s3.bucket(request)
    document = await read_small(request, checksum_is_object_s=True)
    named = [
        NamedPart(part.number, part.etag, part.checksums)
        for part in xml.parse_complete_multipart_upload(document)
    ]
    try:
        version = await _complete(s3, request, bucket, named)
    except NoSuchUpload:
        # Perhaps this is the second time it is asked, or another one was faster.
        upload_id = request.params["uploadId"]
        done = await s3.multipart.completed(bucket, request.key, upload_id, named)
        if done is None:
            raise
        version = done
    location = f"http://{request.headers.get('host', '')}/{bucket.name}/{request.key}"
    result = xml.complete_multipart_upload_result(
        location=location,
        bucket=bucket.name,
        key=request.key,
        etag=version.etag,
        checksums=version.attributes.checksums,
    )
    lines = version_headers(version) + encryption_headers(version.encryption)
    lines += await expiration_headers(s3, bucket, version)
    return xml_response(result, headers=lines)


async def _complete(
    s3: Surface, request: Request, bucket: Bucket, named: Sequence[NamedPart]
) -> Version:
    upload = await s3.metadata.upload(bucket.name, request.key, request.params["uploadId"])
    parts = await s3.multipart.chosen_parts(upload, named)
    check_completion(s3, request.headers, bucket, upload, parts)
    _check_size(request.headers, parts)
    # Combining thousands of parts' checksums takes a while.
    checksums = await asyncio.to_thread(_object_checksum, request.headers, upload, parts)
    attributes = replace(upload.attributes, checksums=checksums)
    condition = write_condition(request.headers)
    return await s3.multipart.complete(bucket, upload, parts, attributes, condition)


def _check_size(headers: Mapping[str, str], parts: Sequence[Part]) -> None:
    """Whether the object has the size that the client may have announced."""
    announced = headers.get("x-amz-mp-object-size")
    size = sum(part.content_size for part in parts)
    if announced is not None and announced.strip() != str(size):
        raise S3Error(
            "InvalidRequest",
            "The provided 'x-amz-mp-object-size' header does not match what was computed.",
        )


def _object_checksum(
    headers: Mapping[str, str], upload: Upload, parts: Sequence[Part]
) -> dict[str, str]:
    chosen: Mapping[str, str] = upload.attributes.checksums
    wanted = DEFAULT_OF_UPLOAD
    if ALGORITHM in chosen:
        wanted = UploadChecksum(chosen[ALGORITHM], chosen["type"])
    algorithm = wanted.algorithm
    if any(algorithm not in part.checksums for part in parts):
        if ALGORITHM in chosen:
            raise S3Error(
                "InvalidRequest",
                f"The upload was created using a {algorithm} checksum; every part must carry one",
            )
        # Others came with parts and none was asked for of the object, or encryption hides it.
        check_complete(headers, None, "")
        return {}
    value = multipart_checksum(
        wanted, [(part.checksums[algorithm], part.content_size) for part in parts]
    )
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
        ),
        headers=await upload_headers(s3, bucket, upload),
    )


def part_number(request: Request) -> int:
    """The partNumber of the query. Raises S3Error InvalidArgument."""
    text = request.params.get("partNumber", "")
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MAX_PART_NUMBER):
        raise S3Error(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {MAX_PART_NUMBER}, inclusive",
            extra={"ArgumentName": "partNumber", "ArgumentValue": text},
        )
    return int(text)


async def _find(s3: Surface, request: Request) -> tuple[Bucket, Upload]:
    bucket = await s3.bucket(request)
    upload = await s3.metadata.upload(bucket.name, request.key, request.params["uploadId"])
    return bucket, upload
