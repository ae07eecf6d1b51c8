"""The default metadata store: one SQLite file, in write-ahead mode, fsynced at every commit.

Rules: mutations go through one writer, which commits those that wait together; look-ups of single
things and pages of many things each have a reader of their own, so that no listing stands before a
GET. What a call does is in `statements/`; this file and `sqlite_repairs.py` only say where it runs.
"""

import asyncio
import contextlib
import os
import sqlite3
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from metadata import schema
from metadata.clock import ClockMs, wall_clock_ms
from metadata.commits import Commits
from metadata.connection import create_private_file, open_connection, open_reader_here
from metadata.errors import MetadataUnavailable
from metadata.group_commit import Batches, read_together
from metadata.lookups import Lookups
from metadata.model import (
    AccessKey,
    Bucket,
    Listing,
    MissingShard,
    NodeRecord,
    Part,
    StoredVersion,
    Totals,
    Upload,
    UploadListing,
    User,
    Version,
    WriteCondition,
)
from metadata.residence import Residence, resident_limit_bytes
from metadata.sqlite_repairs import SqliteRepairs
from metadata.statements import buckets, cluster, listing, parts, upkeep, uploads, users, versions
from metadata.store import UNCONDITIONAL


async def open_sqlite(
    path: str | os.PathLike[str], *, clock_ms: ClockMs = wall_clock_ms
) -> "SqliteStore":
    """The store in that file, made (mode 0600) or migrated if need be.

    `clock_ms` dates what the store drops (`Reclaim.created_at_ms`). Raises MetadataUnavailable,
    SchemaTooNew.
    """
    file = Path(path)
    async with contextlib.AsyncExitStack() as stack:
        try:
            await create_private_file(file)
            writer = await open_connection(file, is_writer=True)
            residence = Residence(file, resident_limit_bytes())
            writes = Commits(writer, residence)
            # Opened first, closed last: the last one to close leaves no log behind.
            stack.push_async_callback(writes.close)
            await writer.call(partial(schema.migrate, migrations=schema.known_migrations()))
            pages = Batches(await open_connection(file, is_writer=False), read_together)
            stack.push_async_callback(pages.close)
            looks = Batches(await open_connection(file, is_writer=False), read_together)
            stack.push_async_callback(looks.close)
            await asyncio.to_thread(residence.read_through)
            here = stack.enter_context(contextlib.closing(open_reader_here(file)))
        except (OSError, sqlite3.Error) as error:
            raise MetadataUnavailable(f"cannot open {file}: {error}") from error
        lookups = Lookups(here, looks, residence)
        return SqliteStore(writes, lookups, pages, clock_ms, stack.pop_all())


