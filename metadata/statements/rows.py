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
    Part,
    RepairKind,
    RepairState,
    RepairTask,
    Upload,
    Version,
)

Row = tuple[Any, ...]

BUCKET_COLUMNS: Final = "b.bucket_id, b.name, b.owner_id, b.created_at_ms, b.region"
BUCKET_WIDTH: Final = 5

VERSION_COLUMNS: Final = (
    "v.version_id, v.key, v.size, v.etag, v.created_at_ms, v.owner_id, v.attributes,"
    " v.part_count, v.is_delete_marker, v.is_null, v.sequence"
)
VERSION_WIDTH: Final = 11

PART_COLUMNS: Final = (
    "p.part_id, p.number, p.size, p.etag, p.k, p.m, p.unit_size, p.nodes, p.created_at_ms,"
    ' p."offset", p.checksums'
)

PART_WIDTH: Final = 11

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

UPLOAD_COLUMNS: Final = "u.upload_id, u.key, u.owner_id, u.created_at_ms, u.attributes"

NO_ATTRIBUTES: Final = Attributes()

# A look-up here costs a tenth of a call of the class.
_KINDS: Final = {kind.value: kind for kind in RepairKind}
_STATES: Final = {state.value: state for state in RepairState}


@lru_cache(maxsize=1024)
def to_bucket(row: Row) -> Bucket:
    """A bucket from BUCKET_COLUMNS. Cached by value: every look-up brings one along."""
    return Bucket(*row)


def to_version(row: Row) -> Version:
    """A version from VERSION_COLUMNS."""
    version_id, key, size, etag, created, owner, attributes, count, marker, null, sequence = row
    return Version(
        version_id,
        key.decode(),
        size,
        etag,
        created,
        owner,
        to_attributes(attributes),
        count,
        marker == 1,
        null == 1,
        sequence,
    )


def version_row(version: Version) -> dict[str, object]:
    """The named parameters of a version that is to be inserted."""
    return {
        "version_id": version.version_id,
        "key": version.key.encode(),
        "size": version.size,
        "etag": version.etag,
        "created_at_ms": version.created_at_ms,
        "owner_id": version.owner_id,
        "attributes": from_attributes(version.attributes),
        "part_count": version.part_count,
        "is_delete_marker": int(version.is_delete_marker),
        "is_null": int(version.is_null),
    }


def to_part(row: Row) -> Part:
    """A part from PART_COLUMNS."""
    part_id, number, size, etag, k, m, unit, nodes, created, offset, checksums = row
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
        _json(part.checksums) if part.checksums else "",
    )


def to_nodes(text: str) -> tuple[str, ...]:
    """Node ids in shard order."""
    return tuple(text.split(",")) if text else ()


def from_nodes(nodes: tuple[str, ...]) -> str:
    """The inverse of `to_nodes`."""
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
    upload_id, key, owner_id, created_at_ms, attributes = row
    return Upload(upload_id, key.decode(), owner_id, created_at_ms, to_attributes(attributes))


def to_repair(row: Row) -> RepairTask:
    """A repair task from REPAIR_COLUMNS."""
    part_id, shard, kind, node_id, target, reason, state, *numbers = row
    return RepairTask(
        part_id, shard, _KINDS[kind], node_id, target, reason, _STATES[state], *numbers
    )


def _json(value: Mapping[str, Any]) -> str:
    return orjson.dumps(value).decode()
