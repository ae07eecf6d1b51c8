"""Every statement finds its rows by an index, and a page costs what it returns."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from metadata import (
    AccessKey,
    MetadataStore,
    MoveShard,
    NodeRecord,
    Part,
    PutOff,
    ShardMove,
    ShardName,
    SqliteStore,
    User,
    WriteCondition,
)
from metadata import open_sqlite as open_store
from metadata.group_commit import Batches
from tests.metadata.making import (
    make_part,
    make_version,
    missing,
    put,
    reclaims_of,
    start_upload,
)

KEYS = 20_000
FOLDERS = 10
WHOLE_TABLES = ("FROM users u ORDER BY", "FROM nodes ORDER BY")
"""Listings of everything there is, which is little."""


async def exercise(store: MetadataStore) -> None:
    """One call of each kind that objects need."""
    condition = WriteCondition(must_match_etag="etag")
    parts = [make_part(number) for number in (1, 2)]
    _, part = await put(store, "k")
    version = make_version("k")
    for _ in range(2):
        await store.put_version("b", version, parts, condition=condition)
    for version_id in (None, "null", version.version_id):
        await asyncio.gather(
            store.version("b", "k", version_id), store.bucket("b"), return_exceptions=True
        )
    await store.parts(version.version_id, offset=5)
    await store.part_by_number(version.version_id, 1)
    await store.list_current("b", prefix="k", delimiter="/", after="a", limit=5)
    uploaded = [make_part(1), make_part(1), make_part(2), make_part(3)]
    upload = await start_upload(store, "k", *uploaded)
    await store.upload("b", "k", upload.upload_id)
    await store.upload_parts(upload.upload_id)
    await store.list_uploads("b", prefix="k", delimiter="/", after_key="a", limit=5)
    completed = make_version("k", version_id=upload.upload_id)
    await store.complete_upload("b", completed, [uploaded[1].part_id, uploaded[2].part_id])
    upload = await start_upload(store, "k", make_part())
    await store.abort_upload("b", "k", upload.upload_id)
    await exercise_healing(store, uploaded[1])
    await store.reclaims("n1", before_ms=10**12, limit=5)
    await store.forget_reclaims(reclaims_of(part, 1_000))
    await store.delete_versions("b", ["k", "nope"])
    await store.delete_version("b", "k", "null", condition=WriteCondition(must_match_etag=None))
    await store.delete_version("b", "k", version.version_id)
    await store.buckets(None, prefix="b")
    await store.buckets("owner", after="a")
    await store.put_user(User("u", "U", False, 1), [AccessKey("K", "S")])
    await store.put_access_key(AccessKey("K2", "S", "u"))
    await store.find_access_key("K")
    await store.access_keys("u")
    await store.users()
    await store.delete_access_key("K")
    await store.delete_user("u")
    await store.put_node(NodeRecord("n", "http://h", "z", 1.0))
    await store.nodes()
    await store.remove_node("n")
    await store.cluster_id("c")
    await store.totals()
    await store.create_bucket("empty", "owner", "", 1)
    await store.delete_bucket("empty")


async def exercise_healing(store: MetadataStore, part: Part) -> None:
    """One call of each kind that repair and its like need."""
    name = ShardName(part.part_id, 0)
    lost = missing(part, 0)
    await store.add_moves([MoveShard(*name, "n9", "ring changed")], 1)
    await store.add_repairs([lost], 1)
    await store.put_off_repairs([PutOff(*name, "later", 5, failed=True)])
    await store.wake_repairs()
    (due,) = await store.due_repairs("n1", now_ms=9, limit=5)
    await store.has_repairs("n1")
    await store.repairs(after=due.task)
    await store.repair_counts()
    for names in ([name], None):
        await store.bury_repairs([lost])
        await store.revive_repairs(names)
    await store.move_shards([ShardMove(*name, "n1", "n9")])
    await store.finish_repairs([name])
    await store.parts_by_id(limit=5)
    await store.find_parts([part.part_id])
    await store.parts_naming("n1")
    await store.save_note("a", "b")
    await store.notes("a")
    await store.forget_notes("a")


async def test_no_statement_scans_a_table(sqlite: SqliteStore) -> None:
    statements: set[str] = set()
    for batches in (sqlite._writes, sqlite._pages):
        await batches.connection.call(lambda db: db.set_trace_callback(statements.add))
    sqlite._lookups.here.set_trace_callback(statements.add)
    await exercise(sqlite)
    words = ("SELECT", "INSERT", "UPDATE", "DELETE")
    queries = [text for text in statements if text.lstrip().startswith(words)]
    assert len(queries) > 50
    for batches in (sqlite._writes, sqlite._pages):
        await batches.connection.call(lambda db: db.set_trace_callback(None))
    sqlite._lookups.here.set_trace_callback(None)
    for query in queries:
        if any(text in query for text in WHOLE_TABLES):
            continue
        plan = await sqlite._pages.connection.call(
            lambda db, q=query: db.execute(f"EXPLAIN QUERY PLAN {q}").fetchall()
        )
        steps = [step[3] for step in plan]
        # The ids named for a completion or in a batch, what is made of them, and a part's nodes
        # are no tables; the counts of repairs are a handful for each node.
        allowed = (
            "SCAN named",
            "SCAN n",
            "SCAN (",
            "SCAN placed",
            "SCAN CONSTANT ROW",
            "SCAN shards",
            "SCAN repair_counts",
            "SCAN json_each",
            "SCAN walked",
        )
        scans = [step for step in steps if step.startswith("SCAN") and not step.startswith(allowed)]
        assert scans == [], f"{query}\n{steps}"


@pytest.fixture
async def large(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    """A bucket of 20,000 keys below 10 common prefixes."""
    store = await open_store(tmp_path / "metadata.db")
    await store.create_bucket("b", "owner", "", 1)
    for start in range(0, KEYS, 2_000):
        numbers = range(start, start + 2_000)
        versions = [make_version(f"folder-{n % FOLDERS}/{n:06}") for n in numbers]
        await asyncio.gather(*[store.put_version("b", version, []) for version in versions])
    yield store
    await store.close()


T = TypeVar("T")


async def count_steps(batches: Batches, call: Awaitable[T]) -> tuple[int, T]:
    """Steps of SQLite's virtual machine that a call took on that connection, and its result."""
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    await batches.connection.call(lambda db: db.set_progress_handler(count, 1))
    result = await call
    await batches.connection.call(lambda db: db.set_progress_handler(None, 0))
    return steps, result


