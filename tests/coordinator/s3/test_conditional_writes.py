"""Conditions on PUT, DELETE, DeleteObjects, copies and multipart completion, with and without
versions: who loses is told so, and loses nothing else."""

import asyncio
import base64
from collections.abc import Mapping
from hashlib import md5, sha256
from xml.sax.saxutils import escape

import pytest

from tests.coordinator.s3.support import BUCKET, Answer, Stand

KEY = f"/{BUCKET}/key"
OTHER = "0" * 32
IF_TIME, IF_SIZE = "x-amz-if-match-last-modified-time", "x-amz-if-match-size"
MODIFIED = "Fri, 15 Jan 2027 08:00:00 GMT"
EARLIER = "Fri, 15 Jan 2027 07:59:59 GMT"


def etag_of(body: str) -> str:
    return md5(body.encode(), usedforsecurity=False).hexdigest()


async def put(stand: Stand, body: str = "one", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await stand.call("PUT", KEY, body, headers=named)


async def complete(stand: Stand, body: str, **headers: str) -> Answer:
    started = await stand.call("POST", KEY, query={"uploads": ""})
    upload_id = started.text("UploadId")
    query = {"uploadId": upload_id, "partNumber": "1"}
    part = await stand.call("PUT", KEY, body, query=query)
    document = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{escape(part.etag)}</ETag></Part></CompleteMultipartUpload>"
    )
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await stand.call("POST", KEY, document, query={"uploadId": upload_id}, headers=named)


async def copy(stand: Stand, body: str, **headers: str) -> Answer:
    await stand.call("PUT", f"/{BUCKET}/source", body)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await stand.call("PUT", KEY, headers={"x-amz-copy-source": f"{BUCKET}/source", **named})


WRITES = {"put": put, "complete": complete, "copy": copy}


@pytest.mark.parametrize("versioning", ["", "Enabled", "Suspended"])
@pytest.mark.parametrize("kind", WRITES)
async def test_writes(stand: Stand, kind: str, versioning: str) -> None:
    if versioning:
        await stand.set_versioning(versioning)
    write = WRITES[kind]

    async def refused(code: str, **headers: str) -> None:
        before = (await stand.call("HEAD", KEY)).headers.get("etag")
        answer = await write(stand, "refused", **headers)
        assert answer.code == code, headers
        assert answer.status == {"PreconditionFailed": 412, "NoSuchKey": 404}[code]
        assert (await stand.call("HEAD", KEY)).headers.get("etag") == before

    async def stored(body: str, **headers: str) -> None:
        answer = await write(stand, body, **headers)
        assert answer.status == 200, answer.body
        assert (await stand.call("GET", KEY)).body == body.encode()

    await refused("NoSuchKey", if_match="*")
    await refused("NoSuchKey", if_match=OTHER)
    await stored("one", if_none_match="*")
    await refused("PreconditionFailed", if_none_match="*")
    etag = (await stand.call("HEAD", KEY)).etag
    await refused("PreconditionFailed", if_none_match=etag)
    await refused("PreconditionFailed", if_match=OTHER)
    await stored("two", if_none_match=OTHER)
    await refused("PreconditionFailed", if_match=etag)
    await stored("three", if_match="*")
    await stored("four", if_match=(await stand.call("HEAD", KEY)).etag)
    await stand.call("DELETE", KEY)
    await refused("NoSuchKey", if_match="*")
    await stored("five", if_none_match="*")


async def test_a_refused_completion_leaves_the_upload(stand: Stand) -> None:
    await put(stand)
    assert (await complete(stand, "two", if_none_match="*")).code == "PreconditionFailed"
    listing = await stand.call("GET", f"/{BUCKET}", query={"uploads": ""})
    assert listing.texts("Upload/Key") == ["key"]


