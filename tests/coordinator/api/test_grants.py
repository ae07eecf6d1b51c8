"""Groups and policies of the store: root's to give, the users' to use."""

from typing import Any

import pytest

from coordinator.app import ROOT_USER_ID
from tests.coordinator.api.support import ALICE, BOB, ROOT, Stand

READ = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}
    ],
}
DENY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}],
}


async def may_list(stand: Stand, keys: tuple[str, str] = BOB) -> bool:
    """Whether somebody sees into alice's bucket."""
    return (await stand.call("GET", "/objects/alices", keys)).status_code == 200


async def done(stand: Stand, method: str, path: str, **rest: Any) -> Any:
    answer = await stand.call(method, path, ROOT, **rest)
    assert answer.status_code in (200, 201, 204), answer.text
    return answer.json() if answer.content else None


async def test_policies_of_a_user(stand: Stand) -> None:
    path = "/users/bob/policies"
    assert not await may_list(stand)
    await done(stand, "PUT", f"{path}/read", json={"document": READ})
    assert await may_list(stand)
    assert await done(stand, "GET", path) == {"policies": ["read"], "attached": []}
    assert await done(stand, "GET", f"{path}/read") == {"name": "read", "document": READ}
    await done(stand, "PUT", f"{path}/read", json={"document": DENY})
    assert not await may_list(stand)
    assert not (await stand.call("GET", "/objects/bobs", BOB)).is_success
    await done(stand, "DELETE", f"{path}/read")
    assert (await stand.call("DELETE", f"{path}/read", ROOT)).status_code == 404
    assert (await stand.call("GET", "/objects/bobs", BOB)).is_success


async def test_groups(stand: Stand) -> None:
    await done(stand, "POST", "/groups", json={"name": "readers"})
    await done(stand, "PUT", "/groups/readers/policies/read", json={"document": READ})
    await done(stand, "PUT", "/groups/readers/users/bob")
    assert await may_list(stand)
    await done(stand, "PUT", "/groups/readers/attached/AmazonS3ReadOnlyAccess")
    listed = await done(stand, "GET", "/groups")
    assert listed["groups"] == [
        {
            "name": "readers",
            "created_at_ms": 1_700_000_000_000,
            "users": ["bob"],
            "policies": ["read"],
            "attached": ["AmazonS3ReadOnlyAccess"],
        }
    ]
    for path in ("attached/AmazonS3ReadOnlyAccess", "policies/read", "users/bob"):
        refused = await stand.call("DELETE", "/groups/readers", ROOT)
        assert (refused.status_code, refused.json()["code"]) == (409, "DeleteConflict")
        await done(stand, "DELETE", f"/groups/readers/{path}")
    assert not await may_list(stand)
    await done(stand, "DELETE", "/groups/readers")


async def test_managed_policies(stand: Stand) -> None:
    made = await done(stand, "POST", "/policies", json={"name": "look", "document": READ})
    assert made == {
        "name": "look",
        "arn": "arn:aws:iam::root:policy/look",
        "is_built_in": False,
    }
    await done(stand, "PUT", "/users/bob/attached/look")
    assert await may_list(stand)
    names = [one["name"] for one in (await done(stand, "GET", "/policies"))["policies"]]
    assert "look" in names
    assert "AmazonS3FullAccess" in names
    assert (await done(stand, "GET", "/policies/look"))["document"] == READ
    refused = await stand.call("DELETE", "/policies/look", ROOT)
    assert (refused.status_code, refused.json()["code"]) == (409, "DeleteConflict")
    await done(stand, "DELETE", "/users/bob/attached/look")
    assert not await may_list(stand)
    await done(stand, "DELETE", "/policies/look")


async def test_a_removed_user_leaves_nothing_to_the_next_of_that_name(stand: Stand) -> None:
    pair = {"user_id": "carol", "access_key": "CAROLKEY", "secret_key": "carols-own-secret"}
    await done(stand, "POST", "/users", json=pair)
    await done(stand, "PUT", "/users/carol/policies/read", json={"document": READ})
    await done(stand, "DELETE", "/users/carol")
    await done(stand, "POST", "/users", json=pair)
    assert not await may_list(stand, (pair["access_key"], pair["secret_key"]))
    granted = await done(stand, "GET", "/users/carol/policies")
    assert granted == {"policies": [], "attached": []}


async def test_an_email_names_one_user(stand: Stand) -> None:
    pair = {"user_id": "carol", "email": "carol@example.com"}
    await done(stand, "POST", "/users", json=pair)
    users = (await done(stand, "GET", "/users"))["users"]
    assert [user["email"] for user in users if user["user_id"] == "carol"] == [pair["email"]]
    again = await stand.call("POST", "/users", ROOT, json={**pair, "user_id": "dan"})
    assert (again.status_code, again.json()["code"]) == (409, "EmailTaken")
    wrong = await stand.call("POST", "/users", ROOT, json={"user_id": "eve", "email": "eve"})
    assert wrong.status_code == 422


@pytest.mark.parametrize(
    ("method", "path", "document", "status", "code"),
    [
        ("GET", "/users/nobody/policies", None, 404, "NoSuchUser"),
        ("PUT", f"/users/{ROOT_USER_ID}/policies/p", {"document": READ}, 400, "UnmodifiableEntity"),
        ("PUT", "/users/bob/policies/a%20b", {"document": READ}, 400, "ValidationError"),
        ("PUT", "/users/bob/policies/p", {"document": {}}, 400, "MalformedPolicyDocument"),
        ("PUT", "/users/bob/policies/p", {"document": "{}"}, 422, "InvalidRequest"),
        ("GET", "/users/bob/policies/p", None, 404, "NoSuchEntity"),
        ("PUT", "/users/bob/attached/p", None, 404, "NoSuchEntity"),
        ("DELETE", "/users/bob/attached/AmazonS3FullAccess", None, 404, "NoSuchEntity"),
        ("POST", "/groups", {"name": "a b"}, 422, "InvalidRequest"),
        ("DELETE", "/groups/g", None, 404, "NoSuchEntity"),
        ("PUT", "/groups/g/users/bob", None, 404, "NoSuchEntity"),
        (
            "POST",
            "/policies",
            {"name": "AmazonS3FullAccess", "document": READ},
            409,
            "EntityAlreadyExists",
        ),
        ("DELETE", "/policies/AmazonS3FullAccess", None, 404, "NoSuchEntity"),
    ],
)
async def test_refused(
    stand: Stand, method: str, path: str, document: Any, status: int, code: str
) -> None:
    answer = await stand.call(method, path, ROOT, json=document)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status != 422:
        assert (await stand.call(method, path, ALICE, json=document)).status_code == 403
