"""The default metadata store: one SQLite file, in write-ahead mode, fsynced at every commit.

Rules: mutations go through one writer, which commits those that wait together; look-ups of single
things and pages of many things each have a reader of their own, so that no listing stands before a
GET. What a call does is in `statements/`; this file and its like only say where it runs.
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
    UNCONDITIONAL,
    NodeRecord,
    Part,
    Totals,
    Upload,
    UploadListing,
    Version,
    WriteCondition,
)
from metadata.model_repairs import (
    MissingShard,
)
from metadata.residence import Residence, resident_limit_bytes
from metadata.sqlite_iam import SqliteIam
from metadata.sqlite_repairs import SqliteRepairs
from metadata.sqlite_settings import SqliteSettings
from metadata.sqlite_versions import SqliteVersions
from metadata.statements import cluster, listing, upkeep, uploads


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
            residence = Residence(file, resident_limit_bytes())
            # Before the first connection: whoever closes a file gives up all locks that its process
            # has on it, SQLite's too. Then any process that looks into the file and closes it again
            # takes itself for the last one, and deletes the log that is written here.
            await asyncio.to_thread(residence.read_through)
            writer = await open_connection(file, is_writer=True)
            writes = Commits(writer, residence)
            # Opened first, closed last: the last one to close leaves no log behind.
            stack.push_async_callback(writes.close)
            await writer.call(partial(schema.migrate, migrations=schema.known_migrations()))
            pages = Batches(await open_connection(file, is_writer=False), read_together)
            stack.push_async_callback(pages.close)
            looks = Batches(await open_connection(file, is_writer=False), read_together)
            stack.push_async_callback(looks.close)
            here = stack.enter_context(contextlib.closing(open_reader_here(file)))
        except (OSError, sqlite3.Error) as error:
            raise MetadataUnavailable(f"cannot open {file}: {error}") from error
        lookups = Lookups(here, looks, residence)
        return SqliteStore(writes, lookups, pages, clock_ms, stack.pop_all())


class SqliteStore(SqliteSettings, SqliteVersions, SqliteIam, SqliteRepairs):
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

    # whole store ---------------------------------------------------------------
    async def totals(self) -> Totals:
        return await self._pages.submit(upkeep.read_totals)

    async def close(self) -> None:
        # Shielded: a caller that is cancelled must not leave threads behind.
        await asyncio.shield(self._resources.aclose())
