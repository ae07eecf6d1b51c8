"""Conformance: users, access keys, nodes and the cluster's id."""

import pytest

from metadata import (
    AccessKey,
    AccessKeyExists,
    MetadataStore,
    NodeRecord,
    NoSuchUser,
    User,
    UserExists,
)

ANN = User("ann", "Ann", is_root=True, created_at_ms=1)
BOB = User("bob", "Böb", is_root=False, created_at_ms=2)


def key(name: str, user: str = "") -> AccessKey:
    return AccessKey(name, f"secret of {name}", user, 3)


async def test_a_user_comes_back_with_its_keys(store: MetadataStore) -> None:
    await store.put_user(BOB, [])
    await store.put_user(ANN, [key("K2"), key("K1", "ann")])
    assert await store.users() == [ANN, BOB]
    assert await store.user("ann") == ANN
    assert await store.access_keys("ann") == [key("K1", "ann"), key("K2", "ann")]
    assert await store.find_access_key("K1") == (ANN, key("K1", "ann"))
    assert await store.find_access_key("nope") is None


async def test_user_ids_and_access_keys_are_taken_once(store: MetadataStore) -> None:
    await store.put_user(ANN, [key("K1")])
    with pytest.raises(UserExists):
        await store.put_user(ANN, [key("K2")])
    with pytest.raises(AccessKeyExists):
        await store.put_user(BOB, [key("K3"), key("K1")])
    with pytest.raises(AccessKeyExists):
        await store.put_user(BOB, [key("K3"), key("K3")])
    with pytest.raises(NoSuchUser):
        await store.user("bob")
    assert await store.find_access_key("K2") is None
    assert await store.find_access_key("K3") is None
    with pytest.raises(AccessKeyExists):
        await store.put_access_key(key("K1", "ann"))


async def test_keys_come_and_go(store: MetadataStore) -> None:
    await store.put_user(ANN, [])
    await store.put_access_key(key("K1", "ann"))
    with pytest.raises(NoSuchUser):
        await store.put_access_key(key("K2", "nobody"))
    with pytest.raises(NoSuchUser):
        await store.access_keys("nobody")
    assert await store.delete_access_key("K1") is True
    assert await store.delete_access_key("K1") is False
    assert await store.access_keys("ann") == []


async def test_a_deleted_user_takes_its_keys_along_and_leaves_its_buckets(
    store: MetadataStore,
) -> None:
    await store.put_user(ANN, [key("K1")])
    await store.put_user(BOB, [key("K2")])
    await store.create_bucket("photos", "ann", "", 1)
    await store.delete_user("ann")
    assert await store.find_access_key("K1") is None
    assert await store.users() == [BOB]
    assert [bucket.name for bucket in await store.buckets("ann")] == ["photos"]
    with pytest.raises(NoSuchUser):
        await store.delete_user("ann")
    assert await store.find_access_key("K2") == (BOB, key("K2", "bob"))


def test_a_secret_is_not_printed() -> None:
    assert "secret of" not in repr(key("K1"))


async def test_the_first_proposed_cluster_id_stays(store: MetadataStore) -> None:
    assert await store.cluster_id("one") == "one"
    assert await store.cluster_id("two") == "one"


async def test_nodes_are_added_replaced_and_forgotten(store: MetadataStore) -> None:
    first = NodeRecord("n1", "http://h:1", "z1", 1.5)
    second = NodeRecord("n2", "http://h:2", "z2", 1.0, "disk-2")
    await store.put_node(second)
    await store.put_node(first)
    assert await store.nodes() == [first, second]
    moved = NodeRecord("n1", "http://h:9", "z3", 2.0, "disk-1")
    await store.put_node(moved)
    assert await store.nodes() == [moved, second]
    await store.remove_node("n2")
    await store.remove_node("n2")
    assert await store.nodes() == [moved]
