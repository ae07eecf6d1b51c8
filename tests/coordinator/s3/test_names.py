"""Names: buckets, keys, and where they stand in a request."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.s3.errors import S3Error
from coordinator.s3.names import (
    Address,
    check_bucket_name,
    check_key,
    is_bucket_name,
    parse_copy_source,
    query_parameters,
    resolve,
)

PATHS = [
    (b"/", Address("", "")),
    (b"/bucket", Address("bucket", "")),
    (b"/bucket/", Address("bucket", "")),
    (b"/bucket/key", Address("bucket", "key")),
    (b"/bucket/a/b", Address("bucket", "a/b")),
    (b"/bucket//a", Address("bucket", "/a")),
    (b"/bucket/a//b", Address("bucket", "a//b")),
    (b"/bucket/a/", Address("bucket", "a/")),
    (b"/bucket/../x", Address("bucket", "../x")),
    (b"/bucket/a%2Fb", Address("bucket", "a/b")),
    (b"/bucket/a+b", Address("bucket", "a+b")),
    (b"/bucket/a%20b%2B", Address("bucket", "a b+")),
    (b"/bucket/back\\slash", Address("bucket", "back\\slash")),
    (b"/bucket/%00%01%7F", Address("bucket", "\x00\x01\x7f")),
    (b"/bucket/%F0%9F%A6%84", Address("bucket", "\U0001f984")),
    ("/bucket/\u00e4".encode(), Address("bucket", "\u00e4")),
    (b"/bucket/" + b"x" * 1024, Address("bucket", "x" * 1024)),
    (b"/bucket/" + b"%C3%A4" * 512, Address("bucket", "\u00e4" * 512)),
]


@pytest.mark.parametrize(("path", "address"), PATHS, ids=range(len(PATHS)))
def test_path_style(path: bytes, address: Address) -> None:
    assert resolve("localhost:9000", path) == address
    assert resolve("127.0.0.1:9000", path, ["s3.example.com"]) == address
    assert resolve("S3.example.com", path, ["s3.example.com"]) == address


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("bucket.s3.example.com", "bucket"),
        ("bucket.s3.example.com:9000", "bucket"),
        ("Bucket.S3.Example.com", "bucket"),
        ("a.dotted.bucket.s3.example.com", "a.dotted.bucket"),
        ("bucket.localhost:80", "bucket"),
        ("bucket.example.com", ""),
        ("xs3.example.com", ""),
        (".s3.example.com", ""),
        ("[::1]:9000", ""),
        ("[::1]", ""),
        ("", ""),
    ],
)
def test_virtual_host_style(host: str, bucket: str) -> None:
    domains = ["s3.example.com", "localhost"]
    if bucket:
        assert resolve(host, b"/a/b", domains) == Address(bucket, "a/b", True)
        assert resolve(host, b"/", domains) == Address(bucket, "", True)
        assert resolve(host, b"//a", domains) == Address(bucket, "/a", True)
    else:
        assert resolve(host, b"/a/b", domains) == Address("a", "b")


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (b"", "InvalidURI"),
        (b"*", "InvalidURI"),
        (b"/bucket/100%", "InvalidURI"),
        (b"/bucket/%zz", "InvalidURI"),
        (b"/bucket/%ff", "InvalidURI"),
        (b"/%c3%28/key", "InvalidURI"),
        (b"/bucket/%ED%A0%80", "InvalidURI"),
        (b"/bucket/" + b"x" * 1025, "KeyTooLongError"),
        (b"/bucket/" + b"%C3%A4" * 513, "KeyTooLongError"),
    ],
)
def test_bad_paths(path: bytes, code: str) -> None:
    with pytest.raises(S3Error, match=code):
        resolve("localhost", path)


@pytest.mark.parametrize(
    "name",
    ["abc", "a" * 63, "a-b.c", "1bucket", "bucket9", "a.b.c", "1.2.3", "a--b", "my.dotted-bucket"],
)
def test_good_bucket_names(name: str) -> None:
    assert is_bucket_name(name)
    check_bucket_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "", "a", "ab", "a" * 64, "Bucket", "a_b", "-abc", "abc-", ".abc", "abc.", "a..b", "a.-b",
        "a-.b", "192.168.5.4", "b\u00fccket", "a b", "a/b", "_api", "_health", "xn--abc",
        "sthree-abc", "abc-s3alias", "abc--ol-s3", "abc\n", "a%b",
    ],
)  # fmt: skip
def test_bad_bucket_names(name: str) -> None:
    with pytest.raises(S3Error, match="InvalidBucketName"):
        check_bucket_name(name)


@pytest.mark.parametrize("key", ["a", "x" * 1024, "\U0001f984" * 256, "\x00", "/", "../.."])
def test_good_keys(key: str) -> None:
    check_key(key)


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("", "InvalidArgument"),
        ("\ud800", "InvalidArgument"),
        ("x" * 1025, "KeyTooLongError"),
        ("\U0001f984" * 257, "KeyTooLongError"),
    ],
)
def test_bad_keys(key: str, code: str) -> None:
    with pytest.raises(S3Error, match=code):
        check_key(key)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {}),
        ("acl", {"acl": ""}),
        ("a=1&b=2&a=3", {"a": "1", "b": "2"}),
        ("&&a=1&", {"a": "1"}),
        ("prefix=a+b%2Bc%20d", {"prefix": "a b+c d"}),
        ("prefix=%C3%A4", {"prefix": "\u00e4"}),
        ("prefix=\xc3\xa4", {"prefix": "\u00e4"}),
        ("a=b=c", {"a": "b=c"}),
        ("a=%", {"a": "%"}),
    ],
)
def test_query_parameters(query: str, found: dict[str, str]) -> None:
    assert query_parameters(query) == found


@pytest.mark.parametrize("query", ["a=%ff", "%ff=a", "a=\xff", "a=%ED%A0%80"])
def test_bad_queries(query: str) -> None:
    with pytest.raises(S3Error, match="InvalidURI"):
        query_parameters(query)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("bucket/key", ("bucket", "key", None)),
        ("/bucket/key", ("bucket", "key", None)),
        ("/bucket//key", ("bucket", "/key", None)),
        ("bucket%2Fkey", ("bucket", "key", None)),
        ("bucket/a+b", ("bucket", "a+b", None)),
        ("bucket/a%20b%2B", ("bucket", "a b+", None)),
        ("bucket/\xc3\xa4", ("bucket", "\u00e4", None)),
        ("bucket/key?versionId=abc", ("bucket", "key", "abc")),
        ("bucket/key%3FversionId=abc", ("bucket", "key?versionId=abc", None)),
        ("bucket/a?b", ("bucket", "a?b", None)),
    ],
)
def test_copy_sources(value: str, found: tuple[str, str, str | None]) -> None:
    assert parse_copy_source(value) == found


@pytest.mark.parametrize(
    "value",
    ["", "/", "bucket", "bucket/", "/bucket/", "//key", "bucket/k?versionId=", "b/%ff", "b/%zz"],
)
def test_bad_copy_sources(value: str) -> None:
    with pytest.raises(S3Error, match="InvalidArgument"):
        parse_copy_source(value)


def test_a_copy_source_with_a_key_too_long() -> None:
    with pytest.raises(S3Error, match="KeyTooLongError"):
        parse_copy_source("bucket/" + "x" * 1025)


@given(st.binary(max_size=40), st.text(max_size=20), st.text(st.characters(max_codepoint=255)))
def test_nonsense_raises_our_error_only(path: bytes, host: str, text: str) -> None:
    for call in (
        lambda: resolve(host, b"/" + path, ["localhost"]),
        lambda: query_parameters(text),
        lambda: parse_copy_source(text),
        lambda: check_bucket_name(text),
        lambda: check_key(host),
    ):
        with suppress(S3Error):
            call()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("site.s3-website.localhost", Address("site", "a/b", True, True)),
        ("site.s3-website.localhost:9000", Address("site", "a/b", True, True)),
        ("a.b.s3-website.localhost", Address("a.b", "a/b", True, True)),
        ("s3-website.localhost", Address("s3-website", "a/b", True)),
        ("site.localhost", Address("site", "a/b", True)),
        ("localhost", Address("a", "b")),
    ],
)
def test_web_sites_have_a_domain_of_their_own(host: str, expected: Address) -> None:
    assert resolve(host, b"/a/b", ["localhost"], "s3-website.localhost") == expected


def test_a_sites_path_is_a_key_with_its_limits() -> None:
    assert resolve("s.web", b"/", (), "web") == Address("s", "", True, True)
    with pytest.raises(S3Error, match="KeyTooLongError"):
        resolve("s.web", b"/" + b"k" * 1025, (), "web")
