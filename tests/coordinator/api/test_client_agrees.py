"""The Python client's operations, carried out on this API: paths, shapes and fields agree."""

from typing import Any, TypeVar

import pytest

from coordinator.cluster import NodeState
from coordinator.healing import DrainProgress, HealStatus, RepairProgress
from metadata import MissingShard
from tests.coordinator.api.support import ALICE, ROOT, Stand, basic
from trilith import grants, healing, operations
from trilith.errors import AccessDenied, Conflict, InvalidRequest, NotFound, PreconditionFailed
from trilith.protocol import Answer, Operation, raise_for
from trilith.values import Entry

T = TypeVar("T")
KEY = "../a//ü ?#%"


async def carry_out(
    stand: Stand, operation: Operation[T], keys: tuple[str, str] = ALICE, **sent: Any
) -> T:
    """One try, without the client's retries."""
    headers = {"authorization": basic(*keys), **operation.headers}
    if operation.json is not None:
        sent["json"] = operation.json
    response = await stand.http.request(
        operation.method, operation.path, params=operation.params, headers=headers, **sent
    )
    answer = Answer(response.status_code, dict(response.headers), response.content)
    raise_for(answer)
    return operation.parse(answer)


async def test_objects(stand: Stand) -> None:
    made = await carry_out(stand, operations.create_bucket("made"))
    assert (made.name, made.owner_id) == ("made", "alice")
    put = operations.put_object("made", KEY, content_type="text/plain", metadata={"A": "b"})
    entry = await carry_out(stand, put, content=b"bytes")
    assert entry == Entry(KEY, 5, entry.etag, entry.created_at_ms, "null")
    head = await carry_out(stand, operations.head_object("made", KEY))
    assert (head.size, head.etag, head.content_type) == (5, entry.etag, "text/plain")
    assert (head.created_at_ms, head.metadata) == (entry.created_at_ms, {"a": "b"})
    ranged = operations.get_object("made", KEY, byte_range="bytes=1-2", if_match=entry.etag)
    assert (await carry_out(stand, ranged)).size == 5
    page = await carry_out(stand, operations.list_objects("made", prefix="../", delimiter=""))
    assert (page.objects, page.prefixes, page.next_after) == ((entry,), (), None)
    info = await carry_out(stand, operations.object_info("made", KEY))
    assert [shard["state"] for shard in info["parts"][0]["shards"]] == ["up"] * 3
    buckets = await carry_out(stand, operations.list_buckets())
    assert [bucket.name for bucket in buckets.buckets] == ["alices", "made"]
    for error, operation in [
        (Conflict, operations.create_bucket("made")),
        (Conflict, operations.delete_bucket("made")),
        (PreconditionFailed, operations.put_object("made", KEY, if_none_match=True)),
        (PreconditionFailed, operations.put_object("made", KEY, if_match="other")),
        (PreconditionFailed, operations.put_object("made", "absent", if_match="other")),
        (InvalidRequest, operations.get_object("made", KEY, byte_range="bytes=5-")),
        (NotFound, operations.delete_object("made", "absent")),
        (AccessDenied, operations.list_objects("bobs")),
    ]:
        with pytest.raises(error) as raised:
            await carry_out(stand, operation, content=b"")
        assert raised.value.code
        assert raised.value.request_id
    await carry_out(stand, operations.delete_object("made", KEY))
    await carry_out(stand, operations.delete_bucket("made"))


async def test_users_and_cluster(stand: Stand) -> None:
    made = await carry_out(stand, operations.create_user("carol", "Carol", "", None, None), ROOT)
    pair = (made.access_key, made.secret_key)
    more = await carry_out(stand, operations.create_key("carol", "MOREKEYS", "s" * 40), pair)
    assert (more.user_id, more.access_key, more.secret_key) == ("carol", "MOREKEYS", "s" * 40)
    users = await carry_out(stand, operations.list_users(), ROOT)
    carol = next(user for user in users if user.user_id == "carol")
    assert set(carol.access_keys) == {made.access_key, "MOREKEYS"}
    await carry_out(stand, operations.delete_key("MOREKEYS"), pair)
    await carry_out(stand, operations.delete_user("carol"), ROOT)
    told = await carry_out(stand, operations.cluster(), ROOT)
    assert {"cluster_id", "health", "k", "m", "nodes", "totals"} <= set(told)
    for node in [*told["nodes"], *await carry_out(stand, operations.nodes(), ROOT)]:
        assert {"node_id", "url", "zone", "weight", "state"} <= set(node)
    await carry_out(stand, operations.ready())


