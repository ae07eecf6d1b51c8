"""What is refused before and without a secret, and how a body's treatment follows from headers."""

from contextlib import suppress
from itertools import permutations
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.auth.basic import matches, parse_basic
from coordinator.auth.credentials import CredentialKind, PayloadMode
from coordinator.auth.dates import format_amz_date, format_http_date
from coordinator.auth.errors import AuthError
from coordinator.auth.request import SignedRequest, parse_query
from coordinator.auth.signer import presign, sign_headers
from coordinator.auth.verify import identify, unknown_access_key, verify
from tests.coordinator.auth.requests import ACCESS_KEY, SECRET_KEY, request

NOW = 1_800_000_000.0
URL = "http://localhost:9000/bucket/key"
KEYS = {"access_key": ACCESS_KEY, "secret_key": SECRET_KEY}


def signed(
    *, now: float = NOW, payload_hash: str = "UNSIGNED-PAYLOAD", region: str = "us-east-1"
) -> dict[str, str]:
    return sign_headers(
        method="GET", url=URL, headers={}, now=now, payload_hash=payload_hash, region=region, **KEYS
    )


def code_of(headers: dict[str, str], url: str = URL, **options: str) -> str:
    with pytest.raises(AuthError) as caught:
        verify(identify(request("GET", url, headers, NOW)), SECRET_KEY, **options)
    assert SECRET_KEY not in str(caught.value)
    return caught.value.code


def without(headers: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in headers.items() if key != name}


GOOD = signed()["authorization"]
SCOPE = f"{ACCESS_KEY}/20270115/us-east-1/s3/aws4_request"

BAD_AUTHORIZATIONS = {
    "Bearer abc": "InvalidArgument",
    "Basic YTpi": "InvalidArgument",
    "AWS HAHAHA": "InvalidArgument",
    "AWS :sig": "InvalidArgument",
    "AWS key:": "InvalidArgument",
    "\x07": "InvalidArgument",
    "AWS4-HMAC-SHA256 ": "AuthorizationHeaderMalformed",
    "AWS4-HMAC-SHA256 a,b,c": "AuthorizationHeaderMalformed",
    GOOD.replace("Signature=", "Sig="): "AuthorizationHeaderMalformed",
    GOOD.replace("/aws4_request", ""): "AuthorizationHeaderMalformed",
    GOOD.replace("/s3/", "/ec2/"): "AuthorizationHeaderMalformed",
    GOOD.replace("/2027", "/2026"): "AuthorizationHeaderMalformed",
    GOOD.replace(ACCESS_KEY, ""): "AuthorizationHeaderMalformed",
    GOOD.replace(ACCESS_KEY, "\xe4"): "AuthorizationHeaderMalformed",
    GOOD + ",Signature=again": "SignatureDoesNotMatch",
    GOOD + ",More=": "AuthorizationHeaderMalformed",
    GOOD.replace("SignedHeaders=host;", "SignedHeaders="): "AccessDenied",
    GOOD.replace(";x-amz-date", ""): "AccessDenied",
    GOOD[:-1]: "SignatureDoesNotMatch",
    GOOD[:-1] + ("0" if GOOD[-1] != "0" else "1"): "SignatureDoesNotMatch",
}


@pytest.mark.parametrize(("authorization", "code"), BAD_AUTHORIZATIONS.items())
def test_bad_authorization(authorization: str, code: str) -> None:
    assert code_of({**signed(), "authorization": authorization}) == code


def test_spaces_after_commas_are_optional() -> None:
    assert ", " in GOOD
    headers = {**signed(), "authorization": GOOD.replace(", ", ",")}
    verify(identify(request("GET", URL, headers, NOW)), SECRET_KEY)


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_the_order_of_the_fields_is_free(order: tuple[int, ...]) -> None:
    fields = GOOD.removeprefix("AWS4-HMAC-SHA256 ").split(", ")
    authorization = "AWS4-HMAC-SHA256 " + ", ".join([fields[place] for place in order])
    headers = {**signed(), "authorization": authorization}
    parsed = identify(request("GET", URL, headers, NOW))
    assert verify(parsed, SECRET_KEY).access_key == ACCESS_KEY


@pytest.mark.parametrize("count", [1, 100])
def test_what_is_too_long_to_be_remembered_is_judged_the_same(count: int) -> None:
    more = {f"x-amz-meta-{number}": "value" for number in range(count)}
    url = f"{URL}?prefix={'%2F' * count * 10}"
    for _ in range(2):
        headers = sign_headers(method="GET", url=url, headers=more, now=NOW, **KEYS)
        verify(identify(request("GET", url, headers, NOW)), SECRET_KEY)
        assert code_of({**headers, "x-amz-meta-0": "changed"}, url) == "SignatureDoesNotMatch"
        assert code_of({**headers, "x-amz-meta-new": "value"}, url) == "AccessDenied"
        assert code_of(headers, f"{url}%2F") == "SignatureDoesNotMatch"


