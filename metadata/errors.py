"""What a metadata store can refuse, one class per reason.

Rules: a refused mutation changed nothing. Foreign exceptions (sqlite3's) never leave this package;
they are mapped to `MetadataUnavailable` with the cause kept.
"""

from metadata.model import Version


class MetadataError(Exception):
    """Base of everything this package raises."""


class MetadataUnavailable(MetadataError):
    """The database could not answer (disk full, locked, damaged): nothing was changed."""


class SchemaTooNew(MetadataUnavailable):
    """The database was written by a newer Trilith: this one must not touch it."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(
            f"the metadata database has schema {found}, this version of Trilith knows {known}:"
            " it was written by a newer one; upgrade, or restore a backup made before"
        )
        self.found = found
        self.known = known


class NoSuchBucket(MetadataError):
    """The named bucket does not exist."""


class BucketExists(MetadataError):
    """The bucket name is taken; `owner_id` says by whom."""

    def __init__(self, name: str, owner_id: str) -> None:
        super().__init__(f"bucket {name!r} already exists")
        self.owner_id = owner_id


class BucketNotEmpty(MetadataError):
    """The bucket still holds versions or unfinished uploads."""


class NoSuchKey(MetadataError):
    """No current version stands under the key (or no version with that id). `marker`: the delete
    marker that hides the key, if that is why."""

    def __init__(self, message: str = "", marker: Version | None = None) -> None:
        super().__init__(message)
        self.marker = marker


class NoSuchUpload(MetadataError):
    """The upload never existed, was completed, or was aborted."""


class PreconditionFailed(MetadataError):
    """A conditional mutation lost; the current version is not what the caller demanded."""


class ObjectLocked(MetadataError):
    """A legal hold, or a retention that has not ended, forbids it."""


class ObjectLockNeedsVersioning(MetadataError):
    """Object lock stands only in a bucket whose versioning is enabled, and stays so."""


class NoObjectLock(MetadataError):
    """The bucket has no object lock, so that nothing in it can be locked."""


class PartsChanged(MetadataError):
    """A part named for completion is no longer the upload's current part of that number."""


class NoSuchUser(MetadataError):
    """No user with that id."""


class UserExists(MetadataError):
    """The user id is taken."""


class AccessKeyExists(MetadataError):
    """The access key is taken, by this user or another."""


class IamExists(MetadataError):
    """There is a document of that kind and name."""
