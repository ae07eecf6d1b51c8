"""The contract every metadata backend keeps; `memory.py` is its executable reference.

Rules for all backends:
1. A mutation is ONE atomic batch, decided inside the database: when it returns it is durable
   (fsync), when it raises nothing changed. No transaction stays open across an await.
2. A mutation that returned is seen by every read that starts afterwards.
3. Keys order by the bytes of their UTF-8 form, everywhere.
4. A part leaves the store only by way of `Reclaim`: whatever mutation drops the last name of a
   part (overwrite, delete, abort, replaced or unselected part) adds its reclaim in the same batch,
   and forgets its repair tasks.
5. Concurrent mutations share a group commit; each still succeeds or fails on its own.
6. Every listing has a limit, and its cost follows what it returns.
7. What is dropped is dated by the store's own clock (given to it when it is opened): the grace
   period of a reclaim runs from the moment of the drop, not from that of some client's request.
8. A retried mutation is recognised by its ids for as long as what it made is still there.
9. A call after `close` raises MetadataUnavailable (the reference model excepted).
"""

from collections.abc import Sequence
from typing import Protocol

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
from metadata.model_repairs import MissingShard
from metadata.store_iam import IamStore
from metadata.store_repairs import RepairStore
from metadata.store_settings import SettingsStore
from metadata.store_versions import VersionStore

__all__ = ["UNCONDITIONAL", "MetadataStore"]


class MetadataStore(SettingsStore, VersionStore, IamStore, RepairStore, Protocol):
    """Everything Trilith remembers. See the module's rules; each method adds its own. Buckets,
    versions, users and what healing needs are each in a file of their own."""

    # cluster -----------------------------------------------------------------
    async def cluster_id(self, proposed: str) -> str:
        """The cluster's id: `proposed` becomes it if there is none yet."""
        ...

    async def put_node(self, node: NodeRecord) -> None:
        """Add the node, or replace what is known under its `node_id`."""
        ...

    async def nodes(self) -> list[NodeRecord]:
        """All nodes, by id."""
        ...

    async def remove_node(self, node_id: str) -> None:
        """Forget the node; unknown ids are ignored."""
        ...

    # multipart ---------------------------------------------------------------
    async def create_upload(self, bucket: str, upload: Upload) -> None:
        """Raises NoSuchBucket; NoObjectLock (it is locked, and the bucket has no object lock)."""
        ...

    async def upload(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Raises NoSuchUpload (also when bucket or key are not the upload's), NoSuchBucket."""
        ...

    async def put_part(
        self, upload_id: str, part: Part, *, missing: Sequence[MissingShard] = ()
    ) -> None:
        """Make it the upload's part of that number; a former one is reclaimed. NoSuchUpload."""
        ...

    async def upload_parts(
        self, upload_id: str, *, after_number: int = 0, limit: int = 1000
    ) -> list[Part]:
        """The upload's current parts by number. Raises NoSuchUpload."""
        ...

    async def complete_upload(
        self,
        bucket: str,
        version: Version,
        part_ids: Sequence[bytes],
        *,
        condition: WriteCondition = UNCONDITIONAL,
    ) -> Version:
        """Turn the upload `version.version_id` into that version, of exactly these parts in this
        order (ascending numbers); parts not named are reclaimed, offsets are set, the upload is
        gone: a retry of a completion raises NoSuchUpload. Otherwise as `put_version`; but from
        `tags` on, the version's fields are the upload's, whatever was given.

        Raises NoSuchUpload, PartsChanged, PreconditionFailed, NoSuchKey, NoSuchBucket.
        """
        ...

    async def abort_upload(self, bucket: str, key: str, upload_id: str) -> None:
        """Forget the upload and reclaim its parts. Raises NoSuchUpload, NoSuchBucket."""
        ...

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
        """Uploads under way after (key, upload id), rolled up like `list_current`. With an empty
        `after_upload_id`, keys > after_key; else also the rest of `after_key`. NoSuchBucket."""
        ...

    # whole store ---------------------------------------------------------------
    async def totals(self) -> Totals:
        """Counts, kept up to date by the mutations: no scan."""
        ...

    async def close(self) -> None:
        """Finish what was accepted and release the files."""
        ...
