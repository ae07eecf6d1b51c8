"""Multipart uploads: parts gather under the upload's id, which then becomes a version's id.

Rules: a part counts only while its upload stands; completion renames nothing and moves nothing, it
inserts the version, sets the offsets, and drops the parts that were not named.
"""

import sqlite3
from collections.abc import Sequence
from typing import Final

from metadata.errors import MetadataError, NoObjectLock, NoSuchUpload, PartsChanged
from metadata.model import (
    Part,
    Upload,
    Version,
    WriteCondition,
)
from metadata.model_repairs import (
    MissingShard,
)
from metadata.statements.batches import PART_ID_BYTES
from metadata.statements.buckets import find_bucket
from metadata.statements.conditions import CURRENT_FITS, condition_row
from metadata.statements.parts import (
    INSERT_INTO_PARTS,
    PART_VALUES,
    drop_parts,
    dropping,
    list_by_number,
    run_all,
)
from metadata.statements.repairs import queue_repairs
from metadata.statements.rows import (
    CONTENT_SIZE,
    UPLOAD_COLUMNS,
    extras_row,
    from_attributes,
    part_row,
    to_upload,
    version_row,
)
from metadata.statements.versions import (
    EXTRA_COLUMNS,
    INSERT_INTO_VERSIONS,
    VALUES_OF_VERSION,
    drop_former_null,
    find_by_id,
    settle,
    why_refused,
)

_CREATE: Final = """
    INSERT INTO uploads (upload_id, bucket_id, key, owner_id, created_at_ms, attributes,
                         tags, acl, retention_mode, retain_until_ms, legal_hold, encryption)
    SELECT :upload_id, bucket_id, :key, :owner_id, :created_at_ms, :attributes,
           :tags, :acl, :retention_mode, :retain_until_ms, :legal_hold, :encryption
    FROM buckets WHERE name = :bucket AND (NOT :is_locked OR object_lock)
    ON CONFLICT (upload_id) DO NOTHING"""

_FIND: Final = f"""
    SELECT {UPLOAD_COLUMNS} FROM buckets b JOIN uploads u ON u.bucket_id = b.bucket_id
    WHERE b.name = ? AND u.key = ? AND u.upload_id = ?"""

_EXISTS: Final = "SELECT 1 FROM uploads WHERE upload_id = ?"

_DELETE: Final = """
    DELETE FROM uploads WHERE upload_id = ? AND key = ?
      AND bucket_id = (SELECT bucket_id FROM buckets WHERE name = ?)"""

# Decides a put_part: whoever holds the number gives way to the new part, if the upload stands. A
# retry finds its own part id there and replaces nothing.
_DROP_REPLACED: Final = dropping("""
    version_id = :version_id AND number = :number AND part_id <> :part_id
    AND EXISTS (SELECT 1 FROM uploads WHERE upload_id = :version_id)""")

_ADD_PART: Final = f"""{INSERT_INTO_PARTS}
    SELECT {PART_VALUES}
    WHERE EXISTS (SELECT 1 FROM uploads WHERE upload_id = ?)
    ON CONFLICT (part_id) DO NOTHING"""

# The ids named for completion arrive as one BLOB, PART_ID_BYTES each, and are cut apart here.
_NAMED: Final = f"""
    WITH RECURSIVE named (position, part_id) AS (
        SELECT 0, substr(:part_ids, 1, {PART_ID_BYTES}) WHERE :named_count > 0
        UNION ALL
        SELECT position + 1,
               substr(:part_ids, (position + 1) * {PART_ID_BYTES} + 1, {PART_ID_BYTES})
        FROM named WHERE position + 1 < :named_count)"""

# Every named part is there and has a higher number than the one named before it.
_PARTS_STAND: Final = f"""
    :named_count = ({_NAMED}
        SELECT count(*) FROM (
            SELECT p.number > lag(p.number, 1, -1) OVER (ORDER BY n.position) AS ascends
            FROM named n CROSS JOIN parts p
            WHERE p.part_id = n.part_id AND p.version_id = :version_id)
        WHERE ascends)"""

_COMPLETE: Final = f"""
    {INSERT_INTO_VERSIONS}, {EXTRA_COLUMNS}) {VALUES_OF_VERSION.format(is_delete_marker=0)},
           u.tags, u.acl, u.retention_mode, u.retain_until_ms, u.legal_hold, u.encryption
    FROM buckets b JOIN uploads u ON u.bucket_id = b.bucket_id
    WHERE b.name = :bucket AND u.upload_id = :version_id AND u.key = :key
      AND {_PARTS_STAND} AND {CURRENT_FITS}
    RETURNING sequence, bucket_id, is_null"""

_STANDS: Final = f"SELECT {_PARTS_STAND}"

_DROP_UNNAMED: Final = dropping(f"""
    version_id = :version_id AND part_id NOT IN ({_NAMED} SELECT part_id FROM named)""")

