"""Objects on the wire: checksums by every way they come, ranges, overrides, presigned requests."""

import base64
import hashlib
import time
import zlib
from hashlib import sha256
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import HmacV1QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from coordinator.auth.signer import presign
from coordinator.s3.hashers import ALGORITHMS, encode_checksum, new_hasher
from tests.coordinator.api.support import raw_call
from tests.coordinator.s3.support import ALICE, BUCKET, HOST, Answer, Stand

BODY = bytes(range(256)) * 40
MODE = {"x-amz-checksum-mode": "ENABLED"}
PATH = f"/{BUCKET}/key"


def checksum(algorithm: str, data: bytes = BODY) -> str:
    hasher = new_hasher(algorithm)
    hasher.update(data)
    return encode_checksum(hasher.digest())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
async def test_every_checksum(stand: Stand, algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm}"
    value = checksum(algorithm)
    put = await stand.call("PUT", body=BODY, headers={name: value})
    assert (put.status, put.headers[name]) == (200, value)
    assert put.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    assert name not in (await stand.call("HEAD")).headers
    for method in ("HEAD", "GET"):
        got = await stand.call(method, headers=MODE)
        assert got.headers[name] == value
        assert got.headers["x-amz-checksum-type"] == "FULL_OBJECT"
    ranged = await stand.call("GET", headers={**MODE, "range": "bytes=1-2"})
    assert (ranged.status, name in ranged.headers) == (206, False)
    refused = await stand.call("PUT", body=BODY + b"x", headers={name: value})
    assert refused.code == "BadDigest"
    assert (await stand.call("GET")).body == BODY


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-checksum-sha256": "bad"}, "BadDigest"),
        ({"x-amz-checksum-crc16": "AAAA"}, "200"),
        ({"x-amz-checksum-crc32": "AAAAAA==", "x-amz-checksum-sha1": ""}, "InvalidRequest"),
        ({"content-md5": "bad"}, "InvalidDigest"),
        ({"content-md5": ""}, "InvalidDigest"),
        ({"content-md5": "YWJyYWNhZGFicmE="}, "InvalidDigest"),
        ({"content-md5": base64.b64encode(bytes(16)).decode()}, "BadDigest"),
        ({"content-md5": base64.b64encode(hashlib.md5(BODY).digest()).decode()}, "200"),
        ({"content-length": "-1"}, "BadRequest"),
        ({"content-length": "²"}, "BadRequest"),
        ({"content-length": str(len(BODY) + 1)}, "IncompleteBody"),
        ({"content-length": str(6 * 1024**3)}, "EntityTooLarge"),
        ({"expect": "200-ok"}, "200"),
        ({"content-type": ""}, "200"),
    ],
)
async def test_headers_of_a_body(stand: Stand, headers: dict[str, str], code: str) -> None:
    answer = await stand.call("PUT", body=BODY, headers=headers)
    assert answer.code == code, answer.body


async def test_without_a_checksum_there_is_the_default_one(stand: Stand) -> None:
    name, value = "x-amz-checksum-crc64nvme", checksum("crc64nvme")
    for headers in ({}, {"content-md5": checksum("md5")}):
        put = await stand.call("PUT", body=BODY, headers=headers)
        assert (put.headers[name], put.headers["x-amz-checksum-type"]) == (value, "FULL_OBJECT")
    assert name not in (await stand.call("HEAD")).headers
    for method in ("GET", "HEAD"):
        got = await stand.call(method, headers=MODE)
        assert (got.headers[name], got.headers["x-amz-checksum-type"]) == (value, "FULL_OBJECT")
    copied = await stand.call(
        "PUT", f"/{BUCKET}/copy", headers={"x-amz-copy-source": f"/{BUCKET}/key"}
    )
    assert copied.text("ChecksumCRC64NVME") == value
    listed = await stand.call("GET", f"/{BUCKET}")
    assert listed.texts("Contents/ChecksumAlgorithm") == ["CRC64NVME"] * 2


async def test_a_copy_keeps_or_changes_the_kind_of_checksum(stand: Stand) -> None:
    value = checksum("crc32")
    await stand.call("PUT", body=BODY, headers={"x-amz-checksum-crc32": value})
    source = {"x-amz-copy-source": PATH}
    kept = await stand.call("PUT", f"/{BUCKET}/copy", headers=source)
    assert (kept.text("ChecksumCRC32"), kept.text("ChecksumType")) == (value, "FULL_OBJECT")
    changed = await stand.call(
        "PUT", f"/{BUCKET}/copy", headers={**source, "x-amz-checksum-algorithm": "SHA256"}
    )
    assert changed.text("ChecksumSHA256") == checksum("sha256")
    unknown = {**source, "x-amz-checksum-algorithm": "CRC16"}
    assert (await stand.call("PUT", f"/{BUCKET}/copy", headers=unknown)).code == "InvalidRequest"


@pytest.mark.parametrize(
    ("header", "status", "start", "stop"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=5-", 206, 5, len(BODY)),
        ("bytes=-7", 206, len(BODY) - 7, len(BODY)),
        (f"bytes=9-{len(BODY) + 100}", 206, 9, len(BODY)),
        ("bytes=5-3", 200, 0, len(BODY)),
        ("bytes=0-1,4-5", 200, 0, len(BODY)),
        ("chapters=1-2", 200, 0, len(BODY)),
    ],
)
async def test_ranges(stand: Stand, header: str, status: int, start: int, stop: int) -> None:
    await stand.call("PUT", body=BODY)
    got = await stand.call("GET", headers={"range": header})
    assert (got.status, got.body) == (status, BODY[start:stop])
    if status == 206:
        assert got.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(BODY)}"
    beyond = await stand.call("GET", headers={"range": f"bytes={len(BODY)}-"})
    assert (beyond.status, beyond.code) == (416, "InvalidRange")


