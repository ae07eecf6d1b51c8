"""botocore signs and we verify: nasty keys, queries, headers; then one thing at a time changes."""

import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote, urlencode

import pytest
from botocore.auth import HmacV1Auth, HmacV1QueryAuth, S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.auth.credentials import CredentialKind
from coordinator.auth.errors import AuthError
from coordinator.auth.request import SignedRequest
from coordinator.auth.signer import presign, sign_headers
from coordinator.auth.verify import identify, verify
from tests.coordinator.auth.requests import ACCESS_KEY, CREDENTIALS, SECRET_KEY, received

NOW = time.time()
ENDPOINT = "http://127.0.0.1:9000"

KEYS = [
    "plain",
    "a/b/c.txt",
    "a//b",
    "/leading",
    "trailing/",
    "../x",
    "./.",
    "with space",
    "plus+and&amp=eq?mark#hash",
    "percent%20literal%",
    "tilde~star*quote'(paren)!$,;:@[]",
    "back\\slash",
    "umläut/ĝ/日本/🦄",
    "control\x01\x1f\x7f",
    "new\nline\r\ttab",
    "x" * 1024,
]
QUERIES = [
    {},
    {"uploads": ""},
    {"list-type": "2", "prefix": "a b/+&=", "delimiter": "/", "max-keys": "7"},
    {"prefix": "日本 🦄", "marker": "%2F~", "a-b": "1", "a": "2", "A": "3"},
    {"versionId": "null", "partNumber": "1", "uploadId": "a.b_c-d~e"},
    {"response-content-disposition": 'attachment; filename="ä b.txt"'},
]


def aws_request(
    key: str, query: dict[str, str], headers: dict[str, str] | None = None, method: str = "GET"
) -> AWSRequest:
    url = f"{ENDPOINT}/bucket/{quote(key, safe='/~')}"
    if query:
        url += "?" + urlencode(query, quote_via=quote, safe="~")
    return AWSRequest(method=method, url=url, headers=headers or {}, data=b"")


def sign_v4_header(signed: AWSRequest) -> None:
    S3SigV4Auth(CREDENTIALS, "s3", "eu-central-1").add_auth(signed)


def sign_v4_query(signed: AWSRequest) -> None:
    S3SigV4QueryAuth(CREDENTIALS, "s3", "eu-central-1", expires=600).add_auth(signed)


def sign_v2_header(signed: AWSRequest) -> None:
    HmacV1Auth(CREDENTIALS).add_auth(signed)


def sign_v2_query(signed: AWSRequest) -> None:
    HmacV1QueryAuth(CREDENTIALS, expires=600).add_auth(signed)


SIGNERS = {
    CredentialKind.SIGV4_HEADER: sign_v4_header,
    CredentialKind.SIGV4_QUERY: sign_v4_query,
    CredentialKind.SIGV2_HEADER: sign_v2_header,
    CredentialKind.SIGV2_QUERY: sign_v2_query,
}
Signer = Callable[[AWSRequest], None]


@pytest.mark.parametrize(("kind", "sign"), SIGNERS.items(), ids=list(SIGNERS))
@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
def test_what_botocore_signs_is_accepted(
    kind: CredentialKind, sign: Signer, query: dict[str, str], key: str
) -> None:
    signed = aws_request(key, query)
    sign(signed)

    parsed = identify(received(signed, NOW))

    assert parsed.kind is kind
    assert verify(parsed, SECRET_KEY).access_key == ACCESS_KEY


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(list(SIGNERS)),
    key=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40),
    query=st.dictionaries(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
        max_size=3,
    ),
)
def test_any_key_and_query(kind: CredentialKind, key: str, query: dict[str, str]) -> None:
    signed = aws_request(key, query)
    SIGNERS[kind](signed)
    verify(identify(received(signed, NOW)), SECRET_KEY)


@pytest.mark.parametrize(("kind", "sign"), SIGNERS.items(), ids=list(SIGNERS))
def test_headers_with_spaces_and_foreign_letters(kind: CredentialKind, sign: Signer) -> None:
    headers = {
        "x-amz-meta-spaces": "a  b   c",
        "x-amz-meta-empty": "",
        "x-amz-acl": "private",
        "Content-Type": "text/plain; charset=utf-8",
        "Content-MD5": "1B2M2Y8AsgTpgAmY7PhCfg==",
    }
    signed = aws_request("key", {}, headers, "PUT")
    sign(signed)
    verify(identify(received(signed, NOW)), SECRET_KEY)


@pytest.mark.parametrize("sign", [sign_v4_header, sign_v4_query])
def test_session_token_is_reported(sign: Signer) -> None:
    credentials = CREDENTIALS.__class__(ACCESS_KEY, SECRET_KEY, "the/token+==")
    signed = aws_request("key", {})
    if sign is sign_v4_header:
        S3SigV4Auth(credentials, "s3", "us-east-1").add_auth(signed)
    else:
        S3SigV4QueryAuth(credentials, "s3", "us-east-1").add_auth(signed)

    parsed = identify(received(signed, NOW))

    assert parsed.session_token == "the/token+=="
    verify(parsed, SECRET_KEY)
    assert "the/token" not in repr(parsed)


def with_header(request: SignedRequest, name: str, value: str) -> SignedRequest:
    return replace(request, headers={**request.headers, name: value})