_SET_OFFSETS: Final = f"""
    UPDATE parts SET "offset" = placed.start FROM (
        SELECT p.part_id, sum({CONTENT_SIZE}) OVER (ORDER BY p.number) - {CONTENT_SIZE} AS start
        FROM parts p WHERE p.version_id = :version_id) AS placed
    WHERE parts.part_id = placed.part_id AND placed.start > 0"""


def create_upload(db: sqlite3.Connection, *, bucket: str, upload: Upload) -> None:
    """Raises NoSuchBucket, NoObjectLock. Doing it again changes nothing."""
    wanted = extras_row(upload) | {
        "upload_id": upload.upload_id,
        "key": upload.key.encode(),
        "owner_id": upload.owner_id,
        "created_at_ms": upload.created_at_ms,
        "attributes": from_attributes(upload.attributes),
        "bucket": bucket,
        "is_locked": int(upload.is_locked),
    }
    if db.execute(_CREATE, wanted).rowcount == 0:
        found = find_bucket(db, bucket)
        if upload.is_locked and not found.object_lock:
            raise NoObjectLock(f"bucket {bucket!r} has no object lock")


def find_upload(db: sqlite3.Connection, *, bucket: str, key: str, upload_id: str) -> Upload:
    """Raises NoSuchUpload, NoSuchBucket."""
    row = db.execute(_FIND, (bucket, key.encode(), upload_id)).fetchone()
    if row is None:
        find_bucket(db, bucket)
        raise _no_upload(upload_id)
    return to_upload(row)


def put_part(
    db: sqlite3.Connection,
    *,
    upload_id: str,
    part: Part,
    missing: Sequence[MissingShard],
    now_ms: int,
) -> None:
    """Raises NoSuchUpload."""
    replaced = {
        "version_id": upload_id,
        "number": part.number,
        "part_id": part.part_id,
        "now_ms": now_ms,
    }
    run_all(db, _DROP_REPLACED, replaced)
    row = part_row(part, upload_id, offset=0)
    if db.execute(_ADD_PART, (*row, upload_id)).rowcount == 0:
        _check_upload(db, upload_id)
    queue_repairs(db, missing=missing, now_ms=part.created_at_ms)


def upload_parts(
    db: sqlite3.Connection, *, upload_id: str, after_number: int, limit: int
) -> list[Part]:
    """Raises NoSuchUpload."""
    _check_upload(db, upload_id)
    return list_by_number(db, version_id=upload_id, after_number=after_number, limit=limit)


def complete_upload(
    db: sqlite3.Connection,
    *,
    bucket: str,
    version: Version,
    part_ids: Sequence[bytes],
    condition: WriteCondition,
    now_ms: int,
) -> Version:
    """See the contract."""
    assert all(len(part_id) == PART_ID_BYTES for part_id in part_ids), "a part id is 16 bytes"
    wanted = version_row(version) | condition_row(condition)
    named = {"part_ids": b"".join(part_ids), "named_count": len(part_ids), "now_ms": now_ms}
    wanted |= named | {"bucket": bucket}
    row = db.execute(_COMPLETE, wanted).fetchone()
    if row is None:
        raise _why_incomplete(db, bucket, version, wanted)
    sequence, bucket_id, is_null = row
    db.execute("DELETE FROM uploads WHERE upload_id = ?", (version.version_id,))
    run_all(db, _DROP_UNNAMED, wanted)
    db.execute(_SET_OFFSETS, wanted)
    key = version.key.encode()
    if is_null:
        drop_former_null(db, bucket_id, key, sequence, now_ms)
    settle(db, bucket_id, key)
    completed = find_by_id(db, version.version_id)
    assert completed is not None, "it was just inserted"
    return completed


def abort_upload(
    db: sqlite3.Connection, *, bucket: str, key: str, upload_id: str, now_ms: int
) -> None:
    """Raises NoSuchUpload, NoSuchBucket."""
    if db.execute(_DELETE, (upload_id, key.encode(), bucket)).rowcount == 0:
        find_bucket(db, bucket)
        raise _no_upload(upload_id)
    drop_parts(db, upload_id, now_ms)


def _why_incomplete(
    db: sqlite3.Connection,
    bucket: str,
    version: Version,
    wanted: dict[str, object],
) -> MetadataError:
    """The error for an upload that was not completed. Raises NoSuchBucket, NoSuchUpload."""
    find_upload(db, bucket=bucket, key=version.key, upload_id=version.version_id)
    (parts_stand,) = db.execute(_STANDS, wanted).fetchone()
    if not parts_stand:
        return PartsChanged(f"upload {version.version_id} has other parts than those named")
    return why_refused(db, bucket, version.key, is_locked=False)


def _check_upload(db: sqlite3.Connection, upload_id: str) -> None:
    if db.execute(_EXISTS, (upload_id,)).fetchone() is None:
        raise _no_upload(upload_id)


def _no_upload(upload_id: str) -> NoSuchUpload:
    return NoSuchUpload(f"no upload {upload_id!r} under way")
