"""The client against a small node in memory, over real HTTP."""

import asyncio
import contextlib

import orjson
import pytest
import uvloop

from coordinator.http import Limits, running
from node.client import ClientLimits, NodeClient, make_record
from node.errors import NodeFailed, NodeFull, NodeRefused, NodeUnreachable
from node.protocol import (
    MAX_BATCH_BYTES,
    MAX_BATCH_KEYS,
    Outcome,
    split_records,
    unpack_record_keys,
    unpack_shard_keys,
)
from node.record import HEADER_SIZE, RecordKey, ShardKey
from tests.coordinator.http.wire import answer, read_body
from tests.node.records import answer_body, record

PART = b"p" * 16
SECRET = "s3cret"


def key(stripe: int, shard: int = 0) -> RecordKey:
    return RecordKey(PART, shard, stripe)


class MemoryNode:
    """A node that keeps records in a dict. `misbehave` may answer in its place."""

    def __init__(self) -> None:
        self.records: dict[RecordKey, bytes] = {}
        self.batches: list[int] = []
        self.requests: list[dict] = []
        self.misbehave = None
        self.cluster_id = "c"

    async def __call__(self, scope, receive, send) -> None:
        self.requests.append(scope)
        if self.misbehave is not None and await self.misbehave(scope, receive, send):
            return
        body = await read_body(receive)
        if dict(scope["headers"])[b"authorization"] != f"Bearer {SECRET}".encode():
            await answer(send, b"wrong secret", status=401)
            return
        operation = scope["path"].removeprefix("/v1/")
        status, text = getattr(self, operation)(body, scope["query_string"].decode())
        await answer(send, text, status=status)

    def append(self, body, query):
        records = split_records(body)
        self.batches.append(len(records))
        self.records |= {header.key: record(header.key, bytes(it)) for header, it in records}
        return 204, b""

    def read(self, body, query):
        keys = unpack_record_keys(body)
        self.batches.append(len(keys))
        return 200, answer_body([self.records.get(k, Outcome.MISSING) for k in keys])

    def delete(self, body, query):
        keys = unpack_shard_keys(body)
        self.batches.append(len(keys))
        for shard in keys:
            for k in [k for k in self.records if ShardKey(k.part_id, k.shard) == shard]:
                del self.records[k]
        return 204, b""

    def health(self, body, query):
        told = dict.fromkeys(("node_id", "store_id", "zone", "state"), "x")
        return 200, orjson.dumps({**told, "cluster_id": self.cluster_id, "weight": 2.0, "more": 1})

    def stats(self, body, query):
        return 200, b'{"records": 3}'

    def inventory(self, body, query):
        return 200, orjson.dumps({"query": query})

    def scrub(self, body, query):
        return 200, body


@pytest.fixture
def node():
    return MemoryNode()


@contextlib.asynccontextmanager
async def connected(url, secret=SECRET, limits=None):
    client = NodeClient("node-1", url, secret=secret, cluster_id="c", limits=limits)
    yield client
    await client.close()


@pytest.fixture
async def client(node):
    limits = ClientLimits(stall_timeout_s=0.3)
    async with running(node) as server, connected(server.url, limits=limits) as client:
        yield client


def failing(status, text=b"reason"):
    async def misbehave(scope, receive, send):
        await answer(send, text, status=status)
        return True

    return misbehave


@pytest.mark.parametrize("size", [0, 1, 5_000, 100_000, 3_000_000])
async def test_what_was_appended_is_read(client, size):
    payloads = {key(n): bytes([n]) * size for n in range(3)}
    await client.append([make_record(k, memoryview(p)) for k, p in payloads.items()])
    got = await client.read([(k, size) for k in payloads])
    assert [bytes(payload) for payload in got] == list(payloads.values())


async def test_the_order_and_bytes_of_a_mixed_batch_are_kept(client, node):
    sizes = [10, 20_000, 0, 70_000, 16 * 1024, 5, 300_000, *[1000] * 100]
    records = [make_record(key(n), bytes([n]) * size) for n, size in enumerate(sizes)]
    await client.append(records)
    assert node.batches == [len(sizes)]
    assert list(node.records.values()) == [r.header + bytes(r.payload) for r in records]


