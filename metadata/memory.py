"""The contract of `store.py` in plain dicts: the reference that every backend is compared with.

Rules: clear before fast. Every listing sorts everything, every question walks everything; nothing
is remembered that could be computed. A method without an `await` is atomic by itself. It keeps
nothing beyond the process, so it serves tests, and readers who want to know what is meant.
"""

from collections.abc import Sequence
from dataclasses import replace

from metadata.clock import ClockMs, wall_clock_ms
from metadata.errors import BucketNotEmpty, NoObjectLock, NoSuchUpload, PartsChanged
from metadata.memory_directory import MemoryDirectory
from metadata.memory_iam import MemoryIam
from metadata.memory_listing import roll_up
from metadata.memory_versions import MemoryVersions, check_write
from metadata.model import (
    UNCONDITIONAL,
    Part,
    Totals,
    Upload,
    UploadListing,
    Version,
    WriteCondition,
)
from metadata.model_repairs import MissingShard, NamedPart, RepairState


class MemoryStore(MemoryVersions, MemoryIam, MemoryDirectory):
    """A MetadataStore; each method keeps the contract's docstring."""

    def __init__(self, clock_ms: ClockMs = wall_clock_ms) -> None:
        MemoryVersions.__init__(self, clock_ms)
        MemoryIam.__init__(self)
        MemoryDirectory.__init__(self)
        # By upload id, each with the bucket's id.
        self._uploads: dict[str, tuple[int, Upload]] = {}

    async def delete_bucket(self, name: str) -> None:
        bucket = await self.bucket(name)
        held = [*self._versions.values(), *self._uploads.values()]
        if any(bucket_id == bucket.bucket_id for bucket_id, _ in held):
            raise BucketNotEmpty(name)
        await super().delete_bucket(name)

    # multipart ---------------------------------------------------------------
    async def create_upload(self, bucket: str, upload: Upload) -> None:
        found_in = await self.bucket(bucket)
        if upload.is_locked and not found_in.object_lock:
            raise NoObjectLock(bucket)
        self._uploads.setdefault(upload.upload_id, (found_in.bucket_id, upload))

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
        upload = await self.upload(bucket, version.key, upload_id)
        found_in = await self.bucket(bucket)
        uploaded = self._parts_of(upload_id)
        chosen = [part for part in uploaded if part.part_id in part_ids]
        if [part.part_id for part in chosen] != list(part_ids):
            raise PartsChanged(upload_id)
        check_write(condition, self._current(found_in.bucket_id, version.key))
        for part in uploaded:
            if part not in chosen:
                self._drop(part)
        self._place(upload_id, chosen)
        del self._uploads[upload_id]
        described = replace(
            version,
            tags=upload.tags,
            acl=upload.acl,
            retention_mode=upload.retention_mode,
            retain_until_ms=upload.retain_until_ms,
            legal_hold=upload.legal_hold,
            encryption=upload.encryption,
        )
        return self._insert(found_in, described)

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
        page, has_more = roll_up(later, prefix, delimiter, after_key, limit)
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
