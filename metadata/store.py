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
from metadata.store_repairs import RepairStore

UNCONDITIONAL = WriteCondition()


class MetadataStore(RepairStore, Protocol):
    """Everything Trilith remembers. See the module's rules; each method adds its own. What healing
    needs is in `store_repairs.py`."""

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

    # buckets -----------------------------------------------------------------
    async def create_bucket(self, name: str, owner_id: str, region: str, now_ms: int) -> Bucket:
        """Raises BucketExists."""
        ...

    async def bucket(self, name: str) -> Bucket:
        """Raises NoSuchBucket."""
        ...

    async def buckets(
        self, owner_id: str | None, *, prefix: str = "", after: str = "", limit: int = 1000
    ) -> list[Bucket]:
        """Buckets by name (ASCII), of one owner or (None) of all, with names > `after`."""
        ...

    async def delete_bucket(self, name: str) -> None:
        """Raises NoSuchBucket, BucketNotEmpty (any version, delete marker or upload counts)."""
        ...

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
        """Make the version the key's current one and return it with its sequence.

        A version with `is_null` replaces the key's former null version, whose parts are reclaimed.
        A version id that is committed already is a retry: the stored version is returned, and
        nothing else happens. Offsets of the parts are set here.
        Raises NoSuchBucket; PreconditionFailed; NoSuchKey (must_match_etag, and no current
        version that is not a delete marker).
        """
        ...

    async def version(self, bucket: str, key: str, version_id: str | None = None) -> StoredVersion:
        """The current version, or the one named (`null` names the null version).

        Without version_id a current delete marker raises NoSuchKey like nothing at all; with
        version_id a delete marker is returned. Raises NoSuchBucket, NoSuchKey.
        """
        ...

    async def parts(self, version_id: str, *, offset: int = 0, limit: int = 100) -> list[Part]:
        """A version's (non-empty) parts that end after byte `offset`, in order."""
        ...

    async def part_by_number(self, version_id: str, number: int) -> Part | None:
        """The version's part of that number, or None."""
        ...

    async def delete_version(
        self,
        bucket: str,
        key: str,
        version_id: str | None = None,
        *,
        condition: WriteCondition = UNCONDITIONAL,
    ) -> bool:
        """Remove the key's current (or the named) version for good; whether there was one.

        Without version_id a current delete marker counts as nothing there. The next newest version
        becomes current. The condition is about the version that would go. Deleting what is not
        there is not an error (unless must_match_etag asks for it: NoSuchKey).
        Raises NoSuchBucket, PreconditionFailed.
        """
        ...

    async def delete_versions(self, bucket: str, keys: Sequence[str]) -> list[bool]:
        """`delete_version` for many keys in one batch. Raises NoSuchBucket."""
        ...

    async def list_current(
        self, bucket: str, *, prefix: str = "", delimiter: str = "", after: str = "", limit: int
    ) -> Listing:
        """Current versions (no delete markers) with keys > `after` and the prefix, rolled up at
        the first delimiter after the prefix.

        When `after` itself lies below a common prefix and starts with it (as `next_after` and
        S3's markers do), that common prefix is NOT repeated if `after == common prefix`; if
        `after` is a longer key, the common prefix is returned when keys > after remain under it.
        A page seeks past each common prefix. limit 0 gives an empty page. Raises NoSuchBucket.
        """
        ...

    # multipart ---------------------------------------------------------------
    async def create_upload(self, bucket: str, upload: Upload) -> None:
        """Raises NoSuchBucket."""
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
        gone: a retry of a completion raises NoSuchUpload.

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

    # users -----------------------------------------------------------------------
    async def put_user(self, user: User, keys: Sequence[AccessKey]) -> None:
        """Create the user with its first keys. Raises UserExists, AccessKeyExists."""
        ...

    async def users(self) -> list[User]:
        """All users, by id."""
        ...

    async def user(self, user_id: str) -> User:
        """Raises NoSuchUser."""
        ...

    async def delete_user(self, user_id: str) -> None:
        """The user and its keys. Buckets stay, for root to deal with. Raises NoSuchUser."""
        ...

    async def put_access_key(self, key: AccessKey) -> None:
        """Raises NoSuchUser, AccessKeyExists."""
        ...

    async def access_keys(self, user_id: str) -> list[AccessKey]:
        """Raises NoSuchUser."""
        ...

    async def find_access_key(self, access_key: str) -> tuple[User, AccessKey] | None:
        """Who signs with this key, or None."""
        ...

    async def delete_access_key(self, access_key: str) -> bool:
        """Whether there was one."""
        ...

    # whole store ---------------------------------------------------------------
    async def totals(self) -> Totals:
        """Counts, kept up to date by the mutations: no scan."""
        ...

    async def close(self) -> None:
        """Finish what was accepted and release the files."""
        ...