async def test_missing_is_no_error(client):
    await client.append([make_record(key(1), b"a")])
    assert await client.read([(key(0), 1), (key(1), 1)]) == [Outcome.MISSING, b"a"]


async def test_many_callers_share_few_requests(client, node):
    await asyncio.gather(*(client.submit_append(make_record(key(n), b"x")) for n in range(200)))
    assert sum(node.batches) == 200
    assert len(node.batches) <= 3
    node.batches.clear()
    await asyncio.gather(*(client.submit_read(key(n), 1) for n in range(200)))
    assert len(node.batches) <= 3


async def test_bulk_work_goes_in_batches_of_its_own(client, node):
    """One request each, however much waits in the queues of single requests."""
    single = [client.submit_append(make_record(key(n), b"x")) for n in range(5)]
    await client.append([make_record(key(n, shard=1), b"yy") for n in range(3000)])
    await asyncio.gather(*single)
    assert sorted(node.batches) == [5, 3000 - 2 * 1024, 1024, 1024]
    node.batches.clear()
    got = await client.read([(key(n, shard=1), 2) for n in range(3000)])
    assert got == [b"yy"] * 3000
    assert node.batches == [1024, 1024, 3000 - 2 * 1024]
    assert await client.read([]) == []


async def test_bulk_batches_are_bounded_in_bytes(client, node):
    sizes = [3_000_000, 3_000_000, 1_000_000, 100, 6_000_000, 5]
    await client.append([make_record(key(n), bytes(size)) for n, size in enumerate(sizes)])
    assert node.batches == [1, 3, 1, 1]
    got = await client.read([(key(n), size) for n, size in enumerate(sizes)])
    assert [len(payload) for payload in got] == sizes


@pytest.mark.parametrize("damage", ["payload", "header", "other key", "cut"])
async def test_what_is_not_what_was_asked_for_is_damaged(client, node, damage, caplog):
    await client.append([make_record(key(1), b"abc"), make_record(key(2), b"abc")])
    stored = node.records[key(1)]
    node.records[key(1)] = {
        "payload": stored[:-1] + b"x",
        "header": b"x" + stored[1:],
        "other key": node.records[key(2)],
        "cut": stored[:-1],
    }[damage]
    assert await client.read([(key(1), 3), (key(2), 3)]) == [Outcome.DAMAGED, b"abc"]
    assert "damaged" in caplog.text


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (507, NodeFull),
        (500, NodeFailed),
        (503, NodeFailed),
        (400, NodeRefused),
        (401, NodeRefused),
        (409, NodeRefused),
        (302, NodeFailed),
    ],
)
async def test_answers_that_are_errors(client, node, status, error):
    node.misbehave = failing(status)
    with pytest.raises(error, match=r"node-1.*reason"):
        await client.append([make_record(key(1), b"a")])


async def test_a_wrong_secret_is_refused_and_never_told(node):
    async with running(node) as server, connected(server.url, secret="guess") as client:
        with pytest.raises(NodeRefused, match="wrong secret") as caught:
            await client.health()
    assert "guess" not in str(caught.value)


@pytest.mark.parametrize("text", [b"", b"\x00", b"\x09\x00\x00\x00\x00", b"x" * 1000])
async def test_a_malformed_answer_is_a_failure(client, node, text):
    node.misbehave = failing(200, text)
    with pytest.raises(NodeFailed, match="malformed"):
        await client.read([(key(1), 1)])


async def test_an_endless_answer_is_not_kept(client, node):
    node.misbehave = failing(200, bytes(MAX_BATCH_BYTES + 1))
    with pytest.raises(NodeFailed, match="more than"):
        await client.read([(key(1), 1)])


async def test_a_node_that_is_not_there(client):
    async with running(MemoryNode()) as server:
        url = server.url
    async with connected(url) as client:
        for call in (
            client.health(),
            client.append([make_record(key(1), b"a")]),
            client.read([(key(1), 1)]),
            client.delete([ShardKey(PART, 0)]),
        ):
            with pytest.raises(NodeUnreachable, match="node-1"):
                await call


