"""Versions of keys in the SQLite store. Rules: those of `sqlite.py`."""

from collections.abc import Sequence
from functools import partial

from metadata.model import (
    UNCONDITIONAL,
    Deletion,
    Listing,
    Part,
    StoredVersion,
    Version,
    VersionChange,
    VersionListing,
    WriteCondition,
)
from metadata.model_repairs import MissingShard
from metadata.sqlite_calls import SqliteCalls
from metadata.statements import deleting, listing, parts, versions


class SqliteVersions(SqliteCalls):
    """A VersionStore; each method keeps the contract's docstring."""

    # coming ------------------------------------------------------------------
    async def put_version(
        self,
        bucket: str,
        version: Version,
        parts: Sequence[Part],
        *,
        condition: WriteCondition = UNCONDITIONAL,
        missing: Sequence[MissingShard] = (),
    ) -> Version:
        work = partial(
            versions.put_version,
            bucket=bucket,
            version=version,
            parts=parts,
            condition=condition,
            missing=missing,
            now_ms=self._clock_ms(),
        )
        return await self._writes.submit(work, is_small=True)

    async def update_version(
        self,
        bucket: str,
        key: str,
        version_id: str | None,
        change: VersionChange,
        *,
        now_ms: int | None = None,
        bypass_governance: bool = False,
    ) -> Version:
        work = partial(
            versions.update_version,
            bucket=bucket,
            key=key,
            version_id=version_id,
            change=change,
            now_ms=self._clock_ms() if now_ms is None else now_ms,
            bypass_governance=bypass_governance,
        )
        return await self._writes.submit(work, is_small=True)

    # looking at them ---------------------------------------------------------
    async def version(self, bucket: str, key: str, version_id: str | None = None) -> StoredVersion:
        known = self._known_buckets
        found = self._lookups.at_once(
            lambda db: versions.find_at_once(db, bucket, key, version_id, known)
        )
        if found is not None:
            return found
        return await self._lookups.submit(
            lambda db: versions.find_version(db, bucket, key, version_id, known)
        )

    async def parts(self, version_id: str, *, offset: int = 0, limit: int = 100) -> list[Part]:
        work = partial(parts.list_parts, version_id=version_id, offset=offset, limit=limit)
        return await self._lookups.submit_page(work)

    async def version_parts(
        self, version_id: str, *, after_number: int = 0, limit: int = 1000
    ) -> list[Part]:
        work = partial(
            parts.list_by_number, version_id=version_id, after_number=after_number, limit=limit
        )
        return await self._lookups.submit_page(work)

    async def part_by_number(self, version_id: str, number: int) -> Part | None:
        work = partial(parts.find_part, version_id=version_id, number=number)
        return await self._lookups.submit(work)

    # going -------------------------------------------------------------------
    async def delete_key(
        self,
        bucket: str,
        key: str,
        marker: Version,
        *,
        condition: WriteCondition = UNCONDITIONAL,
    ) -> Deletion:
        work = partial(
            deleting.delete_key,
            bucket=bucket,
            key=key,
            marker=marker,
            condition=condition,
            now_ms=self._clock_ms(),
        )
        return await self._writes.submit(work, is_small=True)

    async def delete_keys(self, bucket: str, keys: Sequence[tuple[str, Version]]) -> list[Deletion]:
        work = partial(deleting.delete_keys, bucket=bucket, keys=keys, now_ms=self._clock_ms())
        return await self._writes.submit(work)

    async def delete_version(
        self,
        bucket: str,
        key: str,
        version_id: str,
        *,
        condition: WriteCondition = UNCONDITIONAL,
        now_ms: int | None = None,
        bypass_governance: bool = False,
    ) -> Deletion:
        clock_ms = self._clock_ms()
        work = partial(
            deleting.delete_version,
            bucket=bucket,
            key=key,
            version_id=version_id,
            condition=condition,
            now_ms=clock_ms if now_ms is None else now_ms,
            dropped_at_ms=clock_ms,
            bypass_governance=bypass_governance,
        )
        return await self._writes.submit(work, is_small=True)

    # pages -------------------------------------------------------------------
    async def list_current(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int
    ) -> Listing:
        work = partial(
            listing.list_current,
            bucket=bucket,
            prefix=prefix,
            delimiter=delimiter,
            after=after,
            limit=limit,
        )
        return await self._pages.submit(work)

    async def list_versions(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        after_key: str = "",
        after_version_id: str = "",
        limit: int,
    ) -> VersionListing:
        work = partial(
            listing.list_versions,
            bucket=bucket,
            prefix=prefix,
            delimiter=delimiter,
            after_key=after_key,
            after_version_id=after_version_id,
            limit=limit,
        )
        return await self._pages.submit(work)