def test_one_secret_is_never_taken_for_another() -> None:
    for secret in (SECRET_KEY, f"{SECRET_KEY}x", SECRET_KEY):
        headers = sign_headers(
            method="GET", url=URL, headers={}, now=NOW, access_key=ACCESS_KEY, secret_key=secret
        )
        parsed = identify(request("GET", URL, headers, NOW))
        verify(parsed, secret)
        with pytest.raises(AuthError, match="SignatureDoesNotMatch"):
            verify(parsed, f"{secret}y")


@pytest.mark.parametrize(
    ("date", "code"),
    [
        ("", "AccessDenied"),
        ("Bad Date", "AccessDenied"),
        ("Tue, 07 Jul 1950 21:53:04 GMT", "AccessDenied"),
        ("Tue, 07 Jul 2010 21:53:04 GMT", "RequestTimeTooSkewed"),
        ("Tue, 07 Jul 9999 21:53:04 GMT", "RequestTimeTooSkewed"),
        (format_amz_date(int(NOW) - 901), "RequestTimeTooSkewed"),
        (format_amz_date(int(NOW) + 901), "RequestTimeTooSkewed"),
        ("20270115T080000", "AccessDenied"),
        ("20271315T080000Z", "AccessDenied"),
    ],
)
@pytest.mark.parametrize("authorization", [GOOD, f"AWS {ACCESS_KEY}:c2lnbmF0dXJl"])
def test_bad_dates(date: str, code: str, authorization: str) -> None:
    headers = {**signed(), "x-amz-date": date, "authorization": authorization}
    assert code_of(headers) == code


@pytest.mark.parametrize("skew_s", [-900, 900])
def test_clocks_may_differ_by_a_quarter_of_an_hour(skew_s: int) -> None:
    headers = signed(now=NOW + skew_s)
    verify(identify(request("GET", URL, headers, NOW)), SECRET_KEY)


def test_the_date_header_serves_where_x_amz_date_is_missing() -> None:
    headers = without(signed(), "x-amz-date") | {"date": format_http_date(int(NOW))}
    headers["authorization"] = GOOD.replace(";x-amz-date", "")
    assert code_of(headers) == "SignatureDoesNotMatch"  # the signature was made with x-amz-date


def test_every_amz_header_must_be_signed() -> None:
    headers = {**signed(), "x-amz-acl": "public-read"}
    with pytest.raises(AuthError) as caught:
        identify(request("GET", URL, headers, NOW))
    assert caught.value.code == "AccessDenied"
    assert caught.value.extra == {"HeadersNotSigned": "x-amz-acl"}


def test_the_payload_hash_is_required() -> None:
    headers = without(signed(), "x-amz-content-sha256")
    assert code_of(headers) == "InvalidRequest"


@pytest.mark.parametrize("payload_hash", ["", "abc", "g" * 64, "STREAMING-NEW-THING"])
def test_payload_hashes_that_mean_nothing(payload_hash: str) -> None:
    assert code_of(signed(payload_hash=payload_hash)) == "InvalidArgument"


@pytest.mark.parametrize("mode", [mode for mode in PayloadMode if mode is not PayloadMode.LITERAL])
def test_payload_modes(mode: PayloadMode) -> None:
    found = verify(identify(request("GET", URL, signed(payload_hash=mode.value), NOW)), SECRET_KEY)
    assert found.payload is mode
    assert (found.chunk_seed is not None) == ("HMAC" in mode.value)
    assert mode.is_streaming == mode.value.startswith("STREAMING")


def test_a_literal_payload_hash_comes_in_lower_case() -> None:
    found = verify(identify(request("GET", URL, signed(payload_hash="AB" * 32), NOW)), SECRET_KEY)
    assert (found.payload, found.payload_sha256) == (PayloadMode.LITERAL, "ab" * 32)


def test_regions() -> None:
    headers = signed(region="eu-north-1")
    parsed = identify(request("GET", URL, headers, NOW))
    verify(parsed, SECRET_KEY)
    verify(parsed, SECRET_KEY, region="eu-north-1")
    with pytest.raises(AuthError) as caught:
        verify(parsed, SECRET_KEY, region="eu-south-2")
    assert caught.value.code == "AuthorizationHeaderMalformed"
    assert caught.value.extra == {"Region": "eu-south-2"}
    verify(identify(request("GET", URL, signed(), NOW)), SECRET_KEY, region="eu-south-2")


