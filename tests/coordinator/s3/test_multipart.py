"""Multipart uploads on the wire: created, filled, completed twice, read part by part."""

import base64
import hashlib

import pytest

from coordinator.objects import multipart
from tests.coordinator.s3.multipart_client import (
    PIECES,
    SOURCE,
    WHOLE,
    Client,
    crc32,
    crc64nvme,
)
from tests.coordinator.s3.support import BOB, BUCKET, Stand


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "MIN_PART_BYTES", 10_000)


@pytest.fixture
def client(stand: Stand) -> Client:
    return Client(stand)


async def test_an_upload_and_its_parts(client: Client) -> None:
    stand = client.stand
    await client.create({"content-type": "text/plain", "x-amz-meta-a": "1"})
    parts = await client.fill((1, 4, 10_000))
    assert (await stand.call("GET", query={"partNumber": "1"})).code == "NoSuchKey"
    done = await client.complete(parts)
    digests = b"".join(hashlib.md5(piece).digest() for piece in PIECES)
    etag = f'"{hashlib.md5(digests).hexdigest()}-3"'
    assert (done.status, done.text("ETag"), done.text("Key")) == (200, etag, "key")
    got = await stand.call("GET")
    assert (got.body, got.etag, got.headers["x-amz-meta-a"]) == (WHOLE, etag, "1")
    assert "x-amz-mp-parts-count" not in got.headers
    start = 0
    for (number, _), piece in zip(parts, PIECES, strict=True):
        for method in ("GET", "HEAD"):
            one = await stand.call(method, query={"partNumber": str(number)})
            assert (one.status, one.etag, one.headers["x-amz-mp-parts-count"]) == (206, etag, "3")
            assert one.headers["content-length"] == str(len(piece))
            end = start + len(piece)
            assert one.headers["content-range"] == f"bytes {start}-{end - 1}/{len(WHOLE)}"
            assert one.body == (piece if method == "GET" else b"")
        start = end
    assert (await stand.call("GET", query={"partNumber": "2"})).code == "InvalidPart"


async def test_part_numbers_of_an_object_without_parts(stand: Stand) -> None:
    await stand.call("PUT", body=b"body")
    whole = await stand.call("GET", query={"partNumber": "1"})
    assert (whole.status, whole.body) == (206, b"body")
    assert "x-amz-mp-parts-count" not in whole.headers
    for number, code in [("2", "InvalidPart"), ("0", "InvalidArgument"), ("x", "InvalidArgument")]:
        assert (await stand.call("GET", query={"partNumber": number})).code == code
    headers = {"range": "bytes=0-1"}
    both = await stand.call("GET", query={"partNumber": "1"}, headers=headers)
    assert both.code == "InvalidRequest"
    await stand.call("PUT", body=b"")
    empty = await stand.call("GET", query={"partNumber": "1"})
    assert (empty.status, empty.headers["content-length"]) == (200, "0")


async def test_completing_twice_answers_the_same(client: Client) -> None:
    await client.create({"x-amz-checksum-algorithm": "SHA256"})
    parts = await client.fill()
    first, second = await client.complete(parts), await client.complete(parts)
    assert first.status == second.status == 200
    assert first.body == second.body
    # with other parts it is not the same request
    assert (await client.complete(parts[:1])).code == "NoSuchUpload"
    assert (await client.complete([(1, "nonsense")])).code == "NoSuchUpload"
    assert (await client.put(1, b"late")).code == "NoSuchUpload"
    assert (await client.call("DELETE")).code == "NoSuchUpload"
    await client.stand.call("PUT", body=b"overwritten")
    assert (await client.complete(parts)).code == "NoSuchUpload"
    assert (await client.stand.call("GET")).body == b"overwritten"


async def test_completing_twice_with_versions(client: Client) -> None:
    await client.stand.set_versioning()
    await client.create()
    parts = await client.fill()
    first = await client.complete(parts)
    await client.stand.call("PUT", body=b"newer")
    second = await client.complete(parts)
    assert first.version_id == second.version_id == client.upload_id
    assert first.body == second.body
    assert (await client.stand.call("GET")).body == b"newer"


async def test_completing_twice_although_versioning_was_turned_on_meanwhile(client: Client) -> None:
    await client.create()
    parts = await client.fill()
    first = await client.complete(parts)
    await client.stand.set_versioning()
    await client.stand.call("PUT", body=b"newer")
    assert (await client.complete(parts)).body == first.body


