"""A database of the first schema is brought to the second with what it remembers."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from metadata import (
    MetadataStore,
    NodeRecord,
    RepairKind,
    RepairState,
    RepairTask,
    Standing,
    open_sqlite,
)
from metadata.schema import known_migrations, migrate
from tests.metadata.invariants import broken_invariants
from tests.metadata.making import delete, missing

WHOLE, WORSE, EMPTY = (letter * 16 for letter in (b"a", b"b", b"e"))

FORMER = f"""
    INSERT INTO nodes VALUES ('n1', 'http://h', 'z', 1.5, 's');
    INSERT INTO buckets VALUES (1, 'b', 'owner', 1, '');
    INSERT INTO versions VALUES (1, 'v', 1, x'6b', 21, 'e', 1, 'owner', '{{}}', 2, 0, 1);
    INSERT INTO objects VALUES (1, x'6b', 1);
    INSERT INTO uploads VALUES ('u', 1, x'6b', 'owner', 1, '{{}}');
    INSERT INTO parts VALUES (x'{WHOLE.hex()}', 'v', 1, 11, 'e', 2, 1, 8, 'n1,n2,n3', 1, 0, '');
    INSERT INTO parts VALUES (x'{WORSE.hex()}', 'v', 2, 10, 'e', 2, 1, 8, 'n4,n5,n6', 1, 11, '');
    INSERT INTO parts VALUES (x'{EMPTY.hex()}', 'u', 1, 0, 'e', 2, 1, 8, 'n1,n2,n3', 1, 0, '');
    INSERT INTO repairs VALUES (x'{WHOLE.hex()}', 1, 'down', 'queued', 0, 7);
    INSERT INTO repairs VALUES (x'{WORSE.hex()}', 0, 'down', 'queued', 1, 8);
    INSERT INTO repairs VALUES (x'{WORSE.hex()}', 2, 'hopeless', 'dead', 5, 9);
    INSERT INTO repairs VALUES (x'{EMPTY.hex()}', 0, 'down', 'queued', 0, 7);
    INSERT INTO repairs VALUES (x'{WHOLE.hex()}', 3, 'down', 'queued', 0, 7);
    INSERT INTO reclaims VALUES ('n1', 5, x'{b"g".hex() * 16}', 0);
"""


@pytest.fixture
def path(tmp_path: Path) -> Iterator[Path]:
    """A database of the first schema that holds what `FORMER` says."""
    file = tmp_path / "metadata.db"
    db = sqlite3.connect(file, isolation_level=None)
    migrate(db, known_migrations()[:1])
    db.executescript(FORMER)
    db.close()
    yield file
    db = sqlite3.connect(file)
    assert broken_invariants(db) == []
    db.close()


async def check(store: MetadataStore) -> None:
    """Everything is as it was, and what is new is as it must have been."""
    assert await store.nodes() == [NodeRecord("n1", "http://h", "z", 1.5, "s", Standing.MEMBER)]
    stored = await store.version("b", "k")
    parts = await store.parts(stored.version.version_id)
    assert [part.part_id for part in parts] == [WHOLE, WORSE]
    assert await store.repairs() == [
        RepairTask(WORSE, 0, RepairKind.REBUILD, "n4", "", "down", RepairState.QUEUED, -1, 1, 8),
        RepairTask(WHOLE, 1, RepairKind.REBUILD, "n2", "", "down", RepairState.QUEUED, 0, 0, 7),
    ]
    (dead,) = await store.repairs(state=RepairState.DEAD)
    assert (dead.part_id, dead.node_id, dead.spare, dead.attempts) == (WORSE, "n6", -1, 5)
    counts = [(each.node_id, each.tasks, each.bytes) for each in await store.repair_counts()]
    assert counts == [("n2", 1, 6), ("n4", 1, 5), ("n6", 1, 5)]
    totals = await store.totals()
    assert (totals.repair_queued, totals.repair_dead, totals.reclaims) == (2, 1, 1)
    assert len(await store.reclaims("n1", before_ms=6, limit=5)) == 1


async def test_the_second_schema_keeps_what_the_first_remembered(path: Path) -> None:
    for _ in range(2):
        store = await open_sqlite(path)
        await check(store)
        await store.close()


async def test_the_migrated_store_works_on(path: Path) -> None:
    store = await open_sqlite(path)
    (whole,) = [part for part in await store.parts("v") if part.part_id == WHOLE]
    assert await store.add_repairs([missing(whole, 1), missing(whole, 2)], 9) == 1
    assert {task.spare for task in await store.repairs()} == {-1}
    await store.finish_repairs([task.name for task in await store.repairs()])
    assert await delete(store, "k")
    assert await store.repair_counts() == []
    await store.close()
