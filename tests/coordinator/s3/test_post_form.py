"""PostObject: browsers' forms, signed by botocore and by nobody, on the way into a bucket."""

import asyncio
import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

import pytest
from botocore.auth import HmacV1PostAuth, S3SigV4PostAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.coordinator.api.support import raw_call
from tests.coordinator.s3.support import ALICE, BOB, BUCKET, Answer, Keys, Stand

SOON = "2027-01-15T09:00:00Z"
TYPE = "multipart/form-data; boundary=xyz"
TAGS = (
    "<Tagging><TagSet><Tag><Key>a</Key><Value>1</Value></Tag>"
    "<Tag><Key>b +=c</Key><Value>ü</Value></Tag></TagSet></Tagging>"
)


def policy(*conditions: Any, expiration: str = SOON) -> dict[str, Any]:
    rules = [{"bucket": BUCKET}, ["starts-with", "$key", ""], *conditions]
    return {"expiration": expiration, "conditions": rules}


def signed(
    fields: Mapping[str, str], document: dict[str, Any], keys: Keys = ALICE, version: int = 4
) -> dict[str, str]:
    """The fields with those added by which botocore signs a form."""
    request = AWSRequest()
    request.context["s3-presign-post-fields"] = added = dict(fields)
    request.context["s3-presign-post-policy"] = document
    credentials = Credentials(keys.access_key, keys.secret_key)
    if version == 4:
        S3SigV4PostAuth(credentials, "s3", "us-east-1").add_auth(request)
    else:
        HmacV1PostAuth(credentials).add_auth(request)
    return added


def form(fields: Mapping[str, str], content: bytes = b"content", name: str = "f.txt") -> bytes:
    parts = [
        f'--xyz\r\nContent-Disposition: form-data; name="{field}"; filename="{field}"\r\n\r\n'
        f"{value}\r\n"
        for field, value in fields.items()
    ]
    parts.append(f'--xyz\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n')
    return "".join(parts).encode() + content + b"\r\n--xyz--\r\n"


async def post(stand: Stand, body: bytes, path: str = f"/{BUCKET}", **options: Any) -> Answer:
    headers = {"content-type": TYPE, **options.pop("headers", {})}
    return await stand.call("POST", path, body, headers=headers, keys=None, **options)


@pytest.mark.parametrize("version", [2, 4])
async def test_a_signed_form(stand: Stand, version: int) -> None:
    fields = {"key": "dir/${filename}", "Content-Type": "text/plain", "x-amz-meta-from": "größe"}
    document = policy({"Content-Type": "text/plain"}, ["starts-with", "$x-amz-meta-from", ""])
    answer = await post(stand, form(signed(fields, document, version=version), name="C:\\a b.txt"))
    assert (answer.status, answer.body) == (204, b"")
    assert answer.etag == f'"{hashlib.md5(b"content").hexdigest()}"'
    assert answer.headers["location"] == f"http://127.0.0.1:9000/{BUCKET}/dir/a%20b.txt"
    got = await stand.call("GET", f"/{BUCKET}/dir/a b.txt")
    assert (got.body, got.headers["content-type"]) == (b"content", "text/plain")
    assert got.headers["x-amz-meta-from"].encode("latin-1").decode() == "größe"


async def test_a_form_that_arrives_byte_by_byte(stand: Stand) -> None:
    body = form(signed({"key": "k"}, policy()), b"\r\n--xy" * 100)
    messages = [{"type": "http.request", "body": bytes([b]), "more_body": True} for b in body]
    messages.append({"type": "http.request", "body": b""})
    wire = await raw_call(
        stand.endpoint,
        "POST",
        f"/{BUCKET}".encode(),
        headers={"content-type": TYPE, "transfer-encoding": "chunked", "host": "127.0.0.1"},
        messages=messages,
    )
    assert wire.status == 204
    assert (await stand.call("GET", f"/{BUCKET}/k")).body == b"\r\n--xy" * 100


@pytest.mark.parametrize(
    ("fields", "status", "body"),
    [
        ({}, 204, False),
        ({"success_action_status": "200"}, 200, False),
        ({"success_action_status": "201"}, 201, True),
        ({"success_action_status": "404"}, 204, False),
        ({"success_action_redirect": "javascript:alert(1)"}, 204, False),
        ({"success_action_redirect": "http://example.com/\r\nx: y"}, 204, False),
        ({"success_action_redirect": "http://example.com/\x00"}, 204, False),
        ({"success_action_redirect": "/relative", "success_action_status": "200"}, 200, False),
    ],
)
async def test_answers(stand: Stand, fields: dict[str, str], status: int, body: bool) -> None:
    conditions = [["eq", f"${name}", value] for name, value in fields.items()]
    answer = await post(stand, form(signed({"key": "a+b", **fields}, policy(*conditions))))
    assert (answer.status, bool(answer.body)) == (status, body)
    if body:
        assert answer.tree().tag == "PostResponse"
        assert (answer.text("Bucket"), answer.text("Key")) == (BUCKET, "a+b")
        assert answer.text("ETag") == answer.etag