async def steps_of_page(
    store: SqliteStore, *, delimiter: str = "", after: str = "", limit: int
) -> tuple[int, int]:
    """Steps that a page took, and how many entries it has."""
    listing = store.list_current("b", delimiter=delimiter, after=after, limit=limit)
    steps, page = await count_steps(store._pages, listing)
    return steps, len(page.versions) + len(page.common_prefixes)


async def test_a_page_costs_what_it_returns(large: SqliteStore) -> None:
    steps, entries = await steps_of_page(large, delimiter="/", limit=1000)
    assert entries == FOLDERS
    assert steps < 100 * FOLDERS, "the keys below a common prefix are not walked"
    for after in ("", "folder-5/010005", "folder-9/019999"):
        steps, entries = await steps_of_page(large, after=after, limit=100)
        assert steps < 100 + 40 * (entries + 1), "where a page begins does not matter"
    steps, entries = await steps_of_page(large, after="folder-3/", delimiter="/", limit=2)
    assert (entries, steps < 500) == (2, True)


async def test_the_whole_bucket_comes_page_by_page(large: SqliteStore) -> None:
    seen = 0
    after: str | None = ""
    while after is not None:
        page = await large.list_current("b", after=after, limit=1000)
        seen += len(page.versions)
        after = page.next_after
    assert seen == KEYS


