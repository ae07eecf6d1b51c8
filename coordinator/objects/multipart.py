"""Multipart uploads: parts that arrive apart and become one version in one commit.

Rules: an upload's id becomes its version's id, so that completing moves no part; the parts the
client did not name in the completion are reclaimed by the same commit.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from coordinator.crypto import DataKey, KeyNeeded
from coordinator.objects.body import Body, BodyDigest
from coordinator.objects.errors import InvalidPart, InvalidPartOrder, PartTooSmall
from coordinator.objects.objects import NewObject, Objects
from metadata import (
    Attributes,
    Bucket,
    NoSuchKey,
    Part,
    StoredVersion,
    Upload,
    Version,
    WriteCondition,
)

MIN_PART_BYTES = 5 * 1024 * 1024
MAX_PART_NUMBER = 10_000


@dataclass(frozen=True, slots=True)
class NamedPart:
    """A part as the completing client names it."""

    number: int
    etag: str
    checksums: Mapping[str, str]


class Multipart:
    """Uploads under way."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._metadata = objects.metadata

    async def create(self, bucket: Bucket, key: str, new: NewObject) -> Upload:
        """Start an upload of what `new` says; its condition counts at the completion only.

        It is encrypted as said or as the bucket's default is. Raises NoSuchBucket, UnknownKey,
        NoObjectLock.
        """
        ids = self._objects.ids
        encryption, _ = await self._objects.keys.make(bucket, key, new.protection)
        upload = Upload(
            ids.version_id(),
            key,
            new.owner_id,
            ids.now_ms(),
            new.attributes,
            tags=new.tags,
            acl=new.acl,
            retention_mode=new.retention_mode,
            retain_until_ms=new.retain_until_ms,
            legal_hold=new.legal_hold,
            encryption=encryption,
        )
        await self._metadata.create_upload(bucket.name, upload)
        return upload

    async def put_part(
        self,
        upload: Upload,
        number: int,
        body: Body,
        digest: BodyDigest,
        key: DataKey | None = None,
    ) -> Part:
        """Store a part; it replaces one of the same number. `key` is `keys.of_upload`'s.

        Raises NoSuchUpload, WriteFailed, KeyNeeded.
        """
        if upload.encryption and key is None:
            raise KeyNeeded("the parts of this upload are to be encrypted")
        written = await self._objects.writer.write(body, digest, number, key)
        with self._objects.writer.committing(written):
            await self._metadata.put_part(upload.upload_id, written.part, missing=written.missing)
        return written.part

    async def chosen_parts(self, upload: Upload, named: Sequence[NamedPart]) -> list[Part]:
        """The stored parts that the client named.

        Raises InvalidPartOrder, InvalidPart, PartTooSmall, NoSuchUpload.
        """
        numbers = [part.number for part in named]
        if any(later <= earlier for earlier, later in pairwise(numbers)):
            raise InvalidPartOrder("parts must be named in ascending order, each once")
        stored = {part.number: part for part in await self._all_parts(upload)}
        chosen = [self._match(stored, part) for part in named]
        for part in chosen[:-1]:
            if part.content_size < MIN_PART_BYTES:
                raise PartTooSmall(
                    f"part {part.number} has {part.content_size} bytes; all but the last need"
                    f" {MIN_PART_BYTES}"
                )
        return chosen

    async def _all_parts(self, upload: Upload) -> list[Part]:
        parts: list[Part] = []
        while True:
            after = parts[-1].number if parts else 0
            page = await self._metadata.upload_parts(upload.upload_id, after_number=after)
            if not page:
                return parts
            parts.extend(page)

    @staticmethod
    def _match(stored: Mapping[int, Part], named: NamedPart) -> Part:
        part = stored.get(named.number)
        if part is None or part.etag != named.etag:
            raise InvalidPart(f"part {named.number} was not uploaded, or its ETag is another")
        for algorithm, value in named.checksums.items():
            if part.checksums.get(algorithm) != value:
                raise InvalidPart(f"part {named.number} has another {algorithm} checksum")
        return part

    async def complete(
        self,
        bucket: Bucket,
        upload: Upload,
        parts: Sequence[Part],
        attributes: Attributes,
        condition: WriteCondition,
    ) -> Version:
        """Commit the upload as a version made of these parts.

        Raises NoSuchUpload, PartsChanged, PreconditionFailed, NoSuchKey, NoSuchBucket.
        """
        version = Version(
            version_id=upload.upload_id,
            key=upload.key,
            size=sum(part.content_size for part in parts),
            etag=combined_etag(parts),
            created_at_ms=self._objects.ids.now_ms(),
            owner_id=upload.owner_id,
            attributes=attributes,
            part_count=len(parts),
        )
        return await self._metadata.complete_upload(
            bucket.name, version, [part.part_id for part in parts], condition=condition
        )

    async def completed(
        self, bucket: Bucket, key: str, upload_id: str, named: Sequence[NamedPart]
    ) -> Version | None:
        """The version that the upload has become, if it was completed with just these parts: so
        that a client who never got the answer may ask again."""
        try:
            etag = combined_etag(named)
        except ValueError:
            return None
        for version_id in (None, upload_id):
            try:
                stored = await self._metadata.version(bucket.name, key, version_id)
            except NoSuchKey:
                continue
            version = stored.version
            if version.version_id == upload_id:
                return version if version.etag == etag else None
        return None

    # reading what was completed -------------------------------------------------------------
    async def part(self, stored: StoredVersion, number: int) -> Part | None:
        """The version's part of that number, or None."""
        return await self._metadata.part_by_number(stored.version.version_id, number)


def combined_etag(parts: Sequence[Part] | Sequence[NamedPart]) -> str:
    """MD5 over the parts' MD5s, then "-" and their number, as S3 forms it. Raises ValueError for
    ETags that are no MD5s, which a client may name."""
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(bytes.fromhex(part.etag))
    return f"{digest.hexdigest()}-{len(parts)}"
