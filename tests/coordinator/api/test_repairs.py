"""What is to be repaired, how that goes, and orders to the healer."""

import pytest

from coordinator.healing import (
    HealStatus,
    Incident,
    RebalanceProgress,
    RepairProgress,
    ScrubProgress,
)
from metadata import MissingShard, ShardName
from tests.coordinator.api.support import ALICE, ROOT, Stand


async def damaged(stand: Stand, count: int) -> list[ShardName]:
    """So many objects whose shard 0 is queued for repair; the first one's shard 1 too."""
    names = []
    for number in range(count):
        await stand.call("PUT", f"/objects/alices/{number}", content=b"x" * 3000)
        part = (await stand.metadata.version("alices", str(number))).parts[0]
        names.append(ShardName(part.part_id, 0))
    names.append(ShardName(names[0].part_id, 1))
    await stand.metadata.add_repairs([MissingShard(*name, "damaged") for name in names], 5)
    return names


async def test_what_is_to_be_repaired(stand: Stand) -> None:
    names = await damaged(stand, 3)
    await stand.metadata.bury_repairs([MissingShard(*names[1], "too few are left")])
    stand.healing.told = HealStatus(
        RepairProgress(repaired_shards=5, shards_per_s=2.5, bytes_per_s=1e6, eta_s=1.2),
        scrubs=(ScrubProgress("node-1", True, 0.25, 10, 4096, 1, None, 60.0),),
        rebalance=RebalanceProgress(True, 100, 1000, 7, 3.0),
    )
    told = (await stand.call("GET", "/repairs", ROOT)).json()
    assert (told["queued"], told["dead"]) == (3, 1)
    counted = {(row["kind"], row["state"]) for row in told["counts"]}
    assert counted == {("rebuild", "queued"), ("rebuild", "dead")}
    assert sum(row["tasks"] for row in told["counts"]) == 4
    assert told["queued_bytes"] == 3 * 1500
    assert told["progress"]["shards_per_s"] == 2.5
    assert told["progress"]["eta_s"] == 1.2
    assert told["scrubs"][0]["share_done"] == 0.25
    assert told["rebalance"]["shards_queued"] == 7


async def test_tasks_page_by_page(stand: Stand) -> None:
    names = await damaged(stand, 4)
    seen, after = [], ""
    while after is not None:
        page = (
            await stand.call("GET", "/repairs/tasks", ROOT, params={"limit": 2, "after": after})
        ).json()
        seen += page["tasks"]
        after = page["next_after"]
    assert len(seen) == 5
    assert {ShardName(bytes.fromhex(row["part_id"]), row["shard"]) for row in seen} == set(names)
    # The part that lacks two shards is in the greatest danger.
    assert [row["spare"] for row in seen] == [-1, -1, 0, 0, 0]
    assert seen[0]["part_id"] == names[0].part_id.hex()
    assert (seen[0]["kind"], seen[0]["state"], seen[0]["reason"]) == (
        "rebuild",
        "queued",
        "damaged",
    )
    dead = await stand.call("GET", "/repairs/tasks", ROOT, params={"state": "dead"})
    assert dead.json() == {"tasks": [], "next_after": None}


@pytest.mark.parametrize(
    "after", ["x", "1.2.3", "1.2.zz.3", "a.2.00.3", f"1.{'9' * 19}.{'00' * 16}.0"]
)
async def test_a_page_after_nonsense(stand: Stand, after: str) -> None:
    refused = await stand.call("GET", "/repairs/tasks", ROOT, params={"after": after})
    assert (refused.status_code, refused.json()["code"]) == (422, "InvalidRequest")


async def test_dead_repairs_are_retried(stand: Stand) -> None:
    retried = await stand.call("POST", "/repairs/retry", ROOT, json={"shards": None})
    assert (retried.status_code, retried.json()) == (200, {"revived": 7})
    one = {"part_id": "0a" * 16, "shard": 3}
    retried = await stand.call("POST", "/repairs/retry", ROOT, json={"shards": [one]})
    assert retried.json() == {"revived": 1}
    assert stand.healing.orders == [
        ("retry", None),
        ("retry", [ShardName(b"\n" * 16, 3)]),
    ]
    for wrong in ({"part_id": "0a", "shard": 3}, {**one, "shard": -1}, {**one, "more": 1}):
        refused = await stand.call("POST", "/repairs/retry", ROOT, json={"shards": [wrong]})
        assert refused.status_code == 422


async def test_a_scrub_is_ordered(stand: Stand) -> None:
    for node_id in (None, "node-2"):
        ordered = await stand.call("POST", "/scrub", ROOT, json={"node_id": node_id})
        assert ordered.status_code == 202
    assert stand.healing.orders == [("scrub", None), ("scrub", "node-2")]
    refused = await stand.call("POST", "/scrub", ROOT, json={"node_id": "node-9"})
    assert (refused.status_code, refused.json()["code"]) == (404, "NoSuchNode")


async def test_incidents(stand: Stand) -> None:
    incident = Incident("node-1", "outage", 100, 350, 900, None)
    stand.healing.told = HealStatus(RepairProgress(), incidents=(incident,))
    told = (await stand.call("GET", "/incidents", ROOT)).json()
    assert told == {
        "incidents": [
            {
                "node_id": "node-1",
                "kind": "outage",
                "failed_at_ms": 100,
                "detected_at_ms": 350,
                "returned_at_ms": 900,
                "whole_at_ms": None,
            }
        ]
    }


async def test_healing_is_roots_business(stand: Stand) -> None:
    for method, path in [
        ("GET", "/repairs"),
        ("GET", "/repairs/tasks"),
        ("POST", "/repairs/retry"),
        ("POST", "/scrub"),
        ("GET", "/incidents"),
        ("POST", "/verify"),
    ]:
        body = {} if method == "POST" else None
        refused = await stand.call(method, path, ALICE, json=body)
        assert refused.status_code == 403, path
    assert not stand.healing.orders
