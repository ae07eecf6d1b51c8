"""Between the values of `metadata.model` and rows of the database.

Rules: columns are listed once, in the order of the dataclass they fill. These conversions stand on
the path of every GET and of every listed key, so they do as little as possible.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

import orjson

from metadata.model import (
    Attributes,
    Bucket,
    ListedObject,
    Part,
    Upload,
    Version,
    Versioning,
)
from metadata.model_repairs import (
    RepairKind,
    RepairState,
    RepairTask,
)

Row = tuple[Any, ...]

BUCKET_COLUMNS: Final = (
    "b.bucket_id, b.name, b.owner_id, b.created_at_ms, b.region, b.versioning, b.object_lock,"
    " b.settings_version"
)
BUCKET_WIDTH: Final = 8

VERSION_COLUMNS: Final = (
    "v.version_id, v.key, v.size, v.etag, v.created_at_ms, v.owner_id, v.attributes,"
    " v.part_count, v.is_delete_marker, v.is_null, v.sequence, v.tags, v.acl, v.retention_mode,"
    " v.retain_until_ms, v.legal_hold, v.encryption"
)
VERSION_WIDTH: Final = 17

LISTED_COLUMNS: Final = (
    "o.key, o.version_id, o.size, o.etag, o.created_at_ms, o.owner_id, o.is_null,"
    " o.storage_class, o.checksums, o.encryption"
)

PART_COLUMNS: Final = (
    "p.part_id, p.number, p.size, p.etag, p.k, p.m, p.unit_size, p.nodes, p.created_at_ms,"
    ' p."offset", p.checksums, p.plain_size, p.stored_md5'
)

PART_WIDTH: Final = 13

CONTENT_SIZE: Final = "coalesce(p.plain_size, p.size)"
"""How many bytes of its version part p holds."""

NODE_ID_BARS: Final = frozenset(',"\\')
"""What a node id may not hold: parts join theirs by commas, and JSON takes them apart."""

NODES_AS_JSON: Final = """'["' || replace(p.nodes, ',', '","') || '"]'"""
"""The nodes of part p as a JSON array."""

NODE_OF_SHARD: Final = f"json_extract({NODES_AS_JSON}, '$[' || n.shard || ']')"
"""The holder of shard n.shard of part p; NULL if the part has no such shard."""

NODES_HOLD: Final = "instr(',' || p.nodes || ',', ',' || %s || ',')"
"""Whether that node holds a shard of part p."""

REPAIR_COLUMNS: Final = (
    "r.part_id, r.shard, r.kind, r.node_id, r.target, r.reason, r.state, r.spare, r.attempts,"
    " r.created_at_ms, r.not_before_ms"
)
REPAIR_WIDTH: Final = 11

UPLOAD_COLUMNS: Final = (
    "u.upload_id, u.key, u.owner_id, u.created_at_ms, u.attributes, u.tags, u.acl,"
    " u.retention_mode, u.retain_until_ms, u.legal_hold, u.encryption"
)

STORAGE_CLASS: Final = "x-amz-storage-class"
"""The header of a version's attributes that listings tell of, too."""

NO_ATTRIBUTES: Final = Attributes()
_NO_TEXTS: Final[Mapping[str, str]] = {}

# A look-up here costs a tenth of a call of the class.
_KINDS: Final = {kind.value: kind for kind in RepairKind}
_STATES: Final = {state.value: state for state in RepairState}


@lru_cache(maxsize=1024)
def to_bucket(row: Row) -> Bucket:
    """A bucket from BUCKET_COLUMNS. Cached by value: every look-up brings one along."""
    bucket_id, name, owner_id, created_at_ms, region, versioning, object_lock, settings = row
    state = Versioning(versioning)
    return Bucket(
        bucket_id, name, owner_id, created_at_ms, region, state, object_lock == 1, settings
    )


def to_version(row: Row) -> Version:
    """A version from VERSION_COLUMNS."""
    (
        version_id,
        key,
        size,
        etag,
        created_at_ms,
        owner_id,
        attributes,
        part_count,
        is_delete_marker,
        is_null,
        sequence,
        tags,
        acl,
        retention_mode,
        retain_until_ms,
        legal_hold,
        encryption,
    ) = row
    return Version(
        version_id,
        key.decode(),
        size,
        etag,
        created_at_ms,
        owner_id,
        to_attributes(attributes),
        part_count,
        is_delete_marker == 1,
        is_null == 1,
        sequence,
        to_texts(tags) if tags else _NO_TEXTS,
        acl,
        retention_mode,
        retain_until_ms,
        legal_hold == 1,
        to_texts(encryption) if encryption else _NO_TEXTS,
    )


def to_listed(row: Row) -> ListedObject:
    """An object from LISTED_COLUMNS."""
    key, version_id, size, etag, created, owner, is_null, storage, checksums, encryption = row
    return ListedObject(
        key.decode(),
        version_id,
        size,
        etag,
        created,
        owner,
        is_null == 1,
        storage,
        orjson.loads(checksums) if checksums else _NO_TEXTS,
        orjson.loads(encryption) if encryption else _NO_TEXTS,
    )


def version_values(version: Version) -> Row:
    """What is inserted of every version, in the order of `_VERSION_VALUES`."""
    return (
        version.version_id,
        version.key.encode(),
        version.size,
        version.etag,
        version.created_at_ms,
        version.owner_id,
        from_attributes(version.attributes),
        version.part_count,
    )


