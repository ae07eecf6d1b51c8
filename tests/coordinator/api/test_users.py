"""Users, their keys, and buckets."""

from typing import Any

import pytest

from coordinator.app import ROOT_USER_ID
from tests.coordinator.api.support import ALICE, BOB, ROOT, Stand


async def test_a_made_user_works_at_once_and_stops_at_once(stand: Stand) -> None:
    made = await stand.call("POST", "/users", ROOT, json={"user_id": "carol"})
    assert made.status_code == 201
    assert made.headers["cache-control"] == "no-store"
    pair = (made.json()["access_key"], made.json()["secret_key"])
    assert (len(pair[0]), len(pair[1])) == (20, 40)
    assert (await stand.call("PUT", "/buckets/carols", pair)).status_code == 201
    listed = await stand.call("GET", "/users", pair)
    assert listed.json()["users"] == [
        {
            "user_id": "carol",
            "display_name": "carol",
            "is_root": False,
            "created_at_ms": 1_700_000_000_000,
            "access_keys": [pair[0]],
            "email": "",
        }
    ]
    assert pair[1] not in listed.text
    assert (await stand.call("DELETE", "/users/carol", ROOT)).status_code == 204
    assert (await stand.call("GET", "/users", pair)).status_code == 401
    # What it owned stays, for root.
    assert (await stand.call("GET", "/objects/carols", ROOT)).status_code == 200


async def test_all_four_may_be_given(stand: Stand) -> None:
    given = {
        "user_id": "testx$9876543210abcdef",
        "display_name": "Ms. ü",
        "access_key": "0555b35654ad1656d804",
        "secret_key": "h7GhxuBLTrlhVUyxSPUKUV8r/2EI4ngqJxD7iBdBYLhwluN30JaT3Q==",
    }
    made = await stand.call("POST", "/users", ROOT, json=given)
    assert made.json() == {name: given[name] for name in ("user_id", "access_key", "secret_key")}
    pair = (given["access_key"], given["secret_key"])
    (user,) = (await stand.call("GET", "/users", pair)).json()["users"]
    assert user["display_name"] == "Ms. ü"


async def test_a_user_rotates_its_own_key(stand: Stand) -> None:
    made = (await stand.call("POST", "/users/alice/keys", ALICE, json={})).json()
    fresh = (made["access_key"], made["secret_key"])
    itself = await stand.call("DELETE", "/keys/ALICEKEY", ALICE)
    assert (itself.status_code, itself.json()["code"]) == (409, "KeyInUse")
    assert (await stand.call("DELETE", "/keys/ALICEKEY", fresh)).status_code == 204
    assert (await stand.call("GET", "/buckets", ALICE)).status_code == 401
    assert (await stand.call("GET", "/buckets", fresh)).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "keys", "document", "status", "code"),
    [
        ("POST", "/users", ALICE, {"user_id": "x"}, 403, "AccessDenied"),
        ("DELETE", "/users/bob", ALICE, None, 403, "AccessDenied"),
        ("DELETE", "/users/alice", ALICE, None, 403, "AccessDenied"),
        ("POST", "/users/bob/keys", ALICE, {}, 403, "AccessDenied"),
        ("POST", "/users/nobody/keys", ALICE, {}, 403, "AccessDenied"),
        ("DELETE", "/keys/BOBKEY", ALICE, None, 404, "NoSuchAccessKey"),
        ("DELETE", "/keys/NOKEY", ROOT, None, 404, "NoSuchAccessKey"),
        ("DELETE", "/keys/%00%2F", ROOT, None, 404, "NoSuchAccessKey"),
        ("DELETE", "/keys/%ff", ROOT, None, 400, "InvalidPath"),
        ("DELETE", "/keys/ROOTKEY", ROOT, None, 403, "RootIsConfigured"),
        ("DELETE", f"/users/{ROOT_USER_ID}", ROOT, None, 403, "RootIsConfigured"),
        ("POST", f"/users/{ROOT_USER_ID}/keys", ROOT, {}, 403, "RootIsConfigured"),
        ("DELETE", "/users/nobody", ROOT, None, 404, "NoSuchUser"),
        ("POST", "/users/nobody/keys", ROOT, {}, 404, "NoSuchUser"),
        ("POST", "/users", ROOT, {"user_id": "alice"}, 409, "UserAlreadyExists"),
        (
            "POST",
            "/users",
            ROOT,
            {"user_id": "x", "access_key": "BOBKEY"},
            409,
            "AccessKeyAlreadyExists",
        ),
        ("POST", "/users/alice/keys", ALICE, {"access_key": "BOBKEY"}, 409, None),
    ],
)
async def test_refusals(
    stand: Stand,
    method: str,
    path: str,
    keys: tuple[str, str],
    document: Any,
    status: int,
    code: str | None,
) -> None:
    got = await stand.call(method, path, keys, json=document)
    assert got.status_code == status
    assert code in (None, got.json()["code"])


