"""The audit as a stream of lines."""

import json
from typing import Any

import pytest

from coordinator.api.services import MAX_AUDITS
from coordinator.http import ClientGone
from metadata import MemoryStore, MetadataUnavailable
from node.record import RecordKey
from tests.coordinator.api.support import ROOT, Stand, basic, raw_call


async def lines(stand: Stand, **order: Any) -> list[dict[str, Any]]:
    answered = await stand.call("POST", "/verify", ROOT, json=order)
    assert answered.status_code == 200
    assert answered.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in answered.text.splitlines()]


async def test_a_whole_store(stand: Stand) -> None:
    await stand.call("PUT", "/objects/alices/x", content=b"x" * 30_000)
    for deep in (False, True):
        (summary,) = await lines(stand, deep=deep)
        assert (summary["type"], summary["is_whole"]) == ("summary", True)
        assert (summary["parts"], summary["whole"]) == (1, 1)
        assert (summary["shards_expected"], summary["shards_found"]) == (3, 3)
        assert (summary["bytes_read"] >= 45_000) == deep


async def test_findings_name_the_object_and_the_node(stand: Stand) -> None:
    await stand.call("PUT", "/objects/alices/a/b", content=b"x" * 3000)
    part = (await stand.metadata.version("alices", "a/b")).parts[0]
    node_id = part.nodes[1]
    del stand.cluster.fakes[node_id].records[RecordKey(part.part_id, 1, 0)]
    finding, summary = await lines(stand)
    assert finding == {
        "type": "finding",
        "defect": "missing",
        "bucket": "alices",
        "key": "a/b",
        "version_id": finding["version_id"],
        "is_upload": False,
        "part_id": part.part_id.hex(),
        "shard": 1,
        "node_id": node_id,
        "detail": "the node does not have it",
    }
    assert (summary["is_whole"], summary["degraded"]) == (False, 1)
    assert summary["defects"]["missing"] == 1
    (summary,) = await lines(stand, bucket="bobs")
    assert (summary["is_whole"], summary["parts"]) == (True, 0)


async def test_a_silent_node(stand: Stand) -> None:
    await stand.call("PUT", "/objects/alices/x", content=b"x" * 3000)
    stand.cluster.kill("node-2")
    silent, summary = await lines(stand)
    assert (silent["type"], silent["node_id"]) == ("silent_node", "node-2")
    assert (summary["silent_nodes"], summary["degraded"]) == (["node-2"], 1)


async def test_a_bucket_that_is_not_there(stand: Stand) -> None:
    refused = await stand.call("POST", "/verify", ROOT, json={"bucket": "absent"})
    assert (refused.status_code, refused.json()["code"]) == (404, "NoSuchBucket")


@pytest.mark.parametrize("order", [{"depth": 1}, {"bucket": ""}, {"deep": "very"}])
async def test_an_order_that_makes_no_sense(stand: Stand, order: dict[str, Any]) -> None:
    assert (await stand.call("POST", "/verify", ROOT, json=order)).status_code == 422


class Failing(MemoryStore):
    """A store whose parts can't be listed any more after `left` pages."""

    left = 0

    async def parts_by_id(self, after: bytes = b"", *, limit: int) -> Any:
        if self.left == 0:
            raise MetadataUnavailable("gone")
        self.left -= 1
        return await super().parts_by_id(after, limit=limit)


async def test_what_fails_at_once_is_an_error_and_later_a_cut() -> None:
    metadata = Failing()
    stand = await Stand(metadata).start()
    await stand.call("PUT", "/objects/alices/x", content=b"x" * 3000)
    refused = await stand.call("POST", "/verify", ROOT, json={})
    assert (refused.status_code, refused.json()["code"]) == (503, "ServiceUnavailable")
    stand.cluster.kill("node-1")
    metadata.left = 1
    wire = await verify(stand)
    assert (wire.status, wire.is_whole) == (200, False)
    assert b"silent_node" in wire.body
    assert b"summary" not in wire.body
    await stand.close()


async def verify(stand: Stand, **rest: Any) -> Any:
    headers = {"authorization": basic(*ROOT), "content-type": "application/json"}
    body = [{"type": "http.request", "body": b"{}"}]
    return await raw_call(
        stand.app, "POST", b"/_api/v1/verify", headers=headers, messages=body, **rest
    )


async def test_only_so_many_at_once(stand: Stand) -> None:
    audits = stand.app.state.services.audits
    for _ in range(MAX_AUDITS):
        await audits.acquire()
    refused = await stand.call("POST", "/verify", ROOT, json={})
    assert (refused.status_code, refused.json()["code"]) == (503, "SlowDown")
    audits.release()
    assert (await lines(stand))[-1]["is_whole"]


async def test_a_client_that_leaves_ends_the_audit(stand: Stand) -> None:
    stand.cluster.kill("node-1")
    await stand.call("PUT", "/objects/alices/x", content=b"x" * 3000)

    def leave(_: object) -> None:
        raise ClientGone

    with pytest.raises(ClientGone):
        await verify(stand, sink=leave)
    assert not stand.app.state.services.audits.locked()
    assert (await lines(stand))[-1]["type"] == "summary"
