"""CopyObject: an object's bytes once more, under another key or with other metadata."""

from collections.abc import Mapping

from coordinator.objects import NewObject
from coordinator.s3 import xml
from coordinator.s3.checksums import Digest, Expected
from coordinator.s3.conditions import check_copy_source, write_condition
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.headers import attributes, hoisted
from coordinator.s3.names import parse_copy_source
from coordinator.s3.payload import MAX_OBJECT_BYTES
from coordinator.s3.surface import Surface
from coordinator.s3.unsupported import refuse_unsupported
from coordinator.s3.writing import refuse_early
from metadata import Attributes, NoSuchKey, StoredVersion


async def copy_object(s3: Surface, request: Request) -> Response:
    """Copy the source named in x-amz-copy-source."""
    headers = hoisted(request.headers, request.params)
    refuse_unsupported(headers)
    bucket = await s3.bucket(request)
    source = await find_source(s3, request, headers)
    replaces = _replaces_metadata(headers)
    if (
        source.bucket.name == bucket.name
        and source.version.key == request.key
        and not replaces
        and "x-amz-storage-class" not in headers
    ):
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without"
            " changing the object's metadata, storage class, website redirect location or"
            " encryption attributes.",
        )
    if source.version.size > MAX_OBJECT_BYTES:
        raise S3Error("InvalidRequest", "The source is over 5 GiB: use a multipart copy")
    described = attributes(headers) if replaces else _without_checksums(source.version.attributes)
    new = NewObject(request.identity.user_id, described, write_condition(headers))
    await refuse_early(s3, bucket, request.key, new.condition)
    version = await s3.objects.copy(source, bucket, request.key, _digest(headers, source), new)
    return xml_response(
        xml.copy_object_result(version.etag, version.created_at_ms, version.attributes.checksums)
    )


async def find_source(s3: Surface, request: Request, headers: Mapping[str, str]) -> StoredVersion:
    """The version that x-amz-copy-source names, if the sender may read it and the conditions on it
    hold. Raises S3Error, NoSuchBucket, NoSuchKey, AuthError."""
    bucket, key, version_id = parse_copy_source(headers["x-amz-copy-source"])
    try:
        source = await s3.stored(request, bucket, key, version_id)
    except NoSuchKey as error:
        raise S3Error("NoSuchKey" if version_id is None else "NoSuchVersion") from error
    check_copy_source(
        headers, etag=source.version.etag, modified_at_ms=source.version.created_at_ms
    )
    return source


def _replaces_metadata(headers: Mapping[str, str]) -> bool:
    directive = headers.get("x-amz-metadata-directive", "COPY").upper()
    if directive not in ("COPY", "REPLACE"):
        raise S3Error("InvalidArgument", f"Unknown metadata directive {directive!r}")
    return directive == "REPLACE"


def _without_checksums(source: Attributes) -> Attributes:
    return Attributes(source.headers, source.user)


def _digest(headers: Mapping[str, str], source: StoredVersion) -> Digest:
    """A copy keeps the source's kind of checksum unless another one is asked for."""
    wanted = headers.get("x-amz-checksum-algorithm", "").lower()
    kept = next((name for name in source.version.attributes.checksums if name != "type"), "")
    return Digest(Expected(algorithm=wanted or kept))
