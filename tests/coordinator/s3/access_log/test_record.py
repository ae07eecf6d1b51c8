"""A line of the access log: 26 fields, whatever a client sends."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.auth.credentials import CredentialKind
from coordinator.s3.access_log.record import Entry, line, operation_name

FIELDS = re.compile(r'\[[^\]]*\]|"[^"]*"|\S+')


def test_a_line_as_documented() -> None:
    entry = Entry(
        bucket_owner="alice",
        bucket="photos",
        at_ms=1_800_000_000_999,
        operation="REST.PUT.OBJECT",
        request_id="ID1",
        status=200,
        method="PUT",
        target="/photos/a%20b?x=y",
        key="a b",
        remote_ip="127.0.0.1",
        requester="bob",
        sent_bytes=None,
        object_size=12,
        total_ms=7,
        turn_around_ms=6,
        user_agent='Boto3/1.0 "quoted"',
        version_id="v1",
        credential=CredentialKind.SIGV4_QUERY,
        host="localhost:9000",
        acl_required=True,
    )
    assert line(entry) == (
        "alice photos [15/Jan/2027:08:00:00 +0000] 127.0.0.1 bob ID1 REST.PUT.OBJECT a%20b"
        ' "PUT /photos/a%20b?x=y HTTP/1.1" 200 - - 12 7 6 "-" "Boto3/1.0 %22quoted%22" v1 ID1'
        " SigV4 - QueryString localhost:9000 - - Yes"
    )


texts = st.text(max_size=12)


@given(texts, texts, texts, texts, texts)
def test_nothing_breaks_a_line_apart(
    key: str, target: str, agent: str, host: str, version_id: str
) -> None:
    entry = Entry(
        "a", "b", 0, "REST.GET.OBJECT", "I", 404, "GET", "/" + target,
        key=key, user_agent=agent, host=host, version_id=version_id,
    )  # fmt: skip
    text = line(entry)
    assert text.isascii()
    assert text.isprintable()
    assert len(FIELDS.findall(text)) == 26


@pytest.mark.parametrize(
    ("kind", "signature", "authentication"),
    [
        (CredentialKind.ANONYMOUS, "-", "-"),
        (CredentialKind.SIGV2_HEADER, "SigV2", "AuthHeader"),
        (CredentialKind.SIGV2_QUERY, "SigV2", "QueryString"),
        (CredentialKind.SIGV4_HEADER, "SigV4", "AuthHeader"),
    ],
)
def test_how_a_request_was_signed(
    kind: CredentialKind, signature: str, authentication: str
) -> None:
    entry = Entry("a", "b", 0, "O", "I", 200, "GET", "/", credential=kind)
    fields = FIELDS.findall(line(entry))
    assert (fields[19], fields[21]) == (signature, authentication)


@pytest.mark.parametrize(
    ("method", "has_key", "params", "name"),
    [
        ("GET", True, {}, "REST.GET.OBJECT"),
        ("GET", True, {"versionId": "x"}, "REST.GET.OBJECT"),
        ("HEAD", False, {}, "REST.HEAD.BUCKET"),
        ("GET", False, {"list-type": "2"}, "REST.GET.BUCKET"),
        ("PUT", True, {"uploadId": "u", "partNumber": "1"}, "REST.PUT.PART"),
        ("POST", True, {"uploads": ""}, "REST.POST.UPLOADS"),
        ("POST", True, {"uploadId": "u"}, "REST.POST.UPLOAD"),
        ("POST", False, {"delete": ""}, "REST.POST.DELETE_MULTI_OBJECT"),
        ("PUT", False, {"policy": ""}, "REST.PUT.BUCKETPOLICY"),
        ("OPTIONS", True, {}, "REST.OPTIONS.PREFLIGHT"),
    ],
)
def test_operations(method: str, has_key: bool, params: dict[str, str], name: str) -> None:
    assert operation_name(method, has_key, params) == name
