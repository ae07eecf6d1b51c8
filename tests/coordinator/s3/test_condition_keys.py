"""What requests say to conditions."""

from collections.abc import Mapping
from typing import Any

import pytest

from coordinator.auth.credentials import Authentication, CredentialKind, PayloadMode
from coordinator.auth.request import SignedRequest
from coordinator.s3.condition_keys import RequestContext
from coordinator.s3.exchange import Request
from metadata import Bucket, Version

NOW_S = 1_800_000_000.5
BUCKET = Bucket(1, "bucket", "alice", 0)
VERSION = Version("0" * 32, "key", 0, "", 0, "alice", tags={"Team": "red"})


async def _receive() -> Any:
    raise AssertionError("no body is read to decide about access")


def request(
    headers: Mapping[str, str] | None = None,
    params: Mapping[str, str] | None = None,
    kind: CredentialKind = CredentialKind.SIGV4_HEADER,
) -> Request:
    signed = SignedRequest("GET", b"/bucket/key", "", headers or {}, NOW_S, "")
    return Request(
        "GET",
        "bucket",
        "key",
        params or {},
        headers or {},
        signed,
        "id",
        _receive,
        authentication=Authentication(kind, "KEY", PayloadMode.UNSIGNED),
        peer="10.1.2.3",
    )


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("aws:sourceip", "10.1.2.3"),
        ("aws:securetransport", "false"),
        ("aws:currenttime", "2027-01-15T08:00:00Z"),
        ("aws:epochtime", "1800000000"),
        ("aws:referer", "http://example.com/"),
        ("aws:useragent", "test"),
        ("aws:resourceaccount", "alice"),
        ("aws:viaawsservice", "false"),
        ("s3:authtype", "REST-HEADER"),
        ("s3:signatureversion", "AWS4-HMAC-SHA256"),
        ("s3:signatureage", "1500"),
        ("s3:prefix", "a/"),
        ("s3:delimiter", "/"),
        ("s3:max-keys", "10"),
        ("s3:versionid", "null"),
        ("s3:x-amz-acl", "public-read"),
        ("s3:x-amz-copy-source", "other/a b"),
        ("s3:x-amz-server-side-encryption", "AES256"),
        ("s3:object-lock-mode", "GOVERNANCE"),
        ("s3:existingobjecttag/Team", "red"),
        ("s3:existingobjecttag/team", None),
        ("s3:requestobjecttag/color", "blue"),
        ("s3:x-amz-grant-read", None),
        ("aws:principalorgid", None),
        ("aws:multifactorauthpresent", None),
        ("s3:unheard-of", None),
        ("aws:sourceip/x", None),
    ],
)
def test_keys(key: str, expected: str | None) -> None:
    headers = {
        "referer": "http://example.com/",
        "user-agent": "test",
        "x-amz-date": "20270115T075959Z",
        "x-amz-acl": "public-read",
        "x-amz-copy-source": "/other/a%20b?versionId=null",
        "x-amz-server-side-encryption": "AES256",
        "x-amz-object-lock-mode": "GOVERNANCE",
        "x-amz-tagging": "color=blue&size=",
        "x-forwarded-for": "1.2.3.4",
    }
    params = {"prefix": "a/", "delimiter": "/", "max-keys": "10", "versionId": "null"}
    found = RequestContext(request(headers, params), BUCKET, VERSION).values(key)
    assert found == (None if expected is None else (expected,))


def test_tags_of_the_request() -> None:
    asked = request({"x-amz-tagging": "a=1&b=2"})
    assert RequestContext(asked).values("s3:requestobjecttagkeys") == ["a", "b"]
    asked.tags = {"c": "3"}
    assert RequestContext(asked).values("s3:requestobjecttagkeys") == ["c"]
    assert RequestContext(asked).values("s3:requestobjecttag/c") == ("3",)
    assert RequestContext(request()).values("s3:requestobjecttagkeys") is None


def test_a_presigned_url_carries_headers_in_its_query() -> None:
    params = {"X-Amz-Signature": "x", "X-Amz-Date": "20270115T075000Z", "x-amz-acl": "private"}
    context = RequestContext(request(params=params, kind=CredentialKind.SIGV4_QUERY))
    assert context.values("s3:x-amz-acl") == ("private",)
    assert context.values("s3:authtype") == ("REST-QUERY-STRING",)
    assert context.values("s3:signatureage") == ("600500",)


@pytest.mark.parametrize(
    ("kind", "authentication_type", "version"),
    [
        (CredentialKind.ANONYMOUS, None, None),
        (CredentialKind.SIGV2_QUERY, "REST-QUERY-STRING", "AWS"),
        (CredentialKind.SIGV4_POST, "POST", "AWS4-HMAC-SHA256"),
    ],
)
def test_kinds_of_signatures(
    kind: CredentialKind, authentication_type: str | None, version: str | None
) -> None:
    context = RequestContext(request(kind=kind))
    found = [context.values(key) for key in ("s3:authtype", "s3:signatureversion")]
    assert found == [None if text is None else (text,) for text in (authentication_type, version)]


def test_what_is_given_counts_first() -> None:
    context = RequestContext(request(params={"prefix": "a"}), more={"s3:prefix": ("b",)})
    assert context.values("s3:prefix") == ("b",)
