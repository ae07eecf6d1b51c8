"""The bucket's policy, what it comes to, and what must hold when ownership controls are set.

Rules: a policy is given back to the letter. One that can't be understood, or speaks of other
buckets, is refused; a public one is, too, where public policies are blocked.
"""

from typing import Final

from coordinator.access import Ownership, PolicyError, is_public, parse_bucket_policy
from coordinator.access import acl as acls
from coordinator.access.bucket import POLICY, dump_policy, load_policy
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.payload import read_small
from coordinator.s3.surface import Surface
from coordinator.s3.xml.acls import policy_status
from metadata import Bucket

CONFIRMS_LOCK_OUT: Final = "x-amz-confirm-remove-self-bucket-access"


async def get_bucket_policy(s3: Surface, request: Request) -> Response:
    """The document as it was put."""
    bucket = await s3.bucket(request)
    kept = (await s3.metadata.bucket_settings(bucket.name)).get(POLICY)
    if kept is None:
        raise S3Error("NoSuchBucketPolicy", extra={"BucketName": bucket.name})
    document, _ = load_policy(kept)
    return Response(200, [(b"content-type", b"application/json")], document.encode())


async def put_bucket_policy(s3: Surface, request: Request) -> Response:
    """Check and keep a policy."""
    bucket = await s3.bucket(request)
    body = await read_small(request)
    try:
        policy = parse_bucket_policy(body, bucket.name)
    except PolicyError as error:
        raise S3Error("MalformedPolicy", str(error)) from error
    access = await s3.access.of(bucket)
    if access.block.block_policy and is_public(policy):
        raise S3Error(
            "AccessDenied",
            "Public policies are prevented by the BlockPublicPolicy setting of the bucket.",
        )
    confirmed = request.headers.get(CONFIRMS_LOCK_OUT, "").lower() == "true"
    kept = dump_policy(body.decode(), locks_owner_out=confirmed)
    await s3.metadata.put_bucket_setting(bucket.name, POLICY, kept)
    return Response(204)


async def delete_bucket_policy(s3: Surface, request: Request) -> Response:
    """Forget the policy; without one, nothing is to be done."""
    bucket = await s3.bucket(request)
    await s3.metadata.delete_bucket_setting(bucket.name, POLICY)
    return Response(204)


async def get_policy_status(s3: Surface, request: Request) -> Response:
    """Whether strangers get at the bucket, by its policy or its ACL."""
    bucket = await s3.bucket(request)
    access = await s3.access.of(bucket)
    has_public_acl = access.has_acls and access.acl is not None and access.acl.is_public
    is_open = (access.policy_is_public and not access.block.restrict) or (
        has_public_acl and not access.block.ignore_acls
    )
    return xml_response(policy_status(is_open))


async def check_ownership(
    s3: Surface, request: Request, bucket: Bucket, ownership: Ownership
) -> Ownership:
    """ACLs can be turned off only where none is in the way: its grants would silently be gone.

    Raises S3Error InvalidBucketAclWithObjectOwnership.
    """
    access = await s3.access.of(bucket)
    has_grants = access.acl is not None and access.acl != acls.private(bucket.owner_id)
    if ownership is Ownership.ENFORCED and has_grants:
        raise S3Error("InvalidBucketAclWithObjectOwnership")
    return ownership