async def test_what_a_refused_write_stored_is_given_up(stand: Stand) -> None:
    await put(stand)
    answers = await asyncio.gather(*(put(stand, f"{n}", if_match="*") for n in range(3)))
    assert [answer.status for answer in answers] == [200] * 3
    answers = await asyncio.gather(
        *(put(stand, f"{n}", if_match=etag_of("2")) for n in range(3, 6))
    )
    assert sorted(answer.status for answer in answers) == [200, 412, 412]
    await stand.writer.close()
    part_ids = {key.part_id for node in stand.cluster.fakes.values() for key in node.records}
    waiting = (await stand.store.totals()).reclaims // len(stand.cluster.fakes)
    assert len(part_ids) == 1 + waiting == 5


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("PUT", {"if-match": '"a", "b"'}),
        ("PUT", {"if-none-match": '"a", "b"'}),
        ("PUT", {IF_SIZE: "3"}),
        ("PUT", {IF_TIME: MODIFIED}),
        ("DELETE", {"if-none-match": "*"}),
        ("DELETE", {"if-match": '"a", "b"'}),
    ],
)
async def test_conditions_that_can_not_be_kept(
    stand: Stand, method: str, headers: Mapping[str, str]
) -> None:
    await put(stand)
    answer = await stand.call(method, KEY, "two" if method == "PUT" else b"", headers=headers)
    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert (await stand.call("GET", KEY)).body == b"one"


@pytest.mark.parametrize("headers", [{IF_SIZE: "many"}, {IF_TIME: "yesterday"}])
async def test_conditions_that_can_not_be_read(stand: Stand, headers: Mapping[str, str]) -> None:
    await put(stand)
    answer = await stand.call("DELETE", KEY, headers=headers)
    assert (answer.status, answer.code) == (400, "InvalidArgument")
    assert (await stand.call("GET", KEY)).body == b"one"


# deletes -----------------------------------------------------------------------------
GOOD = [
    {"if-match": f'"{etag_of("one")}"'},
    {"if-match": "*"},
    {IF_SIZE: "3"},
    {IF_TIME: MODIFIED},
    {IF_TIME: "2027-01-15T08:00:00Z"},
    {"if-match": etag_of("one"), IF_SIZE: "3", IF_TIME: MODIFIED},
]
BAD = [
    {"if-match": OTHER},
    {IF_SIZE: "4"},
    {IF_TIME: EARLIER},
    {"if-match": etag_of("one"), IF_SIZE: "4"},
]


async def send_delete(
    stand: Stand, headers: Mapping[str, str], version_id: str | None, many: bool
) -> str:
    """The code, "" for success."""
    if not many:
        query = {} if version_id is None else {"versionId": version_id}
        answer = await stand.call("DELETE", KEY, query=query, headers=headers)
        return "" if answer.status == 204 else answer.code
    names = {"if-match": "ETag", IF_SIZE: "Size", IF_TIME: "LastModifiedTime"}
    fields = "".join(f"<{names[name]}>{value}</{names[name]}>" for name, value in headers.items())
    if version_id is not None:
        fields += f"<VersionId>{version_id}</VersionId>"
    answer = await delete_many(stand, f"<Object><Key>key</Key>{fields}</Object>")
    assert answer.status == 200, answer.body
    assert len(answer.texts("Deleted")) + len(answer.texts("Error")) == 1
    return answer.text("Code")


async def delete_many(stand: Stand, content: str, **headers: str) -> Answer:
    document = f"<Delete>{content}</Delete>"
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await stand.call(
        "POST",
        f"/{BUCKET}",
        document,
        query={"delete": ""},
        headers={"x-amz-checksum-sha256": sha256_of(document), **named},
    )


def sha256_of(text: str) -> str:
    return base64.b64encode(sha256(text.encode()).digest()).decode()


@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
@pytest.mark.parametrize("versioning", ["", "Enabled", "Suspended"])
@pytest.mark.parametrize("headers", GOOD, ids=str)
async def test_a_delete_whose_condition_holds(
    stand: Stand, headers: Mapping[str, str], versioning: str, many: bool
) -> None:
    if versioning:
        await stand.set_versioning(versioning)
    await put(stand)
    assert await send_delete(stand, headers, None, many) == ""
    assert (await stand.call("GET", KEY)).status == 404


