"""Who may come in, and how."""

import hashlib
import json
from collections.abc import Mapping

import pytest

from coordinator.auth.signer import presign, sign_headers
from tests.coordinator.api.support import ALICE, API, ENDPOINT, NOW_S, ROOT, Stand, basic, raw_call

REMOTE = ("192.0.2.7", 40000)


def signed(
    method: str,
    path: str,
    body: bytes | None = None,
    keys: tuple[str, str] = ALICE,
    headers: Mapping[str, str] | None = None,
    now: float = NOW_S,
    payload: str = "UNSIGNED-PAYLOAD",
) -> dict[str, str]:
    """SigV4 headers; the body's hash is in them unless body is None."""
    return sign_headers(
        method=method,
        url=ENDPOINT + API + path,
        headers=headers or {},
        access_key=keys[0],
        secret_key=keys[1],
        now=now,
        payload_hash=payload if body is None else hashlib.sha256(body).hexdigest(),
    )


STRANGERS: list[tuple[dict[str, str], str | None]] = [
    ({}, "MissingCredentials"),
    ({"authorization": basic("ALICEKEY", "wrong")}, "InvalidCredentials"),
    ({"authorization": basic("NOBODY", "x")}, "InvalidCredentials"),
    ({"authorization": basic("", "")}, "InvalidCredentials"),
    ({"authorization": basic("ALICEKEY", "grün")}, "InvalidCredentials"),
    ({"authorization": "Basic"}, "InvalidRequest"),
    ({"authorization": "Basic %%%"}, "InvalidRequest"),
    ({"authorization": "Basic /w=="}, "InvalidRequest"),
    ({"authorization": "Bearer x"}, "InvalidArgument"),
    ({"authorization": "AWS4-HMAC-SHA256 nonsense"}, None),
    (signed("GET", "/buckets", keys=("ALICEKEY", "wrong")), "SignatureDoesNotMatch"),
    (signed("GET", "/buckets", keys=("NOBODY", "wrong")), "InvalidAccessKeyId"),
    (signed("GET", "/users"), "SignatureDoesNotMatch"),
    (signed("GET", "/buckets", now=NOW_S - 3600), "RequestTimeTooSkewed"),
]


@pytest.mark.parametrize("client", [("127.0.0.1", 1), REMOTE])
async def test_strangers_are_asked_who_they_are(stand: Stand, client: tuple[str, int]) -> None:
    for headers, code in STRANGERS:
        got = await raw_call(
            stand.app, "GET", f"{API}/buckets".encode(), headers=headers, client=client
        )
        told = (got.status, got.json()["code"])
        if client == REMOTE and code == "InvalidCredentials":
            assert told == (403, "InsecureTransport"), headers
            continue
        assert told == (401, code or told[1]), headers
        scheme = "AWS4-HMAC-SHA256" if client == REMOTE else "Basic"
        assert got.headers["www-authenticate"].split()[0] == scheme


@pytest.mark.parametrize("method", ["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS"])
async def test_nothing_is_told_without_credentials(stand: Stand, method: str) -> None:
    for path in ("buckets", "users", "cluster", "nodes", "metrics", "no", "objects/x/y", "docs/"):
        got = await stand.call(method, f"/{path}", None)
        assert got.status_code == 401, path


@pytest.mark.parametrize(
    ("client", "scheme", "status"),
    [
        (("127.0.0.1", 1), "http", 200),
        (("127.9.9.9", 1), "http", 200),
        (("::1", 1), "http", 200),
        (("::ffff:127.0.0.1", 1), "http", 200),
        (("::ffff:192.0.2.1", 1), "http", 403),
        (REMOTE, "http", 403),
        (REMOTE, "https", 200),
        (("somewhere", 1), "http", 403),
        (None, "http", 403),
    ],
)
async def test_basic_is_for_loopback_and_tls(
    client: tuple[str, int] | None, scheme: str, status: int
) -> None:
    stand = await Stand(client=client, scheme=scheme).start()
    got = await stand.call("GET", "/buckets")
    assert got.status_code == status
    await stand.close()


async def test_signed_requests_come_from_anywhere() -> None:
    stand = await Stand(client=REMOTE).start()
    path = "/objects/alices/a%20b/%2E%2E//c%2Bd"
    put = await stand.call("PUT", path, None, signed("PUT", path, b"body"), content=b"body")
    assert put.json()["key"] == "a b/..//c+d"
    # Without the body's hash in the signature.
    put = await stand.call("PUT", path, None, signed("PUT", path), content=b"body 2")
    assert put.status_code == 200
    query = "/objects/alices?prefix=a%20b"
    listed = await stand.call("GET", query, None, signed("GET", query))
    assert [entry["size"] for entry in listed.json()["objects"]] == [6]
    await stand.close()


async def test_a_presigned_url_opens_one_object(stand: Stand) -> None:
    await stand.call("PUT", "/objects/alices/x", content=b"x")
    url = presign(
        method="GET",
        url=f"{ENDPOINT}{API}/objects/alices/x",
        access_key=ALICE[0],
        secret_key=ALICE[1],
        now=NOW_S,
        expires_s=60,
    )
    assert (await stand.http.get(url)).content == b"x"
    assert (await stand.http.get(url.replace("/x?", "/y?"))).status_code == 401


@pytest.mark.parametrize("path", ["/objects/alices/x", "/users/alice/keys"])
async def test_a_body_other_than_the_signed_one_is_refused(stand: Stand, path: str) -> None:
    method = "PUT" if path.startswith("/objects") else "POST"
    headers = signed(method, path, b"{}") | {"content-type": "application/json"}
    got = await stand.call(method, path, None, headers, content=b'{"access_key": "EVIL"}')
    assert (got.status_code, got.json()["code"]) == (400, "ContentSHA256Mismatch")
    assert (await stand.call("GET", "/objects/alices/x")).status_code == 404
    assert await stand.metadata.find_access_key("EVIL") is None
    assert (await stand.call(method, path, None, headers, content=b"{}")).status_code in (200, 201)


async def test_framed_bodies_are_refused(stand: Stand) -> None:
    framing = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
    headers = signed("PUT", "/objects/alices/x", payload=framing)
    got = await stand.call("PUT", "/objects/alices/x", None, headers, content=b"x")
    assert (got.status_code, got.json()["code"]) == (400, "InvalidRequest")
    assert (await stand.call("GET", "/objects/alices/x")).status_code == 404


@pytest.mark.parametrize("path", ["/cluster", "/nodes", "/zones", "/metrics"])
async def test_the_cluster_is_roots(stand: Stand, path: str) -> None:
    assert (await stand.call("GET", path)).status_code == 403
    assert (await stand.call("GET", path, ROOT)).status_code == 200


async def test_secrets_stay_out_of_logs_and_errors(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secret = "an ill-formed secret"
    document = {"user_id": "carol", "secret_key": secret, "access_key": "-"}
    got = await stand.call("POST", "/users", ROOT, json=document)
    assert got.status_code == 422
    wrong = await stand.call("GET", "/buckets", ("ALICEKEY", secret))
    assert wrong.status_code == 401
    made = await stand.call("POST", "/users", ROOT, json={"user_id": "dave"})
    told = json.dumps([str(record.__dict__) for record in caplog.records]) + got.text + wrong.text
    for hidden in (secret, made.json()["secret_key"], ROOT[1], ALICE[1]):
        assert hidden not in told
