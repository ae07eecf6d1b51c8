"""What is recorded of a current version beside its key is what the other tables say."""

import sqlite3
from dataclasses import replace
from pathlib import Path

from metadata import (
    Attributes,
    Part,
    Retention,
    ShardMove,
    SqliteStore,
    Version,
    VersionChange,
    Versioning,
    open_sqlite,
)
from metadata.schema import known_migrations, migrate
from tests.metadata.invariants import broken_invariants
from tests.metadata.making import delete, make_marker, make_part, make_version, part_of, put


def record_of(path: Path, key: str) -> str | None:
    """What stands in the file, which keeps its invariants."""
    db = sqlite3.connect(path)
    assert broken_invariants(db) == []
    (record,) = db.execute("SELECT record FROM objects WHERE key = ?", (key.encode(),)).fetchone()
    db.close()
    return None if record is None else str(record)


async def put_whole(store: SqliteStore, key: str) -> tuple[Version, Part]:
    """A version with all that a record can hold."""
    attributes = Attributes({"content-type": 'ü"\\\0'}, {"a": "🗿"}, {"crc32": "AAAAAA=="})
    version = make_version(key, size=7, attributes=attributes)
    version = replace(version, encryption={"scheme": "AES256"})
    part = replace(part_of(version, make_part()), size=10, plain_size=7, stored_md5="d" * 32)
    return await store.put_version("b", version, [part]), part


async def test_a_plain_write_is_recorded(sqlite: SqliteStore, tmp_path: Path) -> None:
    for version, part in (await put_whole(sqlite, "k"), await put(sqlite, "l")):
        assert record_of(tmp_path / "metadata.db", version.key) is not None
        for version_id in (None, version.version_id):
            found = await sqlite.version("b", version.key, version_id)
            assert (found.version, found.parts) == (version, (part,))


async def test_what_a_record_can_not_say_is_not_recorded(
    sqlite: SqliteStore, tmp_path: Path
) -> None:
    await sqlite.create_bucket("locking", "owner", "", 1, object_lock=True)
    plain = make_version("k")
    part = part_of(plain, make_part())
    for version, parts in (
        (plain, []),
        (plain, [make_part()]),
        (plain, [part, part_of(plain, make_part(2, 0))]),
        (plain, [replace(part, number=2)]),
        (plain, [replace(part, size=9)]),
        (plain, [replace(part, created_at_ms=8)]),
        (replace(plain, part_count=1), [part]),
        (replace(plain, tags={"a": "b"}), [part]),
        (replace(plain, acl="{}"), [part]),
        (replace(plain, legal_hold=True), [part]),
        (replace(plain, retention_mode="GOVERNANCE", retain_until_ms=9), [part]),
    ):
        bucket = "locking" if version.is_locked else "b"
        key = version.version_id + str(len(parts))
        written = make_version(key)
        written = replace(version, version_id=written.version_id, key=key)
        fresh = [replace(each, part_id=make_part().part_id) for each in parts]
        stored = await sqlite.put_version(bucket, written, fresh)
        assert record_of(tmp_path / "metadata.db", key) is None
        found = await sqlite.version(bucket, key)
        assert found.version == stored
        assert len(found.parts) == (1 if len(fresh) == 1 else 0)
        await sqlite.delete_key(bucket, key, make_marker(key))


async def test_a_change_ends_the_record(sqlite: SqliteStore, tmp_path: Path) -> None:
    for change in (
        VersionChange(tags={"a": "b"}),
        VersionChange(acl="{}"),
        VersionChange(legal_hold=True),
        VersionChange(retention=Retention("GOVERNANCE", 5_000)),
    ):
        await sqlite.create_bucket("locking", "owner", "", 1, object_lock=True)
        version = make_version("k")
        await sqlite.put_version("locking", version, [part_of(version, make_part())])
        changed = await sqlite.update_version("locking", "k", None, change)
        assert record_of(tmp_path / "metadata.db", "k") is None
        assert (await sqlite.version("locking", "k")).version == changed
        await sqlite.update_version("locking", "k", None, VersionChange(legal_hold=False))
        await sqlite.delete_version(
            "locking", "k", version.version_id, now_ms=9_999, bypass_governance=True
        )
        await sqlite.delete_bucket("locking")


async def test_a_moved_shard_is_recorded(sqlite: SqliteStore, tmp_path: Path) -> None:
    for version, part in (await put_whole(sqlite, "k"), await put(sqlite, "l")):
        assert await sqlite.move_shards([ShardMove(part.part_id, 1, "n2", "n9")]) == [True]
        assert record_of(tmp_path / "metadata.db", version.key) is not None
        found = await sqlite.version("b", version.key)
        assert found.version == version
        assert found.parts == (replace(part, nodes=("n1", "n9", "n3")),)


async def test_what_happens_to_older_versions_leaves_the_record(
    sqlite: SqliteStore, tmp_path: Path
) -> None:
    path = tmp_path / "metadata.db"
    await sqlite.set_versioning("b", Versioning.ENABLED)
    older, old = [(await put(sqlite, "k", is_null=False))[0] for _ in range(2)]
    current, part = await put(sqlite, "k", is_null=False)
    await sqlite.update_version("b", "k", old.version_id, VersionChange(acl="{}"))
    await sqlite.delete_version("b", "k", old.version_id)
    assert record_of(path, "k") is not None
    assert (await sqlite.version("b", "k")).parts == (part,)
    await sqlite.delete_version("b", "k", current.version_id)
    assert record_of(path, "k") is None
    assert (await sqlite.version("b", "k")).version == older


FORMER = """
    INSERT INTO buckets (bucket_id, name, owner_id, created_at_ms, region, versioning)
    VALUES (2, 'b', 'ann', 1, '', '');
    INSERT INTO versions (sequence, version_id, bucket_id, key, size, etag, created_at_ms, owner_id,
                          attributes, part_count, is_delete_marker, is_null)
    VALUES (1, 'u', 2, x'6b', 5, 'e1', 1, 'ann', '{"user":{"a":"b"}}', 0, 0, 1);
    INSERT INTO objects VALUES (2, x'6b', 1, 'u', 5, 'e1', 1, 'ann', 1, '', '', '');
    INSERT INTO parts VALUES (x'00112233445566778899aabbccddeeff', 'u', 1, 5, 'e1', 2, 1, 4096,
                              'n1,n2,n3', 1, 0, '', NULL, '');
"""


async def test_the_fifth_schema_finds_what_the_fourth_remembered(tmp_path: Path) -> None:
    path = tmp_path / "metadata.db"
    db = sqlite3.connect(path, isolation_level=None)
    migrate(db, known_migrations()[:4])
    db.executescript(FORMER)
    before = db.execute("SELECT * FROM totals").fetchall()
    migrate(db, known_migrations())
    assert db.execute("SELECT * FROM totals").fetchall() == before
    db.close()
    assert record_of(path, "k") is None
    store = await open_sqlite(path)
    found = await store.version("b", "k")
    assert (found.version.etag, found.version.attributes.user) == ("e1", {"a": "b"})
    (part,) = found.parts
    assert await store.move_shards([ShardMove(part.part_id, 0, "n1", "n4")]) == [True]
    assert (await store.version("b", "k")).parts == (replace(part, nodes=("n4", "n2", "n3")),)
    await store.update_version("b", "k", None, VersionChange(acl="{}"))
    version, part = await put(store, "k")
    assert record_of(path, "k") is not None
    assert (await store.version("b", "k")).version == version
    assert await delete(store, "k")
    assert (await store.totals()).objects == 0
    await store.close()
