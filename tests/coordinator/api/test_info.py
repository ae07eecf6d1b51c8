"""Where an object's shards are, and who may know."""

import pytest

from coordinator.api.bodies import Digest
from coordinator.objects import Multipart, NewObject
from metadata import Attributes, WriteCondition
from tests.coordinator.api.support import BOB, ROOT, Stand, in_pieces


async def test_info_and_placement_name_the_shards(stand: Stand) -> None:
    await stand.call(
        "PUT", "/objects/alices/a/b", content=b"x" * 5000, headers={"x-amz-meta-a": "1"}
    )
    stand.cluster.kill("node-2")
    info = (await stand.call("GET", "/info/alices/a/b")).json()
    assert (info["bucket"], info["key"], info["size"]) == ("alices", "a/b", 5000)
    assert info["owner_id"] == "alice"
    assert info["attributes"]["user"] == {"a": "1"}
    assert info["next_offset"] is None
    (part,) = info["parts"]
    assert (part["number"], part["offset"], part["size"], part["k"], part["m"]) == (
        1,
        0,
        5000,
        2,
        1,
    )
    assert [shard["shard"] for shard in part["shards"]] == [0, 1, 2]
    states = {shard["node_id"]: (shard["zone"], shard["state"]) for shard in part["shards"]}
    assert states == {
        "node-1": ("zone-0", "up"),
        "node-2": ("zone-1", "down"),
        "node-3": ("zone-0", "up"),
    }
    placed = (await stand.call("GET", "/placement/alices/a/b")).json()
    assert placed["exists"]
    assert placed["parts"] == info["parts"]
    absent = (await stand.call("GET", "/placement/alices/absent")).json()
    assert (absent["exists"], absent["parts"]) == (False, [])
    assert [node["node_id"] for node in absent["candidates"]] == ["node-1", "node-2", "node-3"]


async def test_info_pages_through_many_parts(stand: Stand) -> None:
    multipart = Multipart(stand.objects)
    bucket = await stand.metadata.bucket("alices")
    upload = await multipart.create(bucket, "m", NewObject("alice"))
    parts = []
    for number in range(1, 6):
        body = in_pieces(bytes(10 * number), 10)
        parts.append(await multipart.put_part(upload, number, body, Digest()))
    await multipart.complete(bucket, upload, parts, Attributes(), WriteCondition())
    numbers, offset = [], 0
    while offset is not None:
        params = {"offset": offset, "limit": 2}
        page = (await stand.call("GET", "/info/alices/m", params=params)).json()
        numbers.append([part["number"] for part in page["parts"]])
        offset = page["next_offset"]
    assert numbers == [[1, 2], [3, 4], [5]]
    assert (await stand.call("GET", "/objects/alices/m")).content == bytes(150)


@pytest.mark.parametrize("family", ["objects", "info", "placement"])
async def test_a_bucket_is_its_owners_and_roots(stand: Stand, family: str) -> None:
    await stand.call("PUT", "/objects/alices/x", content=b"x")
    path = f"/{family}/alices/x"
    assert (await stand.call("GET", path)).status_code == 200
    assert (await stand.call("GET", path, ROOT)).status_code == 200
    got = await stand.call("GET", path, BOB)
    assert (got.status_code, got.json()["code"]) == (403, "AccessDenied")
    for method in ("PUT", "HEAD", "DELETE"):
        assert (await stand.call(method, "/objects/alices/x", BOB)).status_code == 403
    assert (await stand.call("GET", "/objects/alices", BOB)).status_code == 403
