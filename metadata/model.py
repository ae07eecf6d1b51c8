"""The things Trilith remembers: values, one dataclass each.

Rules: nobody changes a value after it was made; those that every request makes are not declared
frozen all the same, for that would double what making them costs. Times are integer milliseconds
since the epoch and always come from the caller; order comes from `Version.sequence`, which the
database gives out, never from a clock. Ids are made by the caller so that a retried mutation is
recognisable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, NamedTuple

NULL_VERSION = "null"
"""The id by which clients name the version of a key that was written while versioning was off or
suspended. A key has at most one such version."""

GOVERNANCE: Final = "GOVERNANCE"
COMPLIANCE: Final = "COMPLIANCE"


class Versioning(StrEnum):
    """What a write does to the version it follows: OFF and SUSPENDED replace the null version,
    ENABLED leaves all versions there are. Once left, OFF does not come back."""

    OFF = ""
    ENABLED = "Enabled"
    SUSPENDED = "Suspended"


@dataclass(frozen=True, slots=True)
class Bucket:
    """A named container of objects. `bucket_id` is internal and never reused.

    `settings_version` grows with every change of a setting, of versioning and of object lock, so
    that what was parsed from settings may be kept by (bucket_id, settings_version). `object_lock`
    stays once it is set, and versioning stays ENABLED with it.
    """

    bucket_id: int
    name: str
    owner_id: str
    created_at_ms: int
    region: str = ""
    versioning: Versioning = Versioning.OFF
    object_lock: bool = False
    settings_version: int = 0


@dataclass(slots=True)
class Part:
    """A run of a version's bytes that was cut into stripes together.

    `part_id` (16 bytes, time-ordered prefix, unique for ever) names its shards on the nodes.
    `nodes[i]` keeps shard i; `len(nodes) == k + m`. A part of size 0 has no stripes and no shards.
    `offset` is where the part starts in its version (0 until the upload completes).
    `plain_size` is how many bytes the part holds of the object where that is not `size`, as when
    encryption made what was cut into shards longer; offsets count these (`content_size`).
    `stored_md5` is the MD5 of what was cut into shards where that is not `etag`.
    `etag` is the MD5 of the part's bytes in hex; `checksums` maps lower-case algorithm names
    (crc32, crc32c, crc64nvme, sha1, sha256) to base64 values.
    """

    part_id: bytes
    number: int
    size: int
    etag: str
    k: int
    m: int
    unit_size: int
    nodes: tuple[str, ...]
    created_at_ms: int
    offset: int = 0
    checksums: Mapping[str, str] = field(default_factory=dict)
    plain_size: int | None = None
    stored_md5: str = ""

    @property
    def content_size(self) -> int:
        """How many bytes of the object it holds."""
        return self.size if self.plain_size is None else self.plain_size

    @property
    def data_md5(self) -> str:
        """The MD5 of the bytes that were cut into shards, in hex."""
        return self.stored_md5 or self.etag


@dataclass(slots=True)
class Attributes:
    """What a client says about an object, kept verbatim and given back.

    `headers`: the standard ones (content-type, cache-control, content-disposition,
    content-encoding, content-language, expires, x-amz-storage-class, ...), lower-case names.
    `user`: x-amz-meta-* without the prefix, lower-case names.
    `checksums`: as in Part; the extra key `type` is `FULL_OBJECT` or `COMPOSITE`.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    user: Mapping[str, str] = field(default_factory=dict)
    checksums: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Version:
    """One immutable write of a key.

    `version_id` is unique for ever (32 lower-case hex digits, made by the caller; a multipart
    version's id is its upload's id). `sequence` orders the versions of the database; 0 before the
    commit. `is_null` marks a version written while versioning was off or suspended: the commit
    decides it, by the bucket as it then stands. `part_count` is what the client uploaded (0 for a
    plain PUT: S3 shows no "-N" then).

    The rest may be changed later (`MetadataStore.update_version`), but for `encryption`. `acl` is
    a JSON document, "" means private to the owner. `retention_mode` is "", GOVERNANCE or
    COMPLIANCE, and holds until `retain_until_ms`; a `legal_hold` holds until it is lifted. What
    `encryption` holds is opaque here: all that is needed to read the bytes back, but never a key
    in clear.
    """

    version_id: str
    key: str
    size: int
    etag: str
    created_at_ms: int
    owner_id: str
    attributes: Attributes = field(default_factory=Attributes)
    part_count: int = 0
    is_delete_marker: bool = False
    is_null: bool = True
    sequence: int = 0
    tags: Mapping[str, str] = field(default_factory=dict)
    acl: str = ""
    retention_mode: str = ""
    retain_until_ms: int = 0
    legal_hold: bool = False
    encryption: Mapping[str, str] = field(default_factory=dict)

    @property
    def public_id(self) -> str:
        """The id that clients see."""
        return NULL_VERSION if self.is_null else self.version_id

    @property
    def is_locked(self) -> bool:
        """Whether it was given a retention or a legal hold; the retention may have ended."""
        return self.legal_hold or self.retention_mode != ""


