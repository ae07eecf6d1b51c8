"""Users and roles of accounts, and sessions: less than the account that they belong to."""

import os
from dataclasses import replace

import pytest

from coordinator.auth.signer import sign_headers
from coordinator.iam.directory import Directory
from coordinator.iam.entities import Kind
from coordinator.iam.roles import DESCRIPTION, MAX_SESSION_S, TRUST
from coordinator.iam.sessions import RoleSession, issue
from metadata import AccessKey
from tests.coordinator.api.support import ALICE, API, ENDPOINT, NOW_S, ROOT, Stand, basic

NOW_MS = int(NOW_S * 1000)
EVERYTHING = '{"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}'


async def role_session(stand: Stand, account_id: str, allowed: str = "") -> AccessKey:
    """A session of a role of the account."""
    directory = Directory(stand.metadata, lambda: None, lambda: NOW_MS)
    more = {TRUST: "{}", DESCRIPTION: "", MAX_SESSION_S: "3600"}
    role = await directory.create(Kind.ROLE, account_id, "role", "/", more=more)
    policies = {"p": allowed} if allowed else {}
    role = await directory.change(role, lambda now: replace(now, policies=policies))
    return await _issue(stand, account_id, RoleSession(role.id, "work"))


async def token_session(stand: Stand, account_id: str) -> AccessKey:
    """What GetSessionToken gives an account."""
    (key,) = await stand.metadata.access_keys(account_id)
    return await _issue(stand, account_id, key)


async def _issue(stand: Stand, account_id: str, whom: RoleSession | AccessKey) -> AccessKey:
    return await issue(
        stand.metadata,
        account_id,
        whom,
        now_ms=NOW_MS,
        duration_s=900,
        random_bytes=os.urandom,
    )


async def status(
    stand: Stand, key: AccessKey, method: str, path: str, now: float = NOW_S, token: str = ""
) -> int:
    headers = sign_headers(
        method=method,
        url=ENDPOINT + API + path,
        headers={"x-amz-security-token": token or key.session_token},
        access_key=key.access_key,
        secret_key=key.secret_key,
        now=now,
    )
    json = {} if method == "POST" else None
    return (await stand.call(method, path, None, headers, json=json)).status_code


@pytest.mark.parametrize(
    ("account_id", "allowed", "expected"),
    [
        ("alice", "", (403, 403)),
        ("alice", EVERYTHING, (200, 403)),
        ("root", "", (403, 403)),
        ("root", EVERYTHING, (200, 200)),
    ],
)
async def test_a_role_may_what_its_policies_allow_and_is_nobody_else(
    stand: Stand, account_id: str, allowed: str, expected: tuple[int, int]
) -> None:
    key = await role_session(stand, account_id, allowed)
    assert await status(stand, key, "GET", "/objects/alices") == expected[0]
    assert await status(stand, key, "GET", "/objects/bobs") == expected[1]
    for method, path in (
        ("GET", "/users"),
        ("POST", "/users/alice/keys"),
        ("DELETE", "/users/alice"),
        ("GET", "/nodes"),
    ):
        assert await status(stand, key, method, path) == 403, path
    # Who may not touch a key does not learn that it is there.
    assert await status(stand, key, "DELETE", "/keys/ALICEKEY") == 404
    assert (await stand.call("GET", "/buckets", ALICE)).status_code == 200


@pytest.mark.parametrize("account_id", ["alice", "root"])
async def test_a_token_for_hours_makes_nothing_lasting(stand: Stand, account_id: str) -> None:
    key = await token_session(stand, account_id)
    assert await status(stand, key, "GET", "/objects/alices") == 200
    assert await status(stand, key, "PUT", "/buckets/made") == 201
    for method, path in (
        ("GET", "/users"),
        ("POST", "/users"),
        ("POST", "/users/alice/keys"),
        ("GET", "/nodes"),
    ):
        assert await status(stand, key, method, path) == 403, path


async def test_a_session_needs_its_token_and_ends(stand: Stand) -> None:
    key = await token_session(stand, "alice")
    assert await status(stand, key, "GET", "/buckets", token="forged") == 401
    ended = replace(key, access_key="ENDED", expires_at_ms=NOW_MS)
    await stand.metadata.put_access_key(ended)
    assert await status(stand, ended, "GET", "/buckets") == 401
    pair = basic(key.access_key, key.secret_key)
    answer = await stand.call("GET", "/buckets", None, {"authorization": pair})
    assert (answer.status_code, answer.json()["code"]) == (401, "InvalidCredentials")
    assert (await stand.call("DELETE", f"/keys/{key.access_key}", ROOT)).status_code == 204
    assert await status(stand, key, "GET", "/buckets") == 401
