"""Buckets: list, create, look at, delete, and where they are."""

from collections.abc import Mapping, Sequence
from contextlib import suppress

from coordinator.access import Acl, Ownership
from coordinator.access import acl as acls
from coordinator.access.bucket import OWNERSHIP_CONTROLS
from coordinator.s3 import grants, xml
from coordinator.s3.acl import set_bucket_acl
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.listing import owner
from coordinator.s3.names import check_bucket_name
from coordinator.s3.payload import read_small
from coordinator.s3.surface import Surface
from coordinator.s3.unsupported import refuse_unsupported
from metadata import Bucket, BucketExists, BucketNotEmpty, NoSuchUpload

DEFAULT_REGION = "us-east-1"
MAX_BUCKETS = 10_000
UPLOADS_PAGE = 1000
OBJECT_LOCK_ENABLED = "x-amz-bucket-object-lock-enabled"
OBJECT_OWNERSHIP = "x-amz-object-ownership"


async def list_buckets(s3: Surface, request: Request) -> Response:
    """The sender's account's buckets; all of them for root, and nobody in particular has none."""
    sender = request.sender
    limit = request.number("max-buckets", MAX_BUCKETS, 1, MAX_BUCKETS)
    prefix = request.params.get("prefix", "")
    buckets: Sequence[Bucket] = ()
    if not sender.is_anonymous:
        s3.require_of_account(request)
        buckets = await s3.metadata.buckets(
            None if sender.is_root else sender.account_id,
            prefix=prefix,
            after=request.params.get("continuation-token", ""),
            limit=limit + 1,
        )
    following = buckets[limit - 1].name if len(buckets) > limit else ""
    return xml_response(
        xml.list_buckets_result(
            await owner(s3, sender.account_id or sender.user_id),
            buckets[:limit],
            prefix=prefix,
            continuation_token=following,
        )
    )


async def create_bucket(s3: Surface, request: Request) -> Response:
    """Create a bucket; again by its owner is an error, but in us-east-1 S3 says yes."""
    check_bucket_name(request.bucket)
    refuse_unsupported(request.headers)
    s3.require_of_account(request, request.bucket)
    owner_id = request.sender.account_id
    body = await read_small(request)
    wanted = xml.parse_create_bucket(body) if body.strip() else ""
    if wanted not in ("", DEFAULT_REGION, s3.region):
        raise S3Error(
            "InvalidLocationConstraint", f"this store's region is {s3.region}, not {wanted}"
        )
    ownership = _wanted_ownership(request.headers)
    acl = await grants.from_headers(
        s3.metadata, request.headers, owner_id=owner_id, bucket_owner_id=owner_id, is_bucket=True
    )
    if acl is not None and ownership is Ownership.ENFORCED:
        raise S3Error("InvalidBucketAclWithObjectOwnership")
    try:
        bucket = await s3.metadata.create_bucket(
            request.bucket,
            owner_id,
            wanted or s3.region,
            s3.objects.ids.now_ms(),
            object_lock=_wants_object_lock(request.headers),
        )
    except BucketExists as error:
        if error.owner_id != owner_id:
            raise S3Error("BucketAlreadyExists") from error
        if s3.region != DEFAULT_REGION:
            raise S3Error("BucketAlreadyOwnedByYou") from error
        await _refuse_other_acl(s3, request.bucket, acl)
    else:
        # Private until both are kept: whatever comes between, nothing is open that should not be.
        if ownership is not None:
            await s3.metadata.put_bucket_setting(bucket.name, OWNERSHIP_CONTROLS, ownership)
        await set_bucket_acl(s3, bucket, acl)
    return Response(200, [(b"location", b"/" + request.bucket.encode())])


async def _refuse_other_acl(s3: Surface, name: str, acl: Acl | None) -> None:
    """To create one's bucket again changes nothing, so nothing else may be asked for."""
    bucket = await s3.metadata.bucket(name)
    private = acls.private(bucket.owner_id)
    if (acl or private) != ((await s3.access.of(bucket)).acl or private):
        raise S3Error("BucketAlreadyExists")


def _wanted_ownership(headers: Mapping[str, str]) -> Ownership | None:
    """Raises S3Error InvalidArgument."""
    text = headers.get(OBJECT_OWNERSHIP, "")
    try:
        return Ownership(text) if text else None
    except ValueError:
        raise S3Error(
            "InvalidArgument",
            f"Invalid {OBJECT_OWNERSHIP} header: {text}",
            extra={"ArgumentName": OBJECT_OWNERSHIP, "ArgumentValue": text},
        ) from None


def _wants_object_lock(headers: Mapping[str, str]) -> bool:
    """Raises S3Error InvalidArgument."""
    text = headers.get(OBJECT_LOCK_ENABLED, "").strip().lower()
    if text not in ("", "true", "false"):
        raise S3Error(
            "InvalidArgument",
            extra={"ArgumentName": OBJECT_LOCK_ENABLED, "ArgumentValue": text},
        )
    return text == "true"


async def head_bucket(s3: Surface, request: Request) -> Response:
    """Whether the bucket is there and the sender may use it."""
    bucket = await s3.bucket(request)
    return Response(200, [(b"x-amz-bucket-region", (bucket.region or s3.region).encode())])


async def delete_bucket(s3: Surface, request: Request) -> Response:
    """Delete a bucket without objects; uploads that were never finished go with it."""
    bucket = await s3.bucket(request)
    try:
        await s3.metadata.delete_bucket(bucket.name)
    except BucketNotEmpty:
        if (await s3.metadata.list_versions(bucket.name, limit=1)).versions:
            raise
        await _abort_uploads(s3, bucket.name)
        await s3.metadata.delete_bucket(bucket.name)
    return Response(204)


async def _abort_uploads(s3: Surface, bucket: str) -> None:
    while uploads := (await s3.metadata.list_uploads(bucket, limit=UPLOADS_PAGE)).uploads:
        for upload in uploads:
            # One that was finished or aborted meanwhile is none that stands in the way.
            with suppress(NoSuchUpload):
                await s3.metadata.abort_upload(bucket, upload.key, upload.upload_id)


async def get_location(s3: Surface, request: Request) -> Response:
    """The bucket's region."""
    bucket = await s3.bucket(request)
    return xml_response(xml.location_constraint(bucket.region or s3.region))
