"""The part of the reference model about versions. Rules: those of `memory.py`."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from metadata.clock import ClockMs
from metadata.errors import NoObjectLock, NoSuchKey, ObjectLocked, PreconditionFailed
from metadata.memory_listing import listed, roll_up
from metadata.memory_repairs import MemoryRepairs
from metadata.memory_settings import MemorySettings
from metadata.model import (
    COMPLIANCE,
    NOTHING_DELETED,
    NULL_VERSION,
    UNCONDITIONAL,
    Bucket,
    Deletion,
    ListedVersion,
    Listing,
    Part,
    Retention,
    StoredVersion,
    Version,
    VersionChange,
    Versioning,
    VersionListing,
    WriteCondition,
)
from metadata.model_repairs import MissingShard


class MemoryVersions(MemoryRepairs, MemorySettings):
    """A VersionStore. See `memory.py`."""

    def __init__(self, clock_ms: ClockMs) -> None:
        MemoryRepairs.__init__(self, clock_ms)
        MemorySettings.__init__(self)
        # By version id, each with the bucket's id.
        self._versions: dict[str, tuple[int, Version]] = {}
        self._last_sequence = 0

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
        assert not version.is_delete_marker
        if version.version_id in self._versions:
            return self._versions[version.version_id][1]
        found_in = await self.bucket(bucket)
        if version.is_locked and not found_in.object_lock:
            raise NoObjectLock(bucket)
        check_write(condition, self._current(found_in.bucket_id, version.key))
        self._place(version.version_id, parts)
        await self.add_repairs(missing, version.created_at_ms)
        return self._insert(found_in, version)

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
        stored = await self.version(bucket, key, version_id)
        version = stored.version
        if version.is_delete_marker:
            raise NoSuchKey(key, version)
        concerns_locks = change.retention is not None or change.legal_hold is not None
        if concerns_locks and not stored.bucket.object_lock:
            raise NoObjectLock(bucket)
        if change.retention is not None:
            self._check_retention(version, change.retention, now_ms, bypass_governance)
            mode, until_ms = change.retention
            version = replace(version, retention_mode=mode, retain_until_ms=until_ms)
        if change.tags is not None:
            version = replace(version, tags=change.tags)
        if change.acl is not None:
            version = replace(version, acl=change.acl)
        if change.legal_hold is not None:
            version = replace(version, legal_hold=change.legal_hold)
        self._versions[version.version_id] = (stored.bucket.bucket_id, version)
        return version

    # looking at them ---------------------------------------------------------
    async def version(self, bucket: str, key: str, version_id: str | None = None) -> StoredVersion:
        found_in = await self.bucket(bucket)
        version = self._find(found_in.bucket_id, key, version_id)
        if version is None:
            newest = self._newest(found_in.bucket_id, key) if version_id is None else None
            raise NoSuchKey(key, newest)
        parts = self._parts_of(version.version_id)
        return StoredVersion(found_in, version, tuple(parts) if len(parts) == 1 else ())

    async def parts(self, version_id: str, *, offset: int = 0, limit: int = 100) -> list[Part]:
        parts = [part for part in self._parts_of(version_id) if part.size]
        return [part for part in parts if part.offset + part.content_size > offset][:limit]

    async def version_parts(
        self, version_id: str, *, after_number: int = 0, limit: int = 1000
    ) -> list[Part]:
        return [part for part in self._parts_of(version_id) if part.number > after_number][:limit]

    async def part_by_number(self, version_id: str, number: int) -> Part | None:
        return next((p for p in self._parts_of(version_id) if p.number == number), None)

    # going -------------------------------------------------------------------
    async def delete_key(
        self,
        bucket: str,
        key: str,
        marker: Version,
        *,
        condition: WriteCondition = UNCONDITIONAL,
    ) -> Deletion:
        assert marker.is_delete_marker
        found_in = await self.bucket(bucket)
        if marker.version_id in self._versions:
            stored = self._versions[marker.version_id][1]
            return Deletion(stored.public_id, is_delete_marker=True, existed=False)
        current = self._current(found_in.bucket_id, key)
        newest = self._newest(found_in.bucket_id, key)
        if newest is not None:
            check_deletion(condition, newest)
        elif condition.asks_for_match:
            return NOTHING_DELETED
        if found_in.versioning is Versioning.OFF:
            if current is None:
                return NOTHING_DELETED
            self._remove(current)
            return Deletion(None, is_delete_marker=False, existed=True)
        added = self._insert(found_in, replace(marker, key=key))
        return Deletion(added.public_id, is_delete_marker=True, existed=current is not None)

    async def delete_keys(self, bucket: str, keys: Sequence[tuple[str, Version]]) -> list[Deletion]:
        await self.bucket(bucket)
        return [await self.delete_key(bucket, key, marker) for key, marker in keys]

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
        bucket_id = (await self.bucket(bucket)).bucket_id
        version = self._find(bucket_id, key, version_id)
        if version is None:
            return NOTHING_DELETED
        if version.legal_hold or self._is_retained(version, now_ms, bypass_governance):
            raise ObjectLocked(key)
        check_deletion(condition, version)
        self._remove(version)
        return Deletion(version.public_id, version.is_delete_marker, existed=True)

    # pages -------------------------------------------------------------------
    async def list_current(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int
    ) -> Listing:
        bucket_id = (await self.bucket(bucket)).bucket_id
        newest = [history[0] for history in self._histories(bucket_id)]
        later = [
            each
            for each in newest
            if not each.is_delete_marker and each.key.encode() > after.encode()
        ]
        page, has_more = roll_up(later, prefix, delimiter, after, limit)
        objects = tuple(listed(entry) for entry in page if isinstance(entry, Version))
        prefixes = tuple(entry for entry in page if isinstance(entry, str))
        if not has_more:
            return Listing(objects, prefixes, None)
        last = page[-1]
        return Listing(objects, prefixes, last if isinstance(last, str) else last.key)

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
        bucket_id = (await self.bucket(bucket)).bucket_id
        later: list[Version] = []
        latest: set[str] = set()
        named = self._find(bucket_id, after_key, after_version_id) if after_version_id else None
        for history in self._histories(bucket_id):
            latest.add(history[0].version_id)
            if history[0].key == after_key:
                # What is older than the one named, or all if that one is gone.
                older = [each for each in history if named and each.sequence < named.sequence]
                later += older if named or not after_version_id else history
            elif history[0].key.encode() > after_key.encode():
                later += history
        page, has_more = roll_up(later, prefix, delimiter, after_key, limit)
        listed = tuple(
            ListedVersion(each, each.version_id in latest)
            for each in page
            if isinstance(each, Version)
        )
        prefixes = tuple(entry for entry in page if isinstance(entry, str))
        if not has_more:
            return VersionListing(listed, prefixes, None, None)
        last = page[-1]
        if isinstance(last, str):
            return VersionListing(listed, prefixes, last, "")
        return VersionListing(listed, prefixes, last.key, last.public_id)

    # what the methods above have in common ----------------------------------------
    def _histories(self, bucket_id: int) -> list[list[Version]]:
        """For each key of the bucket, in order: its versions, newest first."""
        held = [version for found_in, version in self._versions.values() if found_in == bucket_id]
        held.sort(key=lambda version: (version.key.encode(), -version.sequence))
        return [list(history) for _, history in groupby(held, key=lambda version: version.key)]

    def _history(self, bucket_id: int, key: str) -> list[Version]:
        """The key's versions, newest first."""
        held = [
            version
            for found_in, version in self._versions.values()
            if found_in == bucket_id and version.key == key
        ]
        return sorted(held, key=lambda version: -version.sequence)

    def _newest(self, bucket_id: int, key: str) -> Version | None:
        return next(iter(self._history(bucket_id, key)), None)

    def _current(self, bucket_id: int, key: str) -> Version | None:
        """The newest version, unless that is a delete marker."""
        newest = self._newest(bucket_id, key)
        return None if newest is None or newest.is_delete_marker else newest

    def _find(self, bucket_id: int, key: str, version_id: str | None) -> Version | None:
        """The current version, or the one named."""
        if version_id is None:
            return self._current(bucket_id, key)
        for version in self._history(bucket_id, key):
            is_named = version.is_null if version_id == NULL_VERSION else False
            if is_named or version.version_id == version_id:
                return version
        return None

    def _place(self, version_id: str, parts: Sequence[Part]) -> None:
        """Keep the parts as the version's, one after the other."""
        offset = 0
        for part in parts:
            self._parts[part.part_id] = (version_id, replace(part, offset=offset))
            offset += part.content_size

    def _parts_of(self, version_id: str) -> list[Part]:
        """The parts of a version or an upload, by number."""
        parts = [part for owner, part in self._parts.values() if owner == version_id]
        return sorted(parts, key=lambda part: part.number)

    def _insert(self, bucket: Bucket, version: Version) -> Version:
        """Make it the newest version; a null version replaces the former one."""
        is_null = bucket.versioning is not Versioning.ENABLED
        former = self._find(bucket.bucket_id, version.key, NULL_VERSION)
        if is_null and former is not None:
            self._remove(former)
        self._last_sequence += 1
        inserted = replace(version, sequence=self._last_sequence, is_null=is_null)
        self._versions[version.version_id] = (bucket.bucket_id, inserted)
        return inserted

    def _remove(self, version: Version) -> None:
        del self._versions[version.version_id]
        for part in self._parts_of(version.version_id):
            self._drop(part)

    def _is_retained(self, version: Version, now_ms: int | None, bypass_governance: bool) -> bool:
        """Whether its retention holds against who asks."""
        has_ended = version.retain_until_ms <= (self._clock_ms() if now_ms is None else now_ms)
        if has_ended or version.retention_mode == "":
            return False
        return version.retention_mode == COMPLIANCE or not bypass_governance

    def _check_retention(
        self, version: Version, wanted: Retention, now_ms: int | None, bypass_governance: bool
    ) -> None:
        """Raises ObjectLocked if the retention may not become that."""
        is_extended = version.retention_mode == wanted[0] and version.retain_until_ms <= wanted[1]
        if self._is_retained(version, now_ms, bypass_governance) and not is_extended:
            raise ObjectLocked(version.key)


def check_write(condition: WriteCondition, current: Version | None) -> None:
    """Raises what a write's condition demands: NoSuchKey, PreconditionFailed."""
    if current is not None:
        check_deletion(condition, current)
    elif condition.asks_for_match:
        raise NoSuchKey("there is no version to match")


def check_deletion(condition: WriteCondition, version: Version) -> None:
    """Raises PreconditionFailed if the version is not what the condition demands."""
    is_there = not version.is_delete_marker
    wanted = condition.must_match_etag
    unwanted = condition.must_not_match_etag
    holds = (
        not (condition.must_not_exist and is_there)
        and (is_there or not condition.must_exist)
        and not (unwanted in {version.etag, "*"} and is_there)
        and (wanted in {None, "*"} or (wanted == version.etag and is_there))
        and condition.must_match_version_id in {None, version.version_id}
    )
    for asked, found in (
        (condition.must_match_modified_s, version.created_at_ms // 1000),
        (condition.must_match_size, version.size),
    ):
        holds = holds and (asked is None or (asked == found and is_there))
    if not holds:
        raise PreconditionFailed(version.key)