async def test_a_long_history_costs_a_write_nothing(sqlite: SqliteStore) -> None:
    for key, count in (("short", 2), ("long", 1_000)):
        await put(sqlite, key)
        await asyncio.gather(*[put(sqlite, key, is_null=False) for _ in range(count)])
    short, _ = await count_steps(sqlite._writes, put(sqlite, "short"))
    long, _ = await count_steps(sqlite._writes, put(sqlite, "long"))
    assert long < short + 50


async def test_a_range_at_the_end_costs_as_one_at_the_start(sqlite: SqliteStore) -> None:
    parts = [make_part(number, size=10) for number in range(1, 1_001)]
    version = await sqlite.put_version("b", make_version("k"), parts)

    async def steps_at(offset: int) -> int:
        call = sqlite.parts(version.version_id, offset=offset, limit=3)
        steps, found = await count_steps(sqlite._lookups._batches, call)
        assert found[0].offset == offset
        return steps

    assert await steps_at(9_950) < await steps_at(10) + 50


async def put_parts(store: SqliteStore, count: int) -> list[Part]:
    """A version of so many parts, each with a shard on each of the usual nodes."""
    parts = [make_part(number) for number in range(1, count + 1)]
    await store.put_version("b", make_version("many"), parts)
    return parts


async def test_what_is_not_due_costs_a_page_of_repairs_nothing(sqlite: SqliteStore) -> None:
    parts = await put_parts(sqlite, 2_000)
    await sqlite.add_repairs([missing(part, 0) for part in parts], 1)
    later = [PutOff(part.part_id, 0, "later", 10**12, failed=False) for part in parts[5:]]
    await sqlite.put_off_repairs(later)
    await sqlite.add_repairs([missing(part, 1) for part in parts], 1)
    call = sqlite.due_repairs("n1", now_ms=10, limit=1_000)
    steps, due = await count_steps(sqlite._pages, call)
    assert (len(due), steps < 1_000) == (5, True)
    await sqlite.bury_repairs([missing(part, 0) for part in parts])
    steps, _ = await count_steps(sqlite._pages, sqlite.has_repairs("n1"))
    assert steps < 100


async def test_a_page_of_repairs_costs_what_it_returns(sqlite: SqliteStore) -> None:
    parts = await put_parts(sqlite, 2_000)
    await sqlite.add_repairs([missing(part, 0) for part in parts], 1)
    tasks = await sqlite.repairs(limit=2_000)
    for after in (None, tasks[1_000]):
        steps, page = await count_steps(sqlite._pages, sqlite.repairs(after=after, limit=10))
        assert (len(page), steps < 1_000) == (10, True)
    for last in (b"", parts[1_000].part_id):
        steps, named = await count_steps(sqlite._pages, sqlite.parts_by_id(last, limit=10))
        assert (len(named), steps < 2_000) == (10, True)
    steps, _ = await count_steps(sqlite._pages, sqlite.repair_counts())
    assert steps < 100


async def test_a_batch_costs_what_it_names(sqlite: SqliteStore) -> None:
    """The planner prefers to walk all tasks of a state, or all that a node has to delete."""
    parts = await put_parts(sqlite, 2_000)
    await sqlite.add_repairs([missing(part, shard) for part in parts for shard in (0, 1)], 1)
    await sqlite.move_shards([ShardMove(part.part_id, 2, "n3", "n9") for part in parts[1:]])
    lost = missing(parts[0], 0)
    name = ShardName(parts[0].part_id, 0)
    calls: list[Callable[[], Awaitable[object]]] = [
        lambda: sqlite.put_off_repairs([PutOff(*name, "later", 5, failed=False)]),
        lambda: sqlite.add_repairs([lost], 1),
        lambda: sqlite.bury_repairs([lost]),
        lambda: sqlite.revive_repairs([name]),
        lambda: sqlite.move_shards([ShardMove(parts[0].part_id, 2, "n3", "n9")]),
        lambda: sqlite.move_shards([ShardMove(parts[1].part_id, 2, "n9", "n3")]),
        lambda: sqlite.finish_repairs([name]),
    ]
    costs = [(await count_steps(sqlite._writes, call()))[0] for call in calls]
    assert max(costs) < 1_000, costs