OVERRIDES = {
    "response-content-type": "text/x",
    "response-content-disposition": 'attachment; filename="ü"',
    "response-cache-control": "no-store",
    "response-expires": "never",
    "response-content-language": "de",
    "response-content-encoding": "gzip",
}


async def test_overrides_are_for_those_who_sign(stand: Stand) -> None:
    await stand.call("PUT", body=BODY, headers={"x-amz-acl": "public-read"})
    got = await stand.call("GET", query=OVERRIDES)
    for name, value in OVERRIDES.items():
        given = got.headers[name.removeprefix("response-")]
        assert given.encode("latin-1").decode() == value
    assert (await stand.call("GET", query=OVERRIDES, keys=None)).code == "InvalidRequest"
    assert (await stand.call("GET", keys=None)).status == 200
    split = {"response-content-type": "a\r\nset-cookie: x"}
    assert (await stand.call("GET", query=split)).code == "InvalidArgument"


async def send(stand: Stand, method: str, url: str, body: bytes = b"", **headers: str) -> Answer:
    parts = urlsplit(url)
    wire = await raw_call(
        stand.endpoint,
        method,
        parts.path.encode(),
        query=parts.query.encode(),
        headers={"content-length": str(len(body)), **headers},
        messages=[{"type": "http.request", "body": body}],
    )
    return Answer(wire.status, wire.headers, wire.body)


def signed_url(stand: Stand, method: str, query: str = "", expires_s: int = 3600) -> str:
    return presign(
        method=method,
        url=f"http://{HOST}{PATH}{query}",
        access_key=ALICE.access_key,
        secret_key=ALICE.secret_key,
        now=stand.clock(),
        expires_s=expires_s,
    )


async def test_presigned_version_4(stand: Stand) -> None:
    empty = quote(base64.b64encode(zlib.crc32(b"").to_bytes(4, "big")).decode(), safe="")
    # what is in the query counts as a header, but for the checksum of an empty body
    url = signed_url(stand, "PUT", f"?x-amz-meta-a=1&x-amz-checksum-crc32={empty}")
    assert (await send(stand, "PUT", url, BODY)).status == 200
    url = signed_url(stand, "GET", "?response-content-type=text%2Fx&partNumber=1", expires_s=60)
    got = await send(stand, "GET", url)
    assert (got.status, got.body, got.headers["content-type"]) == (206, BODY, "text/x")
    assert got.headers["x-amz-meta-a"] == "1"
    told = await send(stand, "GET", signed_url(stand, "GET", "?x-amz-checksum-mode=ENABLED"))
    assert told.headers["x-amz-checksum-crc64nvme"] == checksum("crc64nvme")
    assert (await send(stand, "HEAD", url)).status == 403, "signed for GET"
    assert (await send(stand, "GET", url.replace("text", "test"))).code == "SignatureDoesNotMatch"
    stand.clock.forward(61)
    assert (await send(stand, "GET", url)).code == "AccessDenied"


async def test_presigned_version_2(stand: Stand) -> None:
    credentials = Credentials(ALICE.access_key, ALICE.secret_key)
    lasts_s = int(stand.clock() - time.time()) + 60
    for method, body in [("PUT", BODY), ("GET", b"")]:
        request = AWSRequest(method, f"http://{HOST}{PATH}")
        HmacV1QueryAuth(credentials, expires=lasts_s).add_auth(request)
        answer = await send(stand, method, request.url, body)
        assert answer.status == 200, answer.body
    assert answer.body == BODY
    stand.clock.forward(120)
    assert (await send(stand, "GET", request.url)).code == "AccessDenied"


@pytest.mark.parametrize(
    ("authorization", "status", "code"),
    [
        ("", 403, "AccessDenied"),
        ("AWS HAHAHA", 400, "InvalidArgument"),
        ("AWS AKIAIGR7ZNNBHC5BKSUB:FWeDfwojDSdS2Ztmpfeubhd9isU=", 403, "AccessDenied"),
        ("Bearer token", 400, "InvalidArgument"),
        ("AWS4-HMAC-SHA256 nonsense", 400, "AuthorizationHeaderMalformed"),
    ],
)
async def test_bad_authorization(stand: Stand, authorization: str, status: int, code: str) -> None:
    url = f"http://{HOST}{PATH}"
    hashed = {"x-amz-content-sha256": sha256(b"").hexdigest()}
    answer = await send(stand, "PUT", url, b"", authorization=authorization, **hashed)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(
    ("date", "code"),
    [
        ("", "AccessDenied"),
        ("Bad Date", "AccessDenied"),
        ("Tue, 07 Jul 1950 21:53:04 GMT", "AccessDenied"),
        ("Tue, 07 Jul 2010 21:53:04 GMT", "RequestTimeTooSkewed"),
        ("Tue, 07 Jul 2030 21:53:04 GMT", "RequestTimeTooSkewed"),
        ("Tue, 07 Jul 9999 21:53:04 GMT", "RequestTimeTooSkewed"),
    ],
)
async def test_bad_dates(stand: Stand, date: str, code: str) -> None:
    good = "Fri, 15 Jan 2027 08:00:00 GMT"
    headers = {"authorization": "AWS ALICEKEY:xyz=", "date": good, "x-amz-date": date}
    answer = await send(stand, "PUT", f"http://{HOST}{PATH}", b"", **headers)
    assert (answer.status, answer.code) == (403, code)
