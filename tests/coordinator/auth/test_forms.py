"""Signatures of forms: the published example, and whatever else fields may hold."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.auth.credentials import CredentialKind, PayloadMode
from coordinator.auth.errors import AuthError
from coordinator.auth.forms import SIGV2_FIELDS, SIGV4_FIELDS, identify_form, verify_form

SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
EXAMPLE = {
    "x-amz-algorithm": "AWS4-HMAC-SHA256",
    "x-amz-credential": "AKIAIOSFODNN7EXAMPLE/20151229/us-east-1/s3/aws4_request",
    "x-amz-date": "20151229T000000Z",
    "x-amz-signature": "8afdbf4008c03f22c2cd3cdb72e4afbb1f6a588f3255ac628749a66d7f09699e",
    "policy": (
        "eyAiZXhwaXJhdGlvbiI6ICIyMDE1LTEyLTMwVDEyOjAwOjAwLjAwMFoiLA0KICAiY29uZGl0aW9ucyI6IFsNCiAg"
        "ICB7ImJ1Y2tldCI6ICJzaWd2NGV4YW1wbGVidWNrZXQifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRrZXkiLCAi"
        "dXNlci91c2VyMS8iXSwNCiAgICB7ImFjbCI6ICJwdWJsaWMtcmVhZCJ9LA0KICAgIHsic3VjY2Vzc19hY3Rpb25f"
        "cmVkaXJlY3QiOiAiaHR0cDovL3NpZ3Y0ZXhhbXBsZWJ1Y2tldC5zMy5hbWF6b25hd3MuY29tL3N1Y2Nlc3NmdWxf"
        "dXBsb2FkLmh0bWwifSwNCiAgICBbInN0YXJ0cy13aXRoIiwgIiRDb250ZW50LVR5cGUiLCAiaW1hZ2UvIl0sDQog"
        "ICAgeyJ4LWFtei1tZXRhLXV1aWQiOiAiMTQzNjUxMjM2NTEyNzQifSwNCiAgICB7IngtYW16LXNlcnZlci1zaWRl"
        "LWVuY3J5cHRpb24iOiAiQUVTMjU2In0sDQogICAgWyJzdGFydHMtd2l0aCIsICIkeC1hbXotbWV0YS10YWciLCAi"
        "Il0sDQoNCiAgICB7IngtYW16LWNyZWRlbnRpYWwiOiAiQUtJQUlPU0ZPRE5ON0VYQU1QTEUvMjAxNTEyMjkvdXMt"
        "ZWFzdC0xL3MzL2F3czRfcmVxdWVzdCJ9LA0KICAgIHsieC1hbXotYWxnb3JpdGhtIjogIkFXUzQtSE1BQy1TSEEy"
        "NTYifSwNCiAgICB7IngtYW16LWRhdGUiOiAiMjAxNTEyMjlUMDAwMDAwWiIgfQ0KICBdDQp9"
    ),
}


def test_the_published_example() -> None:
    parsed = identify_form(EXAMPLE)
    assert (parsed.kind, parsed.access_key) == (CredentialKind.SIGV4_POST, "AKIAIOSFODNN7EXAMPLE")
    verified = verify_form(parsed, SECRET, region="us-east-1")
    assert verified.payload is PayloadMode.UNSIGNED
    with pytest.raises(AuthError, match="signature we calculated"):
        verify_form(parsed, SECRET.lower())


def test_another_region() -> None:
    fields = EXAMPLE | {"x-amz-credential": "A/20151229/mars-1/s3/aws4_request"}
    with pytest.raises(AuthError, match="mars-1"):
        verify_form(identify_form(fields), SECRET, region="eu-west-1")
    assert verify_form(identify_form(EXAMPLE), SECRET, region="eu-west-1").access_key


def test_secrets_and_signatures_stay_out_of_texts() -> None:
    parsed = identify_form(EXAMPLE | {"x-amz-security-token": "a token"})
    assert parsed.session_token == "a token"
    shown = repr(parsed)
    assert "token'" not in shown
    assert EXAMPLE["x-amz-signature"] not in shown


_NAMES = st.sampled_from([*SIGV2_FIELDS, *SIGV4_FIELDS, "policy", "x-amz-security-token", "key"])
_VALUES = st.one_of(st.text(max_size=10), st.sampled_from(list(EXAMPLE.values())))


@given(st.dictionaries(_NAMES, _VALUES), st.sampled_from([None, "us-east-1"]))
def test_any_fields(fields: dict[str, str], region: str | None) -> None:
    with suppress(AuthError):
        parsed = identify_form(fields)
        if parsed.kind is not CredentialKind.ANONYMOUS:
            verify_form(parsed, SECRET, region=region)