@dataclass(slots=True)
class StoredVersion:
    """A version as a reader needs it. `parts` holds all parts if there is at most one, else is
    empty and the reader pages through `MetadataStore.parts`."""

    bucket: Bucket
    version: Version
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class WriteCondition:
    """What a mutation demands of the version it finds; all that is set must hold.

    A write and a completion look at the current version: if there is none (or a delete marker is
    newest), `must_exist` and each `must_match_*` fail. A deletion of a key looks at its newest
    version, one of a version at that version; what is not there fulfils every condition of a
    deletion. A delete marker fails `must_exist`, and matches nothing but the ETag `*` and its id;
    for it, each `must_not_*` holds.

    In `must_match_etag` (`If-Match`) and `must_not_match_etag` (`If-None-Match`) the ETag `*`
    matches whatever there is. `must_match_modified_s`: `created_at_ms` in whole seconds.
    `must_match_version_id` is an id as in `Version.version_id`, never `null`: so a worker can say
    "if it still is the one I saw".
    """

    must_not_exist: bool = False
    must_match_etag: str | None = None
    must_not_match_etag: str | None = None
    must_match_modified_s: int | None = None
    must_match_size: int | None = None
    must_match_version_id: str | None = None
    must_exist: bool = False

    @property
    def asks_for_match(self) -> bool:
        """Whether it can't hold where nothing is."""
        matches = (
            self.must_match_etag,
            self.must_match_modified_s,
            self.must_match_size,
            self.must_match_version_id,
        )
        return self.must_exist or any(match is not None for match in matches)


UNCONDITIONAL: Final = WriteCondition()


class Retention(NamedTuple):
    """Until when, and how strictly, a version is kept. Mode "" (with 0) means not at all."""

    mode: str
    until_ms: int


@dataclass(frozen=True, slots=True)
class VersionChange:
    """What is to become of a version; None leaves it as it is."""

    tags: Mapping[str, str] | None = None
    acl: str | None = None
    retention: Retention | None = None
    legal_hold: bool | None = None


@dataclass(frozen=True, slots=True)
class Deletion:
    """What a deletion did.

    `version_id`: as clients see it, of the delete marker that was added or of the version that was
    removed by its id; None where a key of an unversioned bucket was deleted, or nothing was done.
    `is_delete_marker`: that one is a delete marker. `existed`: there was a current version (for a
    deletion by id: that version), which is now gone or hidden.
    """

    version_id: str | None
    is_delete_marker: bool
    existed: bool


