"""Health, nodes, zones, metrics."""

from typing import Any

import pytest

from coordinator.cluster import NodeState
from metadata import MemoryStore, MetadataUnavailable, Totals
from tests.coordinator.api.support import ROOT, Stand


class BrokenTotals(MemoryStore):
    """A store whose database is away."""

    async def totals(self) -> Totals:
        raise MetadataUnavailable("disk I/O error in /var/lib/x.db")


async def health(stand: Stand) -> dict[str, Any]:
    return (await stand.call("GET", "/cluster", ROOT)).json()


async def test_a_whole_cluster(stand: Stand) -> None:
    told = await health(stand)
    assert (told["cluster_id"], told["health"]) == ("fake-cluster", "ok")
    assert (told["can_read"], told["can_write"], told["spare_shards"]) == (True, True, 1)
    assert (told["nodes_up"], told["nodes_total"], told["k"], told["m"]) == (3, 3, 2, 1)
    assert told["nodes"][0] == {
        "node_id": "node-1",
        "url": "http://node-1:9100",
        "zone": "zone-0",
        "weight": 1.0,
        "state": "up",
        "store_id": "store-node-1",
    }
    assert told["totals"]["buckets"] == 2


@pytest.mark.parametrize("shown", ["draining", "returned", "replaced"])
async def test_a_node_in_doubt_answers_but_is_not_whole(stand: Stand, shown: str) -> None:
    stand.cluster.shown["node-2"] = shown
    told = await health(stand)
    assert (told["health"], told["nodes_up"], told["spare_shards"]) == ("degraded", 3, 1)
    assert [node["state"] for node in told["nodes"]] == ["up", shown, "up"]
    zones = (await stand.call("GET", "/zones", ROOT)).json()["zones"]
    assert [zone["up"] for zone in zones] == [2, 1]


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        ([NodeState.SUSPECT], ("degraded", True, True)),
        ([NodeState.DOWN], ("degraded", True, True)),
        ([NodeState.DOWN] * 2, ("impaired", False, False)),
        ([NodeState.DOWN] * 3, ("impaired", False, False)),
        ([NodeState.DOWN, NodeState.SUSPECT], ("degraded", True, True)),
    ],
)
async def test_a_damaged_cluster(
    stand: Stand, states: list[NodeState], expected: tuple[str, bool, bool]
) -> None:
    for name, state in zip(stand.cluster.states, states, strict=False):
        stand.cluster.states[name] = state
    told = await health(stand)
    assert (told["health"], told["can_read"], told["can_write"]) == expected


async def test_waiting_repairs_are_not_ok(stand: Stand) -> None:
    stand.cluster.kill("node-1")
    await stand.call("PUT", "/objects/alices/x", content=b"x" * 9000)
    stand.cluster.revive("node-1")
    told = await health(stand)
    assert (told["health"], told["totals"]["repair_queued"]) == ("degraded", 1)


async def test_too_few_nodes_to_write() -> None:
    stand = await Stand(nodes=2).start()
    assert (await health(stand))["can_write"] is False
    await stand.close()


async def test_new_objects_avoid_nodes_that_are_down() -> None:
    stand = await Stand(nodes=4).start()
    for name in ("node-1", "node-2"):
        stand.cluster.states[name] = NodeState.DOWN
    told = await health(stand)
    assert (told["health"], told["can_read"], told["can_write"]) == ("impaired", False, True)
    await stand.close()


async def test_nodes_and_zones(stand: Stand) -> None:
    await stand.call("PUT", "/objects/alices/x", content=b"x" * 3000)
    nodes = (await stand.call("GET", "/nodes", ROOT)).json()["nodes"]
    assert [node["stats"]["records"] for node in nodes] == [1, 1, 1]
    zones = (await stand.call("GET", "/zones", ROOT)).json()["zones"]
    one = nodes[1]["stats"]["live_bytes"]
    assert zones == [
        {
            "zone": "zone-0",
            "nodes": 2,
            "up": 2,
            "silent": 0,
            "weight": 2.0,
            "stats": {"records": 2, "live_bytes": 2 * one, "disk_free_bytes": 2000},
        },
        {
            "zone": "zone-1",
            "nodes": 1,
            "up": 1,
            "silent": 0,
            "weight": 1.0,
            "stats": {"records": 1, "live_bytes": one, "disk_free_bytes": 1000},
        },
    ]