async def test_a_resent_part_replaces_the_former(client: Client) -> None:
    await client.create()
    parts = await client.fill()
    again = await client.put(2, b"c" * 10_000)
    assert (await client.complete(parts)).code == "InvalidPart"
    # named twice in a row, the last one counts
    named = [parts[0], parts[1], (2, again.etag), parts[2]]
    assert (await client.complete(named)).status == 200
    assert (await client.stand.call("GET")).body == PIECES[0] + b"c" * 10_000 + PIECES[2]


async def test_what_a_completion_refuses(client: Client) -> None:
    await client.create()
    parts = await client.fill()
    other = f'"{hashlib.md5(b"x").hexdigest()}"'
    for named, code in [
        (parts[::-1], "InvalidPartOrder"),
        ([parts[2], parts[1]], "InvalidPartOrder"),
        ([(1, other)], "InvalidPart"),
        ([(7, parts[0][1])], "InvalidPart"),
        ([], "MalformedXML"),
        ([(0, other)], "InvalidArgument"),
    ]:
        assert (await client.complete(named)).code == code
    await client.put(2, b"small")
    small = [parts[0], (2, hashlib.md5(b"small").hexdigest()), parts[2]]
    assert (await client.complete(small)).code == "EntityTooSmall"
    size = {"x-amz-mp-object-size": "1"}
    assert (await client.complete(parts[:1], headers=size)).code == "InvalidRequest"
    size = {"x-amz-mp-object-size": "10000"}
    assert (await client.complete(parts[:1], headers=size)).status == 200


async def test_two_uploads_of_one_key(client: Client) -> None:
    other = Client(client.stand)
    await client.create()
    await other.create()
    mine, theirs = await client.fill(), await other.put(1, b"theirs")
    assert (await other.complete([(1, theirs.etag)])).status == 200
    assert (await client.stand.call("GET")).body == b"theirs"
    assert (await client.complete(mine)).status == 200
    assert (await client.stand.call("GET")).body == WHOLE


async def test_aborted(client: Client) -> None:
    await client.create()
    await client.fill()
    assert (await client.call("DELETE")).status == 204
    assert (await client.call("DELETE")).code == "NoSuchUpload"
    assert (await client.call("GET")).code == "NoSuchUpload"
    assert (await client.complete([(1, "x")])).code == "NoSuchUpload"
    assert (await client.stand.call("GET")).code == "NoSuchKey"


async def test_conditions_count_at_the_completion(client: Client) -> None:
    await client.create()
    parts = await client.fill()
    await client.stand.call("PUT", body=b"first")
    none = {"if-none-match": "*"}
    assert (await client.complete(parts, headers=none)).code == "PreconditionFailed"
    match = {"if-match": hashlib.md5(b"first").hexdigest()}
    assert (await client.complete(parts, headers=match)).status == 200


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("COMPOSITE", crc32(b"".join(base64.b64decode(crc32(p)) for p in PIECES)) + "-3"),
        ("FULL_OBJECT", crc32(WHOLE)),
    ],
)
async def test_checksums(client: Client, kind: str, expected: str) -> None:
    stand = client.stand
    asked = {"x-amz-checksum-algorithm": "CRC32", "x-amz-checksum-type": kind}
    created = await client.create(asked)
    assert created.headers["x-amz-checksum-algorithm"] == "CRC32"
    assert created.headers["x-amz-checksum-type"] == kind
    parts = []
    for number, piece in enumerate(PIECES, start=1):
        answer = await client.put(number, piece, headers={"x-amz-checksum-crc32": crc32(piece)})
        assert answer.headers["x-amz-checksum-crc32"] == crc32(piece)
        parts.append((number, answer.etag))
    assert (await client.put(1, b"x", headers={"x-amz-checksum-crc32": "bad"})).code == "BadDigest"
    wrong = {"x-amz-checksum-crc32": "bad"}
    assert (await client.complete(parts, headers=wrong)).code == "BadDigest"
    done = await client.complete(parts, headers={"x-amz-checksum-crc32": expected})
    assert (done.text("ChecksumCRC32"), done.text("ChecksumType")) == (expected, kind)
    mode = {"x-amz-checksum-mode": "ENABLED"}
    assert "x-amz-checksum-crc32" not in (await stand.call("HEAD")).headers
    whole = await stand.call("HEAD", headers=mode)
    assert whole.headers["x-amz-checksum-crc32"] == expected
    assert whole.headers["x-amz-checksum-type"] == kind
    second = await stand.call("GET", query={"partNumber": "2"}, headers=mode)
    assert second.headers["x-amz-checksum-crc32"] == crc32(PIECES[1])
    assert second.headers["x-amz-checksum-type"] == kind
    ranged = await stand.call("GET", headers={**mode, "range": "bytes=0-3"})
    assert "x-amz-checksum-crc32" not in ranged.headers


