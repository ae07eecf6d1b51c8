"""What a listing's pages must hold is known beforehand, and what the store lists is just that."""

import math
import random
from pathlib import Path

import pytest

from benchmarks.listing import (
    FOLDER_PAGE,
    PAGE,
    WHOLE,
    Lister,
    PageRow,
    list_whole,
    ratios,
    summarize,
)
from benchmarks.listing_fill import FillError, count_objects, fill
from benchmarks.listing_tree import FOLDERS, PAGE_KEYS, Asked, Tree, entries, next_token
from benchmarks.target import Target
from metadata import Attributes, Version, open_sqlite
from tests.benchmarks.fake_server import FakeServer

TREES = (Tree(FOLDERS), Tree(2 * FOLDERS + 345))


async def fill_with(path: Path, size: int = 0) -> None:
    store = await open_sqlite(path)
    for number, tree in enumerate(TREES):
        await store.create_bucket(tree.bucket, "root", "", 1)
        attributes = Attributes({"content-type": "x/y"}, {}, {"crc64nvme": "AAAAAAAAAAA="})
        first = Version(f"{number:032}", tree.key(0), size, "e", 10**12, "root", attributes)
        await store.put_version(tree.bucket, first, [])
    await store.close()
    await fill(path, TREES, seed=1)


async def test_the_filled_store_lists_what_each_page_must_hold(tmp_path: Path) -> None:
    path = tmp_path / "metadata.db"
    await fill_with(path)
    assert await count_objects(path) == sum(tree.keys for tree in TREES)
    chance = random.Random(2)
    store = await open_sqlite(path)
    for tree in TREES:
        for asked in (tree.page_of_keys(chance), tree.page_of_folders(chance)):
            page = await store.list_current(
                tree.bucket, delimiter=asked.delimiter, after=asked.after, limit=PAGE_KEYS
            )
            found = [listed.key for listed in page.objects] or list(page.common_prefixes)
            assert [text.encode() for text in found] == asked.expected
            assert len(found) == PAGE_KEYS
        everything = await store.list_current(tree.bucket, limit=tree.keys + 1)
        assert [one.key for one in everything.objects] == [tree.key(n) for n in range(tree.keys)]
        assert len({one.version_id for one in everything.objects}) == tree.keys
        assert {one.checksums["crc64nvme"] for one in everything.objects} == {"AAAAAAAAAAA="}
    await store.close()


async def test_only_an_empty_object_is_a_pattern(tmp_path: Path) -> None:
    with pytest.raises(FillError, match="not empty"):
        await fill_with(tmp_path / "metadata.db", size=1)


def test_entries_and_token_of_a_page() -> None:
    body = (
        b"<ListBucketResult><Prefix>p</Prefix><NextContinuationToken>YQ==</NextContinuationToken>"
        b"<Contents><Key>a</Key><Size>1</Size></Contents>"
        b"<CommonPrefixes><Prefix>b/</Prefix></CommonPrefixes></ListBucketResult>"
    )
    assert (entries(body), next_token(body)) == ([b"a", b"b/"], "YQ==")
    assert (entries(b""), next_token(b"")) == ([], "")


async def test_what_was_not_to_be_listed_is_an_error() -> None:
    tree = Tree(FOLDERS)
    async with FakeServer().running() as server:
        lister = Lister(Target("127.0.0.1", server.port, "key", "secret"))
        server.objects = {f"/{tree.bucket}/{tree.key(number)}": b"" for number in range(3)}
        query_ok, token = await lister.page(tree, PAGE, Asked("", "", []))
        assert (query_ok.verified, query_ok.entries, token) == (False, 3, "")
        rows = await list_whole(lister, tree)
        assert [row.verified for row in rows] == [False]
        lister.close()


def test_summaries_and_ratios() -> None:
    rows = [
        PageRow(op, keys, number / 10, keys / 1000 + number, 200, 10, 1000, number != 3)
        for op in (PAGE, FOLDER_PAGE, WHOLE)
        for keys in (10_000, 20_000)
        for number in range(4)
    ]
    found = {(one.op, one.keys): one for one in summarize(rows)}
    page = found[PAGE, 10_000]
    assert (page.pages, page.entries, page.errors, page.p50_ms) == (3, 3000, 1, 11.0)
    assert page.entries_per_s == pytest.approx(3000 / 0.033, rel=1e-4)
    assert found[WHOLE, 10_000].entries_per_s == pytest.approx(3000 / 0.313, rel=1e-3)
    assert ratios(list(found.values())) == [(PAGE, 21 / 11), (FOLDER_PAGE, 21 / 11)]
    (broken,) = summarize([rows[3]])
    assert math.isnan(broken.p50_ms)
