"""A database of the second schema is brought to the third with what it remembers."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from metadata import (
    NULL_VERSION,
    AccessKey,
    Attributes,
    Bucket,
    Upload,
    User,
    Version,
    Versioning,
    open_sqlite,
)
from metadata.schema import known_migrations, migrate
from tests.metadata.invariants import broken_invariants
from tests.metadata.making import put

FORMER = f"""
    INSERT INTO users VALUES ('root', 'Root', 1, 5), ('ann', 'Ann', 0, 6);
    INSERT INTO access_keys VALUES ('K1', 's1', 'ann', 7), ('K2', 's2', 'ann', 8);
    INSERT INTO buckets VALUES (7, 'b', 'ann', 1, 'eu');
    INSERT INTO versions VALUES
        (3, 'v', 7, x'6b', 21, 'e', 1, 'ann', '{{"headers":{{"a":"b"}}}}', 2, 0, 1),
        (4, 'w', 7, x'6c', 0, 'e', 1, 'ann', '{{}}', 0, 0, 1);
    INSERT INTO objects VALUES (7, x'6b', 3), (7, x'6c', 4);
    INSERT INTO uploads VALUES ('u', 7, x'6b', 'ann', 1, '{{}}');
    INSERT INTO parts VALUES
        (x'{b"a".hex() * 16}', 'v', 1, 11, 'e1', 2, 1, 8, 'n1,n2,n3', 1, 0, ''),
        (x'{b"b".hex() * 16}', 'v', 2, 10, 'e2', 2, 1, 8, 'n4,n5,n6', 1, 11, '');
"""

BUCKET = Bucket(7, "b", "ann", 1, "eu", Versioning.OFF, object_lock=False, settings_version=0)
VERSION = Version("v", "k", 21, "e", 1, "ann", Attributes({"a": "b"}), 2, sequence=3)
ANN = User("ann", "Ann", is_root=False, created_at_ms=6)


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A database of the second schema that holds what `FORMER` says."""
    file = tmp_path / "metadata.db"
    db = sqlite3.connect(file, isolation_level=None)
    migrate(db, known_migrations()[:2])
    db.executescript(FORMER)
    db.close()
    yield file
    db = sqlite3.connect(file)
    assert broken_invariants(db) == []
    db.close()


async def test_the_third_schema_keeps_what_the_second_remembered(path: Path) -> None:
    for _ in range(2):
        store = await open_sqlite(path)
        stored = await store.version("b", "k")
        assert (stored.bucket, stored.version) == (BUCKET, VERSION)
        assert await store.bucket_settings("b") == {}
        parts = await store.parts("v", offset=11)
        assert [(part.etag, part.content_size, part.data_md5) for part in parts] == [
            ("e2", 10, "e2")
        ]
        assert await store.upload("b", "k", "u") == Upload("u", "k", "ann", 1)
        listed = (await store.list_versions("b", limit=9)).versions
        assert [(each.version.version_id, each.is_latest) for each in listed] == [
            ("v", True),
            ("w", True),
        ]
        assert await store.user("ann") == ANN
        keys = [AccessKey("K1", "s1", "ann", 7), AccessKey("K2", "s2", "ann", 8)]
        assert await store.access_keys("ann") == keys
        assert await store.iam_generation() == 0
        assert (await store.totals()).bytes == 21
        await store.close()


async def test_the_migrated_store_works_on(path: Path) -> None:
    store = await open_sqlite(path)
    await put(store, "k", is_null=False)
    assert (await store.version("b", "k", NULL_VERSION)).version == VERSION
    overwritten, _ = await put(store, "l", is_null=True)
    assert (await store.version("b", "l")).version == overwritten
    assert (await store.delete_version("b", "k", NULL_VERSION)).existed
    await store.put_bucket_setting("b", "cors", "1")
    await store.put_iam("role", "r", "1")
    await store.close()
