"""The objects of the cluster: put, open, copy, delete. What both surfaces build on.

Rules: a write is shards first, then ONE metadata commit, then the answer. A read looks the version
up once and then reads immutable parts, which are pinned against reclaim while it lasts.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from coordinator.crypto import CustomerKey, DataKey, Protection
from coordinator.objects.body import Body, BodyDigest
from coordinator.objects.errors import Unreadable
from coordinator.objects.ids import Ids
from coordinator.objects.opened import OpenedStream, widened
from coordinator.objects.protection import ObjectKeys
from coordinator.objects.reader import SHORT_BYTES, ByteStream, PartReader, Span, spans
from coordinator.objects.writer import PartWriter
from metadata import (
    UNCONDITIONAL,
    Attributes,
    Bucket,
    Deletion,
    MetadataStore,
    NoSuchKey,
    Part,
    StoredVersion,
    Version,
    WriteCondition,
)
from node.record import Buffer

PARTS_PAGE = 1000

OPEN_TRIES = 5
"""How often a version may be replaced between its look-up and its opening."""

Used = TypeVar("Used")


@dataclass(slots=True)
class NewObject:
    """What a writer says about an object besides its bytes. The fields from `tags` on are those of
    metadata's Version."""

    owner_id: str
    attributes: Attributes = field(default_factory=Attributes)
    condition: WriteCondition = UNCONDITIONAL
    tags: Mapping[str, str] = field(default_factory=dict)
    acl: str = ""
    retention_mode: str = ""
    retain_until_ms: int = 0
    legal_hold: bool = False
    protection: Protection | None = None
    """How it is to be encrypted; None leaves that to the bucket's default."""


async def with_current(
    look_up: Callable[[], Awaitable[StoredVersion]],
    use: Callable[[StoredVersion], Awaitable[Used]],
) -> Used:
    """What `use` makes of the version looked up; one that was replaced or deleted before it was
    opened (NoSuchKey) is looked up anew, which tells by what. Raises what both raise."""
    stored = await look_up()
    for _ in range(OPEN_TRIES - 1):
        try:
            return await use(stored)
        except NoSuchKey:
            stored = await look_up()
        except Unreadable:
            # Perhaps it went, or its shards moved, between the look-up and the opening.
            former, stored = stored, await look_up()
            if stored == former:
                raise
    return await use(stored)


class Objects:
    """See the module. `metadata` is also read directly by the surfaces for plain look-ups."""

    def __init__(
        self,
        metadata: MetadataStore,
        writer: PartWriter,
        reader: PartReader,
        ids: Ids,
        keys: ObjectKeys | None = None,
    ) -> None:
        self.metadata = metadata
        self.writer = writer
        self.ids = ids
        self.keys = ObjectKeys() if keys is None else keys
        self._reader = reader

    async def put(
        self, bucket: Bucket, key: str, body: Body, digest: BodyDigest, new: NewObject
    ) -> Version:
        """Store the body as the key's new current version.

        Whether it has an id of its own (`is_null` not) follows from the bucket's versioning at the
        commit. Raises WriteFailed, NoSuchBucket, PreconditionFailed, NoSuchKey, NoObjectLock, and
        UnknownKey, what body and digest raise; then nothing changed.
        """
        encryption, data_key = await self.keys.make(bucket, key, new.protection)
        written = await self.writer.write(body, digest, key=data_key)
        part = written.part
        version = Version(
            version_id=self.ids.version_id(),
            key=key,
            size=part.content_size,
            etag=part.etag,
            created_at_ms=part.created_at_ms,
            owner_id=new.owner_id,
            attributes=Attributes(new.attributes.headers, new.attributes.user, part.checksums),
            tags=new.tags,
            acl=new.acl,
            retention_mode=new.retention_mode,
            retain_until_ms=new.retain_until_ms,
            legal_hold=new.legal_hold,
            encryption=encryption,
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

    def look_up(
        self, bucket: str, key: str, version_id: str | None = None
    ) -> Awaitable[StoredVersion]:
        """Raises NoSuchBucket, NoSuchKey."""
        return self.metadata.version(bucket, key, version_id)

    async def delete(
        self,
        bucket: Bucket,
        key: str,
        owner_id: str,
        *,
        condition: WriteCondition = UNCONDITIONAL,
    ) -> Deletion:
        """Let the key have no current version; where versions are kept, by a delete marker.

        Deleting what is not there is no error. Raises NoSuchBucket, PreconditionFailed.
        """
        marker = self.new_marker(key, owner_id)
        return await self.metadata.delete_key(bucket.name, key, marker, condition=condition)

    def new_marker(self, key: str, owner_id: str) -> Version:
        """A delete marker that is nowhere yet."""
        return Version(
            version_id=self.ids.version_id(),
            key=key,
            size=0,
            etag="",
            created_at_ms=self.ids.now_ms(),
            owner_id=owner_id,
            is_delete_marker=True,
        )

    async def open(
        self,
        stored: StoredVersion,
        start: int,
        stop: int,
        customer_key: CustomerKey | None = None,
    ) -> ByteStream:
        """The bytes start..stop-1 of a version that `look_up` returned; to be closed.

        Raises NoSuchKey when the version was dropped since; look it up again then. Raises
        CryptoError where the key is missing or wrong.
        """
        data_key = self.keys.of_version(stored, customer_key)
        parts = stored.parts or await self._parts(stored, start, stop)
        return self._stream(spans(parts, start, stop), data_key)

    def _stream(self, wanted: Sequence[Span], data_key: DataKey | None) -> ByteStream:
        if data_key is None:
            return self._reader.open(wanted)
        return OpenedStream(self._reader.open(widened(wanted)), wanted, data_key)

    async def begin(
        self,
        stored: StoredVersion,
        start: int,
        stop: int,
        customer_key: CustomerKey | None = None,
    ) -> tuple[Buffer, ByteStream | None]:
        """The first bytes of a range, and the stream of the rest if there is more.

        For answers: what can't be read fails here, while an answer may still be an error, and a
        small object is one buffer. Raises what `open` does, Unreadable.
        """
        data_key = self.keys.of_version(stored, customer_key)
        wanted = spans(stored.parts or await self._parts(stored, start, stop), start, stop)
        if data_key is None and len(wanted) == 1 and wanted[0].is_short:
            return await self._reader.read(wanted[0]), None
        stream = self._stream(wanted, data_key)
        try:
            pieces: list[Buffer] = []
            size = 0
            while size < min(stop - start, SHORT_BYTES):
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

    async def _parts(self, stored: StoredVersion, start: int, stop: int) -> list[Part]:
        parts: list[Part] = []
        offset = start
        while offset < stop:
            page = await self.metadata.parts(
                stored.version.version_id, offset=offset, limit=PARTS_PAGE
            )
            if not page:
                raise NoSuchKey(f"{stored.version.key!r} was replaced while it was being opened")
            parts.extend(part for part in page if part.offset < stop)
            offset = page[-1].offset + page[-1].content_size
        return parts

    async def copy(
        self,
        source: StoredVersion,
        bucket: Bucket,
        key: str,
        digest: BodyDigest,
        new: NewObject,
        source_key: CustomerKey | None = None,
    ) -> Version:
        """Store the source's bytes once more, as the key's new current version."""
        async with await self.open(source, 0, source.version.size, source_key) as body:
            return await self.put(bucket, key, body, digest, new)
