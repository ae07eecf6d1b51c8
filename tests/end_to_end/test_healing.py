"""The store heals itself: real processes are hurt, and an audit that is not the healer judges."""

import contextlib
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from benchmarks.cluster import Cluster, wait_until
from benchmarks.faults.faults import Faults
from tests.end_to_end.support import (
    STRIPE_BYTES,
    UNIT_BYTES,
    ask_node,
    empty_bucket,
    s3_client,
    seeded_bytes,
)
from trilith import Client, ports

HEALED_TIMEOUT_S = 40.0
SMALL = 40
SIZES = {"unit and a bit": UNIT_BYTES + 1, "stripes": 3 * STRIPE_BYTES + 4321}


class Store:
    """A cluster with objects in it, asked as an operator would."""

    def __init__(self, cluster: Cluster, s3: Any, client: Client) -> None:
        self.cluster = cluster
        self.s3 = s3
        self.client = client
        self.bodies: dict[str, bytes] = {}

    def put(self, key: str, size: int) -> None:
        self.bodies[key] = seeded_bytes(size, key)
        self.s3.put_object(Bucket="healing", Key=key, Body=self.bodies[key])

    def fill(self, prefix: str) -> None:
        for number in range(SMALL):
            self.put(f"{prefix} {number}", 4000 + number)
        for name, size in SIZES.items():
            self.put(f"{prefix} {name}", size)

    def summary(self) -> dict[str, Any]:
        """What a deep audit says of the whole store."""
        *_, last = self.client.verify(deep=True)
        return last

    def is_whole(self) -> bool:
        return bool(self.summary()["is_whole"])

    def is_healed(self) -> bool:
        """By the healer's own account."""
        shown = {node["state"] for node in self.client.nodes()}
        repairs = self.client.repairs()
        return shown <= {"up", "draining"} and not repairs["queued"] and not repairs["dead"]

    def node(self, node_id: str) -> dict[str, Any]:
        return next(node for node in self.client.nodes() if node["node_id"] == node_id)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        wait_until(condition, what, HEALED_TIMEOUT_S, 0.1)

    def assert_whole(self) -> None:
        """Healer and auditor agree, and every byte is as it was written."""
        self.until(self.is_healed, "the healer is done")
        summary = self.summary()
        assert summary["is_whole"], summary
        assert summary["shards_found"] == 3 * summary["parts"]
        for key, body in self.bodies.items():
            assert self.s3.get_object(Bucket="healing", Key=key)["Body"].read() == body, key


@contextlib.contextmanager
def store_of(cluster: Cluster) -> Iterator[Store]:
    s3 = s3_client(cluster)
    s3.create_bucket(Bucket="healing")
    with Client(cluster.endpoint, *cluster.credentials) as client:
        yield Store(cluster, s3, client)
    empty_bucket(s3, "healing")
    s3.close()


@pytest.fixture
def store(fragile: Cluster) -> Iterator[Store]:
    with store_of(fragile) as store:
        yield store
        fragile.wait_until_whole()


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Store]:
    """A cluster that may grow, in which space comes back at once."""
    environment = {"TRILITH_RECLAIM_GRACE_S": "0"}
    with Cluster(tmp_path / "data", environment=environment) as cluster, store_of(cluster) as store:
        yield store


def test_a_wiped_node_becomes_whole(store: Store) -> None:
    store.fill("before")
    began = {one["failed_at_ms"] for one in store.client.incidents()}
    with Faults(store.cluster) as faults:
        faults.inject("wipe", "node-2")

    def incidents() -> list[dict[str, Any]]:
        return [one for one in store.client.incidents() if one["failed_at_ms"] not in began]

    def incident() -> dict[str, Any]:
        (new,) = incidents()
        return new

    # Killed, wiped and started within a heartbeat: until the next one nobody can know.
    store.until(lambda: bool(incidents()), "it is noticed")
    store.assert_whole()
    assert (incident()["node_id"], incident()["kind"]) == ("node-2", "replaced")
    store.until(lambda: incident()["whole_at_ms"] is not None, "the incident is over")


