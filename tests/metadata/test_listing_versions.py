"""Conformance: pages of all versions."""

import pytest

from metadata import NULL_VERSION, MetadataStore, NoSuchBucket, Version
from tests.metadata.making import put, put_marker

Shown = tuple[str, str, bool]
"""A key, what clients see as its version's id, and whether it is the latest; or a common prefix."""


async def everything(
    store: MetadataStore, *, limit: int, prefix: str = "", delimiter: str = ""
) -> list[Shown]:
    """All pages, one after the other; each may hold no more than was asked for."""
    shown: list[Shown] = []
    after_key, after_id = "", ""
    while True:
        page = await store.list_versions(
            "b",
            prefix=prefix,
            delimiter=delimiter,
            after_key=after_key,
            after_version_id=after_id,
            limit=limit,
        )
        entries = [
            (listed.version.key, listed.version.public_id, listed.is_latest)
            for listed in page.versions
        ]
        entries += [(common, "", False) for common in page.common_prefixes]
        assert len(entries) <= limit
        shown += sorted(entries, key=lambda entry: entry[0].encode())
        if page.next_key is None:
            assert page.next_version_id is None
            return shown
        assert len(entries) == limit, "only the last page may be short"
        assert page.next_version_id is not None
        after_key, after_id = page.next_key, page.next_version_id
        assert (after_key, after_id) == shown[-1][:2]


async def fill(store: MetadataStore) -> dict[str, Version]:
    """Histories of several keys; by name what clients list."""
    made = {}
    made["a1"], _ = await put(store, "a")
    made["k1"], _ = await put(store, "k")
    made["k2"], _ = await put(store, "k", is_null=False)
    made["k/1"], _ = await put(store, "k/1", is_null=False)
    made["k3"] = await put_marker(store, "k")
    made["k4"], _ = await put(store, "k", is_null=False)
    made["a2"] = await put_marker(store, "a")
    made["k/2"], _ = await put(store, "k/2", is_null=False)
    made["k/2b"], _ = await put(store, "k/2", is_null=False)
    made["z1"], _ = await put(store, "z", is_null=False)
    return made


def shown(made: dict[str, Version], *names: str) -> list[Shown]:
    """What a listing has to show of these; the names of the latest end in an asterisk."""
    found = []
    for name in names:
        version = made[name.rstrip("*")]
        found.append((version.key, version.public_id, name.endswith("*")))
    return found


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 100])
async def test_versions_come_by_key_and_newest_first(store: MetadataStore, limit: int) -> None:
    made = await fill(store)
    in_order = ["a2*", "a1", "k4*", "k3", "k2", "k1", "k/1*", "k/2b*", "k/2", "z1*"]
    assert await everything(store, limit=limit) == shown(made, *in_order)
    of_k = ["k4*", "k3", "k2", "k1", "k/1*", "k/2b*", "k/2"]
    assert await everything(store, prefix="k", limit=limit) == shown(made, *of_k)


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
async def test_common_prefixes(store: MetadataStore, limit: int) -> None:
    made = await fill(store)
    found = await everything(store, delimiter="/", limit=limit)
    top = shown(made, "a2*", "a1", "k4*", "k3", "k2", "k1")
    assert found == [*top, ("k/", "", False), *shown(made, "z1*")]
    found = await everything(store, prefix="k/", delimiter="/", limit=limit)
    assert found == shown(made, "k/1*", "k/2b*", "k/2")


async def test_a_listed_version_is_the_whole_version(store: MetadataStore) -> None:
    version, _ = await put(store, "k")
    page = await store.list_versions("b", limit=1)
    assert page.versions == ((version, True),)
    empty = await store.list_versions("b", limit=0)
    assert (empty.versions, empty.common_prefixes, empty.next_key) == ((), (), None)
    with pytest.raises(NoSuchBucket):
        await store.list_versions("nope", limit=1)


async def test_a_page_may_begin_anywhere(store: MetadataStore) -> None:
    made = await fill(store)

    async def after(key: str, version_id: str, **page: str) -> list[Shown]:
        listing = await store.list_versions(
            "b", after_key=key, after_version_id=version_id, limit=2, **page
        )
        entries = [
            (each.version.key, each.version.public_id, each.is_latest) for each in listing.versions
        ]
        return entries + [(common, "", False) for common in listing.common_prefixes]

    assert await after("k", "") == shown(made, "k/1*", "k/2b*")
    assert await after("k", made["k3"].version_id) == shown(made, "k2", "k1")
    assert await after("k", NULL_VERSION) == shown(made, "k/1*", "k/2b*")
    assert await after("k", made["k1"].version_id) == shown(made, "k/1*", "k/2b*")
    assert await after("b", "whatever") == shown(made, "k4*", "k3")
    assert await after("k", made["z1"].version_id) == shown(made, "k4*", "k3"), "another key's"
    assert await after("a", "gone", prefix="k/") == shown(made, "k/1*", "k/2b*")
    assert await after("z", "gone", prefix="k/") == []
    inside = [("k/", "", False), *shown(made, "z1*")]
    common_last = sorted(inside, key=lambda entry: entry[0] == "k/")
    assert await after("k/2", made["k/2b"].version_id, delimiter="/") == common_last
    assert await after("k/2", made["k/2"].version_id, delimiter="/") == shown(made, "z1*")
    assert await after("k/", "whatever", delimiter="/") == shown(made, "z1*")


async def test_who_deletes_what_was_listed_misses_nothing(store: MetadataStore) -> None:
    made = await fill(store)
    deleted = []
    after_key, after_id = "", ""
    while True:
        page = await store.list_versions(
            "b", after_key=after_key, after_version_id=after_id, limit=2
        )
        for listed in page.versions:
            version = listed.version
            deletion = await store.delete_version("b", version.key, version.public_id)
            assert deletion.existed
            deleted.append(version)
        if page.next_key is None:
            break
        assert page.next_version_id is not None
        after_key, after_id = page.next_key, page.next_version_id
    assert {each.version_id for each in deleted} == {each.version_id for each in made.values()}
    await store.delete_bucket("b")
