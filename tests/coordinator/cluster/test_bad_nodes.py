"""Nodes that misbehave on the wire: silent ones, and those of somebody else. Real sockets."""

import asyncio
import contextlib
import socket

import orjson
import pytest

from coordinator.cluster import Cluster, Heartbeat, NodeState
from coordinator.http import running
from metadata import NodeRecord, Standing
from node.client import ClientLimits, NodeClient
from tests.coordinator.http.wire import answer, read_body

HEARTBEAT = Heartbeat(interval_s=0.02, down_after_s=0.1, lost_after_s=60.0)
PATIENCE_S = 10.0


class Node:
    """Answers for its health as it is told, and refuses other clusters if it is honest."""

    def __init__(self, node_id: str) -> None:
        self.node_id = node_id
        self.cluster_id = "ours"
        self.is_honest = True

    async def __call__(self, scope, receive, send) -> None:
        await read_body(receive)
        asked_as = dict(scope["headers"])[b"x-trilith-cluster"].decode()
        if self.is_honest and asked_as != self.cluster_id:
            await answer(send, b'{"error": "wrong_cluster"}', status=409)
            return
        told = {
            "node_id": self.node_id,
            "store_id": "disk",
            "cluster_id": self.cluster_id,
            "zone": "zone",
            "weight": 1.0,
            "state": "ok",
        }
        await answer(send, orjson.dumps(told))


@pytest.fixture
async def stage():
    """A cluster of three nodes over HTTP, and the third node's app."""
    async with contextlib.AsyncExitStack() as stack:
        nodes = [Node(f"node-{n}") for n in (1, 2, 3)]
        servers = [await stack.enter_async_context(running(node)) for node in nodes]
        urls = [f"http://127.0.0.1:{server.port}" for server in servers]
        yield nodes, urls


@contextlib.asynccontextmanager
async def cluster_of(urls):
    limits = ClientLimits(connect_timeout_s=1.0, health_timeout_s=0.5)
    cluster = Cluster(
        [NodeRecord(f"node-{n}", url, "zone", 1.0) for n, url in enumerate(urls, 1)],
        3,
        lambda node: NodeClient(
            node.node_id, node.url, secret="s", cluster_id="ours", limits=limits
        ),
        HEARTBEAT,
    )
    await cluster.start()
    try:
        yield cluster
    finally:
        await cluster.close()


async def until(cluster: Cluster, state: NodeState, node_id: str = "node-3") -> None:
    reached = asyncio.Event()
    cluster.on_state(lambda *_: cluster.state(node_id) is state and reached.set())
    if cluster.state(node_id) is not state:
        await asyncio.wait_for(reached.wait(), PATIENCE_S)


async def test_a_node_that_accepts_and_never_answers_is_down_and_holds_up_nobody(stage):
    _, urls = stage
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        async with cluster_of([*urls[:2], f"http://127.0.0.1:{deaf.getsockname()[1]}"]) as cluster:
            await until(cluster, NodeState.DOWN)
            assert cluster.state("node-1") is NodeState.UP
            assert cluster.place(b"p" * 16)[2] == "node-3"


@pytest.mark.parametrize("is_honest", [True, False])
async def test_a_node_of_another_cluster_never_counts(stage, is_honest):
    nodes, urls = stage
    nodes[2].cluster_id, nodes[2].is_honest = "theirs", is_honest
    async with cluster_of(urls) as cluster:
        await until(cluster, NodeState.DOWN)
        assert cluster.membership.health("node-3") is None
        assert cluster.record("node-3").store_id == ""
        nodes[2].cluster_id = "ours"
        await until(cluster, NodeState.UP)
        assert cluster.standing("node-3") is Standing.MEMBER


async def test_another_node_at_that_address_never_counts(stage):
    nodes, urls = stage
    nodes[2].node_id = "node-1"
    async with cluster_of(urls) as cluster:
        await until(cluster, NodeState.DOWN)
        assert cluster.membership.health("node-3") is None
