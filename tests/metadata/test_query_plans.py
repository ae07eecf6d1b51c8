"""Every statement finds its rows by an index, and a page costs what it returns."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import TypeVar

import pytest

from metadata import AccessKey, MetadataStore, NodeRecord, SqliteStore, User, WriteCondition
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
    await store.add_repairs([missing(uploaded[1], 0)], 1)
    await store.repairs()
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
        # The ids named for a completion, what is made of them, and a part's nodes are no tables.
        allowed = (
            "SCAN named",
            "SCAN n",
            "SCAN (",
            "SCAN placed",
            "SCAN CONSTANT ROW",
            "SCAN shards",
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