async def test_an_upload_without_checksums_has_the_default_one(client: Client) -> None:
    name, mode = "x-amz-checksum-crc64nvme", {"x-amz-checksum-mode": "ENABLED"}
    await client.create()
    parts = await client.fill()
    done = await client.complete(parts, headers={name: crc64nvme(WHOLE)})
    assert done.text("ChecksumCRC64NVME") == crc64nvme(WHOLE)
    assert done.text("ChecksumType") == "FULL_OBJECT"
    whole = await client.stand.call("HEAD", headers=mode)
    assert (whole.headers[name], whole.headers["x-amz-checksum-type"]) == (
        crc64nvme(WHOLE),
        "FULL_OBJECT",
    )
    part = await client.stand.call("HEAD", headers=mode, query={"partNumber": "2"})
    assert part.headers[name] == crc64nvme(PIECES[1])


async def test_parts_with_checksums_of_their_own_make_no_object_s(client: Client) -> None:
    await client.create()
    first = await client.put(1, PIECES[0], headers={"x-amz-checksum-crc32": crc32(PIECES[0])})
    assert "x-amz-checksum-crc64nvme" not in first.headers
    done = await client.complete([(1, first.etag), (2, (await client.put(2, b"x")).etag)])
    assert (done.status, done.text("ChecksumType")) == (200, "")


async def test_copied_parts(client: Client) -> None:
    stand = client.stand
    await stand.call("PUT", SOURCE, WHOLE)
    await client.create({"x-amz-checksum-algorithm": "CRC32"})
    parts = []
    for number, header in [(1, "bytes=0-9999"), (2, f"bytes=10000-{len(WHOLE) - 1}")]:
        sent = {"x-amz-copy-source": SOURCE, "x-amz-copy-source-range": header}
        copied = await client.put(number, b"", headers=sent)
        assert copied.text("ChecksumCRC32")
        parts.append((number, copied.text("ETag")))
    for header, code in [
        ("bytes=0-", "InvalidArgument"),
        ("bytes=5-3", "InvalidArgument"),
        ("0-3", "InvalidArgument"),
        (f"bytes=0-{len(WHOLE)}", "InvalidRange"),
    ]:
        sent = {"x-amz-copy-source": SOURCE, "x-amz-copy-source-range": header}
        assert (await client.put(3, b"", headers=sent)).code == code
    sent = {"x-amz-copy-source": f"/{BUCKET}/none"}
    assert (await client.put(3, b"", headers=sent)).code == "NoSuchKey"
    assert (await client.complete(parts)).status == 200
    assert (await stand.call("GET")).body == WHOLE


async def test_listing_parts(client: Client) -> None:
    await client.create()
    await client.fill((2, 3, 7))
    for marker, limit, numbers, more, following in [
        ("", "", ["2", "3", "7"], "false", "7"),
        ("", "2", ["2", "3"], "true", "3"),
        ("3", "2", ["7"], "false", "7"),
        ("7", "2", [], "false", "7"),
    ]:
        asked = {"part-number-marker": marker, "max-parts": limit}
        query = {name: value for name, value in asked.items() if value}
        page = await client.call("GET", query=query)
        assert page.texts("Part/PartNumber") == numbers
        assert (page.text("IsTruncated"), page.text("NextPartNumberMarker")) == (more, following)
    for name in ("max-parts", "part-number-marker"):
        assert (await client.call("GET", query={name: "x"})).code == "InvalidArgument"


async def test_an_empty_upload(client: Client) -> None:
    await client.create()
    empty = await client.put(1, b"")
    assert (await client.complete([(1, empty.etag)])).status == 200
    got = await client.stand.call("GET", query={"partNumber": "1"})
    assert (got.status, got.body, got.headers["x-amz-mp-parts-count"]) == (200, b"", "1")


async def test_tags_and_metadata_are_those_of_the_creation(client: Client) -> None:
    headers = {"x-amz-tagging": "a=1", "x-amz-acl": "public-read", "cache-control": "no-cache"}
    await client.create(headers)
    await client.complete(await client.fill())
    got = await client.stand.call("GET", keys=None)
    assert (got.status, got.headers["cache-control"]) == (200, "no-cache")
    tagging = await client.stand.call("GET", query={"tagging": ""})
    assert tagging.texts(".//Key") == ["a"]


async def test_strangers(client: Client) -> None:
    await client.create()
    for method, query in [("PUT", {"partNumber": "1"}), ("GET", {}), ("POST", {}), ("DELETE", {})]:
        assert (await client.call(method, b"x", query=query, keys=BOB)).code == "AccessDenied"
