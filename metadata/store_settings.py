"""The part of the contract about buckets and what is set on them.

Rules beside those of `store.py`, for all backends:
1. A setting is a named document that means nothing here: whoever puts it has validated it, whoever
   reads it parses it. A bucket has few, so all of them are read at once.
2. `Bucket.settings_version` grows in the same commit as whatever it versions.
3. Object lock is never taken back, and versioning stays enabled with it: a version that is locked
   is therefore never replaced by a write or by a deletion of its key.
"""

from collections.abc import Sequence
from typing import Protocol

from metadata.model import Bucket, Versioning


class SettingsStore(Protocol):
    """Buckets, their versioning, and their settings."""

    # buckets -----------------------------------------------------------------
    async def create_bucket(
        self, name: str, owner_id: str, region: str, now_ms: int, *, object_lock: bool = False
    ) -> Bucket:
        """With object lock, versioning is ENABLED from the start. Raises BucketExists."""
        ...

    async def bucket(self, name: str) -> Bucket:
        """Raises NoSuchBucket."""
        ...

    async def buckets(
        self, owner_id: str | None, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> list[Bucket]:
        """Buckets by name (ASCII), of one owner or (None) of all, with names > `after`."""
        ...

    async def delete_bucket(self, name: str) -> None:
        """The bucket and its settings. Raises NoSuchBucket, BucketNotEmpty (any version, delete
        marker or upload counts)."""
        ...

    # versioning --------------------------------------------------------------
    async def set_versioning(self, bucket: str, versioning: Versioning) -> Bucket:
        """ENABLED or SUSPENDED; OFF does not come back. The versions there are stay as they are.
        Raises NoSuchBucket, ObjectLockNeedsVersioning (suspending, with object lock)."""
        ...

    async def enable_object_lock(self, bucket: str) -> Bucket:
        """Let versions be locked from now on; again changes nothing. Raises NoSuchBucket,
        ObjectLockNeedsVersioning (versioning is not ENABLED)."""
        ...

    # settings ----------------------------------------------------------------
    async def put_bucket_setting(self, bucket: str, name: str, document: str) -> None:
        """Set or replace one. Raises NoSuchBucket."""
        ...

    async def delete_bucket_setting(self, bucket: str, name: str) -> bool:
        """Whether there was one. Raises NoSuchBucket."""
        ...

    async def bucket_settings(self, bucket: str) -> dict[str, str]:
        """All of the bucket's documents by name. Raises NoSuchBucket."""
        ...

    async def buckets_with_setting(
        self, setting: str, *, after: str = "", limit: int = 1000
    ) -> Sequence[tuple[Bucket, str]]:
        """The buckets (by name, names > `after`) that have this setting, each with its document:
        what a worker goes through. Costs what it returns."""
        ...