async def test_nodes_and_healing() -> None:
    stand = await Stand(nodes=4).start()
    made = await carry_out(stand, healing.add_node("node-5", "http://127.0.0.1:1"), ROOT)
    assert made["node_id"] == "node-5"
    assert (await carry_out(stand, healing.drain_node("node-5"), ROOT))["node_id"] == "node-5"
    stand.cluster.states["node-5"] = NodeState.UP
    nodes = await carry_out(stand, operations.nodes(), ROOT)
    assert nodes[-1]["state"] == "draining"
    assert {"stats", "repairs_queued", "drain"} <= set(nodes[-1])
    drain = DrainProgress("node-5", shards_left=0, is_safe_to_remove=True, eta_s=0.0)
    stand.healing.told = HealStatus(RepairProgress(), drains=(drain,))
    await carry_out(stand, healing.remove_node("node-5"), ROOT)
    await carry_out(stand, healing.undrain_node("node-1"), ROOT)
    for error, operation in [
        (Conflict, healing.remove_node("node-1")),
        (Conflict, healing.add_node("node-1", "http://127.0.0.1:1")),
        (NotFound, healing.drain_node("node-9")),
        (InvalidRequest, healing.add_node("a/b", "http://127.0.0.1:1")),
        (NotFound, healing.scrub("node-9")),
        (NotFound, healing.verify("absent", False)),
    ]:
        with pytest.raises(error):
            await carry_out(stand, operation, ROOT)
    await carry_out(stand, operations.put_object("alices", "x"), content=b"x" * 3000)
    part = (await stand.metadata.version("alices", "x")).parts[0]
    await stand.metadata.add_repairs([MissingShard(part.part_id, 0, "why")], 1)
    told = await carry_out(stand, healing.repairs(), ROOT)
    assert (told["queued"], told["dead"]) == (1, 0)
    assert {"shards_per_s", "bytes_per_s", "eta_s"} <= set(told["progress"])
    assert {"is_running", "parts_checked", "parts_total", "eta_s"} <= set(told["rebalance"])
    page = await carry_out(stand, healing.repair_tasks("queued", ""), ROOT)
    assert (len(page["tasks"]), page["next_after"]) == (1, None)
    assert await carry_out(stand, healing.retry_repairs([(part.part_id.hex(), 0)]), ROOT) == 1
    await carry_out(stand, healing.scrub(None), ROOT)
    assert await carry_out(stand, healing.incidents(), ROOT) == []
    await stand.close()


async def test_the_lines_of_an_audit(stand: Stand) -> None:
    operation = healing.verify(None, True)
    told = await stand.call("POST", "/verify", ROOT, json=operation.json)
    lines = healing.AuditLines()
    assert [lines.read(line)["type"] for line in told.text.splitlines()] == ["summary"]
    lines.end()


async def test_groups_and_policies(stand: Stand) -> None:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    made = await carry_out(stand, grants.create_policy("all", document), ROOT)
    assert made["is_built_in"] is False
    await carry_out(stand, grants.create_group("staff"), ROOT)
    await carry_out(stand, grants.join("staff", "alice"), ROOT)
    for holders, name in ((grants.USERS, "alice"), (grants.GROUPS, "staff")):
        await carry_out(stand, grants.put_policy_of(holders, name, "p", document), ROOT)
        found = await carry_out(stand, grants.get_policy_of(holders, name, "p"), ROOT)
        assert found == {"name": "p", "document": document}
        await carry_out(stand, grants.attach(holders, name, "all"), ROOT)
        granted = await carry_out(stand, grants.policies_of(holders, name), ROOT)
        assert granted == {"policies": ["p"], "attached": ["all"]}
    (group,) = await carry_out(stand, grants.groups(), ROOT)
    assert (group["users"], group["policies"], group["attached"]) == (["alice"], ["p"], ["all"])
    assert (await carry_out(stand, grants.get_policy("all"), ROOT))["document"] == document
    with pytest.raises(Conflict):
        await carry_out(stand, grants.delete_policy("all"), ROOT)
    with pytest.raises(AccessDenied):
        await carry_out(stand, grants.groups())
    for holders, name in ((grants.USERS, "alice"), (grants.GROUPS, "staff")):
        await carry_out(stand, grants.detach(holders, name, "all"), ROOT)
        await carry_out(stand, grants.delete_policy_of(holders, name, "p"), ROOT)
    await carry_out(stand, grants.delete_policy("all"), ROOT)
    await carry_out(stand, grants.leave("staff", "alice"), ROOT)
    await carry_out(stand, grants.delete_group("staff"), ROOT)
    assert "all" not in [
        one["name"] for one in await carry_out(stand, grants.managed_policies(), ROOT)
    ]
