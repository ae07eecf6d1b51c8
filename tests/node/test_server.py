"""The node's API through a real server on a real socket."""

import contextlib

import httpx
import pytest

from node.app import read_secret
from node.budget import ByteBudget
from node.client import NodeClient, make_record
from node.disk import LocalDisk
from node.engine import Engine, Pace
from node.errors import NodeRefused, WrongStore
from node.identity import Identity, adopt, open_identity
from node.protocol import (
    MAX_BATCH_BYTES,
    MAX_BATCH_KEYS,
    Outcome,
    pack_record_keys,
    pack_shard_keys,
    request_headers,
    unpack_answers,
)
from node.record import Kind, RecordKey, ShardKey, encode_header
from node.segment import SegmentName
from node.server import About, NodeServer
from tests.node.listening import listening
from tests.node.records import key, open_store, record

SECRET = "a secret of the test"
GOOD = request_headers(SECRET, "cluster-1", "node-1")


class Node:
    """A node that serves, and what a test wants to look at."""

    def __init__(self, store, url):
        self.store, self.url = store, url


@contextlib.contextmanager
def serving(directory):
    identity = open_identity(directory, "node-1", lambda: "store-1")

    def adopt_it(cluster_id: str) -> Identity:
        return adopt(directory, identity, cluster_id)

    segments = directory / "segments"
    segments.mkdir(exist_ok=True)
    store = open_store(LocalDisk(segments), directory, segment_size_bytes=1 << 20)
    engine = Engine(store, Pace())
    server = NodeServer(
        engine,
        identity,
        about=About("zone-1", 2.0),
        secret=SECRET,
        adopt=adopt_it,
        budget=ByteBudget(1 << 20),
    )
    try:
        with listening(server) as url:
            yield Node(store, url)
    finally:
        engine.close()


@pytest.fixture
def node(tmp_path):
    with serving(tmp_path) as node:
        yield node


@pytest.fixture
async def http(node):
    async with httpx.AsyncClient(base_url=node.url, headers=GOOD, trust_env=False) as client:
        yield client


async def read(http, *keys):
    response = await http.post("/v1/read", content=pack_record_keys(keys))
    assert response.status_code == 200
    return unpack_answers(response.content, len(keys))


async def test_append_read_delete(http):
    response = await http.post("/v1/append", content=record(key(1)) + record(key(2), b"two"))
    assert (response.status_code, response.content) == (204, b"")
    assert await read(http, key(2), key(3)) == [record(key(2), b"two"), Outcome.MISSING]
    response = await http.post(
        "/v1/delete", content=pack_shard_keys([ShardKey(bytes(15) + b"\2", 0)])
    )
    assert response.status_code == 204
    assert await read(http, key(1), key(2)) == [record(key(1)), Outcome.MISSING]


async def test_the_client_and_the_node_agree(node):
    client = NodeClient("node-1", node.url, secret=SECRET, cluster_id="cluster-1")
    payloads = {key(number): bytes([number]) * 70_000 for number in range(40)}
    await client.append([make_record(*item) for item in payloads.items()])
    wanted = [(record_key, len(payload)) for record_key, payload in payloads.items()]
    assert await client.read(wanted) == list(payloads.values())
    await client.delete([ShardKey(key(0).part_id, 0)])
    assert await client.read([(key(0), 5), (key(1), 70_000)]) == [
        Outcome.MISSING,
        payloads[key(1)],
    ]
    health = await client.health()
    assert (health.store_id, health.zone, health.weight, health.state) == (
        "store-1",
        "zone-1",
        2.0,
        "ok",
    )
    assert (await client.stats())["records"] == 39
    page = await client.inventory(ShardKey(key(37).part_id, 0), 10)
    assert [shard["part_id"] for shard in page["shards"]] == [
        key(n).part_id.hex() for n in (38, 39)
    ]
    assert (await client.scrub("", 1 << 20))["damaged"] == []
    other = NodeClient("node-1", node.url, secret="wrong", cluster_id="cluster-1")
    with pytest.raises(NodeRefused, match="401"):
        await other.append([make_record(key(1), b"")])
    await client.close()
    await other.close()


