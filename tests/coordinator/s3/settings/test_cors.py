"""CORS rules: their document, and which of them fits."""

import pytest

from coordinator.s3.errors import S3Error
from coordinator.s3.settings.cors import CorsRule, find_rule, parse_cors, render_cors


def cors(*rules: str) -> bytes:
    content = "".join(f"<CORSRule>{rule}</CORSRule>" for rule in rules)
    return f"<CORSConfiguration>{content}</CORSConfiguration>".encode()


ONE = "<AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin>"


def test_a_whole_rule_comes_back() -> None:
    rules = parse_cors(
        cors(
            "<ID>one</ID><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod>"
            "<AllowedOrigin>https://*.example.com</AllowedOrigin><AllowedHeader>x-*</AllowedHeader>"
            "<MaxAgeSeconds>3000</MaxAgeSeconds><ExposeHeader>ETag</ExposeHeader>"
        )
    )
    assert rules == (
        CorsRule(("GET", "PUT"), ("https://*.example.com",), ("x-*",), ("ETag",), 3000, "one"),
    )
    assert parse_cors(render_cors(rules)) == rules


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (cors(), "MalformedXML"),
        (cors("<AllowedMethod>GET</AllowedMethod>"), "MalformedXML"),
        (cors("<AllowedOrigin>*</AllowedOrigin>"), "MalformedXML"),
        (cors(ONE + "<Surprise/>"), "MalformedXML"),
        (cors(ONE + "<MaxAgeSeconds>soon</MaxAgeSeconds>"), "MalformedXML"),
        (cors(ONE + "<MaxAgeSeconds>-1</MaxAgeSeconds>"), "InvalidArgument"),
        (cors(ONE + f"<ID>{'x' * 256}</ID>"), "MalformedXML"),
        (cors(*[ONE] * 101), "MalformedXML"),
        (cors(ONE.replace("GET", "PATCH")), "InvalidRequest"),
        (cors(ONE.replace(">*<", ">*.*<")), "InvalidRequest"),
        (cors(ONE + "<AllowedHeader>*x*</AllowedHeader>"), "InvalidRequest"),
        (cors(ONE + "<ExposeHeader>x-*</ExposeHeader>"), "InvalidRequest"),
        (cors(ONE + "<ExposeHeader>a\nb</ExposeHeader>"), "InvalidRequest"),
    ],
)
def test_documents_that_are_refused(body: bytes, code: str) -> None:
    with pytest.raises(S3Error) as refused:
        parse_cors(body)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("pattern", "origin", "allowed"),
    [
        ("*", "anything", "*"),
        ("*suffix", "foo.suffix", "foo.suffix"),
        ("*suffix", "foo.suffix.get", ""),
        ("start*end", "startend", "startend"),
        ("start*end", "start1end", "start1end"),
        ("start*end", "startnd", ""),
        ("ab*ba", "aba", ""),
        ("prefix*", "prefix", "prefix"),
        ("prefix*", "a.prefix", ""),
        ("http://a", "http://a", "http://a"),
        ("http://a", "http://A", ""),
    ],
)
def test_origins(pattern: str, origin: str, allowed: str) -> None:
    assert CorsRule(("GET",), (pattern,)).origin_for(origin) == allowed


def test_the_first_rule_that_fits_counts() -> None:
    rules = (
        CorsRule(("GET",), ("http://a",), rule_id="one"),
        CorsRule(("GET", "PUT"), ("http://a",), ("x-amz-*", "Content-Type"), rule_id="two"),
    )
    found = find_rule(rules, "http://a", "GET")
    assert found is not None
    assert found.rule_id == "one"
    wanted = find_rule(rules, "http://a", "GET", ["X-Amz-Meta-A", "content-type"])
    assert wanted is not None
    assert wanted.rule_id == "two"
    assert find_rule(rules, "http://a", "GET", ["authorization"]) is None
    assert find_rule(rules, "http://a", "DELETE") is None
    assert find_rule(rules, "http://b", "GET") is None
