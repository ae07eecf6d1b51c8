"""What a row in `objects` says of its version beyond what listings need: all that a GET does.

Rules: a record is made by the write that makes its version the current one, of one part and without
tags, an ACL or locks; what changes the version or moves a shard changes the record by triggers
(migrations/0005_record.sql). Without one, or where a part says other than its version does, the
other tables are asked.
"""

from collections.abc import Sequence
from typing import Final

import orjson

from metadata.model import Attributes, Part, Version
from metadata.statements.rows import Row, from_nodes, to_nodes, to_texts

RECORDED_COLUMNS: Final = (
    "o.sequence, o.version_id, o.size, o.etag, o.created_at_ms, o.owner_id, o.is_null,"
    " o.checksums, o.encryption, o.record"
)

_NUMBER: Final = 1
"""Of the part."""


def make_record(version: Version, parts: Sequence[Part]) -> str | None:
    """The record of a new version; None if it can't have one."""
    if (
        len(parts) != 1
        or version.part_count
        or version.tags
        or version.acl
        or version.is_locked
        or version.retain_until_ms
    ):
        return None
    (part,) = parts
    attributes = version.attributes
    if (
        part.number != _NUMBER
        or part.etag != version.etag
        or part.created_at_ms != version.created_at_ms
        or part.content_size != version.size
        or part.checksums != attributes.checksums
    ):
        return None
    record = (
        from_nodes(part.nodes),
        part.part_id.hex(),
        part.size,
        part.k,
        part.m,
        part.unit_size,
        part.plain_size,
        part.stored_md5,
        attributes.headers,
        attributes.user,
    )
    return orjson.dumps(record).decode()


def to_recorded(key: str, row: Row) -> tuple[Version, Part]:
    """A key's version and its part, from RECORDED_COLUMNS."""
    sequence, version_id, size, etag, created, owner, is_null, sums, encryption, record = row
    nodes, part_id, stored, k, m, unit, plain, md5, headers, user = orjson.loads(record)
    checksums = to_texts(sums)
    version = Version(
        version_id,
        key,
        size,
        etag,
        created,
        owner,
        Attributes(headers, user, checksums),
        0,
        False,
        is_null == 1,
        sequence,
        encryption=to_texts(encryption),
    )
    return version, Part(
        bytes.fromhex(part_id),
        _NUMBER,
        stored,
        etag,
        k,
        m,
        unit,
        to_nodes(nodes),
        created,
        0,
        checksums,
        plain,
        md5,
    )
