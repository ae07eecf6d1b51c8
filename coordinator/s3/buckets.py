"""Buckets: list, create, look at, delete, and where they are."""

from coordinator.s3 import xml
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.names import check_bucket_name
from coordinator.s3.payload import read_small
from coordinator.s3.surface import Surface
from coordinator.s3.unsupported import refuse_unsupported
from metadata import BucketExists

DEFAULT_REGION = "us-east-1"
MAX_BUCKETS = 10_000


async def list_buckets(s3: Surface, request: Request) -> Response:
    """The sender's own buckets; all of them for root."""
    user = request.identity
    limit = request.number("max-buckets", MAX_BUCKETS, 1, MAX_BUCKETS)
    prefix = request.params.get("prefix", "")
    buckets = await s3.metadata.buckets(
        None if user.is_root else user.user_id,
        prefix=prefix,
        after=request.params.get("continuation-token", ""),
        limit=limit + 1,
    )
    following = buckets[limit - 1].name if len(buckets) > limit else ""
    return xml_response(
        xml.list_buckets_result(user, buckets[:limit], prefix=prefix, continuation_token=following)
    )


async def create_bucket(s3: Surface, request: Request) -> Response:
    """Create a bucket; again by its owner is an error, but in us-east-1 S3 says yes."""
    check_bucket_name(request.bucket)
    refuse_unsupported(request.headers)
    user = request.identity
    body = await read_small(request)
    wanted = xml.parse_create_bucket(body) if body.strip() else ""
    if wanted not in ("", DEFAULT_REGION, s3.region):
        raise S3Error(
            "InvalidLocationConstraint", f"this store's region is {s3.region}, not {wanted}"
        )
    try:
        await s3.metadata.create_bucket(
            request.bucket, user.user_id, wanted or s3.region, s3.objects.ids.now_ms()
        )
    except BucketExists as error:
        if error.owner_id != user.user_id:
            raise S3Error("BucketAlreadyExists") from error
        if s3.region != DEFAULT_REGION:
            raise S3Error("BucketAlreadyOwnedByYou") from error
    return Response(200, [(b"location", b"/" + request.bucket.encode())])


async def head_bucket(s3: Surface, request: Request) -> Response:
    """Whether the bucket is there and the sender may use it."""
    bucket = await s3.bucket(request)
    return Response(200, [(b"x-amz-bucket-region", (bucket.region or s3.region).encode())])


async def delete_bucket(s3: Surface, request: Request) -> Response:
    """Delete an empty bucket."""
    bucket = await s3.bucket(request)
    await s3.metadata.delete_bucket(bucket.name)
    return Response(204)


async def get_location(s3: Surface, request: Request) -> Response:
    """The bucket's region."""
    bucket = await s3.bucket(request)
    return xml_response(xml.location_constraint(bucket.region or s3.region))
