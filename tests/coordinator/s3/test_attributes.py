"""GetObjectAttributes on the wire."""

import hashlib

import pytest

from coordinator.objects import multipart
from tests.coordinator.s3.multipart_client import PIECES, SOURCE, WHOLE, Client, b64, crc32
from tests.coordinator.s3.support import BOB, BUCKET, Answer, Stand


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart, "MIN_PART_BYTES", 10_000)


@pytest.fixture
def client(stand: Stand) -> Client:
    return Client(stand)


async def attributes(stand: Stand, names: str, **headers: str) -> Answer:
    sent = {"x-amz-object-attributes": names}
    sent |= {f"x-amz-{name.replace('_', '-')}": value for name, value in headers.items()}
    return await stand.call("GET", query={"attributes": ""}, headers=sent)


EVERYTHING = "ETag,Checksum, ObjectParts,StorageClass,ObjectSize"


async def test_attributes_of_a_multipart_object(client: Client) -> None:
    await client.create({"x-amz-checksum-algorithm": "SHA256"})
    done = await client.complete(await client.fill((1, 4, 10_000)))
    found = await attributes(client.stand, EVERYTHING)
    assert found.tree().findtext("ETag") == done.text("ETag").strip('"')
    assert found.text("Checksum/ChecksumSHA256") == done.text("ChecksumSHA256")
    assert (found.text("StorageClass"), found.text("ObjectSize")) == ("STANDARD", str(len(WHOLE)))
    assert found.texts("ObjectParts/Part/PartNumber") == ["1", "4", "10000"]
    assert found.texts("ObjectParts/Part/Size") == [str(len(piece)) for piece in PIECES]
    assert found.texts("ObjectParts/Part/ChecksumSHA256") == [
        b64(hashlib.sha256(piece).digest()) for piece in PIECES
    ]
    assert found.text("PartsCount") == "3"
    for marker, limit, numbers, more in [
        ("0", "1", ["1"], "true"),
        ("1", "1", ["4"], "true"),
        ("2", "5", ["4", "10000"], "false"),
        ("4", "1", ["10000"], "false"),
        ("10000", "1", [], "false"),
        ("0", "0", [], "true"),
    ]:
        page = await attributes(
            client.stand, "ObjectParts", max_parts=limit, part_number_marker=marker
        )
        assert page.texts("ObjectParts/Part/PartNumber") == numbers
        assert (page.text("IsTruncated"), page.text("PartNumberMarker")) == (more, marker)
        assert page.text("NextPartNumberMarker") == (numbers[-1] if numbers else marker)
        assert (page.text("PartsCount"), page.text("MaxParts")) == ("3", limit)
        assert page.tree().find("ETag") is None


async def test_attributes_of_a_plain_object(stand: Stand) -> None:
    await stand.call("PUT", body=b"body", headers={"x-amz-checksum-crc32": crc32(b"body")})
    found = await attributes(stand, EVERYTHING)
    assert [node.tag for node in found.tree()] == ["ETag", "Checksum", "StorageClass", "ObjectSize"]
    assert (found.text("ChecksumCRC32"), found.text("ChecksumType")) == (
        crc32(b"body"),
        "FULL_OBJECT",
    )
    assert "last-modified" in found.headers
    assert (await attributes(stand, "")).code == "InvalidArgument"
    assert (await attributes(stand, "ETag,Nonsense")).code == "InvalidArgument"
    assert (await attributes(stand, "ETag", max_parts="-1")).code == "InvalidArgument"
    asked = {"x-amz-object-attributes": "ETag"}
    call = stand.call
    for path, keys, code in [
        (f"/{BUCKET}/none", None, "AccessDenied"),
        (SOURCE, BOB, "AccessDenied"),
    ]:
        answer = await call("GET", path, query={"attributes": ""}, headers=asked, keys=keys)
        assert answer.code == code
    missing = await call("GET", SOURCE, query={"attributes": ""}, headers=asked)
    assert missing.code == "NoSuchKey"


async def test_attributes_of_an_empty_upload(client: Client) -> None:
    await client.create()
    await client.complete([(1, (await client.put(1, b"")).etag)])
    found = await attributes(client.stand, "ObjectParts")
    assert found.text("PartsCount") == "1"
    assert found.texts("ObjectParts/Part/Size") == ["0"]


async def test_attributes_name_an_empty_last_part(client: Client) -> None:
    await client.create()
    first = (await client.put(1, PIECES[0])).etag
    await client.complete([(1, first), (2, (await client.put(2, b"")).etag)])
    found = await attributes(client.stand, "ObjectParts")
    assert found.texts("ObjectParts/Part/PartNumber") == ["1", "2"]
    assert found.texts("ObjectParts/Part/Size") == [str(len(PIECES[0])), "0"]
    page = await attributes(client.stand, "ObjectParts", part_number_marker="1")
    assert page.texts("ObjectParts/Part/PartNumber") == ["2"]
    empty = await client.stand.call("GET", query={"partNumber": "2"})
    assert (empty.status, empty.body, empty.headers["x-amz-mp-parts-count"]) == (200, b"", "2")
