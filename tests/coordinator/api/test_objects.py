"""Objects through the API: round trips, nasty keys, ranges, conditions, streaming."""

import hashlib
import os
import tracemalloc
from pathlib import Path
from typing import Any

import pytest

from coordinator.http import RequestStalled
from metadata import MemoryStore, NoSuchKey, open_sqlite
from node.errors import NodeUnreachable
from node.record import Buffer, RecordKey
from tests.coordinator.api.support import (
    ALICE,
    API,
    Stand,
    basic,
    object_path,
    raw_call,
)

MIB = 1024 * 1024

NASTY_KEYS = [
    "a",
    "a/b",
    "a//b",
    "/",
    "//",
    "/a",
    "a/",
    ".",
    "..",
    "../x",
    "a/./b/../c",
    "%2F",
    "a%2Fb",
    "a b+c",
    "?x=1",
    "#x",
    "a\nb\r\t\x01\x7f",
    "\x00",
    "ключ/鍵/🗝️",
    "e\u0301",
    "\u2028\ufeff",
    "k" * 1024,
    "🗝" * 256,
    "openapi.json",
    "\\",
    "\"<>&'",
]


async def test_an_object_comes_back_with_what_was_said_of_it(stand: Stand) -> None:
    body = os.urandom(20_000)
    sent = {
        "content-type": "image/png",
        "cache-control": "max-age=5",
        "x-amz-meta-Colour": "grün".encode().decode("latin-1"),
    }
    put = await stand.call("PUT", "/objects/alices/x.png", headers=sent, content=body)
    assert put.status_code == 200
    md5 = hashlib.md5(body).hexdigest()
    assert put.json() == {
        "key": "x.png",
        "size": 20_000,
        "etag": md5,
        "created_at_ms": 1_700_000_000_000,
        "version_id": "null",
        "encryption": "",
    }
    got = await stand.call("GET", "/objects/alices/x.png")
    head = await stand.call("HEAD", "/objects/alices/x.png")
    assert got.status_code == head.status_code == 200
    assert (got.content, head.content) == (body, b"")
    expected = {
        "content-length": "20000",
        "content-type": "image/png",
        "cache-control": "max-age=5",
        "etag": f'"{md5}"',
        "last-modified": "Tue, 14 Nov 2023 22:13:20 GMT",
        "accept-ranges": "bytes",
        "x-trilith-version-id": "null",
        "content-security-policy": "sandbox",
    }
    for response in (got, head):
        assert expected.items() <= dict(response.headers).items()
        raw = dict(response.headers.raw)
        assert raw[b"x-amz-meta-colour"] == "grün".encode()
    listed = (await stand.call("GET", "/objects/alices")).json()
    assert listed == {"objects": [put.json()], "prefixes": [], "next_after": None}


@pytest.mark.parametrize("backend", ["memory", "sqlite"])
async def test_any_key_makes_the_round_trip(tmp_path: Path, backend: str) -> None:
    is_sqlite = backend == "sqlite"
    metadata = await open_sqlite(tmp_path / "metadata.db") if is_sqlite else MemoryStore()
    stand = await Stand(metadata).start()
    for key in NASTY_KEYS:
        await _round_trip(stand, key)
    await stand.close()


async def _round_trip(stand: Stand, key: str) -> None:
    path = object_path("alices", key)
    put = await stand.call("PUT", path, content=key.encode())
    assert put.json()["key"] == key
    assert (await stand.call("GET", path)).content == key.encode()
    listed = await stand.call("GET", "/objects/alices", params={"prefix": key})
    assert [entry["key"] for entry in listed.json()["objects"]] == [key]
    assert (await stand.call("GET", object_path("alices", key, "info"))).json()["key"] == key
    assert (await stand.call("DELETE", path)).status_code == 204
    assert (await stand.call("GET", path)).status_code == 404


@pytest.mark.parametrize(
    ("raw", "key"),
    [
        (b"/objects/alices/../bobs/x", "../bobs/x"),
        (b"/objects/alices/a//b/./c", "a//b/./c"),
        (b"/objects/alices//", "/"),
        (b"/objects/alices/a%2fb%2F", "a/b/"),
        (b"/objects/alices/%2e%2e", ".."),
        ("/objects/alices/ü".encode(), "ü"),
        (b"/objects/alices/a;b=c", "a;b=c"),
    ],
)
async def test_the_key_is_the_path_as_it_was_sent(stand: Stand, raw: bytes, key: str) -> None:
    headers = {"authorization": basic(*ALICE)}
    put = await raw_call(stand.app, "PUT", API.encode() + raw, headers=headers)
    assert put.status == 200
    stored = await stand.metadata.version("alices", key)
    assert stored.version.size == 0


