"""The part of the contract about versions: how they come, how they go, and how they are listed.

Rules beside those of `store.py`, for all backends:
1. What a write or a deletion of a key does follows from the bucket's versioning AT THE COMMIT:
   OFF and SUSPENDED make a null version, which replaces the key's former null version; ENABLED
   makes one with an id of its own, and replaces nothing.
2. The key's current version is its newest, by `Version.sequence`, unless that is a delete marker.
3. A locked version (legal hold, or a retention that has not ended) leaves the store in no way. A
   retention that has not ended is only ever extended; one in GOVERNANCE mode may be bypassed.
   Locks stand only on versions of buckets with object lock.
4. Conditions and locks are decided by the same statement that changes something.
5. `now_ms` says whether a retention has ended; None means by the store's own clock.
"""

from collections.abc import Sequence
from typing import Protocol

from metadata.model import (
    UNCONDITIONAL,
    Deletion,
    Listing,
    Part,
    StoredVersion,
    Version,
    VersionChange,
    VersionListing,
    WriteCondition,
)
from metadata.model_repairs import MissingShard


class VersionStore(Protocol):
    """Versions of keys, and their parts."""

    # coming ------------------------------------------------------------------
    async def put_version(
        self,
        bucket: str,
        version: Version,
        parts: Sequence[Part],
        *,
        condition: WriteCondition = UNCONDITIONAL,
        missing: Sequence[MissingShard] = (),
    ) -> Version:
        """Make the version (no delete marker) the key's current one; return it with its sequence
        and with `is_null` as the bucket's versioning has it, whatever was given.

        A null version replaces the key's former null version, whose parts are reclaimed.
        A version id that is committed already is a retry: the stored version is returned, and
        nothing else happens. Offsets of the parts are set here.
        Raises NoSuchBucket; PreconditionFailed; NoSuchKey (`must_match_*`, and no current
        version); NoObjectLock (it is locked, and the bucket has no object lock).
        """
        ...

    async def update_version(
        self,
        bucket: str,
        key: str,
        version_id: str | None,
        change: VersionChange,
        *,
        now_ms: int | None = None,
        bypass_governance: bool = False,
    ) -> Version:
        """Change the current version, or the one named, and return it as it is now.

        A retention that has not ended may only be kept or extended in its mode; in GOVERNANCE mode
        with `bypass_governance` it may be changed to anything. Raises NoSuchBucket, NoSuchKey (a
        delete marker counts as nothing there), ObjectLocked; NoObjectLock (retention or legal hold,
        and the bucket has no object lock).
        """
        ...

    # looking at them ---------------------------------------------------------
    async def version(self, bucket: str, key: str, version_id: str | None = None) -> StoredVersion:
        """The current version, or the one named (`null` names the null version).

        Without version_id a current delete marker raises NoSuchKey like nothing at all; with
        version_id a delete marker is returned. Raises NoSuchBucket, NoSuchKey (with the marker).
        """
        ...

    async def parts(self, version_id: str, *, offset: int = 0, limit: int = 100) -> list[Part]:
        """A version's (non-empty) parts that end after byte `offset`, in order."""
        ...

    async def version_parts(
        self, version_id: str, *, after_number: int = 0, limit: int = 1000
    ) -> list[Part]:
        """All of a version's parts by number, the empty ones too; none of an unknown version."""
        ...

    async def part_by_number(self, version_id: str, number: int) -> Part | None:
        """The version's part of that number, or None."""
        ...

    # going -------------------------------------------------------------------
    async def delete_key(
        self,
        bucket: str,
        key: str,
        marker: Version,
        *,
        condition: WriteCondition = UNCONDITIONAL,
    ) -> Deletion:
        """Let the key have no current version: OFF removes it for good; ENABLED adds `marker`, a
        delete marker (also on one, or where nothing is); SUSPENDED lets the marker replace the null
        version.

        The condition is about the key's newest version. If it asks for a match and the key has no
        version at all, nothing is done (NOTHING_DELETED). A marker whose id is committed already
        is a retry: nothing else happens. Raises NoSuchBucket, PreconditionFailed.
        """
        ...

    async def delete_keys(self, bucket: str, keys: Sequence[tuple[str, Version]]) -> list[Deletion]:
        """`delete_key` for many keys, each with its marker, in one batch. Raises NoSuchBucket."""
        ...

    async def delete_version(
        self,
        bucket: str,
        key: str,
        version_id: str,
        *,
        condition: WriteCondition = UNCONDITIONAL,
        now_ms: int | None = None,
        bypass_governance: bool = False,
    ) -> Deletion:
        """Remove the named version (`null`: the null version) or delete marker for good.

        If it was the newest, the next newest becomes that. The condition is about the version that
        would go. What is not there is not an error. Raises NoSuchBucket, PreconditionFailed,
        ObjectLocked.
        """
        ...

    # pages -------------------------------------------------------------------
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

    async def list_versions(
        self,
        bucket: str,
        *,
        prefix: str = "",
        delimiter: str = "",
        after_key: str = "",
        after_version_id: str = "",
        limit: int,
    ) -> VersionListing:
        """All versions and delete markers, by key, then newest first; rolled up like
        `list_current`.

        With an empty `after_version_id`, keys > after_key; else also those versions of `after_key`
        that are older than the one named (`null`: the null version). If that is gone, the page
        begins with the newest version of `after_key`: whoever deletes what was listed misses
        nothing. Raises NoSuchBucket.
        """
        ...