async def test_without_the_secret_nothing_changes(node):
    good = GOOD["authorization"]
    secrets = [
        None,
        "",
        "Bearer",
        "Bearer wrong",
        f"{good}x",
        good[:-1],
        SECRET,
        f"bearer {SECRET}",
    ]
    paths = ["append", "read", "delete", "scrub", "stats", "health", "inventory", "nowhere"]
    async with httpx.AsyncClient(base_url=node.url, trust_env=False) as http:
        for path in paths:
            for secret in secrets:
                headers = {} if secret is None else {**GOOD, "authorization": secret}
                response = await http.post(f"/v1/{path}", content=record(key(1)), headers=headers)
                assert response.status_code == 401
                assert response.json()["error"] == "unauthorized"
    assert node.store.counters.commits == 0


@pytest.mark.parametrize(
    ("header", "value", "error"),
    [
        ("x-trilith-node", "node-2", "wrong_node"),
        ("x-trilith-node", "", "wrong_node"),
        ("x-trilith-cluster", "cluster-2", "wrong_cluster"),
        ("x-trilith-cluster", "", "wrong_cluster"),
    ],
)
async def test_another_cluster_or_node_is_told_so(http, node, header, value, error):
    assert (await http.get("/v1/health")).status_code == 200
    response = await http.post("/v1/append", content=record(key(1)), headers={header: value})
    assert (response.status_code, response.json()["error"]) == (409, error)
    assert node.store.counters.commits == 0


async def test_a_node_is_adopted_once_and_for_good(tmp_path):
    with serving(tmp_path) as node:
        async with httpx.AsyncClient(base_url=node.url, trust_env=False) as http:
            wrong = {**GOOD, "x-trilith-cluster": "thief", "authorization": "Bearer x"}
            assert (await http.get("/v1/health", headers=wrong)).status_code == 401
            assert (await http.get("/v1/health", headers=GOOD)).json()["cluster_id"] == "cluster-1"
    assert open_identity(tmp_path, "node-1", str).cluster_id == "cluster-1"
    with serving(tmp_path) as node:
        async with httpx.AsyncClient(base_url=node.url, trust_env=False) as http:
            other = {**GOOD, "x-trilith-cluster": "cluster-2"}
            assert (await http.get("/v1/health", headers=other)).status_code == 409


TOMBSTONE = encode_header(RecordKey(bytes(16), 0, 0), b"", Kind.TOMBSTONE)


BAD_REQUESTS = [
    ("append", b"junk", 400, "record_damaged"),
    ("append", record(key(1))[:-1], 400, "malformed"),
    ("append", record(key(1))[:-1] + b"X", 400, "record_damaged"),
    ("append", record(key(1)) + b"\0" * 56, 400, "record_damaged"),
    ("append", TOMBSTONE, 400, "malformed"),
    ("read", b"x" * 23, 400, "malformed"),
    ("delete", pack_record_keys([key(1, 0, 7)]), 400, "malformed"),
    ("delete", pack_shard_keys([ShardKey(bytes(16), 256)]), 400, "malformed"),
    ("read", bytes(24 * (MAX_BATCH_KEYS + 1)), 413, "too_large"),
    ("delete", bytes(24 * (MAX_BATCH_KEYS + 1)), 413, "too_large"),
    ("scrub", b"{", 400, "malformed"),
    ("scrub", b"[]", 400, "malformed"),
    ("scrub", b'{"max_bytes": "many"}', 400, "malformed"),
    ("scrub", b'{"cursor": "zz"}', 400, "malformed"),
    ("nowhere", b"", 404, "no_such_path"),
    ("stats", b"", 405, "method_not_allowed"),
]