async def test_a_node_that_does_not_answer_is_shown_without_stats(stand: Stand) -> None:
    stand.cluster.kill("node-1")
    stand.cluster.kill("node-2", noticed=False)
    nodes = (await stand.call("GET", "/nodes", ROOT)).json()["nodes"]
    assert [(node["state"], node["stats"] is None) for node in nodes] == [
        ("down", True),
        ("up", True),
        ("up", False),
    ]
    zones = (await stand.call("GET", "/zones", ROOT)).json()["zones"]
    assert [(zone["zone"], zone["up"], zone["silent"]) for zone in zones] == [
        ("zone-0", 1, 1),
        ("zone-1", 1, 1),
    ]


async def test_health_needs_no_keys(stand: Stand) -> None:
    assert (await stand.call("GET", "/_health/live", None)).json() == {"status": "live"}
    ready = await stand.call("GET", "/_health/ready", None)
    assert (ready.status_code, ready.json()) == (200, {"status": "ready"})
    stand.cluster.kill("node-1")
    assert (await stand.call("GET", "/_health/ready", None)).status_code == 200
    stand.cluster.states["node-2"] = NodeState.SUSPECT
    ready = await stand.call("GET", "/_health/ready", None)
    assert (ready.status_code, ready.json()["code"]) == (503, "NotReady")
    assert ready.json()["message"] == "1 nodes are up, 2 are needed"
    assert (await stand.call("GET", "/_health/live", None)).status_code == 200


async def test_without_the_metadata() -> None:
    stand = await Stand(BrokenTotals()).start()
    ready = await stand.call("GET", "/_health/ready", None)
    assert (ready.status_code, ready.json()["message"]) == (503, "the metadata does not answer")
    told = await stand.call("GET", "/cluster", ROOT)
    assert told.status_code == 503
    assert "/var" not in told.text
    scraped = await stand.call("GET", "/_metrics", None)
    assert scraped.status_code == 200
    assert "trilith_store{" not in scraped.text
    await stand.close()


async def test_prometheus_metrics(stand: Stand) -> None:
    await stand.call("PUT", "/objects/alices/x", content=b"x" * 3000)
    stand.cluster.kill("node-2")
    scraped = await stand.call("GET", "/_metrics", None)
    assert scraped.headers["content-type"].startswith("text/plain")
    for line in [
        'trilith_node_state{node="node-1",state="up"} 1.0',
        'trilith_node_state{node="node-2",state="up"} 0.0',
        'trilith_node_state{node="node-2",state="down"} 1.0',
        'trilith_node_state{node="node-2",state="returned"} 0.0',
        'trilith_store{what="objects"} 1.0',
        'trilith_store{what="bytes"} 3000.0',
        'trilith_requests_total{code="200",operation="api.put_object"} 1.0',
        "trilith_received_bytes_total 3000.0",
    ]:
        assert line in scraped.text.splitlines(), line
    for hidden in ("alices", "ALICEKEY", "alice"):
        assert hidden not in scraped.text


async def test_prometheus_shows_what_is_to_be_repaired(stand: Stand) -> None:
    stand.cluster.kill("node-2")
    await stand.call("PUT", "/objects/alices/x", content=b"x" * 3000)
    scraped = (await stand.call("GET", "/_metrics", None)).text.splitlines()
    labels = '{kind="rebuild",node="node-2",state="queued"}'
    assert f"trilith_repair_tasks{labels} 1.0" in scraped
    assert any(line.startswith(f"trilith_repair_task_bytes{labels} 1") for line in scraped)
    await stand.metadata.delete_version("alices", "x", "null")
    assert labels not in (await stand.call("GET", "/_metrics", None)).text


async def test_the_summary_counts_by_operation(stand: Stand) -> None:
    await stand.call("PUT", "/objects/alices/x", content=b"x" * 3000)
    await stand.call("GET", "/objects/alices/x")
    await stand.call("GET", "/objects/alices/absent")
    await stand.call("GET", "/nothing")
    await stand.call("GET", "/buckets", None)
    told = (await stand.call("GET", "/metrics", ROOT)).json()
    found = {row["operation"]: row for row in told["operations"]}
    assert found["api.put_object"]["count"] == 1
    got = found["api.get_object"]
    assert (got["count"], got["refused"], got["errors"]) == (2, 1, 0)
    assert 0 < got["mean_latency_s"] < 10
    assert found["api.unknown"]["refused"] == 2
    assert told["received_bytes"] == 3000
    assert told["sent_bytes"] > 3000
    assert told["counters"]["encoded_stripes"] == 1