def presigned(expires_s: int = 600, now: float = NOW) -> str:
    return presign(method="GET", url=URL, expires_s=expires_s, now=now, **KEYS)


def changed(url: str, name: str, value: str | None) -> str:
    path, query = url.split("?")
    pairs = [
        (key, old if key != name else value)
        for key, old in parse_query(query)
        if key != name or value is not None
    ]
    return f"{path}?{urlencode(pairs, quote_via=quote)}"


BAD_QUERIES = [
    ("X-Amz-Algorithm", None, "AuthorizationQueryParametersError"),
    ("X-Amz-Algorithm", "AWS4-ECDSA-P256-SHA256", "AuthorizationQueryParametersError"),
    ("X-Amz-Credential", None, "AuthorizationQueryParametersError"),
    ("X-Amz-Credential", "a/b", "AuthorizationQueryParametersError"),
    ("X-Amz-Credential", SCOPE.replace("s3", "iam"), "AuthorizationQueryParametersError"),
    ("X-Amz-Credential", SCOPE.replace("2027", "2026"), "AuthorizationQueryParametersError"),
    ("X-Amz-Credential", "\u00e4" + SCOPE, "AuthorizationQueryParametersError"),
    ("X-Amz-Date", None, "AuthorizationQueryParametersError"),
    ("X-Amz-Date", "Fri, 15 Jan 2027 08:00:00 GMT", "AuthorizationQueryParametersError"),
    ("X-Amz-Expires", None, "AuthorizationQueryParametersError"),
    ("X-Amz-Expires", "soon", "AuthorizationQueryParametersError"),
    ("X-Amz-Expires", "9" * 5000, "AuthorizationQueryParametersError"),
    ("X-Amz-Expires", "0", "AccessDenied"),
    ("X-Amz-Expires", "-7", "AccessDenied"),
    ("X-Amz-Expires", "604801", "AccessDenied"),
    ("X-Amz-Expires", "601", "SignatureDoesNotMatch"),
    ("X-Amz-SignedHeaders", None, "AuthorizationQueryParametersError"),
    ("X-Amz-SignedHeaders", "range", "AccessDenied"),
    ("X-Amz-Signature", None, "AuthorizationQueryParametersError"),
    ("X-Amz-Signature", "0" * 64, "SignatureDoesNotMatch"),
    ("X-Amz-Signature", "\u00e4\ud800".encode("utf-8", "replace").decode(), "Authorization"),
]


@pytest.mark.parametrize(("name", "value", "code"), BAD_QUERIES)
def test_bad_presigned_urls(name: str, value: str | None, code: str) -> None:
    assert code_of({}, changed(presigned(), name, value)).startswith(code)


def test_presigned_urls_are_good_for_their_time_only() -> None:
    url = presigned(expires_s=604_800, now=NOW - 604_799)
    verify(identify(request("GET", url, {}, NOW)), SECRET_KEY)
    assert code_of({}, presigned(expires_s=600, now=NOW - 600)) == "AccessDenied"
    assert code_of({}, presigned(now=NOW + 1000)) == "AccessDenied"


def test_a_presigned_url_covers_no_further_amz_header() -> None:
    assert code_of({"x-amz-acl": "public-read"}, presigned()) == "AccessDenied"
    headers = {"x-amz-content-sha256": "UNSIGNED-PAYLOAD", "content-type": "text/plain"}
    verify(identify(request("GET", presigned(), headers, NOW)), SECRET_KEY)


def test_a_presigned_body_may_be_framed() -> None:
    headers = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
    found = verify(identify(request("GET", presigned(), headers, NOW)), SECRET_KEY)
    assert found.payload is PayloadMode.STREAMING_UNSIGNED_TRAILER


def test_one_signature_is_enough() -> None:
    escaped = f"{URL}?X%2DAmz%2DSignature=a&x-amz-acl=private"
    assert code_of({**signed(), "authorization": f"AWS {ACCESS_KEY}:x"}, escaped) == (
        "InvalidArgument"
    )
    assert code_of(signed(), presigned()) == "InvalidArgument"


V2_URL = f"{URL}?AWSAccessKeyId={ACCESS_KEY}&Expires=1800000600&Signature=c2lnbmF0dXJl"


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [
        ("Expires", None, "AccessDenied"),
        ("Expires", "soon", "AccessDenied"),
        ("Expires", "1800000000", "AccessDenied"),
        ("Expires", "1" * 5000, "AccessDenied"),
        ("Signature", None, "AccessDenied"),
        ("Signature", "", "AccessDenied"),
        ("Signature", "\u00e4", "SignatureDoesNotMatch"),
        ("AWSAccessKeyId", "", "AccessDenied"),
        ("AWSAccessKeyId", "\u00e4", "AccessDenied"),
    ],
)
def test_bad_sigv2_urls(name: str, value: str | None, code: str) -> None:
    assert code_of({}, changed(V2_URL, name, value)) == code