NOTHING_DELETED: Final = Deletion(None, False, False)


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload under way. Its id becomes the version id. The fields from `tags` on are
    those of `Version`, and pass to the version when the upload is completed."""

    upload_id: str
    key: str
    owner_id: str
    created_at_ms: int
    attributes: Attributes = field(default_factory=Attributes)
    tags: Mapping[str, str] = field(default_factory=dict)
    acl: str = ""
    retention_mode: str = ""
    retain_until_ms: int = 0
    legal_hold: bool = False
    encryption: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_locked(self) -> bool:
        """Whether its version will have a retention or a legal hold."""
        return self.legal_hold or self.retention_mode != ""


class ListedObject(NamedTuple):
    """What a listing tells of a current version: the fields of `Version` by these names, its
    checksums, and its storage class, "" if it was not given any."""

    key: str
    version_id: str
    size: int
    etag: str
    created_at_ms: int
    owner_id: str
    is_null: bool
    storage_class: str
    checksums: Mapping[str, str]
    encryption: Mapping[str, str]

    @property
    def public_id(self) -> str:
        """The id that clients see."""
        return NULL_VERSION if self.is_null else self.version_id


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of keys. `objects` and `common_prefixes` are each in byte order of the UTF-8 key;
    together they hold at most the asked number. `next_after` continues (pass it as `after`), or
    is None at the end."""

    objects: tuple[ListedObject, ...]
    common_prefixes: tuple[str, ...]
    next_after: str | None


class ListedVersion(NamedTuple):
    """A version or delete marker, and whether it is the newest of its key."""

    version: Version
    is_latest: bool


@dataclass(frozen=True, slots=True)
class VersionListing:
    """One page of all versions, delete markers too: by key, then newest first.
    `next_key`/`next_version_id` (as clients see it, "" after a common prefix) continue it, or are
    None at the end."""

    versions: tuple[ListedVersion, ...]
    common_prefixes: tuple[str, ...]
    next_key: str | None
    next_version_id: str | None


@dataclass(frozen=True, slots=True)
class UploadListing:
    """One page of uploads, by key then upload id; `next_key`/`next_upload_id` continue it."""

    uploads: tuple[Upload, ...]
    common_prefixes: tuple[str, ...]
    next_key: str | None
    next_upload_id: str | None


class Standing(StrEnum):
    """How far a node can be trusted to have what the parts say it has.

    MEMBER: all of it. RETURNED: the same store was away and may have missed things. REPLACED:
    another store stands in its place, and what the former one kept is gone.
    """

    MEMBER = "member"
    RETURNED = "returned"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class NodeRecord:
    """A storage node as the cluster knows it. `store_id` is the identity of the disk last seen
    there ("" before the first contact). An id holds no comma, quote or backslash: parts list
    theirs so. One that `is_draining` is being emptied: nothing new goes there."""

    node_id: str
    url: str
    zone: str
    weight: float
    store_id: str = ""
    standing: Standing = Standing.MEMBER
    is_draining: bool = False


@dataclass(frozen=True, slots=True)
class User:
    """Someone who may own buckets. Root may do everything. `path` is IAM's, and `email` (""
    without) another name for the user in grants."""

    user_id: str
    display_name: str
    is_root: bool
    created_at_ms: int
    path: str = "/"
    email: str = ""


ACTIVE: Final = "Active"
INACTIVE: Final = "Inactive"
"""The states of an access key."""


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair of a user. The secret is kept as it is: SigV4 needs it to verify. Never log it.

    `status` is ACTIVE or INACTIVE. One with a `session_token` is a session's: it is not listed with
    the user's keys, ends at `expires_at_ms` (0: never), and `identity` (a JSON document) says whom
    it acts for: a role, a federated user, the policies it is confined to.
    """

    access_key: str
    secret_key: str = field(repr=False)
    user_id: str = ""
    created_at_ms: int = 0
    status: str = ACTIVE
    session_token: str = field(default="", repr=False)
    expires_at_ms: int = 0
    identity: str = ""


@dataclass(frozen=True, slots=True)
class Totals:
    """Counts over the whole store, for status pages and metrics.

    `objects`: keys that have a current version; `bytes`: of all versions kept, parts of unfinished
    uploads not counted; `reclaims`: parts whose shards wait to be deleted."""

    buckets: int
    objects: int
    bytes: int
    uploads: int
    repair_queued: int
    repair_dead: int
    reclaims: int