def test_a_returned_node_gets_what_it_missed_and_no_more(store: Store) -> None:
    store.fill("before")
    kept = ask_node(store.cluster, "node-3", "stats")["records"]
    store.cluster.hold_down("node-3")
    store.until(lambda: store.node("node-3")["state"] == "down", "it is seen to be down")
    store.fill("meanwhile")
    assert not store.is_whole()
    repaired = store.client.repairs()["progress"]["repaired_shards"]
    store.cluster.release("node-3")
    store.assert_whole()
    # Zero-byte objects have no shards; all others are one part each.
    missed = len(store.bodies) // 2
    assert store.client.repairs()["progress"]["repaired_shards"] - repaired == missed
    assert ask_node(store.cluster, "node-3", "stats")["records"] > kept


def test_what_has_rotted_is_rebuilt_in_place(roomy: Store) -> None:
    # A store of its own: in one that others have used the rot may hit only what was deleted.
    store = roomy
    store.fill("before")
    with Faults(store.cluster) as faults:
        faults.inject("corrupt", "node-1", seed=3)
        assert store.summary()["defects"]["damaged"] > 0
        store.client.scrub("node-1")
        store.until(store.is_whole, "what was damaged is whole again")
    store.assert_whole()


def test_a_fourth_node_joins_takes_its_share_and_leaves_again(roomy: Store, tmp_path: Path) -> None:
    store = roomy
    store.fill("before")
    with running_node(store.cluster, "node-4", tmp_path) as url:
        store.client.add_node("node-4", url)
        # Killed in the middle, it goes on where it was: the node is remembered, and what to move.
        store.cluster.kill("coordinator")
        store.until(store.cluster.is_ready, "the coordinator is back")
        store.until(lambda: is_balanced(store), "the parts follow the ring")
        assert parts_on(store, "node-4") > len(store.bodies) / 2
        store.assert_whole()
        # A copy that has moved away must be gone before the shard may move back.
        store.until(lambda: not store.client.cluster()["totals"]["reclaims"], "old copies go")

        store.client.drain_node("node-4")
        store.put("written while it drains", STRIPE_BYTES)
        store.until(lambda: is_safe(store, "node-4"), "it is safe to remove")
        assert parts_on(store, "node-4") == 0
        store.client.remove_node("node-4")
    # Its plug is pulled, and nothing is missing.
    assert [node["node_id"] for node in store.client.nodes()] == ["node-1", "node-2", "node-3"]
    store.assert_whole()


@contextlib.contextmanager
def running_node(cluster: Cluster, node_id: str, data: Path) -> Iterator[str]:
    """One more node, as somebody would start it on another machine; its URL."""
    port = ports.pick("127.0.0.1", (), random.Random())
    secret = cluster.data / "cluster-secret"
    command = [sys.executable, "-P", "-m", "trilith", "node", f"--id={node_id}", f"--data={data}"]
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(
            [*command, f"--port={port}", f"--secret-file={secret}"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(url), f"{node_id} answers")
        yield url
    finally:
        process.terminate()
        process.wait(HEALED_TIMEOUT_S)


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/v1/health").status_code == 401
    except httpx.TransportError:
        return False


def parts_on(store: Store, node_id: str) -> int:
    """How many of our objects have a shard there, by the metadata."""
    return sum(
        shard["node_id"] == node_id
        for key in store.bodies
        for part in placement(store, key)["parts"]
        for shard in part["shards"]
    )


def placement(store: Store, key: str) -> dict[str, Any]:
    answer = httpx.get(
        f"{store.cluster.endpoint}/_api/v1/placement/healing/{quote(key)}",
        auth=store.cluster.credentials,
    )
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def is_balanced(store: Store) -> bool:
    rebalance = store.client.repairs()["rebalance"]
    return rebalance["eta_s"] == 0.0 and store.is_healed()


def is_safe(store: Store, node_id: str) -> bool:
    drain = store.node(node_id)["drain"]
    return drain is not None and bool(drain["is_safe_to_remove"])
