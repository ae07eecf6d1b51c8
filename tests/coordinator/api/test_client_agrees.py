"""The Python client's operations, carried out on this API: paths, shapes and fields agree."""

from typing import Any, TypeVar

import pytest

from tests.coordinator.api.support import ALICE, ROOT, Stand, basic
from trilith import operations
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
    made = await carry_out(stand, operations.create_user("carol", "Carol", None, None), ROOT)
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
