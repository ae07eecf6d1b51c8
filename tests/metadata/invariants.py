"""What holds in every database file at every moment, asked in SQL that the store does not use."""

import sqlite3

RECOUNTED = """
    SELECT (SELECT count(*) FROM buckets), (SELECT count(*) FROM objects),
           (SELECT coalesce(sum(size), 0) FROM versions), (SELECT count(*) FROM uploads),
           (SELECT count(*) FROM reclaims)
    EXCEPT SELECT buckets, objects, bytes, uploads, reclaims FROM totals"""

REPAIRS_RECOUNTED = """
    SELECT r.node_id, r.kind, r.state, count(*), sum((p.size + p.k - 1) / p.k)
    FROM repairs r JOIN parts p USING (part_id) GROUP BY 1, 2, 3"""
REPAIRS_COUNTED = "SELECT node_id, kind, state, tasks, bytes FROM repair_counts WHERE tasks <> 0"

# Each shard of each part that has any, and its node.
HELD = """
    SELECT p.part_id, n.key AS shard, n.value AS node_id
    FROM parts p, json_each('["' || replace(p.nodes, ',', '","') || '"]') AS n WHERE p.size > 0"""

NEWEST = """
    SELECT v.bucket_id, v.key, v.sequence, v.version_id, v.size, v.etag, v.created_at_ms,
           v.owner_id, v.is_null,
           ifnull(json_extract(v.attributes, '$.headers.x-amz-storage-class'), ''),
           ifnull(json_extract(v.attributes, '$.checksums'), ''), v.encryption
    FROM versions v
    WHERE NOT v.is_delete_marker AND v.sequence = (
        SELECT max(w.sequence) FROM versions w WHERE w.bucket_id = v.bucket_id AND w.key = v.key)"""

LISTED = """
    SELECT bucket_id, key, sequence, version_id, size, etag, created_at_ms, owner_id, is_null,
           storage_class, checksums, encryption
    FROM objects"""

# What a record may say, and what goes without saying if there is one.
RECORDABLE = """
    SELECT v.sequence, json_array(p.nodes, lower(hex(p.part_id)), p.size, p.k, p.m, p.unit_size,
                                  p.plain_size, p.stored_md5,
                                  json(ifnull(json_extract(v.attributes, '$.headers'), '{}')),
                                  json(ifnull(json_extract(v.attributes, '$.user'), '{}')))
    FROM versions v JOIN parts p USING (version_id)
    WHERE p.number = 1 AND p.offset = 0 AND v.part_count = 0 AND p.etag = v.etag
      AND p.created_at_ms = v.created_at_ms AND ifnull(p.plain_size, p.size) = v.size
      AND p.checksums = ifnull(json_extract(v.attributes, '$.checksums'), '')
      AND (v.tags, v.acl, v.retention_mode, v.retain_until_ms, v.legal_hold) = ('', '', '', 0, 0)
      AND (SELECT count(*) FROM parts q WHERE q.version_id = v.version_id) = 1"""

VIOLATIONS = {
    "totals equal a recount": RECOUNTED,
    "an object names the newest version": f"{LISTED} EXCEPT {NEWEST}",
    "a newest version is named": f"{NEWEST} EXCEPT {LISTED}",
    "a record says what its version and part do": f"""
        SELECT sequence, record FROM objects WHERE record IS NOT NULL EXCEPT {RECORDABLE}""",
    "a key has one null version at most": """
        SELECT bucket_id, key FROM versions WHERE is_null GROUP BY 1, 2 HAVING count(*) > 1""",
    "a key of an unversioned bucket has one version, no marker": """
        SELECT b.bucket_id, v.key FROM versions v JOIN buckets b USING (bucket_id)
        WHERE b.versioning = '' GROUP BY 1, 2
        HAVING count(*) > 1 OR max(v.is_delete_marker) OR NOT min(v.is_null)""",
    "a delete marker is empty": """
        SELECT version_id FROM versions WHERE is_delete_marker AND (size > 0 OR version_id IN (
            SELECT version_id FROM parts))""",
    "object lock goes with versioning": """
        SELECT bucket_id FROM buckets WHERE object_lock AND versioning <> 'Enabled'""",
    "a lock stands in a bucket with object lock": """
        SELECT version_id FROM (
            SELECT version_id, bucket_id, legal_hold, retention_mode FROM versions
            UNION ALL SELECT upload_id, bucket_id, legal_hold, retention_mode FROM uploads)
        JOIN buckets USING (bucket_id)
        WHERE (legal_hold OR retention_mode <> '') AND NOT object_lock""",
    "a setting stands on a bucket": """
        SELECT bucket_id FROM bucket_settings EXCEPT SELECT bucket_id FROM buckets""",
    "a bucket with settings counts them": """
        SELECT bucket_id FROM bucket_settings JOIN buckets USING (bucket_id)
        WHERE settings_version = 0""",
    "a key belongs to a user": """
        SELECT user_id FROM access_keys EXCEPT SELECT user_id FROM users""",
    "a version or an upload owns each part": """
        SELECT part_id FROM parts WHERE version_id NOT IN (SELECT version_id FROM versions)
        AND version_id NOT IN (SELECT upload_id FROM uploads)""",
    "no id is both a version's and an upload's": """
        SELECT version_id FROM versions INTERSECT SELECT upload_id FROM uploads""",
    "what is reclaimed is not held": f"""
        SELECT part_id, shard, node_id FROM reclaims INTERSECT {HELD}""",
    "a reclaimed shard of a part that stands was moved": """
        SELECT part_id FROM reclaims WHERE is_moved = 0 INTERSECT SELECT part_id FROM parts""",
    "a repair names the holder of a shard": f"""
        SELECT part_id, shard, node_id FROM repairs EXCEPT {HELD}""",
    "a part can spare m less its rebuilds": """
        SELECT part_id FROM repairs r JOIN parts p USING (part_id)
        WHERE r.spare <> p.m - (SELECT count(*) FROM repairs o
                                WHERE o.part_id = r.part_id AND o.kind = 'rebuild')""",
    "repairs counted are there": f"{REPAIRS_COUNTED} EXCEPT {REPAIRS_RECOUNTED}",
    "repairs are counted": f"{REPAIRS_RECOUNTED} EXCEPT {REPAIRS_COUNTED}",
    "only moves have a target": """
        SELECT part_id FROM repairs WHERE (kind = 'move') <> (target <> '')""",
    "only queued repairs are put off": """
        SELECT part_id FROM repairs WHERE state <> 'queued' AND not_before_ms <> 0""",
    "a version stands in a bucket": """
        SELECT bucket_id FROM versions EXCEPT SELECT bucket_id FROM buckets""",
    "an upload stands in a bucket": """
        SELECT bucket_id FROM uploads EXCEPT SELECT bucket_id FROM buckets""",
    "the parts of a version follow each other": """
        SELECT part_id FROM (
            SELECT part_id, offset, held,
                   sum(held) OVER (PARTITION BY version_id ORDER BY number) AS stop
            FROM (SELECT p.*, coalesce(p.plain_size, p.size) AS held
                  FROM parts p JOIN versions v USING (version_id)))
        WHERE offset + held <> stop""",
    "the file is sound": "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
}


def broken_invariants(db: sqlite3.Connection) -> list[str]:
    """The names of those that do not hold."""
    return [name for name, query in VIOLATIONS.items() if db.execute(query).fetchall()]
