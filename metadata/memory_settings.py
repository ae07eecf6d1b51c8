"""The part of the reference model about buckets and their settings. Rules: those of `memory.py`."""

from dataclasses import replace

from metadata.errors import BucketExists, NoSuchBucket, ObjectLockNeedsVersioning
from metadata.model import Bucket, Versioning


class MemorySettings:
    """A SettingsStore, but that it deletes buckets whatever they hold. See `memory.py`."""

    def __init__(self) -> None:
        self._buckets: dict[str, Bucket] = {}
        self._last_bucket_id = 0
        # By bucket name.
        self._settings: dict[str, dict[str, str]] = {}

    # buckets -----------------------------------------------------------------
    async def create_bucket(
        self, name: str, owner_id: str, region: str, now_ms: int, *, object_lock: bool = False
    ) -> Bucket:
        if name in self._buckets:
            raise BucketExists(name, self._buckets[name].owner_id)
        self._last_bucket_id += 1
        versioning = Versioning.ENABLED if object_lock else Versioning.OFF
        bucket = Bucket(self._last_bucket_id, name, owner_id, now_ms, region)
        bucket = replace(bucket, versioning=versioning, object_lock=object_lock)
        self._buckets[name] = bucket
        self._settings[name] = {}
        return bucket

    async def bucket(self, name: str) -> Bucket:
        if name not in self._buckets:
            raise NoSuchBucket(name)
        return self._buckets[name]

    async def buckets(
        self, owner_id: str | None, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> list[Bucket]:
        found = [
            bucket
            for name, bucket in sorted(self._buckets.items())
            if name > after and name.startswith(prefix) and owner_id in (None, bucket.owner_id)
        ]
        return found[:limit]

    async def delete_bucket(self, name: str) -> None:
        await self.bucket(name)
        del self._buckets[name]
        del self._settings[name]

    # versioning --------------------------------------------------------------
    async def set_versioning(self, bucket: str, versioning: Versioning) -> Bucket:
        assert versioning is not Versioning.OFF
        found = await self.bucket(bucket)
        if found.object_lock and versioning is not Versioning.ENABLED:
            raise ObjectLockNeedsVersioning(bucket)
        self._change(replace(found, versioning=versioning))
        return self._buckets[bucket]

    async def enable_object_lock(self, bucket: str) -> Bucket:
        found = await self.bucket(bucket)
        if found.versioning is not Versioning.ENABLED:
            raise ObjectLockNeedsVersioning(bucket)
        if not found.object_lock:
            self._change(replace(found, object_lock=True))
        return self._buckets[bucket]

    def _change(self, bucket: Bucket) -> None:
        version = bucket.settings_version + 1
        self._buckets[bucket.name] = replace(bucket, settings_version=version)

    # settings ----------------------------------------------------------------
    async def put_bucket_setting(self, bucket: str, name: str, document: str) -> None:
        self._change(await self.bucket(bucket))
        self._settings[bucket][name] = document

    async def delete_bucket_setting(self, bucket: str, name: str) -> bool:
        found = await self.bucket(bucket)
        if name not in self._settings[bucket]:
            return False
        self._change(found)
        del self._settings[bucket][name]
        return True

    async def bucket_settings(self, bucket: str) -> dict[str, str]:
        await self.bucket(bucket)
        return dict(sorted(self._settings[bucket].items()))

    async def buckets_with_setting(
        self, setting: str, *, after: str = "", limit: int = 1000
    ) -> list[tuple[Bucket, str]]:
        found = [
            (self._buckets[name], documents[setting])
            for name, documents in sorted(self._settings.items())
            if name > after and setting in documents
        ]
        return found[:limit]
