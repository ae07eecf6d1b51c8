"""Entities: names, renaming, paging, and several who want the same at once."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.iam.directory import Directory
from coordinator.iam.entities import Entity, Kind, load
from coordinator.iam.errors import IamError
from coordinator.iam.names import check_name, check_path, make_id
from metadata import MemoryStore

ACCOUNT = "acme"


class Counter:
    """How often something was called."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
async def directory() -> AsyncIterator[Directory]:
    store = MemoryStore(lambda: 5)
    yield Directory(store, Counter(), lambda: 5)
    await store.close()


async def make(directory: Directory, name: str, path: str = "/", account: str = ACCOUNT) -> Entity:
    return await directory.create(Kind.USER, account, name, path)


async def names(directory: Directory, **how: object) -> list[str]:
    """All pages."""
    found: list[str] = []
    after = ""
    while True:
        page = await directory.page(Kind.USER, ACCOUNT, after=after, **{"limit": 2, **how})  # type: ignore[arg-type]
        found += [entity.name for entity in page.entities]
        after = page.next_after
        if not after:
            return found


def code(error: pytest.ExceptionInfo[IamError]) -> str:
    return error.value.code


async def test_made_found_changed_removed(directory: Directory) -> None:
    made = await make(directory, "Ann", "/x/")
    assert made.arn == "arn:aws:iam::acme:user/x/Ann"
    assert made.id.startswith("AIDA")
    assert len(made.id) == 21
    assert await directory.find(Kind.USER, ACCOUNT, "aNN") == made
    assert await directory.by_id(Kind.USER, ACCOUNT, made.id) == made
    assert await directory.look_up(Kind.GROUP, ACCOUNT, "Ann") is None
    assert await directory.look_up(Kind.USER, "other", "Ann") is None
    changed = await directory.change(made, lambda now: replace(now, tags={"k": "v"}))
    assert await directory.find(Kind.USER, ACCOUNT, "Ann") == changed
    assert isinstance(directory.changed, Counter)
    assert directory.changed.count == 2
    await directory.remove(made)
    with pytest.raises(IamError) as raised:
        await directory.find(Kind.USER, ACCOUNT, "Ann")
    assert code(raised) == "NoSuchEntity"
    with pytest.raises(IamError):
        await directory.remove(made)
    with pytest.raises(IamError):
        await directory.change(made, lambda now: replace(now, path="/y/"))
    again = await make(directory, "Ann")
    assert again.id != made.id


async def test_a_name_is_taken_in_any_case(directory: Directory) -> None:
    await make(directory, "Ann")
    with pytest.raises(IamError) as raised:
        await make(directory, "ANN", "/other/")
    assert code(raised) == "EntityAlreadyExists"
    assert len(await directory.all(Kind.USER, ACCOUNT)) == 1
    await make(directory, "Ann", account="other")


async def test_renaming(directory: Directory) -> None:
    ann, bob = await make(directory, "Ann"), await make(directory, "Bob")
    with pytest.raises(IamError) as raised:
        await directory.change(ann, lambda now: replace(now, name="bOB"))
    assert code(raised) == "EntityAlreadyExists"
    renamed = await directory.change(ann, lambda now: replace(now, name="Cid"))
    assert renamed.id == ann.id
    assert await directory.look_up(Kind.USER, ACCOUNT, "Ann") is None
    assert await names(directory) == ["Bob", "Cid"]
    await directory.change(bob, lambda now: replace(now, name="Ann"))
    await directory.change(ann, lambda now: replace(now, name="CID"))
    assert await names(directory) == ["Ann", "CID"]


async def test_who_was_slower_harms_nothing(directory: Directory) -> None:
    """Whatever order two removals, renamings and makings of one name come in: every entity is found
    by its name, and no name leads nowhere."""
    ann = await make(directory, "Ann")

    async def remove_and_make() -> None:
        await directory.remove(ann)
        await make(directory, "Ann")

    await asyncio.gather(
        remove_and_make(),
        directory.remove(ann),
        directory.change(ann, lambda now: replace(now, name="Bob")),
        directory.change(ann, lambda now: replace(now, name="Cid")),
        make(directory, "Bob"),
        return_exceptions=True,
    )
    entities = await directory.all(Kind.USER, ACCOUNT)
    assert await names(directory) == sorted(entity.name for entity in entities)
    indexed = await directory.metadata.list_iam("user-name")
    assert sorted(entity_id for _, entity_id in indexed) == sorted(one.id for one in entities)
    assert len(entities) >= 1