@pytest.mark.parametrize("encoded", ["alices%2Fx", "bobs%2f..%2falices", "%61lices%00"])
async def test_a_bucket_segment_takes_in_no_slash(stand: Stand, encoded: str) -> None:
    answered = await stand.call("PUT", f"/objects/{encoded}/y", content=b"x")
    assert (answered.status_code, answered.json()["code"]) == (400, "InvalidBucketName")


@pytest.mark.parametrize(
    ("header", "status", "start", "stop"),
    [
        ("bytes=0-0", 206, 0, 1),
        ("bytes=10-19", 206, 10, 20),
        ("bytes=9990-", 206, 9990, 10_000),
        ("bytes=9990-99999999999999", 206, 9990, 10_000),
        ("bytes=-5", 206, 9995, 10_000),
        ("bytes=-20000", 206, 0, 10_000),
        ("bytes=0-9999", 206, 0, 10_000),
        ("bytes=4095-8193", 206, 4095, 8194),
        ("bytes=5-4", 200, 0, 10_000),
        ("bytes=0-1,4-5", 200, 0, 10_000),
        ("bytes=-", 200, 0, 10_000),
        ("lines=0-1", 200, 0, 10_000),
        ("bytes=" + "9" * 20 + "-", 200, 0, 10_000),
    ],
)
async def test_ranges(stand: Stand, header: str, status: int, start: int, stop: int) -> None:
    body = os.urandom(10_000)
    await stand.call("PUT", "/objects/alices/r", content=body)
    got = await stand.call("GET", "/objects/alices/r", headers={"range": header})
    assert (got.status_code, got.content) == (status, body[start:stop])
    if status == 206:
        assert got.headers["content-range"] == f"bytes {start}-{stop - 1}/10000"
    head = await stand.call("HEAD", "/objects/alices/r", headers={"range": header})
    assert head.status_code == status
    assert head.headers["content-length"] == str(stop - start)


@pytest.mark.parametrize(("size", "header"), [(10, "bytes=10-"), (10, "bytes=-0"), (0, "bytes=0-")])
async def test_a_range_outside_the_object(stand: Stand, size: int, header: str) -> None:
    await stand.call("PUT", "/objects/alices/r", content=bytes(size))
    got = await stand.call("GET", "/objects/alices/r", headers={"range": header})
    assert (got.status_code, got.json()["code"]) == (416, "InvalidRange")
    assert got.headers["content-range"] == f"bytes */{size}"


async def test_conditions_of_reads(stand: Stand) -> None:
    put = await stand.call("PUT", "/objects/alices/c", content=b"x")
    etag = put.json()["etag"]
    for headers, status in [
        ({"if-match": f'"{etag}"'}, 200),
        ({"if-match": '"other"'}, 412),
        ({"if-none-match": f'"{etag}"'}, 304),
        ({"if-none-match": '"other"'}, 200),
        ({"range": "bytes=0-0", "if-range": f'"{etag}"'}, 206),
        ({"range": "bytes=0-0", "if-range": '"other"'}, 200),
    ]:
        got = await stand.call("GET", "/objects/alices/c", headers=headers)
        assert got.status_code == status, headers
        head = await stand.call("HEAD", "/objects/alices/c", headers=headers)
        assert (head.status_code, head.content) == (status, b""), headers


async def test_conditions_of_writes(stand: Stand) -> None:
    async def put(content: bytes, **headers: str) -> tuple[int, str]:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answered = await stand.call("PUT", "/objects/alices/c", headers=sent, content=content)
        return answered.status_code, answered.json().get("etag") or answered.json()["code"]

    assert await put(b"0", if_match='"x"') == (412, "PreconditionFailed")
    status, etag = await put(b"1", if_none_match="*")
    assert status == 200
    assert await put(b"2", if_none_match="*") == (412, "PreconditionFailed")
    assert await put(b"3", if_match='"other"') == (412, "PreconditionFailed")
    assert (await put(b"4", if_match=f'"{etag}"'))[0] == 200
    assert await put(b"5", if_none_match='"x"') == (400, "InvalidRequest")
    assert await put(b"6", if_match='"x", "y"') == (400, "InvalidRequest")
    assert await put(b"6", if_match="*") == (400, "InvalidRequest")
    assert await put(b"7", if_match='"x"', if_none_match="*") == (400, "InvalidRequest")
    assert (await stand.call("GET", "/objects/alices/c")).content == b"4"
    gone = await stand.call("DELETE", "/objects/alices/c", headers={"if-match": f'"{etag}"'})
    assert gone.status_code == 412


async def test_listing_pages_and_prefixes(stand: Stand) -> None:
    for key in ("a/1", "a/2", "b", "c/1", "d"):
        await stand.call("PUT", f"/objects/alices/{key}", content=b"")
    pages, after = [], ""
    while after is not None:
        told = await stand.call(
            "GET", "/objects/alices", params={"delimiter": "/", "limit": 2, "after": after}
        )
        page = told.json()
        pages.append(([entry["key"] for entry in page["objects"]], page["prefixes"]))
        after = page["next_after"]
    assert pages == [(["b"], ["a/"]), (["d"], ["c/"])]


