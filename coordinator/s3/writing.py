"""PutObject: the path from a request to an object."""

from coordinator.objects import NewObject
from coordinator.s3.conditions import write_condition
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response
from coordinator.s3.headers import HeaderList, attributes, checksum_headers, hoisted, quoted
from coordinator.s3.payload import Payload
from coordinator.s3.surface import Surface
from coordinator.s3.unsupported import refuse_unsupported
from metadata import Bucket, NoSuchKey, Version, WriteCondition


async def put_object(s3: Surface, request: Request) -> Response:
    """Store the body under the key."""
    headers = hoisted(request.headers, request.params)
    refuse_unsupported(headers)
    new = NewObject(request.identity.user_id, attributes(headers), write_condition(headers))
    payload = Payload(request, headers)
    bucket = await s3.bucket(request)
    await refuse_early(s3, bucket, request.key, new.condition)
    version = await s3.objects.put(bucket, request.key, payload.chunks(), payload, new)
    return Response(200, written_headers(version))


def written_headers(version: Version) -> HeaderList:
    """What every answer to a write says about the new version."""
    return [
        (b"etag", quoted(version.etag).encode()),
        *checksum_headers(version.attributes.checksums),
    ]


async def refuse_early(s3: Surface, bucket: Bucket, key: str, condition: WriteCondition) -> None:
    """Spare the client the upload of a body that the commit would refuse; the commit decides."""
    if condition == WriteCondition():
        return
    try:
        current = (await s3.objects.look_up(bucket.name, key)).version
    except NoSuchKey:
        if condition.must_match_etag is not None:
            raise
        return
    if condition.must_not_exist or condition.must_match_etag not in ("*", current.etag):
        raise S3Error("PreconditionFailed", extra={"Condition": "If-None-Match, If-Match"})
