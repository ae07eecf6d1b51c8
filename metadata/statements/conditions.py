"""What a mutation demands of the version it finds, as SQL.

Rules: a condition stands in the WHERE of the statement that it decides. Unconditional mutations,
which most are, have statements of their own without any of it.
"""

from typing import Final

from metadata.model import COMPLIANCE, GOVERNANCE, UNCONDITIONAL, WriteCondition

MATCHES: Final = """
    (:must_match_etag IS NULL OR :must_match_etag = '*'
        OR (:must_match_etag = n.etag AND NOT n.is_delete_marker))
    AND (:must_match_modified_s IS NULL
        OR (:must_match_modified_s = n.created_at_ms / 1000 AND NOT n.is_delete_marker))
    AND (:must_match_size IS NULL
        OR (:must_match_size = n.size AND NOT n.is_delete_marker))
    AND :must_match_version_id IN (n.version_id, '')
    AND NOT (:must_exist AND n.is_delete_marker)"""
"""What a condition asks of version n to match."""

DIFFERS: Final = """
    (n.is_delete_marker OR (NOT :must_not_exist AND (:must_not_match_etag IS NULL
        OR :must_not_match_etag NOT IN (n.etag, '*'))))"""
"""What it asks of version n not to be."""

_CURRENT_DIFFERS: Final = f"""
    NOT EXISTS (
        SELECT 1 FROM objects o JOIN versions n ON n.sequence = o.sequence
        WHERE o.bucket_id = b.bucket_id AND o.key = :key AND NOT {DIFFERS})"""

CURRENT_FITS: Final = f"""
    {_CURRENT_DIFFERS} AND (NOT :asks_for_match OR EXISTS (
        SELECT 1 FROM objects o JOIN versions n ON n.sequence = o.sequence
        WHERE o.bucket_id = b.bucket_id AND o.key = :key AND {MATCHES}))"""
"""A write's condition, about the current version of :key in bucket b."""

NEWEST_FITS: Final = f"""
    {_CURRENT_DIFFERS} AND (NOT :asks_for_match OR EXISTS (
        SELECT 1 FROM versions n WHERE n.sequence = (
            SELECT v.sequence FROM versions v WHERE v.bucket_id = b.bucket_id AND v.key = :key
            ORDER BY v.sequence DESC LIMIT 1)
        AND {MATCHES}))"""
"""A deletion's condition, about the newest version, a delete marker too."""

IS_LOCKED: Final = f"""
    (n.legal_hold OR (n.retain_until_ms > :now_ms AND (n.retention_mode = '{COMPLIANCE}'
        OR (n.retention_mode = '{GOVERNANCE}' AND NOT :bypass_governance))))"""
"""Whether version n may not go."""

MAY_BE_RETAINED_SO: Final = f"""
    (:mode IS NULL OR n.retention_mode = '' OR n.retain_until_ms <= :now_ms
        OR (n.retention_mode = :mode AND n.retain_until_ms <= :until_ms)
        OR (n.retention_mode = '{GOVERNANCE}' AND :bypass_governance))"""
"""Whether the retention of version n may be changed to :mode and :until_ms."""


def is_conditional(condition: WriteCondition) -> bool:
    """Whether anything is demanded."""
    return condition is not UNCONDITIONAL and condition != UNCONDITIONAL


def condition_row(condition: WriteCondition) -> dict[str, object]:
    """The named parameters of a condition."""
    return {
        "must_not_exist": int(condition.must_not_exist),
        "must_exist": int(condition.must_exist),
        "must_not_match_etag": condition.must_not_match_etag,
        "asks_for_match": int(condition.asks_for_match),
        "must_match_etag": condition.must_match_etag,
        "must_match_modified_s": condition.must_match_modified_s,
        "must_match_size": condition.must_match_size,
        "must_match_version_id": condition.must_match_version_id or "",
    }
