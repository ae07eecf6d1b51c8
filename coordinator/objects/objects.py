"""The objects of the cluster: put, open, copy, delete, list. What both surfaces build on.

Rules: a write is shards first, then ONE metadata commit, then the answer. A read looks the version
up once and then reads immutable parts, which are pinned against reclaim while it lasts.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from coordinator.objects.body import Body, BodyDigest
from coordinator.objects.ids import Ids
from coordinator.objects.reader import ByteStream, PartReader
from coordinator.objects.writer import PartWriter
from metadata import (
    Attributes,
    Bucket,
    MetadataStore,
    NoSuchKey,
    Part,
    StoredVersion,
    Version,
    WriteCondition,
)
from node.record import Buffer

PARTS_PAGE = 1000

JOIN_BYTES = 64 * 1024
"""Units smaller than this are joined before an answer starts."""


@dataclass(frozen=True, slots=True)
class NewObject:
    """What a writer says about an object besides its bytes."""

    owner_id: str
    attributes: Attributes = field(default_factory=Attributes)
    condition: WriteCondition = field(default_factory=WriteCondition)


class Objects:
    """See the module. `metadata` is also read directly by the surfaces for plain look-ups."""

    def __init__(
        self,
        metadata: MetadataStore,
        writer: PartWriter,
        reader: PartReader,
        ids: Ids,
    ) -> None:
        self.metadata = metadata
        self.writer = writer
        self.ids = ids
        self._reader = reader

    async def put(
        self, bucket: Bucket, key: str, body: Body, digest: BodyDigest, new: NewObject
    ) -> Version:
        """Store the body as the key's new current version.

        Raises WriteFailed, NoSuchBucket, PreconditionFailed, NoSuchKey, and what body and digest
        raise; then nothing changed.
        """
        written = await self.writer.write(body, digest)
        part = written.part
        version = Version(
            version_id=self.ids.version_id(),
            key=key,
            size=part.size,
            etag=part.etag,
            created_at_ms=part.created_at_ms,
            owner_id=new.owner_id,
            attributes=replace(new.attributes, checksums=part.checksums),
        )
        with self.writer.committing(written):
            return await self.metadata.put_version(
                bucket.name,
                version,
                # A part without bytes has no shards: nothing to remember, nothing to repair.
                [part] if part.size else [],
                condition=new.condition,
                missing=written.missing,
            )

    async def look_up(self, bucket: str, key: str, version_id: str | None = None) -> StoredVersion:
        """Raises NoSuchBucket, NoSuchKey."""
        return await self.metadata.version(bucket, key, version_id)

    async def open(self, stored: StoredVersion, start: int, stop: int) -> ByteStream:
        """The bytes start..stop-1 of a version that `look_up` returned; to be closed.

        Raises NoSuchKey when the version was dropped since; look it up again then.
        """
        return self._reader.open(await self._parts(stored, start, stop), start, stop)

    async def begin(
        self, stored: StoredVersion, start: int, stop: int
    ) -> tuple[Buffer, ByteStream | None]:
        """The first bytes of a range, and the stream of the rest if there is more.

        For answers: what can't be read fails here, while an answer may still be an error, and a
        small object is one buffer. Raises NoSuchKey as `open`, Unreadable.
        """
        stream = await self.open(stored, start, stop)
        try:
            pieces: list[Buffer] = []
            size = 0
            while size < min(stop - start, JOIN_BYTES):
                pieces.append(await anext(stream))
                size += len(pieces[-1])
        except BaseException:
            await stream.aclose()
            raise
        first = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        if size < stop - start:
            return first, stream
        await stream.aclose()
        return first, None

    async def _parts(self, stored: StoredVersion, start: int, stop: int) -> Sequence[Part]:
        if stored.parts or start >= stop:
            return stored.parts
        parts: list[Part] = []
        offset = start
        while offset < stop:
            page = await self.metadata.parts(
                stored.version.version_id, offset=offset, limit=PARTS_PAGE
            )
            if not page:
                raise NoSuchKey(f"{stored.version.key!r} was replaced while it was being opened")
            parts.extend(part for part in page if part.offset < stop)
            offset = page[-1].offset + page[-1].size
        return parts

    async def copy(
        self,
        source: StoredVersion,
        bucket: Bucket,
        key: str,
        digest: BodyDigest,
        new: NewObject,
    ) -> Version:
        """Store the source's bytes once more, as the key's new current version."""
        async with await self.open(source, 0, source.version.size) as body:
            return await self.put(bucket, key, body, digest, new)
