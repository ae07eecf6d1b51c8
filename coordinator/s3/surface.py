"""What the S3 operations work with: the objects, the uploads, and who may do what.

Rules: an operation gets at a bucket or an object only through here, so that no operation forgets to
ask whether the sender may (`permissions`).
"""

from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from coordinator.access import (
    UNSET,
    AccessReader,
    AccessRequest,
    Decision,
    Target,
    authorize,
    bucket_arn,
    versioned,
)
from coordinator.auth.accounts import Accounts
from coordinator.objects import Multipart, Objects
from coordinator.s3 import grants
from coordinator.s3.condition_keys import RequestContext
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request
from coordinator.s3.grants import NewAccess
from coordinator.s3.names import check_bucket_name
from coordinator.s3.permissions import EXPECTED_OWNER, Permissions, check_owner
from coordinator.s3.settings import SettingsReader
from metadata import Bucket, MetadataStore, NoSuchKey, StoredVersion, Version

GET_OBJECT: Final = "s3:GetObject"
DELETE_OBJECTS: Final = "DeleteObjects"

EXPECTED_SOURCE_OWNER: Final = "x-amz-source-expected-bucket-owner"

_NEW_OBJECT: Final = frozenset({"s3:PutObject", "s3:DeleteObject", "s3:DeleteObjectVersion"})
"""Actions that are not about what is there: who looks something up for them reads it."""

_ALSO: Final[Mapping[str, str]] = {
    "s3:GetObjectAttributes": GET_OBJECT,
    "s3:GetObjectVersionAttributes": versioned(GET_OBJECT),
}
"""Actions that need a second one."""


@dataclass(frozen=True, slots=True)
class Surface:
    """Everything an operation may need."""

    objects: Objects
    multipart: Multipart
    accounts: Accounts
    region: str
    base_domains: Sequence[str]
    settings: SettingsReader
    website_domain: str = ""
    permissions: Permissions = field(init=False)

    def __post_init__(self) -> None:
        access = AccessReader(self.metadata.bucket_settings)
        object.__setattr__(self, "permissions", Permissions(access))

    @property
    def access(self) -> AccessReader:
        """What buckets say about access."""
        return self.permissions.access

    @property
    def metadata(self) -> MetadataStore:
        """For look-ups that read no object bytes."""
        return self.objects.metadata

    async def bucket(self, request: Request) -> Bucket:
        """The request's bucket, to do there (with the request's key, if it has one) what the
        request is for. DeleteObjects asks for each of its keys by itself (`allows`).

        Raises NoSuchBucket, S3Error InvalidBucketName, AccessDenied.
        """
        check_bucket_name(request.bucket)
        bucket = request.found = await self.metadata.bucket(request.bucket)
        if request.operation == DELETE_OBJECTS:
            check_owner(request, bucket)
            return bucket
        await self.permissions.require(request, bucket, request.action, request.key)
        if request.action == "s3:PutObject":
            await self.permissions.refuse_denied(request, bucket)
        return bucket

    def stored(
        self, request: Request, bucket: str, key: str, version_id: str | None
    ) -> Awaitable[StoredVersion]:
        """A version of the request's object, to do with it what the request is for (to read it,
        where that is about something else). Raises NoSuchBucket, NoSuchKey, S3Error AccessDenied.
        """
        action = request.action
        if not action or action in _NEW_OBJECT:
            action = GET_OBJECT if version_id is None else versioned(GET_OBJECT)
        return self._stored(request, bucket, key, version_id, action, EXPECTED_OWNER)

    def source(
        self, request: Request, bucket: str, key: str, version_id: str | None
    ) -> Awaitable[StoredVersion]:
        """A version that the request copies from. Raises as `stored`."""
        action = GET_OBJECT if version_id is None else versioned(GET_OBJECT)
        return self._stored(request, bucket, key, version_id, action, EXPECTED_SOURCE_OWNER)

    async def _stored(
        self,
        request: Request,
        name: str,
        key: str,
        version_id: str | None,
        action: str,
        expected: str,
    ) -> StoredVersion:
        check_bucket_name(name)
        try:
            stored = await self.objects.look_up(name, key, version_id)
        except NoSuchKey:
            bucket = await self.metadata.bucket(name)
            if name == request.bucket:
                request.found = bucket
            await self.permissions.require_to_know(request, bucket, key, action)
            raise
        if name == request.bucket:
            request.found = stored.bucket
        await self.permissions.require(
            request, stored.bucket, action, key, stored.version, expected
        )
        if action in _ALSO:
            await self.permissions.require(
                request, stored.bucket, _ALSO[action], key, stored.version
            )
        return stored

    async def allows(
        self,
        request: Request,
        bucket: Bucket,
        action: str,
        key: str = "",
        version: Version | None = None,
    ) -> bool:
        """Whether the sender may do that too."""
        verdict = await self.permissions.judge(request, bucket, action, key, version)
        return verdict.decision is Decision.ALLOW

    def require_of_account(self, request: Request, bucket: str = "*") -> None:
        """Let pass who may do this in his own account: list its buckets, make one of this name.

        Raises S3Error AccessDenied.
        """
        sender = request.sender
        asked = AccessRequest(sender, request.action, bucket_arn(bucket), RequestContext(request))
        if sender.is_anonymous or not authorize(asked, Target(sender.account_id, UNSET)):
            raise S3Error("AccessDenied")

    async def new_object(
        self, request: Request, bucket: Bucket, headers: Mapping[str, str]
    ) -> NewAccess:
        """Whose the object is that the sender writes, and its ACL. Raises S3Error."""
        access = await self.access.of(bucket)
        return await grants.new_object(self.metadata, request.sender, bucket, access, headers)