async def test_twenty_megabytes_in_small_pieces_need_little_memory() -> None:
    stand = await Stand(unit_size=256 * 1024).start()
    chunk, count = os.urandom(8192), 2560
    sent = hashlib.md5(chunk * count)
    received = hashlib.md5()
    sizes = []

    def sink(piece: Buffer) -> None:
        received.update(piece)
        sizes.append(len(piece))

    tracemalloc.start()
    put = await raw_call(
        stand.app,
        "PUT",
        f"{API}/objects/alices/big".encode(),
        headers={"authorization": basic(*ALICE)},
        messages=[{"type": "http.request", "body": chunk, "more_body": True}] * count
        + [{"type": "http.request"}],
    )
    kept, peak = tracemalloc.get_traced_memory()
    assert put.json()["etag"] == sent.hexdigest()
    assert kept > 30 * MIB  # the fake nodes'
    assert peak - kept < 12 * MIB

    tracemalloc.reset_peak()
    got = await raw_call(
        stand.app,
        "GET",
        f"{API}/objects/alices/big".encode(),
        headers={"authorization": basic(*ALICE)},
        sink=sink,
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert got.is_whole
    assert received.digest() == sent.digest()
    assert max(sizes) < 2 * MIB
    assert peak - kept < 12 * MIB
    await stand.close()


async def test_with_a_node_down_objects_are_written_and_read(stand: Stand) -> None:
    stand.cluster.kill("node-2")
    body = os.urandom(50_000)
    assert (await stand.call("PUT", "/objects/alices/x", content=body)).status_code == 200
    assert (await stand.call("GET", "/objects/alices/x")).content == body
    assert (await stand.metadata.totals()).repair_queued == 1


async def test_with_two_nodes_down_nothing_is_promised(stand: Stand) -> None:
    await stand.call("PUT", "/objects/alices/x", content=b"x" * 9000)
    stand.cluster.kill("node-1")
    stand.cluster.kill("node-2", noticed=False)
    for method, content in [("PUT", b"y"), ("GET", None)]:
        got = await stand.call(method, "/objects/alices/x", content=content)
        assert (got.status_code, got.json()["code"]) == (503, "ServiceUnavailable")
        assert "node-" not in got.text
    assert (await stand.call("HEAD", "/objects/alices/x")).status_code == 200


async def test_an_answer_that_can_not_be_finished_is_cut(stand: Stand) -> None:
    await stand.call("PUT", "/objects/alices/x", content=os.urandom(400_000))

    def fault(operation: str, key: RecordKey | None) -> NodeUnreachable | None:
        is_late = operation == "read" and key is not None and key.stripe > 40
        return NodeUnreachable("gone") if is_late else None

    for name in ("node-1", "node-2"):
        stand.cluster.fakes[name].fault = fault
    got = await raw_call(
        stand.app,
        "GET",
        f"{API}/objects/alices/x".encode(),
        headers={"authorization": basic(*ALICE)},
    )
    assert got.status == 200
    assert not got.is_whole
    assert len(got.body) < 400_000


@pytest.mark.parametrize(
    ("messages", "headers", "status", "code"),
    [
        ([{"type": "http.request", "body": b"x", "more_body": True}], {}, 400, "IncompleteBody"),
        ([{"type": "http.request", "body": b"x"}], {"content-length": "2"}, 400, "IncompleteBody"),
        (
            [{"type": "http.request", "body": b"xyz"}],
            {"content-length": "2"},
            400,
            "IncompleteBody",
        ),
        ([], {"content-length": str(5 * 1024**3 + 1)}, 413, "EntityTooLarge"),
        ([], {"content-length": "-1"}, 400, "InvalidRequest"),
        ([], {"content-length": "\xb2"}, 400, "InvalidRequest"),
        ([], {"content-length": "9" * 5000}, 400, "InvalidRequest"),
        ([RequestStalled("slow")], {}, 408, "RequestTimeout"),
        ([], {"x-amz-meta-a": "b" * 2048}, 400, "MetadataTooLarge"),
    ],
)
async def test_a_body_that_is_not_right_leaves_nothing(
    stand: Stand, messages: list[Any], headers: dict[str, str], status: int, code: str
) -> None:
    got = await raw_call(
        stand.app,
        "PUT",
        f"{API}/objects/alices/x".encode(),
        headers={"authorization": basic(*ALICE), **headers},
        messages=list(messages),
    )
    assert (got.status, got.json()["code"]) == (status, code)
    await stand.writer.close()
    assert not any(node.records for node in stand.cluster.fakes.values())
    with pytest.raises(NoSuchKey):
        await stand.metadata.version("alices", "x")
