"""What must hold before a bucket's access log is turned on, beyond the document's form.

Rules: the target takes log objects as they are: no log of its own (a log of the log would never
end), nobody else to pay for it, no default retention that would lock them, no encryption.
"""

from dataclasses import replace

from coordinator.access.acl import GROUPS
from coordinator.access.bucket import Ownership
from coordinator.s3 import settings
from coordinator.s3.access_log.batches import Source
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request
from coordinator.s3.logging_delivery import may_deliver
from coordinator.s3.settings.access_logs import CANONICAL_USER, GROUP, AccessLogTarget, LogGrant
from coordinator.s3.settings.echoes import REQUESTER
from coordinator.s3.settings.object_lock import OBJECT_LOCK
from coordinator.s3.surface import Surface
from metadata import Bucket, NoSuchBucket, NoSuchUser


async def check_logging(
    s3: Surface, request: Request, bucket: Bucket, wanted: AccessLogTarget | None
) -> AccessLogTarget | None:
    """The target as it is kept. Raises S3Error NoSuchKey (the target is not there, as Ceph has it),
    InvalidArgument, AccessDenied, UnresolvableGrantByEmailAddress."""
    if wanted is None:
        return None
    try:
        target = await s3.metadata.bucket(wanted.bucket)
    except NoSuchBucket as error:
        raise S3Error(
            "NoSuchKey",
            "The target bucket for logging does not exist.",
            extra={"TargetBucket": wanted.bucket},
        ) from error
    if target.name == bucket.name:
        raise _refused("A bucket can't be its own target for logging.")
    if await s3.settings.value(target, settings.LOGGING) is not None:
        raise _refused("The target bucket for logging has a log of its own.")
    if await s3.settings.value(target, settings.ENCRYPTION) is not None:
        raise _refused("The target bucket for logging must not have a default encryption.")
    lock = await s3.settings.value(target, OBJECT_LOCK)
    if lock is not None and lock.mode:
        raise _refused("The target bucket for logging must not have a default retention.")
    if await s3.settings.value(target, settings.REQUEST_PAYMENT) == REQUESTER:
        raise _refused("The target bucket for logging must not have its requester pay.")
    source = Source(bucket.owner_id, bucket.region or s3.region, bucket.name)
    if not await may_deliver(s3, target, wanted.prefix, source):
        raise S3Error(
            "AccessDenied", "The target bucket does not let the log delivery service write to it."
        )
    return replace(wanted, grants=await _grants(s3, target, wanted))


async def _grants(s3: Surface, target: Bucket, wanted: AccessLogTarget) -> tuple[LogGrant, ...]:
    """The grants to others than the target's owner, their grantees known."""
    grants = []
    for grant in wanted.grants:
        known = await _known(s3, grant)
        if (known.kind, known.grantee) != (CANONICAL_USER, target.owner_id):
            grants.append(known)
    if grants and await s3.settings.value(target, settings.OWNERSHIP) is Ownership.ENFORCED:
        raise _refused("The target bucket has no ACLs: use its policy instead of grants.")
    return tuple(grants)


async def _known(s3: Surface, grant: LogGrant) -> LogGrant:
    if grant.kind == GROUP:
        if grant.grantee not in GROUPS:
            raise _refused("Invalid group uri")
        return grant
    if grant.kind == CANONICAL_USER:
        try:
            user = await s3.metadata.user(grant.grantee)
        except NoSuchUser as error:
            raise _refused("Invalid id") from error
    else:
        found = await s3.metadata.user_by_email(grant.grantee)
        if found is None:
            raise S3Error("UnresolvableGrantByEmailAddress")
        user = found
    return LogGrant(CANONICAL_USER, user.user_id, grant.permission, user.display_name)


def _refused(message: str) -> S3Error:
    return S3Error("InvalidArgument", message)
