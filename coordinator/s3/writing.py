"""PutObject: the path from a request to an object, for forms too.

Rules: everything that a writer says of an object is gathered before the body is read; the commit
alone decides conditions and versions.
"""

from collections.abc import Mapping

from coordinator.objects import NewObject
from coordinator.s3.checksums import DEFAULT
from coordinator.s3.conditions import write_condition
from coordinator.s3.encryption_headers import answer as encryption_headers
from coordinator.s3.encryption_headers import asked as asked_encryption
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response
from coordinator.s3.expiration import expiration_headers
from coordinator.s3.headers import (
    HeaderList,
    attributes,
    checksum_headers,
    object_checksums,
    quoted,
)
from coordinator.s3.object_lock import wanted_lock
from coordinator.s3.payload import Incoming, Payload
from coordinator.s3.surface import Surface
from coordinator.s3.tagging import header_tags
from coordinator.s3.unsupported import refuse_unsupported
from coordinator.s3.versioning import written_headers as version_headers
from metadata import UNCONDITIONAL, Bucket, NoSuchKey, Version, WriteCondition


async def put_object(s3: Surface, request: Request) -> Response:
    """Store the body under the key."""
    headers = request.all_headers
    payload = Payload(request, headers, default_checksum=DEFAULT)
    bucket = await s3.bucket(request)
    version = await write_object(s3, request, bucket, request.key, headers, payload)
    lines = written_headers(version) + await expiration_headers(s3, bucket, version)
    return Response(200, lines)


async def write_object(
    s3: Surface,
    request: Request,
    bucket: Bucket,
    key: str,
    headers: Mapping[str, str],
    payload: Incoming,
) -> Version:
    """Store the payload as a new version, as the headers (or a form's fields) want it.

    Access to the key was asked for before. Raises S3Error, AuthError, and what
    `Objects.put` raises.
    """
    new = await described(s3, request, bucket, key, headers, write_condition(headers))
    await refuse_early(s3, bucket, key, new.condition)
    return await s3.objects.put(bucket, key, payload.chunks(), payload, new)


async def described(
    s3: Surface,
    request: Request,
    bucket: Bucket,
    key: str,
    headers: Mapping[str, str],
    condition: WriteCondition = UNCONDITIONAL,
) -> NewObject:
    """What the headers of a write, or of the start of a multipart upload, say of the object.

    Raises S3Error, AuthError AccessDenied.
    """
    refuse_unsupported(headers)
    access = await s3.new_object(request, bucket, headers)
    lock = await wanted_lock(s3, request, bucket, key, headers)
    return NewObject(
        access.owner_id,
        attributes(headers),
        condition,
        tags=header_tags(headers),
        acl=access.acl,
        retention_mode=lock.retention_mode,
        retain_until_ms=lock.retain_until_ms,
        legal_hold=lock.legal_hold,
        protection=asked_encryption(headers),
    )


def written_headers(version: Version) -> HeaderList:
    """What every answer to a write says about the new version."""
    return [
        (b"etag", quoted(version.etag).encode()),
        *checksum_headers(object_checksums(version.attributes.checksums)),
        *version_headers(version),
        *encryption_headers(version.encryption),
    ]


async def refuse_early(s3: Surface, bucket: Bucket, key: str, condition: WriteCondition) -> None:
    """Spare the client the upload of a body that the commit would refuse; the commit decides."""
    if condition is UNCONDITIONAL:
        return
    try:
        current = (await s3.objects.look_up(bucket.name, key)).version
    except NoSuchKey:
        if condition.must_match_etag is not None:
            raise
        return
    if (
        condition.must_not_exist
        or condition.must_match_etag not in (None, "*", current.etag)
        or condition.must_not_match_etag == current.etag
    ):
        raise S3Error("PreconditionFailed", extra={"Condition": "If-None-Match, If-Match"})
