"""The endpoint: who is let in, and what an answer looks like when something is wrong."""

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.auth import HmacV1Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from coordinator.app import Front
from coordinator.http import RequestStalled
from coordinator.iam.query.endpoint import MAX_FORM_BYTES, is_query
from tests.coordinator.api.support import raw_call
from tests.coordinator.iam.sts_support import Iam
from tests.coordinator.s3.support import ALICE, HOST, Answer, Stand

URL = f"http://{HOST}/"
FORM = urlencode({"Action": "GetUser", "Version": "2010-05-08"}).encode()


def credentials(secret: str = ALICE.secret_key) -> Credentials:
    return Credentials(ALICE.access_key, secret)


def signed(body: bytes = FORM, service: str = "iam", secret: str = ALICE.secret_key) -> AWSRequest:
    """A POST as botocore signs it for IAM: without the header x-amz-content-sha256."""
    headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
    request = AWSRequest("POST", URL, headers, body)
    SigV4Auth(credentials(secret), service, "us-east-1").add_auth(request)
    return request


async def send(iam: Iam, request: AWSRequest, body: bytes | None = None) -> Answer:
    """The request, or the same with another body."""
    iam.stand.clock.now_s = time.time()
    data = (request.data or b"") if body is None else body
    prepared = request.prepare()
    parts = urlsplit(prepared.url)
    wire = await raw_call(
        iam.endpoint,
        request.method,
        b"/",
        headers=dict(prepared.headers.items()),
        query=parts.query.encode(),
        messages=[{"type": "http.request", "body": data}],
    )
    return Answer(wire.status, wire.headers, wire.body)


@pytest.mark.parametrize("service", ["iam", "sts", "s3"])
async def test_what_botocore_signs_is_accepted(iam: Iam, service: str) -> None:
    answer = await send(iam, signed(service=service))
    assert answer.status == 200, answer.body
    assert answer.text("RequestId") == answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("request_of", "code"),
    [
        (lambda: signed(service="ec2"), "IncompleteSignature"),
        (lambda: signed(secret="wrong"), "SignatureDoesNotMatch"),
        (lambda: AWSRequest("POST", URL, {}, FORM), "MissingAuthenticationToken"),
    ],
)
async def test_who_is_not_let_in(iam: Iam, request_of: Callable[[], Any], code: str) -> None:
    assert (await send(iam, request_of())).code == code


async def test_the_signature_covers_the_body(iam: Iam) -> None:
    other = FORM.replace(b"GetUser", b"ListUsers")
    assert (await send(iam, signed(), other)).code == "SignatureDoesNotMatch"
    unsigned = AWSRequest("POST", URL, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}, FORM)
    SigV4Auth(credentials(), "iam", "us-east-1").add_auth(unsigned)
    assert (await send(iam, unsigned)).code == "SignatureDoesNotMatch"
    old = AWSRequest("POST", URL, {}, FORM)
    HmacV1Auth(credentials()).add_auth(old)
    assert (await send(iam, old)).code == "SignatureDoesNotMatch"


async def test_an_unknown_key(iam: Iam) -> None:
    request = AWSRequest("POST", URL, {}, FORM)
    SigV4Auth(Credentials("NOBODY", "x"), "iam", "us-east-1").add_auth(request)
    answer = await send(iam, request)
    assert (answer.status, answer.code) == (403, "InvalidClientTokenId")
    assert answer.text("Type") == "Sender"


async def test_a_request_from_long_ago(iam: Iam) -> None:
    request = signed()
    request.headers.replace_header("X-Amz-Date", "20200101T000000Z")
    assert (await send(iam, request)).code in ("RequestExpired", "IncompleteSignature")


async def test_a_presigned_get(iam: Iam) -> None:
    query = urlencode({"Action": "GetCallerIdentity", "Version": "2011-06-15"})
    request = AWSRequest("GET", f"{URL}?{query}", {})
    SigV4QueryAuth(credentials(), "sts", "us-east-1", expires=60).add_auth(request)
    answer = await send(iam, request)
    assert answer.text("Arn") == "arn:aws:iam::alice:root"


@pytest.mark.parametrize(
    ("form", "code", "status"),
    [
        ({}, "MissingAction", 400),
        ({"Action": "DoNothing"}, "NotImplemented", 501),
        ({"Action": "AssumeRoleWithSAML"}, "NotImplemented", 501),
        ({"Action": "GetUser", "Version": "2011-06-15"}, "InvalidAction", 400),
    ],
)
async def test_what_is_no_action(iam: Iam, form: dict[str, str], code: str, status: int) -> None:
    answer = await send(iam, signed(urlencode(form).encode()))
    assert (answer.code, answer.status) == (code, status)


async def test_too_much(iam: Iam) -> None:
    body = b"a=" + b"x" * MAX_FORM_BYTES
    assert (await send(iam, signed(body))).code == "ValidationError"


async def test_a_body_that_stops_arriving(iam: Iam) -> None:
    messages = [RequestStalled()]
    wire = await raw_call(iam.endpoint, "POST", b"/", messages=messages)
    assert Answer(wire.status, wire.headers, wire.body).code == "RequestExpired"


async def test_a_failure_tells_nothing(iam: Iam, caplog: pytest.LogCaptureFixture) -> None:
    await iam.stand.store.put_iam("user-name", "alice/ann", "AIDA")
    await iam.stand.store.put_iam("user", "alice/AIDA", "broken secret")
    answer = await iam.call("GetUser", UserName="Ann")
    assert (answer.status, answer.code, answer.text("Type")) == (500, "ServiceFailure", "Receiver")
    assert b"broken" not in answer.body
    (record,) = [each for each in caplog.records if each.levelname == "ERROR"]
    assert getattr(record, "request_id", "") == answer.text("RequestId")


async def test_no_secret_is_logged(iam: Iam, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    secret = (await iam.done("CreateAccessKey")).text("SecretAccessKey")
    assert secret
    assert secret not in caplog.text


@pytest.mark.parametrize(
    ("method", "path", "query", "is_iams"),
    [
        ("POST", b"/", b"", True),
        ("GET", b"/", b"Action=GetUser", True),
        ("GET", b"/", b"", False),
        ("GET", b"/", b"max-buckets=1", False),
        ("POST", b"/bucket", b"", False),
        ("PUT", b"/", b"Action=x", False),
    ],
)
async def test_which_requests_are_iams(
    iam: Iam, method: str, path: bytes, query: bytes, is_iams: bool
) -> None:
    assert is_query(method, path, query) is is_iams
    taken: list[str] = []

    def app(name: str) -> Any:
        async def take(scope: Any, receive: Any, send: Any) -> None:
            taken.append(name)

        return take

    front = Front(app("s3"), app("api"), app("iam"), ("localhost",))
    for host in (b"127.0.0.1:9000", b"bucket.localhost:9000"):
        headers = [(b"host", host)]
        scope = {"method": method, "raw_path": path, "query_string": query, "headers": headers}
        await front(scope, app(""), app(""))
    assert taken == ["iam" if is_iams else "s3", "s3"]


@given(st.binary(max_size=100), st.binary(max_size=100))
async def test_no_form_is_a_failure(name: bytes, value: bytes) -> None:
    stand = await Stand().start()
    iam = Iam(stand)
    body = b"Action=CreateUser&UserName=" + name + b"&" + value
    answer = await send(iam, signed(body))
    assert answer.status < 500 or answer.code == "NotImplemented"
    await stand.close()
