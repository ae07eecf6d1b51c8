"""A page costs what it returns, and a change costs the same however much there is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from metadata import (
    Part,
    PutOff,
    ShardMove,
    ShardName,
    SqliteStore,
    VersionChange,
    Versioning,
    WriteCondition,
)
from metadata import open_sqlite as open_store
from metadata.group_commit import Batches
from tests.metadata.making import (
    make_marker,
    make_part,
    make_version,
    missing,
    put,
)

KEYS = 20_000
FOLDERS = 10


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
    return steps, len(page.objects) + len(page.common_prefixes)


async def test_a_page_costs_what_it_returns(large: SqliteStore) -> None:
    steps, entries = await steps_of_page(large, delimiter="/", limit=1000)
    assert entries == FOLDERS
    assert steps < 100 * FOLDERS, "the keys below a common prefix are not walked"
    for after in ("", "folder-5/010005", "folder-9/019999"):
        steps, entries = await steps_of_page(large, after=after, limit=100)
        assert steps < 100 + 20 * (entries + 1), "where a page begins does not matter"
    steps, entries = await steps_of_page(large, after="folder-3/", delimiter="/", limit=2)
    assert (entries, steps < 500) == (2, True)


async def test_the_whole_bucket_comes_page_by_page(large: SqliteStore) -> None:
    seen = 0
    after: str | None = ""
    while after is not None:
        page = await large.list_current("b", after=after, limit=1000)
        seen += len(page.objects)
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


async def test_a_page_of_versions_costs_what_it_returns(sqlite: SqliteStore) -> None:
    """Whatever histories lie below a common prefix, behind where it ends, or before its begin."""
    await sqlite.set_versioning("b", Versioning.ENABLED)
    keys = [f"folder-{n % FOLDERS}/{n % 50}" for n in range(2_000)] + ["long"] * 2_000
    for start in range(0, len(keys), 1_000):
        page_of_keys = keys[start : start + 1_000]
        await asyncio.gather(
            *[sqlite.put_version("b", make_version(key), []) for key in page_of_keys]
        )

    async def steps_of(**page: str) -> tuple[int, int]:
        call = sqlite.list_versions("b", limit=20, **page)
        steps, listing = await count_steps(sqlite._pages, call)
        return steps, len(listing.versions) + len(listing.common_prefixes)

    history = await sqlite.list_versions("b", prefix="long", limit=2_000)
    middle = history.versions[1_000].version.version_id
    last = history.versions[1_990].version.version_id
    for page, entries in (
        ({}, 20),
        ({"delimiter": "/"}, 20),
        ({"delimiter": "/", "after_key": "folder-3/"}, 20),
        ({"after_key": "folder-3/11"}, 20),
        ({"after_key": "long", "after_version_id": middle}, 20),
        ({"after_key": "long", "after_version_id": last}, 9),
        ({"after_key": "long", "after_version_id": "gone"}, 20),
        ({"after_key": "long"}, 0),
    ):
        steps, found = await steps_of(**page)
        assert (found, steps < 300 + 60 * 20) == (entries, True), (page, steps)


async def test_a_change_costs_the_same_in_a_long_history(sqlite: SqliteStore) -> None:
    await sqlite.set_versioning("b", Versioning.ENABLED)

    async def costs() -> list[int]:
        made = make_version("k")
        calls: list[Callable[[], Awaitable[object]]] = [
            lambda: sqlite.put_version("b", made, []),
            lambda: sqlite.put_version(
                "b", make_version("k"), [], condition=WriteCondition(must_match_etag="etag")
            ),
            lambda: sqlite.update_version("b", "k", None, VersionChange(acl="{}")),
            lambda: sqlite.delete_key(
                "b", "k", make_marker("k"), condition=WriteCondition(must_match_etag="etag")
            ),
            lambda: sqlite.delete_version("b", "k", made.version_id),
        ]
        return [(await count_steps(sqlite._writes, call()))[0] for call in calls]

    short = await costs()
    await asyncio.gather(*[sqlite.put_version("b", make_version("k"), []) for _ in range(3_000)])
    long = await costs()
    assert all(after < before + 50 for before, after in zip(short, long, strict=True)), (
        short,
        long,
    )


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
