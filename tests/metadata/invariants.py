"""What holds in every database file at every moment, asked in SQL that the store does not use."""

import sqlite3

RECOUNTED = """
    SELECT (SELECT count(*) FROM buckets), (SELECT count(*) FROM objects),
           (SELECT coalesce(sum(size), 0) FROM versions), (SELECT count(*) FROM uploads),
           (SELECT count(*) FROM repairs WHERE state = 'queued'),
           (SELECT count(*) FROM repairs WHERE state = 'dead'), (SELECT count(*) FROM reclaims)
    EXCEPT SELECT buckets, objects, bytes, uploads, repair_queued, repair_dead, reclaims
    FROM totals"""

NEWEST = """
    SELECT v.bucket_id, v.key, v.sequence FROM versions v
    WHERE NOT v.is_delete_marker AND v.sequence = (
        SELECT max(w.sequence) FROM versions w WHERE w.bucket_id = v.bucket_id AND w.key = v.key)"""

VIOLATIONS = {
    "totals equal a recount": RECOUNTED,
    "an object names the newest version": f"SELECT * FROM objects EXCEPT {NEWEST}",
    "a newest version is named": f"{NEWEST} EXCEPT SELECT bucket_id, key, sequence FROM objects",
    "a key has one null version at most": """
        SELECT bucket_id, key FROM versions WHERE is_null GROUP BY 1, 2 HAVING count(*) > 1""",
    "a version or an upload owns each part": """
        SELECT part_id FROM parts WHERE version_id NOT IN (SELECT version_id FROM versions)
        AND version_id NOT IN (SELECT upload_id FROM uploads)""",
    "no id is both a version's and an upload's": """
        SELECT version_id FROM versions INTERSECT SELECT upload_id FROM uploads""",
    "a reclaimed part is not owned": """
        SELECT part_id FROM reclaims INTERSECT SELECT part_id FROM parts""",
    "a repair has its part": """
        SELECT part_id FROM repairs EXCEPT SELECT part_id FROM parts""",
    "a version stands in a bucket": """
        SELECT bucket_id FROM versions EXCEPT SELECT bucket_id FROM buckets""",
    "an upload stands in a bucket": """
        SELECT bucket_id FROM uploads EXCEPT SELECT bucket_id FROM buckets""",
    "the parts of a version follow each other": """
        SELECT part_id FROM (
            SELECT p.part_id, p.offset, p.size,
                   sum(p.size) OVER (PARTITION BY p.version_id ORDER BY p.number) AS stop
            FROM parts p JOIN versions v USING (version_id))
        WHERE offset + size <> stop""",
    "the file is sound": "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
}


def broken_invariants(db: sqlite3.Connection) -> list[str]:
    """The names of those that do not hold."""
    return [name for name, query in VIOLATIONS.items() if db.execute(query).fetchall()]
