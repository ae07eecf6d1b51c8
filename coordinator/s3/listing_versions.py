"""ListObjectVersions: every version and delete marker of a bucket, page by page."""

from coordinator.s3 import xml
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.listing import MAX_KEYS, encode_url, owners
from coordinator.s3.surface import Surface
from coordinator.s3.versioning import check_version_id


async def list_object_versions(s3: Surface, request: Request) -> Response:
    """By key, and newest first; also of a bucket that was never versioned (all ids `null`)."""
    bucket = await s3.bucket(request)
    params = request.params
    prefix, delimiter = params.get("prefix", ""), params.get("delimiter", "")
    key_marker = params.get("key-marker", "")
    version_id_marker = _version_id_marker(request, key_marker)
    limit = request.number("max-keys", MAX_KEYS, 0, MAX_KEYS)
    shown_encoded = encode_url(request)
    listing = await s3.metadata.list_versions(
        bucket.name,
        prefix=prefix,
        delimiter=delimiter,
        after_key=key_marker,
        after_version_id=version_id_marker,
        limit=limit,
    )
    return xml_response(
        xml.list_versions_result(
            listing,
            bucket=bucket.name,
            prefix=prefix,
            delimiter=delimiter,
            key_marker=key_marker,
            version_id_marker=version_id_marker,
            max_keys=limit,
            encode_url=shown_encoded,
            owners=await owners(s3, (listed.version.owner_id for listed in listing.versions)),
        )
    )


def _version_id_marker(request: Request, key_marker: str) -> str:
    """Raises S3Error InvalidArgument."""
    marker = request.params.get("version-id-marker", "")
    if not marker:
        return ""
    if not key_marker:
        raise S3Error(
            "InvalidArgument",
            "A version-id marker cannot be specified without a key marker.",
            extra={"ArgumentName": "version-id-marker", "ArgumentValue": marker},
        )
    return check_version_id(marker)