async def test_bad_requests(http, node):
    for path, body, status, error in BAD_REQUESTS:
        response = await http.post(f"/v1/{path}", content=body)
        assert (response.status_code, response.json()["error"]) == (status, error), path
        assert response.json()["detail"]
    assert node.store.counters.commits == 0


@pytest.mark.parametrize("query", ["after=xyz", "limit=0", "limit=x", "limit=1000000"])
async def test_bad_inventory_queries(http, query):
    assert (await http.get(f"/v1/inventory?{query}")).status_code == 400


async def test_a_body_that_is_announced_too_large_is_not_read(http):
    async def endless():
        yield b"x"
        raise AssertionError("the node asked for more")

    headers = {"content-length": str(MAX_BATCH_BYTES + 1)}
    request = http.build_request("POST", "/v1/append", content=endless(), headers=headers)
    with contextlib.suppress(httpx.RequestError, AssertionError):
        response = await http.send(request)
        assert response.status_code == 413


async def test_a_body_needs_its_length(http):
    async def chunks():
        yield record(key(1))

    response = await http.post("/v1/append", content=chunks())
    assert response.status_code == 411


async def test_a_full_disk_is_507(http, node):
    node.store.disk = FullDisk()
    response = await http.post("/v1/append", content=record(key(1)))
    assert (response.status_code, response.json()["error"]) == (507, "disk_full")
    assert (await http.get("/v1/health")).json()["state"] == "full"
    response = await http.post("/v1/delete", content=pack_shard_keys([ShardKey(bytes(16), 1)]))
    assert response.status_code == 204


class FullDisk:
    def free_bytes(self) -> int:
        return 0


async def test_the_inventory_is_paged(http):
    keys = [
        key(part, shard, stripe) for part in range(3) for shard in range(2) for stripe in range(2)
    ]
    await http.post("/v1/append", content=b"".join(record(record_key) for record_key in keys))
    seen, query = [], "limit=4"
    while True:
        page = (await http.get(f"/v1/inventory?{query}")).json()
        seen += [
            (shard["part_id"], shard["shard"], shard["records"], shard["bytes"])
            for shard in page["shards"]
        ]
        if page["next"] is None:
            break
        query = f"limit=4&after={page['next']}"
    assert seen == [
        (key(part).part_id.hex(), shard, 2, 126) for part in range(3) for shard in range(2)
    ]


async def test_a_scrub_goes_through_everything_and_names_the_damage(http, node):
    for number in range(10):
        await http.post("/v1/append", content=record(key(number), b"p" * 100))
    location = node.store.index.find(key(4))
    path = node.store.disk._directory / str(SegmentName(1, 1, 0))
    with path.open("r+b") as file:
        file.seek(location.offset + 60)
        file.write(b"X")
    cursor, steps, total, damaged = "", 0, 0, []
    while cursor is not None:
        answer = (await http.post("/v1/scrub", json={"cursor": cursor, "max_bytes": 300})).json()
        cursor, steps, total = answer["cursor"], steps + 1, total + answer["bytes"]
        damaged += answer["damaged"]
    assert (steps, total) == (11, 1560)
    (report,) = damaged
    assert (report["part_id"], report["shard"], report["stripe"]) == (key(4).part_id.hex(), 0, 0)
    assert (report["segment"], report["offset"]) == (path.name, location.offset)
    assert "checksum" in report["reason"]
    assert await read(http, key(4), key(5)) == [Outcome.DAMAGED, record(key(5), b"p" * 100)]


def test_a_secret_must_be_one(tmp_path):
    path = tmp_path / "secret"
    with pytest.raises(WrongStore, match="cannot read"):
        read_secret(path)
    path.write_text("short\n")
    with pytest.raises(WrongStore, match="at least"):
        read_secret(path)
    path.write_text(f"{SECRET}\n")
    assert read_secret(path) == SECRET
