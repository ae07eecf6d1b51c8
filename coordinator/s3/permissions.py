"""Asks `coordinator.access` on behalf of requests: gathers what it has to know, and refuses.

Rules: what nobody could object to costs a few comparisons and no decision: a bucket without a
policy, asked by its owner or by root.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from coordinator.access import (
    ALLOWED,
    AccessReader,
    AccessRequest,
    BucketAccess,
    Decision,
    Given,
    Identity,
    Target,
    Verdict,
    authorize,
    bucket_arn,
    judge,
    service,
)
from coordinator.access import acl as acls
from coordinator.access.actions import OBJECT_PERMISSION
from coordinator.s3 import grants
from coordinator.s3.condition_keys import RequestContext
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request
from metadata import Bucket, Version

LIST_BUCKET: Final = "s3:ListBucket"
EXPECTED_OWNER: Final = "x-amz-expected-bucket-owner"

_DENIABLE: Final[Mapping[str, str]] = {
    "x-amz-tagging": "s3:PutObjectTagging",
    grants.CANNED: "s3:PutObjectAcl",
    **dict.fromkeys(grants.GRANT_HEADERS, "s3:PutObjectAcl"),
}
"""Headers of a write that do what another action does: nobody must have denied it."""

_NO_MORE: Final[Mapping[str, Sequence[str]]] = {}


class Permissions:
    """What buckets say about access, and what follows for a request."""

    def __init__(self, access: AccessReader) -> None:
        self.access = access

    async def require(
        self,
        request: Request,
        bucket: Bucket,
        action: str,
        key: str,
        version: Version | None = None,
        expected: str = EXPECTED_OWNER,
    ) -> None:
        """Let pass who may do that to the bucket or its key (`version` of it, where it is known).
        `expected` is the header that may name the owner. Raises S3Error AccessDenied, NoSuchBucket.
        """
        access = self.access.known(bucket)
        if access is None or not _is_beyond_doubt(request.sender, bucket, access, action, version):
            verdict = await self.judge(request, bucket, action, key, version)
            if verdict.decision is not Decision.ALLOW:
                raise S3Error("AccessDenied")
            request.acl_required = request.acl_required or verdict.by_acl
        check_owner(request, bucket, expected)

    async def require_to_know(
        self, request: Request, bucket: Bucket, key: str, action: str
    ) -> None:
        """There is no such object: let pass who may list the bucket, for nobody else may learn
        what is not in it. Raises S3Error AccessDenied."""
        more = {"s3:prefix": (key,)}
        said = await self.judge(request, bucket, action, key)
        listing = await self.judge(request, bucket, LIST_BUCKET, more=more)
        if said.decision is Decision.DENY or listing.decision is not Decision.ALLOW:
            raise S3Error("AccessDenied")
        check_owner(request, bucket, EXPECTED_OWNER)

    async def refuse_denied(self, request: Request, bucket: Bucket) -> None:
        """A write is more than its action says. Raises S3Error AccessDenied."""
        if not bucket.settings_version and request.sender.is_whole_account:
            return
        headers = request.all_headers
        for header, action in _DENIABLE.items():
            if headers.get(header):
                verdict = await self.judge(request, bucket, action, request.key)
                if verdict.decision is Decision.DENY:
                    raise S3Error("AccessDenied")

    async def judge(
        self,
        request: Request,
        bucket: Bucket,
        action: str,
        key: str = "",
        version: Version | None = None,
        more: Mapping[str, Sequence[str]] = _NO_MORE,
    ) -> Verdict:
        """Whether the sender may do that. `more` are condition keys."""
        sender = request.sender
        access = await self.access.of(bucket)
        if _is_beyond_doubt(sender, bucket, access, action, version):
            return ALLOWED
        context = RequestContext(request, bucket, version, more)
        asked = AccessRequest(sender, action, bucket_arn(bucket.name, key), context)
        return judge(asked, _target(bucket, access, version))

    async def service_allows(
        self,
        name: str,
        bucket: Bucket,
        action: str,
        key: str,
        *,
        source_arn: str,
        source_account: str,
    ) -> bool:
        """Whether a part of this store that works for a user (`name`, as principals of policies
        call it) may do that to an object. `key` may be the prefix of what it will write, "" too."""
        keys = {"aws:sourcearn": (source_arn,), "aws:sourceaccount": (source_account,)}
        resource = f"{bucket_arn(bucket.name)}/{key}"
        asked = AccessRequest(service(name), action, resource, Given(keys))
        return authorize(asked, _target(bucket, await self.access.of(bucket), None))


def _target(bucket: Bucket, access: BucketAccess, version: Version | None) -> Target:
    if version is None:
        return Target(bucket.owner_id, access)
    return Target(
        bucket.owner_id, access, version.owner_id, acls.load(version.acl, version.owner_id)
    )


def _is_beyond_doubt(
    sender: Identity,
    bucket: Bucket,
    access: BucketAccess,
    action: str,
    version: Version | None,
) -> bool:
    """Whether it is root or the owner who asks, and nothing could be said against it: neither by a
    policy nor by another owner of the object. What most requests are, without a decision."""
    if access.policy is not None or not sender.is_whole_account:
        return False
    if sender.is_root:
        return True
    return sender.account_id == bucket.owner_id and (
        version is None or version.owner_id == bucket.owner_id or action not in OBJECT_PERMISSION
    )


def check_owner(request: Request, bucket: Bucket, header: str = EXPECTED_OWNER) -> None:
    """Raises S3Error AccessDenied where the header names another owner."""
    expected = request.headers.get(header)
    if expected is not None and expected != bucket.owner_id:
        raise S3Error("AccessDenied")
