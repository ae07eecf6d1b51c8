"""What the S3 operations work with: the objects, the uploads, and who may do what to a bucket.

Rules: an operation looks the bucket up through here, so that no operation forgets to ask whether
the sender may. A bucket's owner and root may do everything, nobody else anything.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.auth.accounts import Accounts, require_owner
from coordinator.objects import Multipart, Objects
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request
from coordinator.s3.names import check_bucket_name
from metadata import Bucket, MetadataStore, NoSuchKey, StoredVersion


@dataclass(frozen=True, slots=True)
class Surface:
    """Everything an operation may need."""

    objects: Objects
    multipart: Multipart
    accounts: Accounts
    region: str
    base_domains: Sequence[str]

    @property
    def metadata(self) -> MetadataStore:
        """For look-ups that read no object bytes."""
        return self.objects.metadata

    async def bucket(self, request: Request) -> Bucket:
        """The request's bucket. Raises NoSuchBucket, AuthError AccessDenied."""
        return await self.named_bucket(request, request.bucket)

    async def named_bucket(self, request: Request, name: str) -> Bucket:
        """Any bucket the sender may use. Raises NoSuchBucket, AuthError AccessDenied."""
        check_bucket_name(name)
        bucket = await self.metadata.bucket(name)
        self._require_owner(request, bucket)
        return bucket

    async def stored(
        self, request: Request, bucket: str, key: str, version_id: str | None
    ) -> StoredVersion:
        """A version the sender may read. Raises NoSuchBucket, NoSuchKey, AuthError AccessDenied."""
        check_bucket_name(bucket)
        try:
            stored = await self.objects.look_up(bucket, key, version_id)
        except NoSuchKey:
            # Only who may use the bucket may learn what is not in it.
            await self.named_bucket(request, bucket)
            raise
        self._require_owner(request, stored.bucket)
        return stored

    @staticmethod
    def _require_owner(request: Request, bucket: Bucket) -> None:
        require_owner(request.user, bucket.owner_id)
        expected = request.headers.get("x-amz-expected-bucket-owner")
        if expected is not None and expected != bucket.owner_id:
            raise S3Error("AccessDenied")