class SqliteStore(SqliteRepairs):
    """A MetadataStore; each method keeps the contract's docstring. Made by `open_sqlite`."""

    def __init__(
        self,
        writes: Commits,
        lookups: Lookups,
        pages: Batches,
        clock_ms: ClockMs,
        resources: contextlib.AsyncExitStack,
    ) -> None:
        super().__init__(writes, lookups, pages, clock_ms)
        self._resources = resources

    # cluster -----------------------------------------------------------------
    async def cluster_id(self, proposed: str) -> str:
        return await self._writes.submit(partial(cluster.cluster_id, proposed=proposed))

    async def put_node(self, node: NodeRecord) -> None:
        await self._writes.submit(partial(cluster.put_node, node=node))

    async def nodes(self) -> list[NodeRecord]:
        return await self._pages.submit(cluster.list_nodes)

    async def remove_node(self, node_id: str) -> None:
        await self._writes.submit(partial(cluster.remove_node, node_id=node_id))

    # buckets -----------------------------------------------------------------
    async def create_bucket(self, name: str, owner_id: str, region: str, now_ms: int) -> Bucket:
        work = partial(
            buckets.create_bucket, name=name, owner_id=owner_id, region=region, now_ms=now_ms
        )
        return await self._writes.submit(work)

    async def bucket(self, name: str) -> Bucket:
        return await self._lookups.submit(partial(buckets.find_bucket, name=name))

    async def buckets(
        self, owner_id: str | None, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> list[Bucket]:
        work = partial(
            buckets.list_buckets, owner_id=owner_id, prefix=prefix, after=after, limit=limit
        )
        return await self._pages.submit(work)

    async def delete_bucket(self, name: str) -> None:
        await self._writes.submit(partial(buckets.delete_bucket, name=name))

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

    async def version(self, bucket: str, key: str, version_id: str | None = None) -> StoredVersion:
        work = partial(versions.find_version, bucket=bucket, key=key, version_id=version_id)
        return await self._lookups.submit(work)

    async def parts(self, version_id: str, *, offset: int = 0, limit: int = 100) -> list[Part]:
        work = partial(parts.list_parts, version_id=version_id, offset=offset, limit=limit)
        return await self._lookups.submit_page(work)

    async def part_by_number(self, version_id: str, number: int) -> Part | None:
        work = partial(parts.find_part, version_id=version_id, number=number)
        return await self._lookups.submit(work)

    async def delete_version(
        self,
        bucket: str,
        key: str,
        version_id: str | None = None,
        *,
        condition: WriteCondition = UNCONDITIONAL,
    ) -> bool:
        work = partial(
            versions.delete_version,
            bucket=bucket,
            key=key,
            version_id=version_id,
            condition=condition,
            now_ms=self._clock_ms(),
        )
        return await self._writes.submit(work, is_small=True)

    async def delete_versions(self, bucket: str, keys: Sequence[str]) -> list[bool]:
        work = partial(versions.delete_versions, bucket=bucket, keys=keys, now_ms=self._clock_ms())
        return await self._writes.submit(work)

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

    # multipart ---------------------------------------------------------------
    async def create_upload(self, bucket: str, upload: Upload) -> None:
        work = partial(uploads.create_upload, bucket=bucket, upload=upload)
        await self._writes.submit(work, is_small=True)

    async def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        work = partial(uploads.find_upload, bucket=bucket, key=key, upload_id=upload_id)
        return await self._lookups.submit(work)

    async def put_part(
        self, upload_id: str, part: Part, *, missing: Sequence[MissingShard] = ()
    ) -> None:
        work = partial(
            uploads.put_part,
            upload_id=upload_id,
            part=part,
            missing=missing,
            now_ms=self._clock_ms(),
        )
        await self._writes.submit(work, is_small=True)

    async def upload_parts(
        self, upload_id: str, *, after_number: int = 0, limit: int = 1000
    ) -> list[Part]:
        work = partial(
            uploads.upload_parts, upload_id=upload_id, after_number=after_number, limit=limit
        )
        return await self._pages.submit(work)

    async def complete_upload(
        self,
        bucket: str,
        version: Version,
        part_ids: Sequence[bytes],
        *,
        condition: WriteCondition = UNCONDITIONAL,
    ) -> Version:
        work = partial(
            uploads.complete_upload,
            bucket=bucket,
            version=version,
            part_ids=part_ids,
            condition=condition,
            now_ms=self._clock_ms(),
        )
        return await self._writes.submit(work)

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        work = partial(
            uploads.abort_upload,
            bucket=bucket,
            key=key,
            upload_id=upload_id,
            now_ms=self._clock_ms(),
        )
        await self._writes.submit(work)

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
        work = partial(
            listing.list_uploads,
            bucket=bucket,
            prefix=prefix,
            delimiter=delimiter,
            after_key=after_key,
            after_upload_id=after_upload_id,
            limit=limit,
        )
        return await self._pages.submit(work)

    # users -----------------------------------------------------------------------
    async def put_user(self, user: User, keys: Sequence[AccessKey]) -> None:
        await self._writes.submit(partial(users.put_user, user=user, keys=keys))

    async def users(self) -> list[User]:
        return await self._pages.submit(users.list_users)

    async def user(self, user_id: str) -> User:
        return await self._lookups.submit(partial(users.find_user, user_id=user_id))

    async def delete_user(self, user_id: str) -> None:
        await self._writes.submit(partial(users.delete_user, user_id=user_id))

    async def put_access_key(self, key: AccessKey) -> None:
        await self._writes.submit(partial(users.put_access_key, key=key))

    async def access_keys(self, user_id: str) -> list[AccessKey]:
        return await self._pages.submit(partial(users.list_access_keys, user_id=user_id))

    async def find_access_key(self, access_key: str) -> tuple[User, AccessKey] | None:
        return await self._lookups.submit(partial(users.find_access_key, access_key=access_key))

    async def delete_access_key(self, access_key: str) -> bool:
        return await self._writes.submit(partial(users.delete_access_key, access_key=access_key))

    # whole store ---------------------------------------------------------------
    async def totals(self) -> Totals:
        return await self._pages.submit(upkeep.read_totals)

    async def close(self) -> None:
        # Shielded: a caller that is cancelled must not leave threads behind.
        await asyncio.shield(self._resources.aclose())
