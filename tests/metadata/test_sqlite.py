"""What only a real database has to show: parallel callers, a full disk, an end."""

import asyncio
import os
import sqlite3
import sys
from pathlib import Path

import pytest

from metadata import (
    MetadataUnavailable,
    PreconditionFailed,
    PutOff,
    SqliteStore,
    Version,
    WriteCondition,
    open_sqlite,
)
from metadata.statements import placement, repairs
from tests.metadata.invariants import broken_invariants
from tests.metadata.making import (
    Clock,
    delete,
    make_part,
    make_version,
    missing,
    put,
    reclaimed_ids,
)

PARALLEL = 64


async def race(store: SqliteStore, condition: WriteCondition) -> Version:
    """Put as many versions of one key at once; the winner, which must be the only one."""
    calls = [
        store.put_version("b", make_version("k", etag="new"), [make_part()], condition=condition)
        for _ in range(PARALLEL)
    ]
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    winners = [outcome for outcome in outcomes if isinstance(outcome, Version)]
    losers = [outcome for outcome in outcomes if isinstance(outcome, PreconditionFailed)]
    assert (len(winners), len(losers)) == (1, PARALLEL - 1)
    return winners[0]


async def test_one_of_many_parallel_creators_wins(sqlite: SqliteStore) -> None:
    winner = await race(sqlite, WriteCondition(must_not_exist=True))
    assert (await sqlite.version("b", "k")).version == winner
    assert await reclaimed_ids(sqlite) == set()


async def test_one_of_many_parallel_replacers_wins(sqlite: SqliteStore) -> None:
    _, former = await put(sqlite, "k", etag="old")
    winner = await race(sqlite, WriteCondition(must_match_etag="old"))
    assert (await sqlite.version("b", "k")).version == winner
    assert await reclaimed_ids(sqlite) == {former.part_id}


async def test_what_returned_is_seen_by_everyone(sqlite: SqliteStore) -> None:
    async def write_then_read(number: int) -> None:
        version, _ = await put(sqlite, f"k{number}")
        assert (await sqlite.version("b", f"k{number}")).version == version
        page = await sqlite.list_current("b", prefix=f"k{number}", limit=1)
        assert [listed.version_id for listed in page.objects] == [version.version_id]
        assert await delete(sqlite, f"k{number}")
        assert (await sqlite.list_current("b", prefix=f"k{number}", limit=1)).objects == ()

    await asyncio.gather(*[write_then_read(number) for number in range(100, 200)])


async def test_two_stores_on_one_file_agree(sqlite: SqliteStore, tmp_path: Path) -> None:
    other = await open_sqlite(tmp_path / "metadata.db")
    await asyncio.gather(*[put(store, f"{n}") for n in range(50) for store in (sqlite, other)])
    page = await other.list_current("b", limit=100)
    assert page == await sqlite.list_current("b", limit=100)
    assert len(page.objects) == 50
    await other.close()


LOOK_INSIDE = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1])
print(*[name for (name,) in db.execute("SELECT name FROM buckets ORDER BY 1")])
db.close()
"""


async def test_another_process_may_look_inside(sqlite: SqliteStore, tmp_path: Path) -> None:
    """Who closes the file as the last one deletes the log: it must not think that it is."""
    path = tmp_path / "metadata.db"

    async def look_inside() -> bytes:
        seen = await asyncio.create_subprocess_exec(
            sys.executable, "-c", LOOK_INSIDE, path, stdout=asyncio.subprocess.PIPE
        )
        return (await seen.communicate())[0].strip()

    assert await look_inside() == b"b"
    await sqlite.create_bucket("c", "owner", "", 1)
    assert await look_inside() == b"b c"


async def test_everything_is_there_after_reopening(tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "metadata.db"
    first = await open_sqlite(path, clock_ms=clock)
    await first.create_bucket("b", "owner", "", 1)
    version, part = await put(first, "k")
    await first.close()
    assert os.listdir(tmp_path) == ["metadata.db"], "no log is left behind"
    second = await open_sqlite(path, clock_ms=clock)
    found = await second.version("b", "k")
    assert (found.version, found.parts) == (version, (part,))
    await second.close()


async def test_after_close_every_call_says_so(tmp_path: Path) -> None:
    store = await open_sqlite(tmp_path / "metadata.db")
    await store.close()
    await store.close()
    with pytest.raises(MetadataUnavailable):
        await store.create_bucket("b", "owner", "", 1)
    with pytest.raises(MetadataUnavailable):
        await store.version("b", "k")
    with pytest.raises(MetadataUnavailable):
        await store.list_current("b", limit=1)


async def test_close_finishes_what_was_accepted(tmp_path: Path) -> None:
    path = tmp_path / "metadata.db"
    store = await open_sqlite(path)
    await store.create_bucket("b", "owner", "", 1)
    puts = [asyncio.ensure_future(put(store, f"k{number}")) for number in range(300)]
    await asyncio.sleep(0)
    await store.close()
    assert len(await asyncio.gather(*puts)) == 300
    store = await open_sqlite(path)
    assert (await store.totals()).objects == 300
    await store.close()


async def test_a_full_disk_refuses_writes_and_serves_the_rest(sqlite: SqliteStore) -> None:
    version, _ = await put(sqlite, "kept")
    writer = sqlite._writes.connection
    await writer.call(
        lambda db: db.execute(
            f"PRAGMA max_page_count = {db.execute('PRAGMA page_count').fetchone()[0]}"
        ).fetchone()
    )
    big_key = "k" * 1024
    outcomes = await asyncio.gather(
        *[put(sqlite, f"{big_key}{number}") for number in range(50)], return_exceptions=True
    )
    refused = [each for each in outcomes if isinstance(each, BaseException)]
    assert refused
    for error in refused:
        assert isinstance(error, MetadataUnavailable)
        assert isinstance(error.__cause__, sqlite3.Error)
    assert (await sqlite.version("b", "kept")).version == version
    assert await delete(sqlite, "kept") is True
    await writer.call(lambda db: db.execute("PRAGMA max_page_count = 1000000").fetchone())
    await put(sqlite, "again")
    objects = (await sqlite.totals()).objects
    assert objects == len(outcomes) - len(refused) + 1
    assert await sqlite._pages.connection.call(broken_invariants) == []


async def test_what_touches_any_number_of_rows_goes_in_steps(sqlite: SqliteStore) -> None:
    count = placement.STEP_ROWS + 1
    parts = [make_part(number) for number in range(1, count + 1)]
    await sqlite.put_version("b", make_version("many"), parts)
    assert await sqlite.parts_naming("n2") == count
    asleep = parts[: repairs.STEP_ROWS + 1]
    await sqlite.add_repairs([missing(part, 0) for part in asleep], 1)
    later = [PutOff(part.part_id, 0, "later", 10**12, failed=False) for part in asleep]
    await sqlite.put_off_repairs(later)
    waking = asyncio.ensure_future(sqlite.wake_repairs())
    version, _ = await put(sqlite, "k")
    assert (await sqlite.version("b", "k")).version == version
    assert not waking.done(), "a write gets its turn between the steps"
    assert await waking == len(asleep)
    await sqlite.bury_repairs([missing(part, 0) for part in asleep])
    assert await sqlite.revive_repairs() == len(asleep)
