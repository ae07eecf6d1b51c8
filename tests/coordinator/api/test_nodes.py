"""Nodes that join, are emptied, and go."""

from collections.abc import AsyncIterator

import pytest

from coordinator.healing import DrainProgress, HealStatus, RepairProgress
from metadata import MissingShard
from tests.coordinator.api.support import ALICE, ROOT, Stand

NEW = {"node_id": "node-5", "url": "http://127.0.0.1:9105"}


@pytest.fixture
async def wide() -> AsyncIterator[Stand]:
    """Four nodes for three shards."""
    made = await Stand(nodes=4).start()
    yield made
    await made.close()


async def test_a_node_joins(stand: Stand) -> None:
    made = await stand.call("POST", "/nodes", ROOT, json=NEW)
    assert made.status_code == 201
    assert made.json() == {
        **NEW,
        "zone": "node-5",
        "weight": 1.0,
        "state": "suspect",
        "store_id": "",
    }
    nodes = (await stand.call("GET", "/nodes", ROOT)).json()["nodes"]
    assert nodes[-1]["node_id"] == "node-5"
    again = await stand.call("POST", "/nodes", ROOT, json=NEW)
    assert (again.status_code, again.json()["code"]) == (409, "NodeAlreadyExists")


@pytest.mark.parametrize(
    "told",
    [
        {"node_id": "node-5"},
        {**NEW, "weight": 2},
        {**NEW, "node_id": "a,b"},
        {**NEW, "node_id": ""},
        {**NEW, "url": "https://127.0.0.1:1"},
        {**NEW, "url": "http://127.0.0.1:1/path"},
        {**NEW, "url": "http://who:why@127.0.0.1:1"},
        {**NEW, "url": "http://127.0.0.1:badport"},
    ],
)
async def test_a_node_that_makes_no_sense(stand: Stand, told: dict[str, str]) -> None:
    refused = await stand.call("POST", "/nodes", ROOT, json=told)
    assert (refused.status_code, refused.json()["code"]) == (422, "InvalidRequest")


async def test_a_node_is_emptied_and_goes(wide: Stand) -> None:
    await wide.call("PUT", "/objects/alices/x", content=b"x" * 3000)
    part = (await wide.metadata.version("alices", "x")).parts[0]
    node_id = part.nodes[0]
    refused = await wide.call("DELETE", f"/nodes/{node_id}", ROOT)
    assert (refused.status_code, refused.json()["code"]) == (409, "NodeInUse")
    assert "drain it first" in refused.json()["message"]
    drained = await wide.call("POST", f"/nodes/{node_id}/drain", ROOT)
    assert drained.json()["state"] == "draining"
    refused = await wide.call("DELETE", f"/nodes/{node_id}", ROOT)
    assert refused.json()["message"] == f"1 parts still have a shard on {node_id}"
    await wide.metadata.delete_version("alices", "x", "null")
    for is_safe, status in ((False, 409), (True, 204)):
        drain = DrainProgress(node_id, shards_left=0, is_safe_to_remove=is_safe, eta_s=0.0)
        wide.healing.told = HealStatus(RepairProgress(), drains=(drain,))
        assert (await wide.call("DELETE", f"/nodes/{node_id}", ROOT)).status_code == status
    nodes = (await wide.call("GET", "/nodes", ROOT)).json()["nodes"]
    assert len(nodes) == 3
    assert node_id not in [node["node_id"] for node in nodes]


async def test_draining_is_given_up(wide: Stand) -> None:
    await wide.call("POST", "/nodes/node-1/drain", ROOT)
    undrained = await wide.call("POST", "/nodes/node-1/undrain", ROOT)
    assert undrained.json()["state"] == "up"


async def test_the_last_nodes_stay(stand: Stand) -> None:
    refused = await stand.call("POST", "/nodes/node-1/drain", ROOT)
    assert (refused.status_code, refused.json()["code"]) == (409, "NotEnoughNodes")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/nodes/node-9/drain"),
        ("POST", "/nodes/node-9/undrain"),
        ("DELETE", "/nodes/node-9"),
    ],
)
async def test_a_node_that_is_not_there(stand: Stand, method: str, path: str) -> None:
    refused = await stand.call(method, path, ROOT)
    assert (refused.status_code, refused.json()["code"]) == (404, "NoSuchNode")


async def test_nodes_are_roots_business(wide: Stand) -> None:
    for method, path, body in [
        ("POST", "/nodes", NEW),
        ("POST", "/nodes/node-1/drain", None),
        ("POST", "/nodes/node-1/undrain", None),
        ("DELETE", "/nodes/node-1", None),
    ]:
        refused = await wide.call(method, path, ALICE, json=body)
        assert refused.status_code == 403, path
    assert len(wide.cluster.fakes) == 4
    assert not wide.cluster.draining


async def test_progress_is_shown_with_the_node(wide: Stand) -> None:
    await wide.call("PUT", "/objects/alices/x", content=b"x" * 3000)
    part = (await wide.metadata.version("alices", "x")).parts[0]
    await wide.metadata.add_repairs([MissingShard(part.part_id, 0, "scrub")], 1)
    progress = DrainProgress("node-4", shards_left=12, is_safe_to_remove=False, eta_s=3.5)
    wide.healing.told = HealStatus(RepairProgress(), drains=(progress,))
    nodes = (await wide.call("GET", "/nodes", ROOT)).json()["nodes"]
    assert [node["drain"] for node in nodes] == [
        None,
        None,
        None,
        {"node_id": "node-4", "shards_left": 12, "is_safe_to_remove": False, "eta_s": 3.5},
    ]
    queued = {node["node_id"]: node["repairs_queued"] for node in nodes}
    assert queued == dict.fromkeys(wide.cluster.fakes, 0) | {part.nodes[0]: 1}
