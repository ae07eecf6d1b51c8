"""GetBucketAcl, PutBucketAcl, GetObjectAcl, PutObjectAcl.

Rules: an ACL is set in exactly one way: canned, by grant headers, or by a document. The owner is
never changed by it. A private ACL is kept as none at all.
"""

from typing import Final

from coordinator.access import Acl, BucketAccess
from coordinator.access import acl as acls
from coordinator.access.bucket import ACL
from coordinator.s3 import grants
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.grants import Asked
from coordinator.s3.listing import owner
from coordinator.s3.payload import read_small
from coordinator.s3.surface import Surface
from coordinator.s3.versioning import look_up, read_headers
from coordinator.s3.xml.acls import access_control_policy, parse_access_control_policy
from metadata import Bucket, NoSuchKey, NoSuchUser, StoredVersion, VersionChange

CHANGE_TRIES: Final = 5
"""How often a version may be replaced between its look-up and the change of its ACL."""


async def get_bucket_acl(s3: Surface, request: Request) -> Response:
    """The bucket's owner and grants."""
    bucket = await s3.bucket(request)
    access = await s3.access.of(bucket)
    kept = access.acl if access.has_acls else None
    return await _shown(s3, bucket.owner_id, kept or acls.private(bucket.owner_id))


async def get_object_acl(s3: Surface, request: Request) -> Response:
    """The object's owner and grants; where ACLs don't count, the bucket owner's."""
    stored = await look_up(s3, request)
    access = await s3.access.of(stored.bucket)
    if access.has_acls:
        owner_id = stored.version.owner_id
        acl = acls.load(stored.version.acl, owner_id)
    else:
        owner_id = stored.bucket.owner_id
        acl = acls.private(owner_id)
    response = await _shown(s3, owner_id, acl)
    response.headers += read_headers(stored.bucket, stored.version)
    return response


async def put_bucket_acl(s3: Surface, request: Request) -> Response:
    """Replace the bucket's grants."""
    bucket = await s3.bucket(request)
    access = await s3.access.of(bucket)
    acl = await _wanted(s3, request, access, bucket, bucket.owner_id, is_bucket=True)
    await set_bucket_acl(s3, bucket, acl)
    return Response(200)


async def set_bucket_acl(s3: Surface, bucket: Bucket, acl: Acl | None) -> None:
    """Keep the ACL; None leaves what there is."""
    if acl is None:
        return
    document = acls.dump(acl, bucket.owner_id)
    if document:
        await s3.metadata.put_bucket_setting(bucket.name, ACL, document)
    else:
        await s3.metadata.delete_bucket_setting(bucket.name, ACL)


async def put_object_acl(s3: Surface, request: Request) -> Response:
    """Replace the object's grants; its time stays what it was."""
    stored = await look_up(s3, request)
    access = await s3.access.of(stored.bucket)
    owner_id = stored.version.owner_id
    acl = await _wanted(s3, request, access, stored.bucket, owner_id, is_bucket=False)
    for _ in range(CHANGE_TRIES - 1):
        try:
            return await _change(s3, stored, acl)
        except NoSuchKey:
            # Replaced since: the very version that the sender may change is looked up again.
            stored = await look_up(s3, request)
            if stored.version.owner_id != owner_id:
                raise S3Error("OperationAborted") from None
    return await _change(s3, stored, acl)


async def _change(s3: Surface, stored: StoredVersion, acl: Acl | None) -> Response:
    version = stored.version
    if acl is not None:
        document = acls.dump(acl, version.owner_id)
        await s3.metadata.update_version(
            stored.bucket.name, version.key, version.version_id, VersionChange(acl=document)
        )
    return Response(200, read_headers(stored.bucket, version))


async def _wanted(
    s3: Surface,
    request: Request,
    access: BucketAccess,
    bucket: Bucket,
    owner_id: str,
    *,
    is_bucket: bool,
) -> Acl | None:
    """The ACL a request wants to set; None where ACLs don't count and nothing else is wanted.

    Raises S3Error.
    """
    body = await read_small(request)
    if not access.has_acls:
        if request.headers.get(grants.CANNED) == acls.BUCKET_OWNER_FULL_CONTROL:
            return None
        raise S3Error("AccessControlListNotSupported")
    acl = await grants.from_headers(
        s3.metadata,
        request.headers,
        owner_id=owner_id,
        bucket_owner_id=bucket.owner_id,
        is_bucket=is_bucket,
    )
    if body.strip():
        if acl is not None:
            raise S3Error("UnexpectedContent")
        wanted = parse_access_control_policy(body)
        if wanted.owner_id not in ("", owner_id):
            raise S3Error("AccessDenied")
        asked = [Asked(one.kind, one.value, one.permission) for one in wanted.grants]
        acl = await grants.resolve(s3.metadata, asked)
    if acl is None:
        raise S3Error("MissingSecurityHeader", extra={"MissingHeaderName": grants.CANNED})
    grants.refuse_if_blocked(access, acl)
    return acl


async def _shown(s3: Surface, owner_id: str, acl: Acl) -> Response:
    names = {}
    for grant in acl.grants:
        if not grant.is_group and grant.grantee not in names:
            try:
                names[grant.grantee] = (await s3.metadata.user(grant.grantee)).display_name
            except NoSuchUser:
                continue
    return xml_response(access_control_policy(await owner(s3, owner_id), acl, names))