@pytest.mark.parametrize(
    ("redirect", "target"),
    [
        ("http://example.com/done", "http://example.com/done?"),
        ("https://example.com/?x=1", "https://example.com/?x=1&"),
        ("http://example.com/größe%20", "http://example.com/gr%C3%B6%C3%9Fe%20?"),
    ],
)
async def test_redirects(stand: Stand, redirect: str, target: str) -> None:
    fields = {"key": "a b", "success_action_redirect": redirect}
    condition = {"success_action_redirect": redirect}
    answer = await post(stand, form(signed(fields, policy(condition))))
    etag = hashlib.md5(b"content").hexdigest()
    assert answer.status == 303
    assert answer.headers["location"] == f"{target}bucket={BUCKET}&key=a%20b&etag=%22{etag}%22"


async def test_tags_access_and_versions(stand: Stand) -> None:
    await stand.set_versioning()
    fields = {"key": "k", "tagging": TAGS, "acl": "public-read"}
    document = policy(["starts-with", "$tagging", ""], {"acl": "public-read"})
    answer = await post(stand, form(signed(fields, document)))
    assert answer.status == 204, answer.body
    assert answer.version_id
    tagging = await stand.call("GET", f"/{BUCKET}/k", query={"tagging": ""})
    assert tagging.texts(".//Key") == ["a", "b +=c"]
    assert tagging.texts(".//Value") == ["1", "ü"]
    assert (await stand.call("GET", f"/{BUCKET}/k", keys=None)).body == b"content"


async def test_anonymous_forms_need_a_public_bucket(stand: Stand) -> None:
    assert (await post(stand, form({"key": "k"}))).code == "AccessDenied"
    acl = {"x-amz-acl": "public-read-write"}
    assert (await stand.call("PUT", "/open", headers=acl)).status == 200
    assert (await post(stand, form({"key": "k"}), "/open")).status == 204
    assert (await stand.call("GET", "/open/k")).body == b"content"


async def test_who_may_not_write_may_not_sign(stand: Stand) -> None:
    assert (await post(stand, form(signed({"key": "k"}, policy(), BOB)))).code == "AccessDenied"


async def test_sizes(stand: Stand) -> None:
    fields = signed({"key": "k"}, policy(["content-length-range", 3, 5]))
    for size, code in [(2, "EntityTooSmall"), (6, "EntityTooLarge"), (10**6, "EntityTooLarge")]:
        assert (await post(stand, form(fields, b"x" * size))).code == code
    assert (await stand.call("GET", f"/{BUCKET}/k")).code == "NoSuchKey", "nothing half stored"
    for size in (3, 5):
        assert (await post(stand, form(fields, b"x" * size))).status == 204


async def test_checksums(stand: Stand) -> None:
    digest = base64.b64encode(hashlib.sha256(b"content").digest()).decode()
    md5 = base64.b64encode(hashlib.md5(b"content").digest()).decode()
    # a checksum needs no condition of its own
    good = {"key": "k", "x-amz-checksum-sha256": digest, "Content-MD5": md5}
    fields = signed(good, policy(["starts-with", "$Content-MD5", ""]))
    answer = await post(stand, form(fields))
    assert answer.status == 204, answer.body
    assert answer.headers["x-amz-checksum-sha256"] == digest
    for wrong in ("bad", base64.b64encode(bytes(32)).decode()):
        refused = await post(stand, form({**fields, "x-amz-checksum-sha256": wrong}))
        assert refused.code == "BadDigest"


