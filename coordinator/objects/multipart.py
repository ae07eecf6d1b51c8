"""Multipart uploads: parts that arrive apart and become one version in one commit.

Rules: an upload's id becomes its version's id, so that completing moves no part; the parts the
client did not name in the completion are reclaimed by the same commit.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from coordinator.objects.body import Body, BodyDigest
from coordinator.objects.errors import InvalidPart, InvalidPartOrder, PartTooSmall
from coordinator.objects.objects import Objects
from metadata import Attributes, Bucket, Part, Upload, Version, WriteCondition

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

    async def create(
        self, bucket: Bucket, key: str, owner_id: str, attributes: Attributes
    ) -> Upload:
        """Start an upload. Raises NoSuchBucket."""
        ids = self._objects.ids
        upload = Upload(ids.version_id(), key, owner_id, ids.now_ms(), attributes)
        await self._metadata.create_upload(bucket.name, upload)
        return upload

    async def put_part(self, upload: Upload, number: int, body: Body, digest: BodyDigest) -> Part:
        """Store a part; it replaces one of the same number. Raises NoSuchUpload, WriteFailed."""
        written = await self._objects.writer.write(body, digest, number)
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
            if part.size < MIN_PART_BYTES:
                raise PartTooSmall(
                    f"part {part.number} has {part.size} bytes; all but the last need"
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
            size=sum(part.size for part in parts),
            etag=combined_etag(parts),
            created_at_ms=self._objects.ids.now_ms(),
            owner_id=upload.owner_id,
            attributes=attributes,
            part_count=len(parts),
        )
        return await self._metadata.complete_upload(
            bucket.name, version, [part.part_id for part in parts], condition=condition
        )


def combined_etag(parts: Sequence[Part]) -> str:
    """MD5 over the parts' MD5s, then "-" and their number, as S3 forms it."""
    digest = hashlib.md5(usedforsecurity=False)
    for part in parts:
        digest.update(bytes.fromhex(part.etag))
    return f"{digest.hexdigest()}-{len(parts)}"
