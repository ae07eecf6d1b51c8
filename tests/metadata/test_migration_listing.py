"""A database of the third schema lists what it remembers, as its versions are."""

import sqlite3
from pathlib import Path

from metadata import ListedObject, open_sqlite
from metadata.schema import known_migrations, migrate
from tests.metadata.invariants import broken_invariants
from tests.metadata.making import delete, put

FORMER = """
    INSERT INTO buckets (bucket_id, name, owner_id, created_at_ms, region, versioning)
    VALUES (1, 'a', 'ann', 1, '', ''), (2, 'b', 'ann', 1, '', 'Enabled');
    INSERT INTO versions (sequence, version_id, bucket_id, key, size, etag, created_at_ms, owner_id,
                          attributes, part_count, is_delete_marker, is_null, encryption)
    VALUES (1, 'u', 2, x'6b', 5, 'e1', 1, 'ann', '{}', 0, 0, 1, ''),
           (2, 'v', 2, x'6b', 6, 'e2', 2, 'bob',
            '{"headers":{"content-type":"x","x-amz-storage-class":"STANDARD_IA"},
              "checksums":{"crc32":"AAAAAA=="}}', 0, 0, 0, '{"scheme":"AES256"}'),
           (3, 'w', 2, x'6c', 7, 'e3', 3, 'ann', '{}', 0, 0, 1, ''),
           (4, 'x', 2, x'6d', 0, '', 3, 'ann', '{}', 0, 1, 0, '');
    INSERT INTO objects VALUES (2, x'6b', 2), (2, x'6c', 3);
"""


async def test_the_fourth_schema_lists_what_the_third_remembered(tmp_path: Path) -> None:
    path = tmp_path / "metadata.db"
    db = sqlite3.connect(path, isolation_level=None)
    migrate(db, known_migrations()[:3])
    db.executescript(FORMER)
    before = db.execute("SELECT * FROM totals").fetchall()
    migrate(db, known_migrations())
    assert db.execute("SELECT * FROM totals").fetchall() == before
    assert broken_invariants(db) == []
    db.close()
    store = await open_sqlite(path)
    checksums, encryption = {"crc32": "AAAAAA=="}, {"scheme": "AES256"}
    assert (await store.list_current("b", limit=9)).objects == (
        ListedObject("k", "v", 6, "e2", 2, "bob", False, "STANDARD_IA", checksums, encryption),
        ListedObject("l", "w", 7, "e3", 3, "ann", True, "", {}, {}),
    )
    await put(store, "n", is_null=False)
    await delete(store, "l")
    assert (await store.totals()).objects == 2
    await store.close()
    db = sqlite3.connect(path)
    assert broken_invariants(db) == []
    db.close()
