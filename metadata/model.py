"""The things Trilith remembers: immutable values, one dataclass each.

Rules: times are integer milliseconds since the epoch and always come from the caller; order comes
from `Version.sequence`, which the database gives out, never from a clock. Ids are made by the
caller so that a retried mutation is recognisable.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

NULL_VERSION = "null"
"""The version id clients see while a bucket has never been versioned."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A named container of objects. `bucket_id` is internal and never reused."""

    bucket_id: int
    name: str
    owner_id: str
    created_at_ms: int
    region: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """A run of a version's bytes that was cut into stripes together.

    `part_id` (16 bytes, time-ordered prefix, unique for ever) names its shards on the nodes.
    `nodes[i]` keeps shard i; `len(nodes) == k + m`. A part of size 0 has no stripes and no shards.
    `offset` is where the part starts in its version (0 until the upload completes).
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


@dataclass(frozen=True, slots=True)
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


@dataclass(frozen=True, slots=True)
class Version:
    """One immutable write of a key.

    `version_id` is unique for ever (32 lower-case hex digits, made by the caller; a multipart
    version's id is its upload's id). `sequence` orders the versions of the database; 0 before the
    commit. `is_null` marks a version written while versioning was off: clients see it as `null`.
    `part_count` is what the client uploaded (0 for a plain PUT: S3 shows no "-N" then).
    """

    version_id: str
    key: str
    size: int
    etag: str
    created_at_ms: int
    owner_id: str
    attributes: Attributes = Attributes()
    part_count: int = 0
    is_delete_marker: bool = False
    is_null: bool = True
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """A version as a reader needs it. `parts` holds all parts if there is at most one, else is
    empty and the reader pages through `MetadataStore.parts`."""

    bucket: Bucket
    version: Version
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class WriteCondition:
    """`If-None-Match: *` and `If-Match: etag` on a write; both unset means unconditional.

    The ETag `*` matches whatever there is.
    """

    must_not_exist: bool = False
    must_match_etag: str | None = None


class ShardName(NamedTuple):
    """One shard of one part: what a repair task and a node's inventory name."""

    part_id: bytes
    shard: int


@dataclass(frozen=True, slots=True)
class MissingShard:
    """A shard that is not, or not intact, where its part says: it must be rebuilt."""

    part_id: bytes
    shard: int
    reason: str


@dataclass(frozen=True, slots=True)
class MoveShard:
    """A healthy shard that should stand on node `target` instead of where it stands."""

    part_id: bytes
    shard: int
    target: str
    reason: str


class ShardMove(NamedTuple):
    """A shard that has been copied from one node to another: the part is to name the new one."""

    part_id: bytes
    shard: int
    old_node: str
    new_node: str


class RepairKind(StrEnum):
    """What a repair task is about."""

    REBUILD = "rebuild"
    MOVE = "move"


class RepairState(StrEnum):
    """Where a repair task stands. DEAD: given up, until an operator revives it."""

    QUEUED = "queued"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class RepairTask:
    """One shard that must be rebuilt or moved; at most one task per (part_id, shard).

    `node_id` is the holder: `part.nodes[shard]`. `target` is where a MOVE goes, "" for a REBUILD.
    `spare` says how many more shards the part can lose: m less its REBUILD tasks, the dead ones
    and this one included; below 0 it cannot be read from what stands. A task is not to be tried
    before `not_before_ms` (0: at once); `attempts` counts the tries that failed.
    """

    part_id: bytes
    shard: int
    kind: RepairKind
    node_id: str
    target: str
    reason: str
    state: RepairState
    spare: int
    attempts: int
    created_at_ms: int
    not_before_ms: int = 0

    @property
    def name(self) -> ShardName:
        """The shard it is about."""
        return ShardName(self.part_id, self.shard)


@dataclass(frozen=True, slots=True)
class DueRepair:
    """A task that may be worked on, and all that is needed for it.

    `barred`: nodes on which a former copy of this very shard waits to be reclaimed. Nothing may be
    put there until that is done: the deletion under way would take the new copy with it.
    """

    task: RepairTask
    part: Part
    barred: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class PutOff:
    """A task that could not be done now. `failed`: the try counts as one."""

    part_id: bytes
    shard: int
    reason: str
    not_before_ms: int
    failed: bool


@dataclass(frozen=True, slots=True)
class RepairCount:
    """How many tasks of one kind and state a holder has, and how many bytes their shards have."""

    node_id: str
    kind: RepairKind
    state: RepairState
    tasks: int
    bytes: int


@dataclass(frozen=True, slots=True)
class NamedPart:
    """A part and what names it: a version, or an upload under way."""

    part: Part
    bucket: str
    key: str
    version_id: str
    is_upload: bool


@dataclass(frozen=True, slots=True)
class Reclaim:
    """A shard that its part no longer names there (the part was dropped, or the shard was moved
    to another node): it may be deleted from its node."""

    node_id: str
    part_id: bytes
    shard: int
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class Upload:
    """A multipart upload under way. Its id becomes the version id."""

    upload_id: str
    key: str
    owner_id: str
    created_at_ms: int
    attributes: Attributes = Attributes()


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of keys. `versions` and `common_prefixes` are each in byte order of the UTF-8 key;
    together they hold at most the asked number. `next_after` continues (pass it as `after`), or
    is None at the end."""

    versions: tuple[Version, ...]
    common_prefixes: tuple[str, ...]
    next_after: str | None


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
    """Someone who may own buckets. Root may do everything."""

    user_id: str
    display_name: str
    is_root: bool
    created_at_ms: int


@dataclass(frozen=True, slots=True)
class AccessKey:
    """A key pair of a user. The secret is kept as it is: SigV4 needs it to verify. Never log it."""

    access_key: str
    secret_key: str = field(repr=False)
    user_id: str = ""
    created_at_ms: int = 0


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
