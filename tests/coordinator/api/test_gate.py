"""Errors of every kind in one shape, bounded input, ids, the description of the API."""

import json
import logging
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.api.gate import Gate
from coordinator.http import ClientGone, RequestStalled
from tests.coordinator.api.support import ALICE, API, ROOT, Stand, basic, raw_call

REFUSED = [
    ("GET", "/", 404, "NotFound"),
    ("GET", "/nothing", 404, "NotFound"),
    ("GET", "/objects", 404, "NotFound"),
    ("GET", "/objects/alices/", 400, "InvalidPath"),
    ("GET", "/buckets/", 404, "NotFound"),
    ("PATCH", "/buckets/alices", 405, "MethodNotAllowed"),
    ("POST", "/objects/alices/x", 405, "MethodNotAllowed"),
    ("BREW", "/objects/alices/x", 405, "MethodNotAllowed"),
    ("GET", "/objects/alices?limit=0", 422, "InvalidRequest"),
    ("GET", "/objects/alices?limit=1001", 422, "InvalidRequest"),
    ("GET", "/objects/alices?limit=" + "9" * 5000, 422, "InvalidRequest"),
    ("GET", "/objects/alices?limit=1e3", 422, "InvalidRequest"),
    ("GET", "/objects/alices?prefix=" + "x" * 1025, 422, "InvalidRequest"),
    ("GET", "/objects/alices?prefix=%ff", 400, "InvalidQuery"),
    ("GET", "/info/alices/x?offset=-1", 422, "InvalidRequest"),
    ("GET", "/info/alices/x?offset=" + "9" * 40, 422, "InvalidRequest"),
    ("GET", "/buckets?after=" + "x" * 64, 422, "InvalidRequest"),
    ("GET", "/objects/alices/" + "k" * 1025, 400, "KeyTooLong"),
    ("PUT", "/objects/alices/" + "%F0%9F%97%9D" * 257, 400, "KeyTooLong"),
    ("GET", "/objects/alices/%ff", 400, "InvalidPath"),
    ("GET", "/objects/alices/%", 400, "InvalidPath"),
    ("GET", "/_console/", 404, "NotFound"),
    ("GET", "/_api", 404, "NotFound"),
    ("POST", "/_health/live", 405, "MethodNotAllowed"),
    ("GET", "/_health/live?%ff", 400, "InvalidQuery"),
]


async def test_errors_have_one_shape(stand: Stand) -> None:
    for row in REFUSED:
        await _check_refusal(stand, *row)


async def _check_refusal(stand: Stand, method: str, path: str, status: int, code: str) -> None:
    raw, _, query = (path if path.startswith("/_") else API + path).partition("?")
    got = await raw_call(
        stand.app,
        method,
        raw.encode(),
        query=query.encode(),
        headers={"authorization": basic(*ALICE)},
    )
    assert got.status == status, path
    told = got.json()
    assert set(told) == {"code", "message", "request_id"}
    assert told["code"] == code, path
    assert told["request_id"] == got.headers["x-trilith-request-id"]
    assert got.headers["content-type"] == "application/json"
    assert len(got.body) < 1000
    if status == 405:
        assert got.headers["allow"]


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 422),
        (b'{"user_id": "x"', "application/json", 422),
        (b'{"user_id": "x"}', "text/plain", 422),
        (b'{"user_id": "x"}', "", 422),
        (b"[" * 60_000, "application/json", 400),
        (b'{"user_id": ' + b"9" * 60_000 + b"}", "application/json", 400),
        (b'{"user_id": NaN}', "application/json", 422),
        (b'{"user_id": "x", "secret_key": false}', "application/json", 422),
        (b'{"user_id": "\\ud800"}', "application/json", 422),
        (b'{"user_id": "x", "\\ud800": 1}', "application/json", 422),
        (b'{"user_id": "x", "' + b"y" * 60_000 + b'": 1}', "application/json", 422),
        (b"\xff", "application/json", 400),
        (b" " * 65_537, "application/json", 413),
        (b"user_id=x", "application/x-www-form-urlencoded", 422),
    ],
    ids=lambda value: str(value)[:24],
)
async def test_documents_are_bounded(
    stand: Stand, body: bytes, content_type: str, status: int
) -> None:
    got = await stand.call(
        "POST", "/users", ROOT, headers={"content-type": content_type}, content=body
    )
    assert got.status_code == status
    assert set(got.json()) == {"code", "message", "request_id"}
    assert len(got.content) < 1000


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("/buckets/alices", "DELETE, PUT"),
        ("/objects/alices/a/b", "DELETE, GET, HEAD, PUT"),
        ("/nodes", "GET, POST"),
        ("/docs", "GET"),
        ("/_metrics", "GET"),
    ],
)
async def test_allow_names_all_methods_of_a_path(stand: Stand, path: str, methods: str) -> None:
    refused = await stand.call("PATCH", path)
    assert (refused.status_code, refused.headers["allow"]) == (405, methods)


async def test_a_document_that_never_ends_is_not_kept(stand: Stand) -> None:
    endless: list[Any] = [{"type": "http.request", "body": b"x" * 1000, "more_body": True}] * 1000
    headers = {"authorization": basic(*ROOT), "content-type": "application/json"}
    got = await raw_call(
        stand.app, "POST", f"{API}/users".encode(), headers=headers, messages=endless
    )
    assert got.status == 413
    assert len(endless) > 900


