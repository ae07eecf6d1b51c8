"""Versions as clients see them: a bucket's state, and how answers and refusals name a version.

Rules: an id that we can't have given is InvalidArgument, one that is merely not there is
NoSuchVersion. A delete marker is never answered as an object: where it is current there is no
object (404), where it is named the method is wrong (405), and both answers say that it is one.
"""

import re
from typing import Final

from coordinator.s3 import xml
from coordinator.s3.conditions import format_http_date
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.headers import HeaderList
from coordinator.s3.payload import read_small
from coordinator.s3.surface import Surface
from coordinator.s3.unsupported import refuse_unsupported
from metadata import NULL_VERSION, Bucket, NoSuchKey, StoredVersion, Version, Versioning

VERSION_ID: Final = "x-amz-version-id"
DELETE_MARKER: Final = "x-amz-delete-marker"

_OURS = re.compile(r"[0-9a-f]{32}", re.ASCII)


async def get_versioning(s3: Surface, request: Request) -> Response:
    """GetBucketVersioning."""
    bucket = await s3.bucket(request)
    return xml_response(xml.versioning_configuration(bucket.versioning))


async def put_versioning(s3: Surface, request: Request) -> Response:
    """PutBucketVersioning: enable or suspend."""
    refuse_unsupported(request.headers)
    bucket = await s3.bucket(request)
    wanted = xml.parse_versioning(await read_small(request))
    if wanted.mfa_delete:
        raise S3Error("NotImplemented", "MFA delete is not implemented: there are no MFA devices")
    await s3.metadata.set_versioning(bucket.name, wanted.state)
    return Response(200)


def asked_version(request: Request) -> str | None:
    """The versionId of the query, None without one. Raises S3Error InvalidArgument."""
    version_id = request.params.get("versionId")
    return None if version_id is None else check_version_id(version_id)


def check_version_id(text: str) -> str:
    """The id, if it can be one. Raises S3Error InvalidArgument."""
    if text == NULL_VERSION or _OURS.fullmatch(text):
        return text
    raise S3Error(
        "InvalidArgument",
        "Invalid version id specified" if text else "Version id cannot be the empty string",
        extra={"ArgumentName": "versionId", "ArgumentValue": text},
    )


async def look_up(s3: Surface, request: Request) -> StoredVersion:
    """The object that the request names, by key or by key and version.

    Raises S3Error NoSuchKey, NoSuchVersion, MethodNotAllowed (a delete marker was named),
    InvalidArgument; NoSuchBucket; AuthError AccessDenied.
    """
    version_id = asked_version(request)
    try:
        stored = await s3.stored(request, request.bucket, request.key, version_id)
    except NoSuchKey as error:
        raise _missing(request.key, version_id, error.marker) from error
    if stored.version.is_delete_marker:
        raise S3Error("MethodNotAllowed", headers={"allow": "DELETE", **_told(stored.version)})
    return stored


def _missing(key: str, version_id: str | None, marker: Version | None) -> S3Error:
    if version_id is not None:
        return S3Error("NoSuchVersion", extra={"Key": key, "VersionId": version_id})
    headers = {DELETE_MARKER: "false"} if marker is None else _told(marker)
    return S3Error("NoSuchKey", extra={"Key": key}, headers=headers)


def _told(marker: Version) -> dict[str, str]:
    return {
        DELETE_MARKER: "true",
        VERSION_ID: marker.public_id,
        "last-modified": format_http_date(marker.created_at_ms),
    }


def read_headers(bucket: Bucket, version: Version) -> HeaderList:
    """Which version a GET or HEAD answers, where the bucket has ever had versions."""
    if bucket.versioning is Versioning.OFF:
        return []
    return [(VERSION_ID.encode(), version.public_id.encode())]


def written_headers(version: Version) -> HeaderList:
    """Which version a write made, if it has an id of its own."""
    return [] if version.is_null else [(VERSION_ID.encode(), version.version_id.encode())]
