"""AsyncClient: the twin does what Client does, and has the same methods."""

import inspect
import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.trilith.fake_store import ACCESS_KEY, CUT, DROP, SECRET_KEY, FakeStore
from trilith import AsyncClient, Client, errors

BIG = bytes(range(256)) * 4096


@pytest.fixture
async def aclient(store: FakeStore) -> AsyncIterator[AsyncClient]:
    async def no_wait(_: float) -> None:
        pass

    async with AsyncClient(store.endpoint, ACCESS_KEY, SECRET_KEY, sleep=no_wait) as made:
        yield made


def test_the_twins_have_the_same_methods() -> None:
    def shape(kind: type) -> dict[str, list[str]]:
        return {
            name: list(inspect.signature(method).parameters)
            for name, method in inspect.getmembers(kind, inspect.isfunction)
            if not name.startswith("_")
        }

    assert shape(Client) == shape(AsyncClient)


async def pieces(data: bytes) -> AsyncIterator[bytes]:
    yield data[:1000]
    yield data[1000:]


async def test_bytes_go_in_and_out(aclient: AsyncClient, store: FakeStore, tmp_path: Path) -> None:
    for source in (BIG, io.BytesIO(BIG), iter([BIG]), pieces(BIG)):
        await aclient.put("b", "k", source)
        assert await aclient.get("b", "k") == BIG
    await aclient.download("b", "k", tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == BIG
    assert await aclient.get("b", "k", start=3, length=4) == BIG[3:7]
    assert (await aclient.head("b", "k")).size == len(BIG)
    assert await aclient.exists("b", "k")
    await aclient.delete("b", "k")
    assert not await aclient.exists("b", "k")


async def test_it_repeats_and_resumes(aclient: AsyncClient, store: FakeStore) -> None:
    store.faults = [503, DROP]
    await aclient.put("b", "k", BIG)
    store.faults = [CUT, CUT]
    assert await aclient.get("b", "k") == BIG
    store.faults = [DROP]
    with pytest.raises(errors.Unreachable):
        await aclient.create_bucket("c")


async def test_an_async_iterator_is_not_sent_twice(aclient: AsyncClient, store: FakeStore) -> None:
    store.faults = [503]
    with pytest.raises(errors.Unavailable):
        await aclient.put("b", "k", pieces(BIG))


async def test_listings_and_the_rest(aclient: AsyncClient, store: FakeStore) -> None:
    store.page_limit = 2
    for number in range(5):
        await aclient.put("b", f"k{number}", b"")
    assert [entry.key async for entry in aclient.list("b")] == [f"k{n}" for n in range(5)]
    await aclient.create_bucket("c")
    assert [bucket.name async for bucket in aclient.buckets()] == ["b", "c"]
    await aclient.delete_bucket("c")
    await aclient.create_user("ann")
    await aclient.create_key("ann")
    assert [user.user_id for user in await aclient.users()] == ["ann"]
    await aclient.delete_key("made-key")
    await aclient.delete_user("ann")
    await aclient.ready()
    assert (await aclient.cluster())["k"] == 2
    assert len(await aclient.nodes()) == 1
    assert (await aclient.info("b", "k0"))["size"] == 0
