"""Buckets and their settings in the SQLite store.

Rules: those of `sqlite.py`; every mutation here is marked as one that changes buckets.
"""

import sqlite3
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from metadata.model import Bucket, Versioning
from metadata.sqlite_calls import SqliteCalls
from metadata.statements import buckets

T = TypeVar("T")


class SqliteSettings(SqliteCalls):
    """A SettingsStore; each method keeps the contract's docstring."""

    async def _change(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await self._writes.submit(work, changes_buckets=True)

    # buckets -----------------------------------------------------------------
    async def create_bucket(
        self, name: str, owner_id: str, region: str, now_ms: int, *, object_lock: bool = False
    ) -> Bucket:
        work = partial(
            buckets.create_bucket,
            name=name,
            owner_id=owner_id,
            region=region,
            now_ms=now_ms,
            object_lock=object_lock,
        )
        return await self._change(work)

    async def bucket(self, name: str) -> Bucket:
        known, lookups = self._known_buckets, self._lookups
        found = None if lookups.is_closed else known.unchanged(name)
        if found is not None:
            return found
        changes = known.changes
        found = lookups.at_once(lambda db: known.find_at_once(db, name))
        if found is None:
            found = await lookups.submit(lambda db: known.read(db, name))
        known.remember(found, changes)
        return found

    async def buckets(
        self, owner_id: str | None, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> list[Bucket]:
        work = partial(
            buckets.list_buckets, owner_id=owner_id, prefix=prefix, after=after, limit=limit
        )
        return await self._pages.submit(work)

    async def delete_bucket(self, name: str) -> None:
        await self._change(partial(buckets.delete_bucket, name=name))

    # versioning --------------------------------------------------------------
    async def set_versioning(self, bucket: str, versioning: Versioning) -> Bucket:
        work = partial(buckets.set_versioning, name=bucket, versioning=versioning)
        return await self._change(work)

    async def enable_object_lock(self, bucket: str) -> Bucket:
        return await self._change(partial(buckets.enable_object_lock, name=bucket))

    # settings ----------------------------------------------------------------
    async def put_bucket_setting(self, bucket: str, name: str, document: str) -> None:
        work = partial(buckets.put_setting, bucket=bucket, name=name, document=document)
        await self._change(work)

    async def delete_bucket_setting(self, bucket: str, name: str) -> bool:
        return await self._change(partial(buckets.delete_setting, bucket=bucket, name=name))

    async def bucket_settings(self, bucket: str) -> dict[str, str]:
        return await self._lookups.submit(partial(buckets.read_settings, bucket=bucket))

    async def buckets_with_setting(
        self, setting: str, *, after: str = "", limit: int = 1000
    ) -> list[tuple[Bucket, str]]:
        work = partial(buckets.list_with_setting, setting=setting, after=after, limit=limit)
        return await self._pages.submit(work)