async def test_a_removal_takes_the_name_that_the_entity_has_by_now(directory: Directory) -> None:
    ann = await make(directory, "Ann")
    await directory.change(ann, lambda now: replace(now, name="Bob"))
    again = await make(directory, "Ann")
    await directory.remove(ann)
    assert await directory.all(Kind.USER, ACCOUNT) == [again]
    assert await names(directory) == ["Ann"]
    with pytest.raises(IamError) as raised:
        await directory.remove(ann)
    assert code(raised) == "NoSuchEntity"
    assert await names(directory) == ["Ann"]


async def test_one_of_many_gets_the_name(directory: Directory) -> None:
    done = await asyncio.gather(
        *(make(directory, "Ann") for _ in range(20)), return_exceptions=True
    )
    made = [one for one in done if isinstance(one, Entity)]
    assert len(made) == 1
    assert await directory.all(Kind.USER, ACCOUNT) == made


async def test_no_change_is_lost(directory: Directory) -> None:
    ann = await make(directory, "Ann")

    async def add(number: int) -> None:
        await directory.change(
            ann, lambda now: replace(now, groups=(*now.groups, f"group-{number}"))
        )

    await asyncio.gather(*(add(number) for number in range(10)))
    found = await directory.find(Kind.USER, ACCOUNT, "Ann")
    assert sorted(found.groups) == [f"group-{number}" for number in range(10)]


async def test_what_root_says_about_an_account(directory: Directory) -> None:
    assert (await directory.account("acme")).policies == {}
    told = await directory.account("acme")
    await directory.change(told, lambda now: replace(now, policies={"a": "1"}))
    await directory.change(told, lambda now: replace(now, policies={**now.policies, "b": "2"}))
    assert (await directory.account("acme")).policies == {"a": "1", "b": "2"}
    assert [one.id for one in await directory.all_users("root")] == ["acme"]
    await make(directory, "Ann")
    await make(directory, "Ann", account="acm")
    await directory.forget_account("acme")
    assert await directory.all_users("root") == []
    assert await directory.all(Kind.USER, ACCOUNT) == []
    assert await names(directory) == []
    assert len(await directory.all(Kind.USER, "acm")) == 1


async def test_quotas(directory: Directory) -> None:
    for number in range(300):
        await directory.create(Kind.GROUP, ACCOUNT, f"g{number}", "/")
    assert await directory.count(Kind.GROUP, ACCOUNT) == 300
    with pytest.raises(IamError) as raised:
        await directory.create(Kind.GROUP, ACCOUNT, "one-more", "/")
    assert code(raised) == "LimitExceeded"


@given(
    made=st.dictionaries(
        st.text("aAbB1", min_size=1, max_size=4).map(str.lower),
        st.sampled_from(["/", "/x/", "/x/y/", "/z/"]),
        max_size=12,
    ),
    prefix=st.sampled_from(["/", "/x", "/x/y", "/q"]),
    limit=st.integers(1, 5),
)
async def test_pages_are_what_a_sorted_list_would_be(
    made: dict[str, str], prefix: str, limit: int
) -> None:
    directory = Directory(MemoryStore(lambda: 5), Counter(), lambda: 5)
    for name, path in made.items():
        await make(directory, name.upper() if len(name) % 2 else name, path)
    expected = sorted(name for name, path in made.items() if path.startswith(prefix))
    found = await names(directory, path_prefix=prefix, limit=limit)
    assert [name.lower() for name in found] == expected


@pytest.mark.parametrize("name", ["", "a b", "a/b", "\u00fc", "x" * 65, "a\n"])
def test_names(name: str) -> None:
    assert check_name("user", "A_b+=,.@-9") == "A_b+=,.@-9"
    with pytest.raises(IamError):
        check_name("user", name)


@pytest.mark.parametrize("path", ["", "x", "/x", "x/", "/\u00fc/", "/a b/", "/" * 513])
def test_paths(path: str) -> None:
    assert check_path("/a/b!~/") == "/a/b!~/"
    with pytest.raises(IamError):
        check_path(path)


def test_ids_follow_the_random_bytes() -> None:
    assert make_id("group", lambda size: bytes(range(size))) == "AGPAABCDEFGHIJKLMNOPQ"


def test_a_document_is_read_as_it_was_written() -> None:
    entity = Entity(Kind.ROLE, "a", "b", "c", "/", 1, {"p": "q"}, ("r",), ("s",), {"t": "u"})
    assert load(entity.dump()) == entity