_VERSION_VALUES: Final = (
    "version_id",
    "key",
    "size",
    "etag",
    "created_at_ms",
    "owner_id",
    "attributes",
    "part_count",
)


def version_row(version: Version) -> dict[str, object]:
    """The named parameters of a version that is to be inserted, but for those of `extras_row`."""
    return dict(zip(_VERSION_VALUES, version_values(version), strict=True))


def inserted(version: Version, sequence: int, is_null: int) -> Version:
    """The version as the database has it. (`dataclasses.replace` takes four times as long.)"""
    return Version(
        version.version_id,
        version.key,
        version.size,
        version.etag,
        version.created_at_ms,
        version.owner_id,
        version.attributes,
        version.part_count,
        version.is_delete_marker,
        is_null == 1,
        sequence,
        version.tags,
        version.acl,
        version.retention_mode,
        version.retain_until_ms,
        version.legal_hold,
        version.encryption,
    )


def current_row(version: Version, bucket_id: int, sequence: int, is_null: int) -> Row:
    """The values of a version's row in `objects`, in the order of the table's columns."""
    attributes = version.attributes
    return (
        bucket_id,
        version.key.encode(),
        sequence,
        version.version_id,
        version.size,
        version.etag,
        version.created_at_ms,
        version.owner_id,
        is_null,
        attributes.headers.get(STORAGE_CLASS, ""),
        from_texts(attributes.checksums),
        from_texts(version.encryption),
    )


def has_extras(version: Version | Upload) -> bool:
    """Whether anything in `extras_row` differs from what the tables take by default."""
    return bool(
        version.tags
        or version.acl
        or version.retention_mode
        or version.retain_until_ms
        or version.legal_hold
        or version.encryption
    )


def extras_row(version: Version | Upload) -> dict[str, object]:
    """The named parameters of what may be changed later, and of the encryption."""
    return {
        "tags": from_texts(version.tags),
        "acl": version.acl,
        "retention_mode": version.retention_mode,
        "retain_until_ms": version.retain_until_ms,
        "legal_hold": int(version.legal_hold),
        "encryption": from_texts(version.encryption),
    }


def to_part(row: Row) -> Part:
    """A part from PART_COLUMNS."""
    part_id, number, size, etag, k, m, unit, nodes, created, offset, checksums, plain, md5 = row
    return Part(
        part_id,
        number,
        size,
        etag,
        k,
        m,
        unit,
        to_nodes(nodes),
        created,
        offset,
        orjson.loads(checksums) if checksums else {},
        plain,
        md5,
    )


def part_row(part: Part, version_id: str, offset: int) -> Row:
    """The values of a part that is to be inserted, in the order of the table's columns."""
    assert len(part.part_id) == 16, "a part id is 16 bytes"
    return (
        part.part_id,
        version_id,
        part.number,
        part.size,
        part.etag,
        part.k,
        part.m,
        part.unit_size,
        from_nodes(part.nodes),
        part.created_at_ms,
        offset,
        from_texts(part.checksums),
        part.plain_size,
        part.stored_md5,
    )


def to_texts(text: str) -> Mapping[str, str]:
    """A mapping from its JSON, or from nothing if it is empty."""
    found: Mapping[str, str] = orjson.loads(text) if text else _NO_TEXTS
    return found


def from_texts(texts: Mapping[str, str]) -> str:
    """The inverse of `to_texts`."""
    return _json(texts) if texts else ""


@lru_cache(maxsize=4096)
def to_nodes(text: str) -> tuple[str, ...]:
    """Node ids in shard order. Cached: however many parts there are, they stand on few nodes."""
    return tuple(text.split(",")) if text else ()


@lru_cache(maxsize=4096)
def from_nodes(nodes: tuple[str, ...]) -> str:
    """The inverse of `to_nodes`, and cached like it."""
    assert NODE_ID_BARS.isdisjoint("".join(nodes)), "a node id holds what parts are joined by"
    return ",".join(nodes)


def to_attributes(text: str) -> Attributes:
    """Attributes from their JSON."""
    if text == "{}":
        return NO_ATTRIBUTES
    found = orjson.loads(text)
    return Attributes(
        found.get("headers") or {}, found.get("user") or {}, found.get("checksums") or {}
    )


def from_attributes(attributes: Attributes) -> str:
    """Attributes as compact JSON, empty mappings left out."""
    filled: dict[str, Mapping[str, str]] = {}
    if attributes.headers:
        filled["headers"] = attributes.headers
    if attributes.user:
        filled["user"] = attributes.user
    if attributes.checksums:
        filled["checksums"] = attributes.checksums
    return _json(filled) if filled else "{}"


def to_upload(row: Row) -> Upload:
    """An upload from UPLOAD_COLUMNS."""
    upload_id, key, owner_id, created, attributes, tags, acl, mode, until, hold, encryption = row
    return Upload(
        upload_id,
        key.decode(),
        owner_id,
        created,
        to_attributes(attributes),
        to_texts(tags),
        acl,
        mode,
        until,
        hold == 1,
        to_texts(encryption),
    )


def to_repair(row: Row) -> RepairTask:
    """A repair task from REPAIR_COLUMNS."""
    part_id, shard, kind, node_id, target, reason, state, *numbers = row
    return RepairTask(
        part_id, shard, _KINDS[kind], node_id, target, reason, _STATES[state], *numbers
    )


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()
