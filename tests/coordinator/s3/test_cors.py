"""CORS over the whole endpoint: preflights, and the headers of actual answers."""

from collections.abc import Mapping

import pytest

from tests.coordinator.s3.support import BUCKET, Answer, Stand

KEY = f"/{BUCKET}/key"
ORIGIN = "access-control-allow-origin"
METHODS = "access-control-allow-methods"


async def allow(stand: Stand, *rules: str) -> None:
    content = "".join(f"<CORSRule>{rule}</CORSRule>" for rule in rules)
    body = f"<CORSConfiguration>{content}</CORSConfiguration>"
    answer = await stand.call("PUT", f"/{BUCKET}", body, query={"cors": ""})
    assert answer.status == 200, answer.body


def rule(origin: str, *methods: str, more: str = "") -> str:
    named = "".join(f"<AllowedMethod>{method}</AllowedMethod>" for method in methods)
    return f"<AllowedOrigin>{origin}</AllowedOrigin>{named}{more}"


async def preflight(
    stand: Stand, origin: str, method: str, headers: str = "", path: str = KEY
) -> Answer:
    sent = {"origin": origin, "access-control-request-method": method}
    if headers:
        sent["access-control-request-headers"] = headers
    return await stand.call("OPTIONS", path, headers=sent, keys=None)


async def test_a_preflight_needs_no_credentials(stand: Stand) -> None:
    more = "<AllowedHeader>x-amz-*</AllowedHeader><MaxAgeSeconds>60</MaxAgeSeconds>"
    exposed = "<ExposeHeader>ETag</ExposeHeader><ExposeHeader>x-amz-meta-a</ExposeHeader>"
    await allow(stand, rule("https://*.example.com", "GET", "PUT", more=more + exposed))
    answer = await preflight(stand, "https://a.example.com", "PUT", "X-Amz-Date, x-amz-acl")
    assert (answer.status, answer.body) == (200, b"")
    told = {name: text for name, text in answer.headers.items() if name.startswith("access")}
    assert told == {
        ORIGIN: "https://a.example.com",
        METHODS: "GET, PUT",
        "access-control-allow-headers": "x-amz-date, x-amz-acl",
        "access-control-allow-credentials": "true",
        "access-control-expose-headers": "ETag, x-amz-meta-a",
        "access-control-max-age": "60",
    }
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize(
    ("origin", "method", "headers"),
    [
        ("https://elsewhere", "GET", ""),
        ("https://a", "DELETE", ""),
        ("https://a", "GET", "authorization"),
    ],
)
async def test_what_no_rule_allows_is_forbidden(
    stand: Stand, origin: str, method: str, headers: str
) -> None:
    await allow(stand, rule("https://a", "GET"))
    answer = await preflight(stand, origin, method, headers)
    assert (answer.status, answer.code) == (403, "AccessForbidden")
    assert ORIGIN not in answer.headers


async def test_without_rules_nothing_is_allowed(stand: Stand) -> None:
    assert (await preflight(stand, "https://a", "GET")).code == "AccessForbidden"
    assert (await preflight(stand, "https://a", "GET", path="/nobodys")).code == "NoSuchBucket"
    assert (await preflight(stand, "https://a", "GET", path="/")).status == 400


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "https://a"},
        {"access-control-request-method": "GET"},
        {"origin": "https://a", "access-control-request-method": "BREW"},
    ],
)
async def test_what_is_no_preflight_is_a_bad_request(
    stand: Stand, headers: Mapping[str, str]
) -> None:
    await allow(stand, rule("*", "GET"))
    answer = await stand.call("OPTIONS", KEY, headers=headers, keys=None)
    assert (answer.status, answer.code) == (400, "BadRequest")


async def test_actual_answers_say_what_is_allowed(stand: Stand) -> None:
    await allow(stand, rule("https://a", "GET", "PUT"), rule("*", "HEAD"))
    answer = await stand.call("PUT", KEY, b"x", headers={"origin": "https://a"})
    assert (answer.status, answer.headers[ORIGIN]) == (200, "https://a")
    answer = await stand.call("GET", KEY, headers={"origin": "https://a"})
    assert (answer.headers[ORIGIN], answer.body) == ("https://a", b"x")
    assert answer.headers[METHODS] == "GET, PUT"
    answer = await stand.call("HEAD", KEY, headers={"origin": "https://b"})
    assert answer.headers[ORIGIN] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    answer = await stand.call("GET", KEY, headers={"origin": "https://b"})
    assert ORIGIN not in answer.headers
    answer = await stand.call("GET", KEY)
    assert ORIGIN not in answer.headers


async def test_refusals_can_be_read_too(stand: Stand) -> None:
    await allow(stand, rule("https://a", "GET", "PUT"))
    origin = {"origin": "https://a"}
    missing = await stand.call("GET", KEY, headers=origin)
    assert (missing.status, missing.headers[ORIGIN]) == (404, "https://a")
    denied = await stand.call("PUT", KEY, headers=origin, keys=None)
    assert (denied.status, denied.headers[ORIGIN]) == (403, "https://a")
    bad = {**origin, "authorization": "AWS4-HMAC-SHA256 nonsense"}
    malformed = await stand.call("GET", KEY, headers=bad, keys=None)
    assert (malformed.status, malformed.headers[ORIGIN]) == (400, "https://a")
    nobodys = await stand.call("GET", "/nobodys/key", headers=origin)
    assert nobodys.code == "NoSuchBucket"
    assert ORIGIN not in nobodys.headers
