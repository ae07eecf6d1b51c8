"""The contract of `store.py` in plain dicts: the reference that every backend is compared with.

Rules: clear before fast. Every listing sorts everything, every question walks everything; nothing
is remembered that could be computed. A method without an `await` is atomic by itself. It keeps
nothing beyond the process, so it serves tests, and readers who want to know what is meant.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

from metadata.clock import ClockMs, wall_clock_ms
from metadata.errors import (
    BucketExists,
    BucketNotEmpty,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    PartsChanged,
    PreconditionFailed,
)
from metadata.memory_directory import MemoryDirectory
from metadata.memory_repairs import MemoryRepairs
from metadata.model import (
    NULL_VERSION,
    Bucket,
    Listing,
    MissingShard,
    NamedPart,
    Part,
    RepairState,
    StoredVersion,
    Totals,
    Upload,
    UploadListing,
    Version,
    WriteCondition,
)
from metadata.store import UNCONDITIONAL

_Keyed = TypeVar("_Keyed", Version, Upload)


class MemoryStore(MemoryRepairs, MemoryDirectory):
    """A MetadataStore; each method keeps the contract's docstring."""

    def __init__(self, clock_ms: ClockMs = wall_clock_ms) -> None:
        MemoryRepairs.__init__(self, clock_ms)
        MemoryDirectory.__init__(self)
        self._buckets: dict[str, Bucket] = {}
        self._last_bucket_id = 0
        self._last_sequence = 0
        # By version id and upload id, each with the bucket's id.
        self._versions: dict[str, tuple[int, Version]] = {}
        self._uploads: dict[str, tuple[int, Upload]] = {}

    # buckets -----------------------------------------------------------------
    async def create_bucket(self, name: str, owner_id: str, region: str, now_ms: int) -> Bucket:
        if name in self._buckets:
            raise BucketExists(name, self._buckets[name].owner_id)
        self._last_bucket_id += 1
        self._buckets[name] = Bucket(self._last_bucket_id, name, owner_id, now_ms, region)
        return self._buckets[name]

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
        bucket = await self.bucket(name)
        held = [*self._versions.values(), *self._uploads.values()]
        if any(bucket_id == bucket.bucket_id for bucket_id, _ in held):
            raise BucketNotEmpty(name)
        del self._buckets[name]

    # versions ----------------------------------------------------------------
    async def put_version(
        self,
        bucket: str,
        version: Version,
        parts: Sequence[Part],
        *,
        condition: WriteCondition = UNCONDITIONAL,
        missing: Sequence[MissingShard] = (),
    ) -> Version:
        if version.version_id in self._versions:
            return self._versions[version.version_id][1]
        bucket_id = (await self.bucket(bucket)).bucket_id
        _check(condition, self._current(bucket_id, version.key))
        offset = 0
        for part in parts:
            self._parts[part.part_id] = (version.version_id, replace(part, offset=offset))
            offset += part.size
        await self.add_repairs(missing, version.created_at_ms)
        return self._insert(bucket_id, version)

    async def version(self, bucket: str, key: str, version_id: str | None = None) -> StoredVersion:
        found_in = await self.bucket(bucket)
        version = self._find(found_in.bucket_id, key, version_id)
        if version is None:
            raise NoSuchKey(key)
        parts = self._parts_of(version.version_id)
        return StoredVersion(found_in, version, tuple(parts) if len(parts) == 1 else ())

    async def parts(self, version_id: str, *, offset: int = 0, limit: int = 100) -> list[Part]:
        parts = self._parts_of(version_id)
        return [part for part in parts if part.size and part.offset + part.size > offset][:limit]

    async def part_by_number(self, version_id: str, number: int) -> Part | None:
        return next((p for p in self._parts_of(version_id) if p.number == number), None)

    async def delete_version(
        self,
        bucket: str,
        key: str,
        version_id: str | None = None,
        *,
        condition: WriteCondition = UNCONDITIONAL,
    ) -> bool:
        bucket_id = (await self.bucket(bucket)).bucket_id
        version = self._find(bucket_id, key, version_id)
        _check(condition, version)
        if version is None:
            return False
        self._remove(version)
        return True

    async def delete_versions(self, bucket: str, keys: Sequence[str]) -> list[bool]:
        await self.bucket(bucket)
        return [await self.delete_version(bucket, key) for key in keys]

    async def list_current(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int
    ) -> Listing:
        bucket_id = (await self.bucket(bucket)).bucket_id
        keys = {
            version.key for found_in, version in self._versions.values() if found_in == bucket_id
        }
        current = [self._current(bucket_id, key) for key in sorted(keys, key=str.encode)]
        later = [each for each in current if each and each.key.encode() > after.encode()]
        page, has_more = _roll_up(later, prefix, delimiter, after, limit)
        versions = tuple(entry for entry in page if isinstance(entry, Version))
        prefixes = tuple(entry for entry in page if isinstance(entry, str))
        if not has_more:
            return Listing(versions, prefixes, None)
        last = page[-1]
        return Listing(versions, prefixes, last if isinstance(last, str) else last.key)

    # multipart ---------------------------------------------------------------
    async def create_upload(self, bucket: str, upload: Upload) -> None:
        bucket_id = (await self.bucket(bucket)).bucket_id
        self._uploads.setdefault(upload.upload_id, (bucket_id, upload))

    async def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        bucket_id = (await self.bucket(bucket)).bucket_id
        found_in, upload = self._uploads.get(upload_id, (0, None))
        if upload is None or (found_in, upload.key) != (bucket_id, key):
            raise NoSuchUpload(upload_id)
        return upload

    async def put_part(
        self, upload_id: str, part: Part, *, missing: Sequence[MissingShard] = ()
    ) -> None:
        if upload_id not in self._uploads:
            raise NoSuchUpload(upload_id)
        former = await self.part_by_number(upload_id, part.number)
        if former is not None and former.part_id != part.part_id:
            self._drop(former)
        self._parts.setdefault(part.part_id, (upload_id, replace(part, offset=0)))
        await self.add_repairs(missing, part.created_at_ms)

    async def upload_parts(
        self, upload_id: str, *, after_number: int = 0, limit: int = 1000
    ) -> list[Part]:
        if upload_id not in self._uploads:
            raise NoSuchUpload(upload_id)
        return [p for p in self._parts_of(upload_id) if p.number > after_number][:limit]

    async def complete_upload(
        self,
        bucket: str,
        version: Version,
        part_ids: Sequence[bytes],
        *,
        condition: WriteCondition = UNCONDITIONAL,
    ) -> Version:
        upload_id = version.version_id
        await self.upload(bucket, version.key, upload_id)
        bucket_id = (await self.bucket(bucket)).bucket_id
        uploaded = self._parts_of(upload_id)
        chosen = [part for part in uploaded if part.part_id in part_ids]
        if [part.part_id for part in chosen] != list(part_ids):
            raise PartsChanged(upload_id)
        _check(condition, self._current(bucket_id, version.key))
        for part in uploaded:
            if part not in chosen:
                self._drop(part)
        offset = 0
        for part in chosen:
            self._parts[part.part_id] = (upload_id, replace(part, offset=offset))
            offset += part.size
        del self._uploads[upload_id]
        return self._insert(bucket_id, version)

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        await self.upload(bucket, key, upload_id)
        del self._uploads[upload_id]
        for part in self._parts_of(upload_id):
            self._drop(part)

    async def list_uploads(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        after_key: str = "",
        after_upload_id: str = "",
        limit: int,
    ) -> UploadListing:
        bucket_id = (await self.bucket(bucket)).bucket_id
        uploads = [upload for found_in, upload in self._uploads.values() if found_in == bucket_id]
        uploads.sort(key=lambda each: (each.key.encode(), each.upload_id))
        later = [
            each
            for each in uploads
            if each.key.encode() > after_key.encode()
            or (each.key == after_key and "" != after_upload_id < each.upload_id)
        ]
        page, has_more = _roll_up(later, prefix, delimiter, after_key, limit)
        found = tuple(entry for entry in page if isinstance(entry, Upload))
        prefixes = tuple(entry for entry in page if isinstance(entry, str))
        if not has_more:
            return UploadListing(found, prefixes, None, None)
        last = page[-1]
        if isinstance(last, str):
            return UploadListing(found, prefixes, last, "")
        return UploadListing(found, prefixes, last.key, last.upload_id)

    # where shards are ------------------------------------------------------------------
    async def parts_by_id(self, after: bytes = b"", *, limit: int) -> list[NamedPart]:
        found = []
        for part_id, (owner, part) in sorted(self._parts.items()):
            if part_id > after and part.size:
                is_upload = owner in self._uploads
                bucket_id, named = self._uploads[owner] if is_upload else self._versions[owner]
                (bucket,) = [b.name for b in self._buckets.values() if b.bucket_id == bucket_id]
                found.append(NamedPart(part, bucket, named.key, owner, is_upload))
        return found[:limit]

    # whole store ---------------------------------------------------------------
    async def totals(self) -> Totals:
        keys = {(bucket_id, version.key) for bucket_id, version in self._versions.values()}
        states = [task.state for task in self._repairs.values()]
        return Totals(
            buckets=len(self._buckets),
            objects=sum(self._current(*key) is not None for key in keys),
            bytes=sum(version.size for _, version in self._versions.values()),
            uploads=len(self._uploads),
            repair_queued=states.count(RepairState.QUEUED),
            repair_dead=states.count(RepairState.DEAD),
            reclaims=len(self._reclaims),
        )

    async def close(self) -> None:
        pass

    # what the methods above have in common ----------------------------------------
    def _history(self, bucket_id: int, key: str) -> list[Version]:
        """The key's versions, oldest first."""
        held = self._versions.values()
        found = [
            version for found_in, version in held if (found_in, version.key) == (bucket_id, key)
        ]
        return sorted(found, key=lambda version: version.sequence)

    def _current(self, bucket_id: int, key: str) -> Version | None:
        """The newest version, unless that is a delete marker."""
        history = self._history(bucket_id, key)
        return history[-1] if history and not history[-1].is_delete_marker else None

    def _find(self, bucket_id: int, key: str, version_id: str | None) -> Version | None:
        """The current version, or the one named."""
        if version_id is None:
            return self._current(bucket_id, key)
        for version in self._history(bucket_id, key):
            if version.version_id == version_id or (version_id == NULL_VERSION and version.is_null):
                return version
        return None

    def _parts_of(self, version_id: str) -> list[Part]:
        """The parts of a version or an upload, by number."""
        parts = [part for owner, part in self._parts.values() if owner == version_id]
        return sorted(parts, key=lambda part: part.number)

    def _insert(self, bucket_id: int, version: Version) -> Version:
        """Make it the newest version; a null version replaces the former one."""
        former = self._find(bucket_id, version.key, NULL_VERSION)
        if version.is_null and former is not None:
            self._remove(former)
        self._last_sequence += 1
        numbered = replace(version, sequence=self._last_sequence)
        self._versions[version.version_id] = (bucket_id, numbered)
        return numbered

    def _remove(self, version: Version) -> None:
        del self._versions[version.version_id]
        for part in self._parts_of(version.version_id):
            self._drop(part)


def _check(condition: WriteCondition, current: Version | None) -> None:
    """Raises what the condition demands: NoSuchKey, PreconditionFailed."""
    if current is None:
        if condition.must_match_etag is not None:
            raise NoSuchKey("there is no version to match")
    elif condition.must_not_exist or condition.must_match_etag not in {None, "*", current.etag}:
        raise PreconditionFailed(current.key)


def _roll_up(
    found: Sequence[_Keyed], prefix: str, delimiter: str, after: str, limit: int
) -> tuple[list[_Keyed | str], bool]:
    """One page of what has the prefix, each common prefix once; whether more would follow."""
    entries: list[_Keyed | str] = []
    for each in found:
        if not each.key.startswith(prefix):
            continue
        # What the listing shows instead of the key: its start up to the delimiter.
        common = None
        if delimiter and delimiter in each.key[len(prefix) :]:
            end = each.key.index(delimiter, len(prefix)) + len(delimiter)
            common = each.key[:end]
        if common is None:
            entries.append(each)
        elif common not in entries and common != after:
            entries.append(common)
    return entries[:limit], 0 < limit < len(entries)
