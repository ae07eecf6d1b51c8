"""Both clients' calls about nodes, repairs and audits."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.trilith.fake_healing import SUMMARY
from tests.trilith.fake_store import ACCESS_KEY, CUT, SECRET_KEY, FakeStore
from trilith import AsyncClient, Client
from trilith.errors import NotFound, Unavailable, Unreachable

TASKS = [{"part_id": f"{number:032x}", "shard": 0} for number in range(3)]
PROGRESS = {"type": "progress", "parts": 1}


async def of_async(store: FakeStore, call: Callable[[AsyncClient], Any]) -> Any:
    """What an AsyncClient answers; of what it yields, all."""

    async def no_sleep(_: float) -> None:
        pass

    async with AsyncClient(store.endpoint, ACCESS_KEY, SECRET_KEY, sleep=no_sleep) as client:
        told = call(client)
        if hasattr(told, "__aiter__"):
            return [one async for one in told]
        return await told


async def of_sync(store: FakeStore, call: Callable[[Client], Any]) -> Any:
    """The same of a Client."""
    with Client(store.endpoint, ACCESS_KEY, SECRET_KEY, sleep=lambda _: None) as client:
        told = call(client)
        return list(told) if hasattr(told, "__next__") else told


pytestmark = pytest.mark.parametrize("of", [of_sync, of_async])


async def test_the_calls(store: FakeStore, of: Any) -> None:
    healing = store.healing
    healing.dead = TASKS
    assert (await of(store, lambda c: c.add_node("node-2", "http://n")))["node_id"] == "node-2"
    assert (await of(store, lambda c: c.drain_node("node-2")))["state"] == "draining"
    assert (await of(store, lambda c: c.undrain_node("node-2")))["node_id"] == "node-2"
    assert len(await of(store, lambda c: c.nodes())) == 2
    assert await of(store, lambda c: c.remove_node("node-2")) is None
    with pytest.raises(NotFound):
        await of(store, lambda c: c.drain_node("node-2"))
    assert (await of(store, lambda c: c.repairs()))["queued"] == 0
    assert await of(store, lambda c: c.repair_tasks("dead")) == TASKS
    assert await of(store, lambda c: c.retry_repairs()) == 3
    assert await of(store, lambda c: c.retry_repairs([("ab", 1)])) == 3
    assert await of(store, lambda c: c.scrub("node-1")) is None
    assert await of(store, lambda c: c.incidents()) == []
    assert [document for _, path, document in healing.orders if "/" not in path] == [
        {"node_id": "node-2", "url": "http://n"},
        {"node_id": "node-1"},
    ]


async def test_an_audit(store: FakeStore, of: Any) -> None:
    store.healing.lines = [PROGRESS, SUMMARY]
    assert await of(store, lambda c: c.verify("b", deep=True)) == [PROGRESS, SUMMARY]
    assert store.healing.audits == [{"bucket": "b", "deep": True}]


async def test_an_audit_is_begun_again_but_not_resumed(store: FakeStore, of: Any) -> None:
    store.faults = [503]
    assert await of(store, lambda c: c.verify()) == [SUMMARY]
    store.healing.lines = [PROGRESS] * 100 + [SUMMARY]
    store.faults = [CUT]
    with pytest.raises(Unreachable):
        await of(store, lambda c: c.verify())
    assert len(store.healing.audits) == 2
    store.faults = [503] * 10
    with pytest.raises(Unavailable):
        await of(store, lambda c: c.verify())


async def test_an_audit_without_its_summary(store: FakeStore, of: Any) -> None:
    store.healing.lines = [PROGRESS]
    with pytest.raises(Unreachable, match="nothing is proven"):
        await of(store, lambda c: c.verify())
    store.healing.lines = []
    with pytest.raises(Unreachable, match="nothing is proven"):
        await of(store, lambda c: c.verify())
