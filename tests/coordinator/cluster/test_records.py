"""What is remembered of nodes over restarts, and how the configuration comes in."""

import asyncio

import pytest

from coordinator.cluster import NodeRecords
from metadata import NULL_VERSION, MemoryStore, MetadataUnavailable, NodeRecord, Standing
from tests.metadata.making import make_part, make_version

CONFIGURED = [NodeRecord(f"node-{n}", f"http://{n}", f"node-{n}", 1.0) for n in (1, 2)]
KNOWN = NodeRecord("node-1", "http://old", "east", 3.0, "disk", Standing.RETURNED, True)


async def started(metadata: MemoryStore, configured=CONFIGURED) -> dict[str, NodeRecord]:
    """The nodes that a coordinator starts with."""
    nodes = await NodeRecords(metadata).load(configured)
    assert sorted(nodes, key=lambda node: node.node_id) == await metadata.nodes()
    return {node.node_id: node for node in nodes}


async def test_configured_nodes_become_known():
    metadata = MemoryStore()
    assert list(await started(metadata)) == ["node-1", "node-2"]
    assert list(await started(metadata, [])) == ["node-1", "node-2"]


async def test_a_node_that_moved_keeps_everything_but_its_url():
    metadata = MemoryStore()
    await metadata.put_node(KNOWN)
    found = (await started(metadata))["node-1"]
    assert found == NodeRecord("node-1", "http://1", "east", 3.0, "disk", Standing.RETURNED, True)


async def test_a_removed_node_does_not_sneak_back_by_configuration():
    metadata = MemoryStore()
    tenth = NodeRecord("node-10", "http://10", "node-10", 1.0)
    await started(metadata, [*CONFIGURED, tenth])
    records = NodeRecords(metadata)
    await records.forget("node-1")
    await records.forget("node-10")
    assert list(await started(metadata, [*CONFIGURED, tenth])) == ["node-2"]
    await records.save(CONFIGURED[0])
    assert sorted(await started(metadata, [*CONFIGURED, tenth])) == ["node-1", "node-2"]


@pytest.fixture
async def noting():
    """Records, their store, and how often they waited to try again."""
    metadata, waits = MemoryStore(), []

    async def sleep(seconds):
        waits.append(seconds)
        await asyncio.sleep(0)

    records = NodeRecords(metadata, sleep)
    worker = asyncio.create_task(records.run())
    yield records, metadata, waits
    worker.cancel()
    await asyncio.gather(worker, return_exceptions=True)


async def until(condition) -> None:
    for _ in range(200):
        if await condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("in vain")


async def test_what_is_noted_is_saved_and_tried_again(noting):
    records, metadata, waits = noting
    put, failures = metadata.put_node, iter([MetadataUnavailable("busy")] * 3)

    async def fail_at_first(node):
        for error in failures:
            raise error
        await put(node)

    metadata.put_node = fail_at_first
    records.note(CONFIGURED[0])
    records.note(KNOWN)

    async def is_saved():
        return await metadata.nodes() == [KNOWN]

    await until(is_saved)
    assert len(waits) == 3


async def test_what_was_noted_of_a_forgotten_node_is_forgotten_too(noting):
    records, metadata, _ = noting
    await records.save(KNOWN)
    records.note(KNOWN)
    await records.forget("node-1")

    async def is_idle():
        return not records._unsaved

    await until(is_idle)
    assert await metadata.nodes() == []


async def test_with_a_node_goes_what_waited_to_be_deleted_there():
    metadata = MemoryStore()
    await started(metadata)
    await metadata.create_bucket("b", "owner", "", 0)
    part = make_part(nodes=("node-1", "node-2", "node-3"))
    await metadata.put_version("b", make_version("key"), [part])
    await metadata.delete_version("b", "key", NULL_VERSION)
    assert (await metadata.totals()).reclaims == 3
    await NodeRecords(metadata).forget("node-1")
    assert (await metadata.totals()).reclaims == 2