async def test_a_silent_node_is_unreachable(client, node):
    async def silence(scope, receive, send):
        await read_body(receive)
        return (await receive())["type"] == "http.disconnect"

    node.misbehave = silence
    with pytest.raises(NodeUnreachable):
        await client.append([make_record(key(1), b"a")])


async def test_a_connection_that_died_is_tried_again_once(client, node):
    """As when a node was restarted: the request meets a closed connection."""
    deaths = [1]

    async def die(scope, receive, send):
        await read_body(receive)
        if deaths:
            deaths.pop()
            await send({"type": "http.response.start", "status": 204, "headers": []})
            raise asyncio.CancelledError  # the server cuts the connection without an answer
        return False

    async def app(scope, receive, send):
        await die(scope, receive, send)
        await answer(send, status=204)

    async with running(app) as server, connected(server.url) as client:
        await client.append([make_record(key(1), b"a")])
        assert not deaths
        deaths[:] = [1, 1]
        with pytest.raises(NodeUnreachable):
            await client.append([make_record(key(1), b"a")])


async def test_an_idle_connection_survives_the_node(node):
    async with running(node) as server, connected(server.url) as client:
        await client.append([make_record(key(1), b"a")])
        port = server.port
    async with running(node, port=port) as server, connected(server.url) as client:
        await client.append([make_record(key(2), b"a")])
    assert set(node.records) == {key(1), key(2)}


def test_connections_are_kept_on_uvloop_too(caplog):
    """The coordinator runs on it, and its transports are not asyncio's."""
    node = MemoryNode()
    payload = bytes(3_000_000)

    async def use() -> None:
        async with running(node) as server, connected(server.url) as client:
            for number in range(3):
                await client.append([make_record(key(number), payload)])
                assert await client.read([(key(number), len(payload))]) == [payload]
        assert len({request["client"] for request in node.requests}) == 1

    uvloop.run(use())
    assert caplog.records == []


async def test_items_one_after_the_other_all_leave(client):
    for number in range(20):
        await client.submit_append(make_record(key(number), b"x"))


async def test_one_cancelled_caller_does_not_harm_the_others(client, node):
    tasks = [
        asyncio.ensure_future(client.submit_append(make_record(key(n), b"x" * 100)))
        for n in range(20)
    ]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[1::2] == [None] * 10
    assert all(isinstance(result, asyncio.CancelledError) for result in results[::2])
    assert {key(n) for n in range(1, 20, 2)} <= set(node.records)


async def test_deletes_come_in_batches_of_their_own(client, node):
    await client.append([make_record(key(1), b"a"), make_record(key(1, shard=1), b"b")])
    node.batches.clear()
    await client.delete([ShardKey(PART, 0), *[ShardKey(b"q" * 16, 0)] * MAX_BATCH_KEYS])
    assert node.batches == [MAX_BATCH_KEYS, 1]
    assert set(node.records) == {key(1, shard=1)}


async def test_everything_else_is_json(client, node):
    health = await client.health()
    assert (health.node_id, health.weight) == ("x", 2.0)
    assert await client.stats() == {"records": 3}
    page = await client.inventory(ShardKey(PART, 255), 10)
    assert page == {"query": f"limit=10&after={PART.hex()}ff"}
    assert await client.scrub("here", 5) == {"cursor": "here", "max_bytes": 5}
    node.misbehave = failing(200, b"<html>")
    with pytest.raises(NodeFailed, match="JSON"):
        await client.stats()
    node.misbehave = failing(200, b"{}")
    with pytest.raises(NodeFailed, match="node_id"):
        await client.health()


async def test_the_health_of_another_cluster_is_no_answer(client, node):
    node.cluster_id = "another"
    with pytest.raises(NodeRefused, match="another"):
        await client.health()


async def test_requests_name_cluster_and_node_and_nothing_needless(client, node):
    await client.append([make_record(key(1), b"a")])
    headers = dict(node.requests[-1]["headers"])
    assert headers[b"x-trilith-cluster"] == b"c"
    assert headers[b"x-trilith-node"] == b"node-1"
    assert headers[b"content-length"] == str(HEADER_SIZE + 1).encode()
    assert not {b"cookie", b"user-agent", b"accept-encoding"} & set(headers)
    assert Limits().keep_alive_s > 30  # idle connections are closed by the client first
