"""Conformance: pages of current versions."""

from dataclasses import replace

import pytest

from metadata import Attributes, ListedObject, MetadataStore, NoSuchBucket
from tests.metadata.making import delete, make_version, put, put_marker


async def fill(store: MetadataStore, *keys: str) -> None:
    for key in keys:
        await put(store, key)


async def everything(
    store: MetadataStore, *, limit: int, prefix: str = "", delimiter: str = ""
) -> list[str]:
    """All pages, one after the other; each may hold no more than was asked for."""
    entries: list[str] = []
    after = ""
    while True:
        page = await store.list_current(
            "b", prefix=prefix, delimiter=delimiter, after=after, limit=limit
        )
        assert len(page.objects) + len(page.common_prefixes) <= limit
        keys = [listed.key for listed in page.objects]
        entries += sorted([*keys, *page.common_prefixes], key=str.encode)
        if page.next_after is None:
            return entries
        assert len(keys) + len(page.common_prefixes) == limit, "only the last page may be short"
        assert page.next_after == entries[-1]
        after = page.next_after


async def test_keys_are_in_byte_order_of_utf8(store: MetadataStore) -> None:
    in_order = ["\x00", "\x01", "A", "a", "a\x00", "a/", "b", "\x7f", "ü", "\ue000", "🗿"]
    in_order.append("\U0010ffff")
    await fill(store, *reversed(in_order))
    assert in_order == sorted(in_order, key=str.encode)
    for limit in (1, 2, 5, 100):
        assert await everything(store, limit=limit) == in_order


async def test_what_is_listed_of_an_object(store: MetadataStore) -> None:
    attributes = Attributes(
        {"x-amz-storage-class": "STANDARD_IA", "content-type": "text/plain"},
        {"a": "b"},
        {"crc32": "AAAAAA==", "type": "FULL_OBJECT"},
    )
    classed = replace(make_version("b", attributes=attributes), encryption={"scheme": "x"})
    for version in (make_version("a", size=3), classed):
        await store.put_version("b", version, [])
    plain, full = (await store.list_current("b", limit=2)).objects
    assert plain.version_id != classed.version_id == full.version_id
    assert plain == ListedObject(
        "a", plain.version_id, 3, "etag", 7, "owner", True, "", checksums={}, encryption={}
    )
    assert full == ListedObject(
        "b",
        full.version_id,
        10,
        "etag",
        7,
        "owner",
        True,
        "STANDARD_IA",
        checksums={"crc32": "AAAAAA==", "type": "FULL_OBJECT"},
        encryption={"scheme": "x"},
    )
    assert full.public_id == "null"
    await put(store, "b", is_null=False)
    shown = (await store.list_current("b", limit=2)).objects[1]
    assert (shown.public_id, shown.storage_class) == (shown.version_id, "")


async def test_limits(store: MetadataStore) -> None:
    await fill(store, "a", "b")
    empty = await store.list_current("b", limit=0)
    assert (empty.objects, empty.common_prefixes, empty.next_after) == ((), (), None)
    assert (await store.list_current("b", limit=1)).next_after == "a"
    assert (await store.list_current("b", limit=2)).next_after is None
    with pytest.raises(NoSuchBucket):
        await store.list_current("nope", limit=1)


async def test_prefix(store: MetadataStore) -> None:
    await fill(store, "a", "ab", "ab/c", "ac", "b", "a\U0010ffff", "a\U0010ffffz")
    assert await everything(store, prefix="ab", limit=1) == ["ab", "ab/c"]
    assert await everything(store, prefix="a\U0010ffff", limit=5) == [
        "a\U0010ffff",
        "a\U0010ffffz",
    ]
    assert await everything(store, prefix="zz", limit=5) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_delimiter(store: MetadataStore, limit: int) -> None:
    await fill(store, "a", "a/", "a//b", "a/b", "a/c/d", "a0", "b/c", "../x", "/", "z")
    assert await everything(store, delimiter="/", limit=limit) == [
        "../",
        "/",
        "a",
        "a/",
        "a0",
        "b/",
        "z",
    ]
    assert await everything(store, prefix="a/", delimiter="/", limit=limit) == [
        "a/",
        "a//",
        "a/b",
        "a/c/",
    ]
    assert await everything(store, prefix="a", delimiter="//", limit=limit) == [
        "a",
        "a/",
        "a//",
        "a/b",
        "a/c/d",
        "a0",
    ]


@pytest.mark.parametrize("delimiter", ["\U0010ffff", "🗿", "\x00", "\x7f", "ab"])
async def test_any_delimiter(store: MetadataStore, delimiter: str) -> None:
    keys = [
        f"x{delimiter}1",
        f"x{delimiter}2",
        f"x{delimiter}{delimiter}",
        "x",
        "xz",
        "\U0010ffffz",
    ]
    await fill(store, *keys)
    expected = {
        key[: key.index(delimiter) + len(delimiter)] if delimiter in key else key for key in keys
    }
    assert await everything(store, delimiter=delimiter, limit=1) == sorted(expected, key=str.encode)


async def test_after_and_common_prefixes(store: MetadataStore) -> None:
    await fill(store, "a/1", "a/2", "b")

    async def after(marker: str) -> tuple[tuple[str, ...], list[str]]:
        page = await store.list_current("b", delimiter="/", after=marker, limit=10)
        return page.common_prefixes, [listed.key for listed in page.objects]

    assert await after("a/") == ((), ["b"]), "the prefix itself is done with"
    assert await after("a/1") == (("a/",), ["b"]), "keys remain below it"
    assert await after("a/2") == ((), ["b"]), "none remains"
    assert await after("a") == (("a/",), ["b"])
    assert await after("b") == ((), [])


async def test_after_before_and_beyond_the_prefix(store: MetadataStore) -> None:
    await fill(store, "a", "b1", "b2", "c")
    before = await store.list_current("b", prefix="b", after="a", limit=10)
    assert [listed.key for listed in before.objects] == ["b1", "b2"]
    beyond = await store.list_current("b", prefix="b", after="c", limit=10)
    assert beyond.objects == ()


async def test_deleted_and_hidden_keys_are_not_listed(store: MetadataStore) -> None:
    await fill(store, "a", "b", "d/e")
    await delete(store, "a")
    await put_marker(store, "d/e")
    assert await everything(store, delimiter="/", limit=1) == ["b"]


async def test_only_the_current_version_is_listed(store: MetadataStore) -> None:
    former, _ = await put(store, "k", is_null=False)
    current, _ = await put(store, "k", is_null=False)
    (listed,) = (await store.list_current("b", limit=10)).objects
    assert listed.version_id == current.version_id
    await store.delete_version("b", "k", current.version_id)
    (listed,) = (await store.list_current("b", limit=10)).objects
    assert listed.version_id == former.version_id