NOT_USERS: list[Any] = [
    None,
    [],
    "x",
    {},
    {"user_id": ""},
    {"user_id": "x" * 129},
    {"user_id": "a/b"},
    {"user_id": "a\n"},
    {"user_id": ".."},
    {"user_id": 7},
    {"user_id": "x", "access_key": "a:b"},
    {"user_id": "x", "access_key": "a/b"},
    {"user_id": "x", "access_key": "ab"},
    {"user_id": "x", "access_key": "abc\n"},
    {"user_id": "x", "secret_key": "short"},
    {"user_id": "x", "secret_key": "x" * 129},
    {"user_id": "x", "secret_key": "not ascii ü"},
    {"user_id": "x", "display_name": "x" * 257},
    {"user_id": "x", "is_root": True},
]


async def test_documents_that_are_not_users(stand: Stand) -> None:
    for document in NOT_USERS:
        got = await stand.call("POST", "/users", ROOT, json=document)
        assert (got.status_code, got.json()["code"]) == (422, "InvalidRequest"), document
    assert len(await stand.metadata.users()) == 3


async def test_a_user_has_a_bounded_number_of_keys(stand: Stand) -> None:
    answers = [
        (await stand.call("POST", "/users/bob/keys", BOB, json={})).status_code for _ in range(100)
    ]
    assert answers == [201] * 99 + [409]


async def test_buckets(stand: Stand) -> None:
    made = await stand.call("PUT", "/buckets/new.bucket-1")
    assert made.status_code == 201
    assert made.json() == {
        "name": "new.bucket-1",
        "owner_id": "alice",
        "created_at_ms": 1_700_000_000_000,
        "region": "us-east-1",
    }
    for method, path, keys, status, code in [
        ("PUT", "/buckets/new.bucket-1", ALICE, 409, "BucketAlreadyOwnedByYou"),
        ("PUT", "/buckets/new.bucket-1", BOB, 409, "BucketAlreadyExists"),
        ("PUT", "/buckets/No", BOB, 400, "InvalidBucketName"),
        ("PUT", "/buckets/%2e%2e%2e", BOB, 400, "InvalidBucketName"),
        ("DELETE", "/buckets/new.bucket-1", BOB, 403, "AccessDenied"),
        ("DELETE", "/buckets/absent", BOB, 404, "NoSuchBucket"),
        ("GET", "/objects/absent", BOB, 404, "NoSuchBucket"),
        ("PUT", "/objects/absent/x", BOB, 404, "NoSuchBucket"),
        ("GET", "/objects/alices/absent", ALICE, 404, "NoSuchKey"),
        ("DELETE", "/objects/alices/absent", ALICE, 404, "NoSuchKey"),
        ("GET", "/info/alices/absent", ALICE, 404, "NoSuchKey"),
    ]:
        got = await stand.call(method, path, keys)
        assert (got.status_code, got.json()["code"]) == (status, code), path
    await stand.call("PUT", "/objects/new.bucket-1/x", content=b"")
    got = await stand.call("DELETE", "/buckets/new.bucket-1")
    assert (got.status_code, got.json()["code"]) == (409, "BucketNotEmpty")
    await stand.call("DELETE", "/objects/new.bucket-1/x")
    assert (await stand.call("DELETE", "/buckets/new.bucket-1")).status_code == 204


async def test_bucket_pages(stand: Stand) -> None:
    for name in ("b1", "b2", "b3"):
        await stand.call("PUT", f"/buckets/name-{name}")
    names, after = [], ""
    while after is not None:
        page = (await stand.call("GET", "/buckets", params={"limit": 2, "after": after})).json()
        names.append([bucket["name"] for bucket in page["buckets"]])
        after = page["next_after"]
    assert names == [["alices", "name-b1"], ["name-b2", "name-b3"]]
    everyone = (await stand.call("GET", "/buckets", ROOT)).json()["buckets"]
    assert [bucket["owner_id"] for bucket in everyone] == ["alice", "bob"] + ["alice"] * 3
