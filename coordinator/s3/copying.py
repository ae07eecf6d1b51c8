"""CopyObject: an object's bytes once more, under another key or with other metadata.

Rules: a copy is a new version with tags, protection and access of its own: what the source has of
them is taken over only where S3 says so. The source is one version, looked up once.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from coordinator.s3 import xml
from coordinator.s3.checksums import DEFAULT, Digest, asked_algorithm, expect
from coordinator.s3.conditions import check_copy_source, write_condition
from coordinator.s3.encryption import source_key
from coordinator.s3.encryption_headers import answer as encryption_headers
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.expiration import expiration_headers
from coordinator.s3.headers import HeaderList, object_checksums
from coordinator.s3.names import parse_copy_source
from coordinator.s3.payload import MAX_OBJECT_BYTES
from coordinator.s3.surface import Surface
from coordinator.s3.tagging import copied_tags
from coordinator.s3.unsupported import refuse_unsupported
from coordinator.s3.versioning import check_version_id, written_headers
from coordinator.s3.writing import described, refuse_early
from metadata import Attributes, NoSuchKey, StoredVersion, Versioning

_CHANGES: Final = (
    "x-amz-storage-class",
    "x-amz-website-redirect-location",
    "x-amz-server-side-encryption",
    "x-amz-server-side-encryption-customer-algorithm",
)
"""With one of these an object may be copied to itself."""

_OF_THE_COPY: Final = ("x-amz-storage-class", "x-amz-website-redirect-location")
"""Never taken over from the source."""


async def copy_object(s3: Surface, request: Request) -> Response:
    """Copy the source named in x-amz-copy-source."""
    headers = request.all_headers
    refuse_unsupported(headers)
    bucket = await s3.bucket(request)
    source = await find_source(s3, request, headers)
    replaces = _replaces_metadata(headers)
    if not replaces:
        _check_it_changes(request, headers, source)
    if source.version.size > MAX_OBJECT_BYTES:
        raise S3Error("InvalidRequest", "The source is over 5 GiB: use a multipart copy")
    wanted = await described(s3, request, bucket, request.key, headers, write_condition(headers))
    new = replace(wanted, tags=copied_tags(headers, source.version))
    if not replaces:
        new = replace(new, attributes=_taken_over(wanted.attributes, source.version.attributes))
    await refuse_early(s3, bucket, request.key, new.condition)
    key = source_key(s3, headers, source)
    version = await s3.objects.copy(source, bucket, request.key, _digest(headers, source), new, key)
    checksums = object_checksums(version.attributes.checksums)
    return xml_response(
        xml.copy_object_result(version.etag, version.created_at_ms, checksums),
        headers=[
            *source_headers(source),
            *written_headers(version),
            *await expiration_headers(s3, bucket, version),
            *encryption_headers(version.encryption),
        ],
    )


async def find_source(s3: Surface, request: Request, headers: Mapping[str, str]) -> StoredVersion:
    """The version that x-amz-copy-source names, if the sender may read it and the conditions on it
    hold. Raises S3Error, NoSuchBucket, NoSuchKey, AuthError."""
    bucket, key, version_id = parse_copy_source(headers["x-amz-copy-source"])
    if version_id is not None:
        check_version_id(version_id)
    try:
        source = await s3.source(request, bucket, key, version_id)
    except NoSuchKey as error:
        code = "NoSuchKey" if version_id is None else "NoSuchVersion"
        raise S3Error(code, extra={"Key": key}) from error
    if source.version.is_delete_marker:
        raise S3Error(
            "InvalidRequest",
            "The source of a copy request may not specifically refer to a delete marker by version"
            " id.",
        )
    check_copy_source(
        headers, etag=source.version.etag, modified_at_ms=source.version.created_at_ms
    )
    return source


def source_headers(source: StoredVersion) -> HeaderList:
    """Which version was copied, where there is more than one."""
    if source.bucket.versioning is Versioning.OFF:
        return []
    return [(b"x-amz-copy-source-version-id", source.version.public_id.encode())]


def _check_it_changes(request: Request, headers: Mapping[str, str], source: StoredVersion) -> None:
    """A copy of an object to itself must be good for something; that of an older version brings it
    back. Raises S3Error InvalidRequest."""
    is_itself = source.bucket.name == request.bucket and source.version.key == request.key
    brings_back = "?versionId=" in headers["x-amz-copy-source"]
    if is_itself and not brings_back and not any(name in headers for name in _CHANGES):
        raise S3Error(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without"
            " changing the object's metadata, storage class, website redirect location or"
            " encryption attributes.",
        )


def _replaces_metadata(headers: Mapping[str, str]) -> bool:
    directive = headers.get("x-amz-metadata-directive", "COPY").upper()
    if directive not in ("COPY", "REPLACE"):
        raise S3Error("InvalidArgument", f"Unknown metadata directive {directive!r}")
    return directive == "REPLACE"


def _taken_over(own: Attributes, source: Attributes) -> Attributes:
    """What a copy has of its source: all but the checksums, which are computed again, and the
    storage class and redirection, which it is given or not."""
    kept = {name: value for name, value in source.headers.items() if name not in _OF_THE_COPY}
    kept |= {name: own.headers[name] for name in _OF_THE_COPY if name in own.headers}
    return Attributes(kept, source.user)


def _digest(headers: Mapping[str, str], source: StoredVersion) -> Digest:
    """A copy keeps the source's kind of checksum, if it has one, unless another is asked for."""
    kinds = source.version.attributes.checksums.keys() - {"type", DEFAULT}
    return Digest(expect(asked_algorithm(headers) or next(iter(kinds), "")))