def test_anonymous() -> None:
    for headers in ({}, {"authorization": ""}):
        parsed = identify(request("GET", URL + "?list-type=2", headers, NOW))
        assert (parsed.kind, parsed.access_key) == (CredentialKind.ANONYMOUS, "")
        assert verify(parsed, None).payload is PayloadMode.UNSIGNED


def test_anonymous_senders_may_frame_but_not_sign_chunks() -> None:
    framed = {"x-amz-content-sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
    found = verify(identify(request("PUT", URL, framed, NOW)), None)
    assert found.payload is PayloadMode.STREAMING_UNSIGNED_TRAILER
    with pytest.raises(AuthError, match="InvalidRequest"):
        verify(
            identify(
                request(
                    "PUT", URL, {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}, NOW
                )
            ),
            None,
        )


def test_secrets_and_signatures_stay_out_of_reprs() -> None:
    headers = signed(payload_hash="STREAMING-AWS4-HMAC-SHA256-PAYLOAD")
    parsed = identify(request("GET", URL, headers, NOW))
    found = verify(parsed, SECRET_KEY)
    shown = f"{parsed!r} {found!r} {unknown_access_key(parsed)!r}"
    assert SECRET_KEY not in shown
    assert parsed.signature not in shown
    assert found.chunk_seed is not None
    assert repr(found.chunk_seed.signing_key) not in shown


def test_an_unknown_access_key_has_its_own_error() -> None:
    parsed = identify(request("GET", URL, signed(), NOW))
    assert unknown_access_key(parsed).code == "InvalidAccessKeyId"


bytes_as_text = st.binary(max_size=60).map(lambda raw: raw.decode("latin-1"))
pieces = st.lists(
    st.sampled_from(
        [
            "AWS4-HMAC-SHA256 ", "AWS ", "Credential=", "SignedHeaders=", "Signature=", ",", ";",
            "host", SCOPE, "X-Amz-Algorithm=AWS4-HMAC-SHA256", "&", "AWSAccessKeyId=a", "=", "%",
            "X-Amz-Credential=", "X-Amz-Date=20270115T080000Z", "X-Amz-Expires=600", "Expires=",
            "X-Amz-SignedHeaders=", "X-Amz-Signature=", "Signature=", "1800000600", "%ff", "+",
        ]
    )
    | bytes_as_text,
    max_size=12,
).map("".join)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    path=st.binary(max_size=20),
    query=pieces,
    authorization=pieces,
    date=st.sampled_from(["20270115T080000Z", "Fri, 15 Jan 2027 08:00:00 GMT"]) | bytes_as_text,
    payload_hash=st.sampled_from(["UNSIGNED-PAYLOAD", "a" * 64]) | bytes_as_text,
)
def test_nonsense_raises_our_error_only(
    path: bytes, query: str, authorization: str, date: str, payload_hash: str
) -> None:
    with suppress(AuthError):
        parse_basic(f"Basic {authorization}")
    headers = {
        "host": "localhost",
        "authorization": authorization,
        "x-amz-date": date,
        "x-amz-content-sha256": payload_hash,
    }
    for given_headers in (headers, {"host": "localhost", "x-amz-meta-\xff": authorization}):
        try:
            parsed = identify(SignedRequest("GET", path, query, given_headers, NOW))
            verify(parsed, None if parsed.kind is CredentialKind.ANONYMOUS else SECRET_KEY)
        except AuthError:
            pass


@pytest.mark.parametrize(
    ("authorization", "found"),
    [
        ("Basic YTpi", ("a", "b")),
        ("basic  YTpi ", ("a", "b")),
        ("Basic YTpiOmM=", ("a", "b:c")),
        ("Basic w6Q6w7w=", ("\u00e4", "\u00fc")),
        ("Bearer YTpi", None),
        ("", None),
    ],
)
def test_basic(authorization: str, found: tuple[str, str] | None) -> None:
    assert parse_basic(authorization) == found


@pytest.mark.parametrize("authorization", ["Basic", "Basic ???", "Basic YWI=", "Basic /w=="])
def test_malformed_basic(authorization: str) -> None:
    with pytest.raises(AuthError, match="InvalidRequest"):
        parse_basic(authorization)


def test_matches() -> None:
    assert matches("\u00e4b", "\u00e4b")
    assert not matches("a", "b")
    assert not matches("", "b")