def without(fields: Mapping[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in fields.items() if key != name}


GOOD = signed({"key": "k"}, policy())
OLD = signed({"key": "k"}, policy(), version=2)
OTHER = base64.b64encode(json.dumps(policy(expiration="2028-01-01T00:00:00Z")).encode()).decode()


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        (without(GOOD, "key"), "InvalidArgument"),
        (without(GOOD, "policy"), "InvalidArgument"),
        (without(OLD, "policy"), "InvalidArgument"),
        (without(OLD, "signature"), "InvalidArgument"),
        (without(OLD, "AWSAccessKeyId"), "InvalidArgument"),
        *((without(GOOD, name), "InvalidArgument") for name in GOOD if name.startswith("x-amz-")),
        ({**GOOD, "x-amz-signature": "0" * 64}, "SignatureDoesNotMatch"),
        ({**GOOD, "x-amz-signature": "ü"}, "SignatureDoesNotMatch"),
        ({**GOOD, "policy": OTHER}, "SignatureDoesNotMatch"),
        ({**OLD, "policy": OTHER}, "SignatureDoesNotMatch"),
        ({**OLD, "signature": "AAAA"}, "SignatureDoesNotMatch"),
        ({**OLD, "AWSAccessKeyId": "NOBODY"}, "InvalidAccessKeyId"),
        ({**GOOD, "x-amz-algorithm": "AWS4-HMAC-SHA1"}, "InvalidArgument"),
        ({**GOOD, "x-amz-credential": "ALICEKEY/20270115/us-east-1/s3"}, "InvalidArgument"),
        ({**GOOD, "x-amz-date": "yesterday"}, "InvalidArgument"),
        ({**GOOD, "acl": "public-read"}, "AccessDenied"),
        (signed({"key": "k"}, policy({"acl": "private"})), "AccessDenied"),
        (signed({"key": "k"}, policy(expiration="2027-01-15T08:00:00Z")), "AccessDenied"),
        (signed({"key": "k"}, {"conditions": []}), "InvalidPolicyDocument"),
        (signed({"key": "k" * 1025}, policy()), "KeyTooLongError"),
        (
            signed({"key": "k", "Content-Type": "a\nb"}, policy({"Content-Type": "a\nb"})),
            "InvalidArgument",
        ),
        (
            signed({"key": "k", "tagging": "<x>"}, policy(["starts-with", "$tagging", ""])),
            "MalformedXML",
        ),
    ],
)
async def test_forms_that_are_refused(stand: Stand, fields: dict[str, str], code: str) -> None:
    answer = await post(stand, form(fields))
    assert answer.code == code, answer.body
    assert (await stand.call("GET", f"/{BUCKET}/k")).code == "NoSuchKey"


async def test_bodies_that_are_refused(stand: Stand) -> None:
    body = form(GOOD)
    for headers, sent, code in [
        ({"content-type": "text/plain"}, body, "PreconditionFailed"),
        ({}, b"", "MalformedPOSTRequest"),
        ({}, body[:-12], "MalformedPOSTRequest"),
        ({"content-length": str(len(body) + 1)}, body, "IncompleteBody"),
        ({"content-length": str(6 * 1024**3)}, body, "EntityTooLarge"),
    ]:
        assert (await post(stand, sent, headers=headers)).code == code
    assert (await stand.call("POST", f"/{BUCKET}", body, headers={"content-type": TYPE})).code == (
        "InvalidArgument"
    ), "a form is signed by its fields alone"
    assert (await post(stand, form(GOOD), "/nowhere")).code == "AccessDenied"


async def test_http_headers_say_nothing_of_the_object(stand: Stand) -> None:
    headers = {"x-amz-meta-evil": "1", "x-amz-acl": "public-read", "cache-control": "no-store"}
    assert (await post(stand, form(GOOD), headers=headers)).status == 204
    got = await stand.call("GET", f"/{BUCKET}/k")
    assert not got.headers.keys() & {"x-amz-meta-evil", "cache-control"}
    assert (await stand.call("GET", f"/{BUCKET}/k", keys=None)).code == "AccessDenied"


_NAMES = st.sampled_from(
    [
        "acl", "tagging", "Content-Type", "Content-MD5", "Expires", "Content-Encoding", "redirect",
        "success_action_redirect", "success_action_status", "x-amz-meta-a", "x-amz-storage-class",
        "x-amz-checksum-crc32", "x-amz-checksum-algorithm", "x-amz-object-lock-mode",
        "x-amz-object-lock-retain-until-date", "x-amz-server-side-encryption", "x-amz-grant-read",
        "x-amz-server-side-encryption-customer-key", "x-amz-website-redirect-location",
        "x-amz-acl", "x-amz-tagging", "x-amz-security-token", "x-amz-date", "signature", "bucket",
        "x-amz-decoded-content-length", "x-amz-trailer", "x-amz-expected-bucket-owner", "policy",
    ]
)  # fmt: skip
_VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "AES256", "aws:kms", "private", "a=b", "201", "GOVERNANCE", TAGS, SOON]),
)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(_NAMES, _VALUES, max_size=4), st.booleans())
def test_no_field_is_our_mistake(extra: dict[str, str], is_signed: bool) -> None:
    async def tried() -> None:
        stand = await Stand().start()
        fields = {"key": "k", **extra}
        path = f"/{BUCKET}"
        if is_signed:
            rules = [["starts-with", f"${name}", ""] for name in extra]
            fields = {**extra, **signed({"key": "k", **extra}, policy(*rules))}
        else:
            path = "/open"
            await stand.call("PUT", path, headers={"x-amz-acl": "public-read-write"})
        answer = await post(stand, form(fields), path)
        assert answer.status < 500 or answer.code == "NotImplemented", (fields, answer.body)
        await stand.close()

    asyncio.run(tried())
