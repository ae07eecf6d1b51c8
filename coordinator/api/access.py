"""Who may do what by way of the API: the same decision as for S3, asked for each operation.

Rules: an operation gets at a bucket or an object only through a dependency from here, which names
the action that allows it, so that none forgets to ask.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated

from fastapi import Depends, Request

from coordinator.access import (
    UNSET,
    AccessRequest,
    Decision,
    Identity,
    Target,
    authorize,
    bucket_arn,
    judge,
)
from coordinator.access import acl as acls
from coordinator.api.services import (
    GivenBucketName,
    GivenKey,
    GivenSender,
    GivenServices,
    Sender,
    Services,
)
from coordinator.auth.errors import AuthError
from coordinator.auth.times import iso_time
from metadata import Bucket, NoSuchKey, StoredVersion, Version

GET_OBJECT = "s3:GetObject"
LIST_BUCKET = "s3:ListBucket"


class _Context:
    """What a request says to the conditions of policies."""

    def __init__(self, services: Services, request: Request, prefix: str, version: Version | None):
        self._now_s = services.clock()
        self._request = request
        self._prefix = prefix
        self._version = version

    def values(self, key: str) -> Sequence[str] | None:
        """The values of a condition key."""
        name, slash, tag = key.partition("/")
        if slash:
            is_known = name == "s3:existingobjecttag" and self._version is not None
            found = self._version.tags.get(tag) if is_known and self._version else None
        else:
            found = self._value(name)
        return (found,) if found else None

    def _value(self, name: str) -> str | None:
        request = self._request
        match name:
            case "aws:currenttime":
                return iso_time(self._now_s)
            case "aws:epochtime":
                return str(int(self._now_s))
            case "aws:referer":
                return request.headers.get("referer")
            case "aws:securetransport":
                return "true" if request.url.scheme == "https" else "false"
            case "aws:sourceip":
                return request.client.host if request.client else None
            case "aws:useragent":
                return request.headers.get("user-agent")
            case "s3:prefix":
                return self._prefix
            case "s3:delimiter":
                return request.query_params.get("delimiter")
        return None


class Access:
    """Asks for one request of the API."""

    def __init__(self, services: Services, sender: Sender, request: Request) -> None:
        self._services = services
        self._sender = sender
        self._request = request

    async def require(
        self, bucket: Bucket, action: str, key: str = "", version: Version | None = None
    ) -> None:
        """Raises AuthError AccessDenied."""
        prefix = self._request.query_params.get("prefix", "")
        if await self._judge(bucket, action, key, version, prefix) is not Decision.ALLOW:
            raise AuthError("AccessDenied", "Access Denied")

    async def stored(self, name: str, key: str) -> StoredVersion:
        """The object, which the sender may read. Raises NoSuchBucket, NoSuchKey, AuthError."""
        try:
            stored = await self._services.objects.look_up(name, key)
        except NoSuchKey:
            bucket = await self._services.metadata.bucket(name)
            # Only who may list the bucket may learn what is not in it.
            said = await self._judge(bucket, GET_OBJECT, key)
            listing = await self._judge(bucket, LIST_BUCKET, prefix=key)
            if said is Decision.DENY or listing is not Decision.ALLOW:
                raise AuthError("AccessDenied", "Access Denied") from None
            raise
        await self.require(stored.bucket, GET_OBJECT, key, stored.version)
        return stored

    async def _judge(
        self,
        bucket: Bucket,
        action: str,
        key: str = "",
        version: Version | None = None,
        prefix: str = "",
    ) -> Decision:
        access = await self._services.access.of(bucket)
        target = Target(bucket.owner_id, access)
        if version is not None:
            acl = acls.load(version.acl, version.owner_id)
            target = Target(bucket.owner_id, access, version.owner_id, acl)
        context = _Context(self._services, self._request, prefix, version)
        asked = AccessRequest(self._sender.identity, action, bucket_arn(bucket.name, key), context)
        return judge(asked, target).decision


def require_of_account(sender: Identity, action: str, bucket: str = "*") -> None:
    """Let pass who may do this in his own account: list its buckets, make one of this name.

    Raises AuthError AccessDenied.
    """
    asked = AccessRequest(sender, action, bucket_arn(bucket))
    if not authorize(asked, Target(sender.account_id, UNSET)):
        raise AuthError("AccessDenied", "Access Denied")


def may_manage(sender: Identity, account_id: str, action: str) -> bool:
    """Whether the sender may do this to an account's own keys: root may, the account itself, and an
    account that root's policies allow it; users and roles of an account never may."""
    asked = AccessRequest(sender, action, f"arn:aws:iam:::user/{account_id}")
    return sender.is_account and authorize(asked, Target(account_id, UNSET))


async def _access(services: GivenServices, sender: GivenSender, request: Request) -> Access:
    return Access(services, sender, request)


GivenAccess = Annotated[Access, Depends(_access)]


def _bucket_to(action: str) -> Callable[..., Awaitable[Bucket]]:
    async def bucket(name: GivenBucketName, services: GivenServices, access: GivenAccess) -> Bucket:
        """The bucket in the path, to do that with it. Raises NoSuchBucket, AuthError."""
        found = await services.metadata.bucket(name)
        await access.require(found, action)
        return found

    return bucket


def _key_to(action: str) -> Callable[..., Awaitable[Bucket]]:
    async def bucket(
        name: GivenBucketName, key: GivenKey, services: GivenServices, access: GivenAccess
    ) -> Bucket:
        """The bucket in the path, to do that with the key. Raises NoSuchBucket, AuthError."""
        found = await services.metadata.bucket(name)
        await access.require(found, action, key)
        return found

    return bucket


BucketToList = Annotated[Bucket, Depends(_bucket_to(LIST_BUCKET))]
BucketToDelete = Annotated[Bucket, Depends(_bucket_to("s3:DeleteBucket"))]
BucketToWrite = Annotated[Bucket, Depends(_key_to("s3:PutObject"))]
BucketToDeleteFrom = Annotated[Bucket, Depends(_key_to("s3:DeleteObject"))]