@pytest.mark.parametrize("many", [False, True], ids=["one", "many"])
@pytest.mark.parametrize("versioning", ["", "Enabled", "Suspended"])
@pytest.mark.parametrize("headers", BAD, ids=str)
async def test_a_delete_whose_condition_does_not_hold(
    stand: Stand, headers: Mapping[str, str], versioning: str, many: bool
) -> None:
    if versioning:
        await stand.set_versioning(versioning)
    # what is not there can't be lost
    assert await send_delete(stand, headers, None, many) == ""
    written = await put(stand)
    assert await send_delete(stand, headers, None, many) == "PreconditionFailed"
    assert await send_delete(stand, headers, written.version_id or "null", many) == (
        "PreconditionFailed"
    )
    assert (await stand.call("GET", KEY)).body == b"one"
    await stand.call("DELETE", KEY)
    expected = "PreconditionFailed" if versioning else ""
    assert await send_delete(stand, headers, None, many) == expected


async def test_a_condition_is_about_the_version_that_would_go(stand: Stand) -> None:
    await stand.set_versioning()
    first, second = await put(stand, "one"), await put(stand, "two")
    headers = {"if-match": etag_of("two")}
    assert await send_delete(stand, headers, first.version_id, False) == "PreconditionFailed"
    assert await send_delete(stand, headers, second.version_id, False) == ""
    assert (await stand.call("GET", KEY)).body == b"one"


# many at once -------------------------------------------------------------------------
async def test_many_keys_and_versions(stand: Stand) -> None:
    await stand.set_versioning()
    for key in ("a", "b", "c"):
        await stand.call("PUT", f"/{BUCKET}/{key}", key)
    version_id = (await stand.call("HEAD", f"/{BUCKET}/b")).version_id
    marker_id = (await stand.call("DELETE", f"/{BUCKET}/c")).version_id
    answer = await delete_many(
        stand,
        "<Object><Key>a</Key></Object>"
        f"<Object><Key>b</Key><VersionId>{version_id}</VersionId></Object>"
        f"<Object><Key>c</Key><VersionId>{marker_id}</VersionId></Object>"
        "<Object><Key>nope</Key></Object>"
        "<Object><Key>d</Key><VersionId>nonsense</VersionId></Object>"
        f"<Object><Key>d</Key><VersionId>{OTHER}</VersionId></Object>"
        "<Object><Key></Key></Object>",
    )
    told = {}
    for node in answer.tree():
        told[node.findtext("Key"), node.findtext("VersionId")] = {
            child.tag: child.text for child in node if child.tag not in ("Key", "VersionId")
        }
    assert told.pop(("a", None))["DeleteMarker"] == "true"
    assert told.pop(("nope", None))["DeleteMarker"] == "true"
    assert told.pop(("b", version_id)) == {}
    assert told.pop(("c", marker_id)) == {
        "DeleteMarker": "true",
        "DeleteMarkerVersionId": marker_id,
    }
    assert told.pop(("d", "nonsense"))["Code"] == "InvalidArgument"
    assert told.pop(("d", OTHER)) == {}
    assert told.pop(("", None))["Code"] == "InvalidArgument"
    assert not told
    assert (await stand.call("GET", f"/{BUCKET}")).texts("Contents/Key") == ["c"]


async def test_quiet_says_only_what_failed(stand: Stand) -> None:
    await put(stand)
    answer = await delete_many(
        stand,
        "<Quiet>true</Quiet><Object><Key>nope</Key></Object>"
        f"<Object><Key>key</Key><ETag>{OTHER}</ETag></Object>",
    )
    assert answer.texts("Deleted") == []
    assert answer.texts("Error/Key") == ["key"]
    assert answer.texts("Error/Code") == ["PreconditionFailed"]
