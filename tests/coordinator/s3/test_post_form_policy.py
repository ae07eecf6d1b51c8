"""The policies of browser uploads: read, judged, refused."""

import base64
import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.s3.errors import S3Error
from coordinator.s3.post_form_policy import PostPolicy, SizeLimits, parse_policy

NOW_MS = 1_700_000_000_000
SOON = "2023-11-14T23:13:20.000Z"
BUCKET = {"bucket": "photos"}


def encode(document: Any) -> str:
    return base64.b64encode(json.dumps(document).encode()).decode()


def policy(*conditions: Any, expiration: str = SOON) -> PostPolicy:
    return parse_policy(encode({"expiration": expiration, "conditions": list(conditions)}))


def refusal(found: PostPolicy, fields: dict[str, str], bucket: str = "photos") -> str:
    with pytest.raises(S3Error) as caught:
        found.check(fields, bucket, NOW_MS)
    assert caught.value.code == "AccessDenied"
    return caught.value.message


def test_a_form_that_keeps_to_its_policy() -> None:
    found = policy(
        BUCKET,
        ["starts-with", "$key", "user/eric/"],
        {"acl": "public-read"},
        ["eq", "$success_action_redirect", "http://example.com/"],
        ["starts-with", "$Content-Type", "image/"],
        ["starts-with", "$x-amz-meta-tag", ""],
        ["content-length-range", 10, 1024],
    )
    fields = {
        "key": "user/eric/a.png",
        "acl": "public-read",
        "success_action_redirect": "http://example.com/",
        "content-type": "image/png",
        "policy": "...",
        "awsaccesskeyid": "A",
        "signature": "...",
        "x-amz-signature": "...",
        "x-ignore-this": "1",
        "x-amz-checksum-sha256": "...",
    }
    found.check(fields, "photos", NOW_MS)
    assert found.sizes == SizeLimits(10, 1024)
    assert "$key" in refusal(found, {**fields, "key": "user/erica"})
    assert "$acl" in refusal(found, {**fields, "acl": "private"})
    assert "$content-type" in refusal(found, {**fields, "content-type": "text/html"})
    assert "$bucket" in refusal(found, fields, "others")
    assert "x-amz-meta-more" in refusal(found, {**fields, "x-amz-meta-more": "1"})
    del fields["success_action_redirect"]
    assert "$success_action_redirect" in refusal(found, fields)


def test_names_are_case_insensitive_and_values_are_not() -> None:
    found = policy({"bUcKeT": "photos"}, ["StArTs-WiTh", "$KeY", "a"], {"AcL": "private"})
    found.check({"key": "ab", "acl": "private"}, "photos", NOW_MS)
    refusal(found, {"key": "ab", "acl": "Private"})
    refusal(found, {"key": "Ab", "acl": "private"})


def test_the_bucket_must_be_named() -> None:
    assert "bucket" in refusal(policy({"key": "k"}), {"key": "k"})


def test_a_list_of_types_is_judged_one_by_one() -> None:
    found = policy(BUCKET, ["starts-with", "$Content-Type", "image/"])
    found.check({"content-type": "image/png, image/gif"}, "photos", NOW_MS)
    refusal(found, {"content-type": "image/png,text/html"})


def test_escaped_values_are_taken_as_they_are() -> None:
    policy(BUCKET, ["starts-with", "$key", r"\$foo"]).check({"key": r"\$foo.x"}, "photos", NOW_MS)


@pytest.mark.parametrize(
    "expiration", ["2023-11-14T22:13:20Z", "1970-01-01T00:00:00Z", "2023-11-14T23:13:20+01:00"]
)
def test_expired(expiration: str) -> None:
    assert "expired" in refusal(policy(BUCKET, expiration=expiration), {})


def test_several_ranges_all_count() -> None:
    found = policy(["content-length-range", 0, 10], ["Content-Length-Range", "5", "100"])
    assert found.sizes == SizeLimits(5, 10)


@pytest.mark.parametrize(
    "document",
    [
        [],
        "text",
        None,
        {},
        {"expiration": SOON},
        {"conditions": []},
        {"EXPIRATION": SOON, "conditions": []},
        {"expiration": SOON, "CONDITIONS": []},
        {"expiration": "2026-11-21 17:00:00.123+00:00", "conditions": []},
        {"expiration": 1_700_000_000, "conditions": []},
        {"expiration": SOON, "conditions": {}},
        *(
            {"expiration": SOON, "conditions": [condition]}
            for condition in [
                {},
                {"a": "b", "c": "d"},
                {"a": 1},
                [],
                "text",
                7,
                None,
                ["eq"],
                ["eq", "$key"],
                ["eq", "key", "value"],
                ["eq", "$key", 1],
                ["eq", "$key", "value", "more"],
                ["ends-with", "$key", "value"],
                [["eq"], "$key", "value"],
                ["content-length-range"],
                ["content-length-range", 0],
                ["content-length-range", -1, 0],
                ["content-length-range", 0, 1.5],
                ["content-length-range", True, 1],
                ["content-length-range", 0, "1" * 40],
                ["content-length-range", "²", 1],
            ]
        ),
    ],
)
def test_documents_that_are_none(document: Any) -> None:
    with pytest.raises(S3Error, match="InvalidPolicyDocument"):
        parse_policy(encode(document))


@pytest.mark.parametrize(
    "encoded", ["", "%%%", "eyJ", "bm8ganNvbg==", "/w==", encode([])[:-1] + "ä"]
)
def test_what_is_no_document(encoded: str) -> None:
    with pytest.raises(S3Error, match="InvalidPolicyDocument"):
        parse_policy(encoded)


def test_a_deep_document() -> None:
    with pytest.raises(S3Error, match="InvalidPolicyDocument"):
        parse_policy(base64.b64encode(b"[" * 100_000).decode())


_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8),
    st.sampled_from(["eq", "starts-with", "content-length-range", "$key", SOON]),
)  # fmt: skip
_NAMES = st.sampled_from(["expiration", "conditions", "bucket", "key", "x"])
_DOCUMENTS = st.recursive(
    _VALUES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_NAMES, inner, max_size=3),
    max_leaves=12,
)


@given(_DOCUMENTS, st.dictionaries(st.sampled_from(["key", "acl"]), st.text(max_size=5)))
def test_any_document_is_judged_or_refused(document: Any, fields: dict[str, str]) -> None:
    for tried in (document, {"expiration": SOON, "conditions": document}):
        with suppress(S3Error):
            parse_policy(encode(tried)).check(fields, "photos", NOW_MS)


@given(st.text(max_size=60))
def test_any_text_is_refused(text: str) -> None:
    with pytest.raises(S3Error, match="InvalidPolicyDocument"):
        parse_policy(text)
