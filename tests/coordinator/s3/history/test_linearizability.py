"""Concurrent clients of one key: whatever they were answered, one order explains it all.

Over both metadata stores, with and without versions. The histories come from the real endpoint; the
model they are held against is written from S3's reference, apart from it.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from metadata import (
    UNCONDITIONAL,
    MemoryStore,
    MetadataStore,
    MissingShard,
    NoSuchKey,
    Part,
    Version,
    WriteCondition,
    open_sqlite,
)
from metadata.memory_versions import check_write
from tests.coordinator.s3.history.checker import explain
from tests.coordinator.s3.history.clients import Clients, new_stand
from tests.coordinator.s3.history.model import Keeping, Versions
from tests.coordinator.s3.support import BUCKET, Answer, Stand

ROUNDS = 4
MOST_ROUNDS = 50
CLIENTS = 6
REQUESTS = 7
COUNTERS = 8
STEPS = 4


@pytest.fixture(params=["memory", "sqlite"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MetadataStore]:
    """Each backend."""
    if request.param == "memory":
        yield MemoryStore()
        return
    backend = await open_sqlite(tmp_path / "metadata.db")
    yield backend
    await backend.close()


@pytest.mark.parametrize("keeping", Keeping)
async def test_one_order_explains_every_answer(store: MetadataStore, keeping: Keeping) -> None:
    rng = random.Random(f"one key, {keeping}")
    stand = await new_stand(store, rng).start()
    if keeping is not Keeping.OFF:
        await stand.set_versioning(keeping.title())
    for number in range(ROUNDS):
        clients = Clients(stand, keeping, rng)
        await clients.run(CLIENTS, REQUESTS)
        first: Versions = ()
        order = explain(
            clients.history, first, lambda state, operation: operation.apply(state, keeping)
        )
        assert order is not None, f"round {number}: {clients.history}"
        await empty(stand)
    await stand.writer.close()


class HastyStore(MemoryStore):
    """Looks whether a condition holds, and writes later: what no store may do."""

    async def put_version(
        self,
        bucket: str,
        version: Version,
        parts: Sequence[Part],
        *,
        condition: WriteCondition = UNCONDITIONAL,
        missing: Sequence[MissingShard] = (),
    ) -> Version:
        try:
            current = (await self.version(bucket, version.key)).version
        except NoSuchKey:
            current = None
        check_write(condition, current)
        await asyncio.sleep(0)
        return await super().put_version(bucket, version, parts, missing=missing)


async def test_a_store_that_is_not_atomic_is_found_out() -> None:
    rng = random.Random("hasty")
    stand = await new_stand(HastyStore(), rng).start()
    for _ in range(MOST_ROUNDS):
        clients = Clients(stand, Keeping.OFF, rng)
        await clients.run(CLIENTS, REQUESTS)
        if explain(clients.history, (), lambda state, one: one.apply(state, Keeping.OFF)) is None:
            break
        await empty(stand)
    else:
        pytest.fail("the histories never showed it")
    await stand.writer.close()


@pytest.mark.parametrize("versioning", ["", "Enabled", "Suspended"])
async def test_no_update_is_lost(store: MetadataStore, versioning: str) -> None:
    """Counting by compare-and-set: as many steps as successes, whoever else tries."""
    rng = random.Random(f"counting, {versioning}")
    stand = await new_stand(store, rng).start()
    if versioning:
        await stand.set_versioning(versioning)
    path = f"/{BUCKET}/counter"
    await stand.call("PUT", path, "0")

    async def step() -> None:
        while True:
            read = await stand.call("GET", path)
            answer = await stand.call(
                "PUT", path, str(int(read.body) + 1), headers={"if-match": read.etag}
            )
            if answer.status == 200:
                return
            assert answer.code == "PreconditionFailed"

    async def count() -> None:
        for _ in range(STEPS):
            await step()

    await asyncio.gather(*(count() for _ in range(COUNTERS)))
    assert (await stand.call("GET", path)).body == str(COUNTERS * STEPS).encode()
    await stand.writer.close()


@pytest.mark.parametrize("versioning", ["", "Enabled", "Suspended"])
async def test_one_of_many_creates(store: MetadataStore, versioning: str) -> None:
    """A lock made of an object: whoever writes it first has it."""
    rng = random.Random(f"creating, {versioning}")
    stand = await new_stand(store, rng).start()
    if versioning:
        await stand.set_versioning(versioning)

    async def create(number: int) -> Answer:
        headers = {"if-none-match": "*"}
        return await stand.call("PUT", f"/{BUCKET}/lock", f"{number}", headers=headers)

    answers = await asyncio.gather(*(create(number) for number in range(COUNTERS)))
    winners = [number for number, answer in enumerate(answers) if answer.status == 200]
    assert len(winners) == 1
    assert {answer.code for answer in answers if answer.status != 200} == {"PreconditionFailed"}
    assert (await stand.call("GET", f"/{BUCKET}/lock")).body == str(winners[0]).encode()
    await stand.writer.close()


async def empty(stand: Stand) -> None:
    """Remove every version of everything."""
    answer = await stand.call("GET", f"/{BUCKET}", query={"versions": ""})
    for node in answer.tree():
        if node.tag in ("Version", "DeleteMarker"):
            query = {"versionId": node.findtext("VersionId") or ""}
            await stand.call("DELETE", f"/{BUCKET}/{node.findtext('Key')}", query=query)
