"""`from trilith import Client` on a real cluster: every key, both authorisations, both twins."""

import secrets
from collections.abc import Iterator

import pytest

from benchmarks.cluster import Cluster
from trilith import AsyncClient, Client, errors

KEYS = [
    "..",
    "../x",
    "/x",
    "%2E%2E/x",
    "a",
    "a b+c%2Fd?e#f&g=h~",
    "a//b",
    "line\nbreak\x01",
    "ünï/🪨",
]
# Loopback in a shape that the client does not take for it: there it signs instead.
HOSTS = {"basic": "127.0.0.1", "sigv4": "[::ffff:127.0.0.1]"}


@pytest.fixture(params=HOSTS)
def client(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Client]:
    endpoint = cluster.endpoint.replace("127.0.0.1", HOSTS[request.param])
    with Client(endpoint, *cluster.credentials) as made:
        yield made


def test_all_of_it(client: Client) -> None:
    bucket = f"client-{secrets.token_hex(6)}"
    assert client.create_bucket(bucket).owner_id == "root"
    data = secrets.token_bytes(3_000_001)
    for key in KEYS:
        client.put(bucket, key, iter([data[:7], data[7:]]), metadata={"note": "grün"})
        assert client.get(bucket, key) == data
        assert client.get(bucket, key, start=1_048_575, length=3) == data[1_048_575:1_048_578]
        assert client.head(bucket, key).metadata == {"note": "grün"}
        (part,) = client.info(bucket, key)["parts"]
        assert len({shard["node_id"] for shard in part["shards"]}) == 3
    assert [entry.key for entry in client.list(bucket)] == sorted(KEYS, key=str.encode)
    with pytest.raises(errors.PreconditionFailed):
        client.put(bucket, "a", b"", if_none_match=True)
    with pytest.raises(errors.Conflict):
        client.delete_bucket(bucket)
    for key in KEYS:
        client.delete(bucket, key)
    with pytest.raises(errors.NotFound):
        client.delete(bucket, "a")
    client.delete_bucket(bucket)


def test_users_see_what_is_theirs(client: Client, cluster: Cluster) -> None:
    user_id = f"user-{secrets.token_hex(6)}"
    pair = client.create_user(user_id, "Ünï")
    with Client(cluster.endpoint, pair.access_key, pair.secret_key) as theirs:
        assert list(theirs.buckets()) == []
        with pytest.raises(errors.AccessDenied):
            theirs.create_user("another")
    client.delete_user(user_id)
    with (
        Client(cluster.endpoint, pair.access_key, pair.secret_key) as gone,
        pytest.raises(errors.AccessDenied),
    ):
        list(gone.buckets())


async def test_the_twin(cluster: Cluster) -> None:
    bucket = f"client-{secrets.token_hex(6)}"
    data = secrets.token_bytes(3_000_001)
    async with AsyncClient(cluster.endpoint, *cluster.credentials) as client:
        await client.create_bucket(bucket)
        await client.put(bucket, "a/b", data)
        assert await client.get(bucket, "a/b") == data
        assert [page.prefixes async for page in client.pages(bucket, delimiter="/")] == [("a/",)]
        await client.delete(bucket, "a/b")
        await client.delete_bucket(bucket)
        assert (await client.cluster())["health"] == "ok"