V4_TAMPERINGS: dict[str, Callable[[SignedRequest], SignedRequest]] = {
    "method": lambda r: replace(r, method="DELETE"),
    "path": lambda r: replace(r, raw_path=r.raw_path + b"x"),
    "slash": lambda r: replace(r, raw_path=r.raw_path + b"/"),
    "query added": lambda r: replace(r, query_string=r.query_string + "&acl"),
    "query changed": lambda r: replace(r, query_string=r.query_string.replace("pre", "Pre")),
    "host": lambda r: with_header(r, "host", "elsewhere:9000"),
    "metadata": lambda r: with_header(r, "x-amz-meta-a", "2"),
}


@pytest.mark.parametrize("kind", [CredentialKind.SIGV4_HEADER, CredentialKind.SIGV4_QUERY])
@pytest.mark.parametrize("change", V4_TAMPERINGS.values(), ids=V4_TAMPERINGS.keys())
def test_sigv4_notices(kind: CredentialKind, change: Callable) -> None:
    signed = aws_request("a/key", {"prefix": "p"}, {"x-amz-meta-a": "1"})
    SIGNERS[kind](signed)
    request = received(signed, NOW)
    verify(identify(request), SECRET_KEY)
    with pytest.raises(AuthError) as caught:
        verify(identify(change(request)), SECRET_KEY)
    assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("change", ["x-amz-content-sha256", "x-amz-date"])
def test_sigv4_header_notices(change: str) -> None:
    signed = aws_request("a/key", {})
    sign_v4_header(signed)
    request = received(signed, NOW)
    value = request.headers[change]
    value = value[:-2] + ("0" if value[-2] != "0" else "1") + value[-1]
    with pytest.raises(AuthError) as caught:
        verify(identify(with_header(request, change, value)), SECRET_KEY)
    assert caught.value.code == "SignatureDoesNotMatch"


V2_TAMPERINGS: dict[str, Callable[[SignedRequest], SignedRequest]] = {
    "method": lambda r: replace(r, method="DELETE"),
    "path": lambda r: replace(r, raw_path=r.raw_path + b"x"),
    "sub-resource added": lambda r: replace(r, query_string=r.query_string + "&acl"),
    "sub-resource changed": lambda r: replace(r, query_string=r.query_string.replace("v1", "v2")),
    "content-type": lambda r: with_header(r, "content-type", "text/html"),
    "metadata": lambda r: with_header(r, "x-amz-meta-a", "2"),
    "metadata added": lambda r: with_header(r, "x-amz-meta-b", "1"),
    "bucket in the host": lambda r: replace(r, virtual_bucket="other"),
}


@pytest.mark.parametrize("kind", [CredentialKind.SIGV2_HEADER, CredentialKind.SIGV2_QUERY])
@pytest.mark.parametrize("change", V2_TAMPERINGS.values(), ids=V2_TAMPERINGS.keys())
def test_sigv2_notices(kind: CredentialKind, change: Callable) -> None:
    headers = {"x-amz-meta-a": "1", "content-type": "text/plain"}
    signed = aws_request("a/key", {"versionId": "v1"}, headers)
    SIGNERS[kind](signed)
    request = received(signed, NOW)
    verify(identify(request), SECRET_KEY)
    with pytest.raises(AuthError) as caught:
        verify(identify(change(request)), SECRET_KEY)
    assert caught.value.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize("kind", list(SIGNERS))
def test_another_secret_is_refused(kind: CredentialKind) -> None:
    signed = aws_request("a/key", {})
    SIGNERS[kind](signed)
    with pytest.raises(AuthError) as caught:
        verify(identify(received(signed, NOW)), SECRET_KEY[:-1])
    assert caught.value.code == "SignatureDoesNotMatch"
    assert SECRET_KEY[:-1] not in f"{caught.value} {caught.value.extra}"


@pytest.mark.parametrize("sign", [sign_v2_header, sign_v2_query])
def test_a_bucket_may_be_signed_with_a_slash_that_is_not_sent(sign: Signer) -> None:
    signed = AWSRequest("GET", f"{ENDPOINT}/bucket/", {}, b"")
    sign(signed)
    request = received(signed, NOW)
    verify(identify(replace(request, raw_path=b"/bucket")), SECRET_KEY)


def test_sigv2_signs_the_bucket_of_a_virtual_host() -> None:
    signed = AWSRequest("GET", f"{ENDPOINT}/key", {}, b"", auth_path="/bucket/key")
    sign_v2_header(signed)
    request = received(signed, NOW, virtual_bucket="bucket")
    verify(identify(request), SECRET_KEY)


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_our_signer_is_accepted(key: str, query: dict[str, str]) -> None:
    unsigned = aws_request(key, query)
    url = unsigned.prepare().url
    headers = sign_headers(
        method="GET",
        url=url,
        headers={"X-Amz-Meta-A": "1"},
        access_key=ACCESS_KEY,
        secret_key=SECRET_KEY,
        now=NOW,
    )
    verify(identify(received(AWSRequest("GET", url, headers, b""), NOW)), SECRET_KEY)

    presigned = presign(
        method="GET", url=url, access_key=ACCESS_KEY, secret_key=SECRET_KEY, now=NOW
    )
    verify(identify(received(AWSRequest("GET", presigned, {}, b""), NOW)), SECRET_KEY)
