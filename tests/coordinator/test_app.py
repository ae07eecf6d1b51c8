"""The composition root's own decisions: who serves a path, which nodes, whose keys."""

import pytest

from coordinator.app import ROOT_USER_ID, Front, parse_nodes, sync_root
from coordinator.credentials import KeyPair
from metadata import AccessKey, MemoryStore


@pytest.mark.parametrize(
    ("host", "path", "served_by"),
    [
        (b"127.0.0.1:9000", b"/_api/v1/cluster", "api"),
        (b"127.0.0.1:9000", b"/_health/live", "api"),
        (b"127.0.0.1:9000", b"/_metrics", "api"),
        (b"127.0.0.1:9000", b"/bucket/_api/x", "s3"),
        (b"127.0.0.1:9000", b"/_other", "s3"),
        (b"127.0.0.1:9000", b"/", "s3"),
        (b"localhost", b"/_api/v1/cluster", "api"),
        (b"bucket.localhost:9000", b"/_api/v1/cluster", "s3"),
    ],
)
async def test_ours_and_s3(host: bytes, path: bytes, served_by: str) -> None:
    served = []

    def app(name):
        async def serve(scope, receive, send):
            served.append(name)

        return serve

    front = Front(app("s3"), app("api"), app("iam"), ("localhost",))
    request = {"method": "GET", "raw_path": path, "query_string": b""}
    await front({**request, "headers": [(b"host", host)]}, None, None)
    assert served == [served_by]


def test_nodes_are_given_by_id_and_url() -> None:
    nodes = parse_nodes(["a=http://h:1/", "b=http://h:2"])
    assert [(node.node_id, node.url, node.zone) for node in nodes] == [
        ("a", "http://h:1", "a"),
        ("b", "http://h:2", "b"),
    ]


@pytest.mark.parametrize("entries", [["a"], ["=http://h"], ["a=h:1"], ["a=http://h", "a=http://i"]])
def test_other_nodes_are_refused(entries: list[str]) -> None:
    with pytest.raises(ValueError, match="node"):
        parse_nodes(entries)


async def test_roots_keys_are_the_configured_ones_and_no_others() -> None:
    store = MemoryStore()
    await sync_root(store, KeyPair("old", "secret"), 1)
    await store.put_access_key(AccessKey("extra", "secret", ROOT_USER_ID, 1))
    await sync_root(store, KeyPair("new", "secret"), 2)
    assert [key.access_key for key in await store.access_keys(ROOT_USER_ID)] == ["new"]
    await sync_root(store, KeyPair("new", "changed"), 3)
    assert [key.secret_key for key in await store.access_keys(ROOT_USER_ID)] == ["changed"]