async def test_a_document_that_stalls_times_out(stand: Stand) -> None:
    headers = {"authorization": basic(*ROOT), "content-type": "application/json"}
    got = await raw_call(
        stand.app,
        "POST",
        f"{API}/users".encode(),
        headers=headers,
        messages=[{"type": "http.request", "body": b"{", "more_body": True}, RequestStalled()],
    )
    assert (got.status, got.json()["code"]) == (408, "RequestTimeout")


async def test_errors_of_head_have_no_body(stand: Stand) -> None:
    got = await raw_call(
        stand.app,
        "HEAD",
        f"{API}/objects/alices/absent".encode(),
        headers={"authorization": basic(*ALICE)},
    )
    assert (got.status, got.body) == (404, b"")


async def test_what_nobody_expected_is_a_500_that_gives_nothing_away(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise ZeroDivisionError("password is hunter2")

    gate = Gate(broken, stand.app.state.services)
    got = await raw_call(gate, "GET", b"/_health/live")
    assert (got.status, got.json()["code"]) == (500, "InternalError")
    assert "hunter2" not in got.body.decode()
    (record,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.__dict__["request_id"] == got.json()["request_id"]
    assert record.exc_info is not None


async def test_a_client_that_left_is_no_failure(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    async def left(scope: Any, receive: Any, send: Any) -> None:
        raise ClientGone("left")

    with pytest.raises(ClientGone):
        await raw_call(Gate(left, stand.app.state.services), "GET", b"/_health/live")
    assert not caplog.records


async def test_refusals_are_logged_with_their_ids(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    got = await stand.call("GET", "/objects/alices/absent")
    (record,) = [record for record in caplog.records if record.message == "request refused"]
    facts = record.__dict__
    assert facts["request_id"] == got.json()["request_id"]
    assert (facts["operation"], facts["status"], facts["code"]) == (
        "api.get_object",
        404,
        "NoSuchKey",
    )


async def test_the_api_describes_itself(stand: Stand) -> None:
    document = (await stand.call("GET", "/openapi.json", None)).json()
    assert document["openapi"].startswith("3.")
    described = {
        (method.upper(), path) for path, methods in document["paths"].items() for method in methods
    }
    for expected in [
        ("PUT", "/_api/v1/objects/{bucket}/{key}"),
        ("HEAD", "/_api/v1/objects/{bucket}/{key}"),
        ("GET", "/_api/v1/placement/{bucket}/{key}"),
        ("DELETE", "/_api/v1/keys/{access_key}"),
        ("GET", "/_health/ready"),
    ]:
        assert expected in described
    names = [op["operationId"] for ops in document["paths"].values() for op in ops.values()]
    assert len(names) == len(set(names))
    assert "HTTPValidationError" not in json.dumps(document)
    page = await stand.call("GET", "/docs", None)
    assert page.headers["content-type"].startswith("text/html")
    assert "/_api/v1/objects/{bucket}/{key}" in page.text
    assert "//" not in page.text.replace("</", "")  # nothing is loaded from anywhere


SEGMENT = st.one_of(
    st.sampled_from(["objects", "info", "placement", "buckets", "users", "keys", "alices"]),
    st.sampled_from(["alice", "root", "cluster", "nodes", "zones", "metrics", "x", ""]),
    st.sampled_from(["%2F", "%", "%00", "..", "%ff", "%0A"]),
    st.text(
        st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#"), max_size=9
    ),
)
PARAMETER = st.tuples(
    st.sampled_from(["limit", "prefix", "after", "delimiter", "offset", "X-Amz-Signature", "%"]),
    st.one_of(
        st.integers().map(str),
        st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="&#")),
    ),
).map("=".join)
HEADER_NAME = st.one_of(
    st.sampled_from(["range", "if-match", "if-none-match", "if-range", "content-type"]),
    st.sampled_from(["content-length", "x-amz-meta-x", "expires", "x-amz-content-sha256"]),
)
HEADER_VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=30)


@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "X"]),
    segments=st.lists(SEGMENT, max_size=5),
    query=st.lists(PARAMETER, max_size=3).map("&".join),
    headers=st.dictionaries(HEADER_NAME, HEADER_VALUE, max_size=3),
    body=st.one_of(
        st.binary(max_size=50),
        st.dictionaries(st.sampled_from(["user_id", "access_key", "x"]), st.text(max_size=9)).map(
            lambda told: json.dumps(told).encode()
        ),
    ),
)
@settings(
    max_examples=250,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_no_input_makes_it_fail(
    stand: Stand,
    method: str,
    segments: list[str],
    query: str,
    headers: dict[str, str],
    body: bytes,
) -> None:
    got = await raw_call(
        stand.app,
        method,
        f"{API}/{'/'.join(segments)}".encode(),
        query=query.encode(),
        headers={"authorization": basic(*ROOT), **headers},
        messages=[{"type": "http.request", "body": body}],
    )
    assert got.status < 500
    assert got.is_whole
    if got.status >= 400 and method != "HEAD":
        assert set(got.json()) == {"code", "message", "request_id"}
