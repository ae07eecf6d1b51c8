"""Versioning: what is kept, what hides what, and how every answer names the version it is about."""

import pytest

from tests.coordinator.s3.support import BOB, BUCKET, ROOT, Answer, Stand

KEY = f"/{BUCKET}/key"
UNKNOWN_ID = "f" * 32


async def put(stand: Stand, body: str, path: str = KEY) -> Answer:
    answer = await stand.call("PUT", path, body)
    assert answer.status == 200, answer.body
    return answer


async def get(stand: Stand, version_id: str | None = None, method: str = "GET") -> Answer:
    query = {} if version_id is None else {"versionId": version_id}
    return await stand.call(method, KEY, query=query)


async def delete(stand: Stand, version_id: str | None = None) -> Answer:
    query = {} if version_id is None else {"versionId": version_id}
    answer = await stand.call("DELETE", KEY, query=query)
    assert answer.status == 204, answer.body
    return answer


async def ids(stand: Stand, **query: str) -> list[tuple[str, str, bool]]:
    """(what, version id, is latest) of everything in the bucket."""
    answer = await stand.call("GET", f"/{BUCKET}", query={"versions": "", **query})
    assert answer.status == 200, answer.body
    return [
        (
            node.tag,
            node.findtext("VersionId") or "",
            node.findtext("IsLatest") == "true",
        )
        for node in answer.tree()
        if node.tag in ("Version", "DeleteMarker")
    ]


async def test_a_bucket_starts_without_versioning(stand: Stand) -> None:
    answer = await stand.call("GET", f"/{BUCKET}", query={"versioning": ""})
    assert answer.text("Status") == ""
    for state in ("Suspended", "Enabled", "Enabled", "Suspended"):
        await stand.set_versioning(state)
        answer = await stand.call("GET", f"/{BUCKET}", query={"versioning": ""})
        assert answer.text("Status") == state


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("", "MalformedXML"),
        ("<VersioningConfiguration/>", "IllegalVersioningConfigurationException"),
        ("<VersioningConfiguration><Status>On</Status></VersioningConfiguration>", "MalformedXML"),
        (
            "<VersioningConfiguration><Status>Enabled</Status><MfaDelete>Enabled</MfaDelete>"
            "</VersioningConfiguration>",
            "NotImplemented",
        ),
    ],
)
async def test_what_versioning_can_not_be(stand: Stand, document: str, code: str) -> None:
    answer = await stand.call("PUT", f"/{BUCKET}", document, query={"versioning": ""})
    assert answer.code == code
    answer = await stand.call("GET", f"/{BUCKET}", query={"versioning": ""})
    assert answer.text("Status") == ""


async def test_mfa_is_refused_clearly(stand: Stand) -> None:
    answer = await stand.call("DELETE", KEY, headers={"x-amz-mfa": "device 123456"})
    assert (answer.status, answer.code) == (501, "NotImplemented")
    assert "x-amz-mfa" in answer.text("Message")


async def test_only_who_may_sets_versioning(stand: Stand) -> None:
    document = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    answer = await stand.call("PUT", f"/{BUCKET}", document, query={"versioning": ""}, keys=BOB)
    assert (answer.status, answer.code) == (403, "AccessDenied")
    answer = await stand.call("PUT", f"/{BUCKET}", document, query={"versioning": ""}, keys=ROOT)
    assert answer.status == 200


async def test_without_versioning_no_answer_names_a_version(stand: Stand) -> None:
    written = await put(stand, "one")
    read = await get(stand)
    gone = await delete(stand)
    assert [one.version_id for one in (written, read, gone)] == [None] * 3
    assert not gone.is_marker
    assert await ids(stand) == []


async def test_without_versioning_the_one_version_is_null(stand: Stand) -> None:
    await put(stand, "one")
    await put(stand, "two")
    assert await ids(stand) == [("Version", "null", True)]
    assert (await get(stand, "null")).body == b"two"
    assert (await delete(stand, "null")).version_id == "null"
    assert await ids(stand) == []


async def test_each_write_makes_a_version(stand: Stand) -> None:
    await stand.set_versioning()
    first, second = await put(stand, "one"), await put(stand, "two")
    assert first.version_id is not None
    assert second.version_id is not None
    assert first.version_id != second.version_id
    current = await get(stand)
    assert (current.body, current.version_id) == (b"two", second.version_id)
    former = await get(stand, first.version_id)
    assert (former.body, former.version_id) == (b"one", first.version_id)
    head = await get(stand, first.version_id, "HEAD")
    assert (head.headers["content-length"], head.version_id) == ("3", first.version_id)
    assert await ids(stand) == [
        ("Version", second.version_id, True),
        ("Version", first.version_id, False),
    ]


async def test_a_delete_marker_hides_the_key(stand: Stand) -> None:
    await stand.set_versioning()
    written = await put(stand, "one")
    gone = await delete(stand)
    assert gone.is_marker
    assert gone.version_id not in (None, "null", written.version_id)
    for method in ("GET", "HEAD"):
        hidden = await get(stand, method=method)
        assert hidden.status == 404
        assert hidden.is_marker
        assert hidden.version_id == gone.version_id
    assert (await get(stand)).code == "NoSuchKey"
    assert (await get(stand, written.version_id)).body == b"one"
    listing = await stand.call("GET", f"/{BUCKET}")
    assert listing.texts("Contents/Key") == []


async def test_a_delete_marker_can_not_be_read(stand: Stand) -> None:
    await stand.set_versioning()
    marker_id = (await delete(stand)).version_id
    for method in ("GET", "HEAD"):
        named = await get(stand, marker_id, method)
        assert named.status == 405
        assert named.is_marker
        assert named.headers["allow"] == "DELETE"
        assert named.headers["last-modified"] == "Fri, 15 Jan 2027 08:00:00 GMT"
    assert (await get(stand, marker_id)).code == "MethodNotAllowed"
    source = f"{BUCKET}/key?versionId={marker_id}"
    copied = await stand.call("PUT", f"/{BUCKET}/copy", headers={"x-amz-copy-source": source})
    assert (copied.status, copied.code) == (400, "InvalidRequest")


async def test_a_404_says_that_it_is_no_delete_marker(stand: Stand) -> None:
    missing = await get(stand, method="HEAD")
    assert missing.headers["x-amz-delete-marker"] == "false"
    assert missing.version_id is None


async def test_removing_the_marker_brings_the_object_back(stand: Stand) -> None:
    await stand.set_versioning()
    await put(stand, "one")
    marker_id = (await delete(stand)).version_id
    removed = await delete(stand, marker_id)
    assert removed.is_marker
    assert removed.version_id == marker_id
    assert (await get(stand)).body == b"one"


async def test_removing_a_version_is_for_good(stand: Stand) -> None:
    await stand.set_versioning()
    first, second = await put(stand, "one"), await put(stand, "two")
    removed = await delete(stand, second.version_id)
    assert not removed.is_marker
    assert removed.version_id == second.version_id
    assert (await get(stand)).body == b"one"
    assert (await get(stand, second.version_id)).code == "NoSuchVersion"
    await delete(stand, first.version_id)
    assert (await get(stand)).code == "NoSuchKey"
    # and once more: it is gone, as was asked
    assert (await delete(stand, first.version_id)).version_id == first.version_id


async def test_deleting_nothing_leaves_a_marker(stand: Stand) -> None:
    await stand.set_versioning()
    assert (await delete(stand)).is_marker
    assert (await delete(stand)).is_marker
    assert [(what, latest) for what, _, latest in await ids(stand)] == [
        ("DeleteMarker", True),
        ("DeleteMarker", False),
    ]


async def test_the_null_version_stays_when_versioning_comes(stand: Stand) -> None:
    await put(stand, "old")
    await stand.set_versioning()
    new = await put(stand, "new")
    assert (await get(stand, "null")).body == b"old"
    await delete(stand, new.version_id)
    current = await get(stand)
    assert (current.body, current.version_id) == (b"old", "null")


async def test_suspended_versioning_replaces_the_null_version_only(stand: Stand) -> None:
    await stand.set_versioning()
    kept = await put(stand, "kept")
    await stand.set_versioning("Suspended")
    assert (await put(stand, "null 1")).version_id is None
    await put(stand, "null 2")
    assert await ids(stand) == [("Version", "null", True), ("Version", kept.version_id, False)]
    current = await get(stand)
    assert (current.body, current.version_id) == (b"null 2", "null")
    gone = await delete(stand)
    assert gone.is_marker
    assert gone.version_id == "null"
    assert await ids(stand) == [
        ("DeleteMarker", "null", True),
        ("Version", kept.version_id, False),
    ]
    assert (await get(stand)).is_marker
    await delete(stand, "null")
    assert (await get(stand)).body == b"kept"


@pytest.mark.parametrize(
    ("version_id", "status", "code"),
    [
        (UNKNOWN_ID, 404, "NoSuchVersion"),
        ("null", 404, "NoSuchVersion"),
        ("", 400, "InvalidArgument"),
        ("NULL", 400, "InvalidArgument"),
        ("f" * 31, 400, "InvalidArgument"),
        ("F" * 32, 400, "InvalidArgument"),
        (
            "3sL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY+MTRCxf3vjVBH40Nr8X8gdRQBpUMLUo",
            400,
            "InvalidArgument",
        ),
        ("x\r\ny", 400, "InvalidArgument"),
    ],
)
async def test_ids_that_are_not_there_and_ids_that_are_not_ours(
    stand: Stand, version_id: str, status: int, code: str
) -> None:
    await stand.set_versioning()
    await put(stand, "one")
    answer = await get(stand, version_id)
    assert (answer.status, answer.code) == (status, code)
    assert (await get(stand, version_id, "HEAD")).status == status
    source = f"{BUCKET}/key?versionId={version_id}"
    if "\r" not in version_id:
        copied = await stand.call("PUT", f"/{BUCKET}/x", headers={"x-amz-copy-source": source})
        assert copied.status == status
    deleted = await stand.call("DELETE", KEY, query={"versionId": version_id})
    assert deleted.status == (204 if status == 404 else 400)
    assert (await get(stand)).body == b"one"


async def test_one_keys_version_is_not_anothers(stand: Stand) -> None:
    await stand.set_versioning()
    other = await put(stand, "other", f"/{BUCKET}/other")
    await put(stand, "one")
    assert (await get(stand, other.version_id)).code == "NoSuchVersion"
    await delete(stand, other.version_id)
    assert (await stand.call("GET", f"/{BUCKET}/other")).body == b"other"


async def test_a_bucket_of_hidden_objects_is_not_empty(stand: Stand) -> None:
    await stand.set_versioning()
    written = await put(stand, "one")
    marker_id = (await delete(stand)).version_id
    assert (await stand.call("DELETE", f"/{BUCKET}")).code == "BucketNotEmpty"
    await delete(stand, written.version_id)
    assert (await stand.call("DELETE", f"/{BUCKET}")).code == "BucketNotEmpty"
    await delete(stand, marker_id)
    assert (await stand.call("DELETE", f"/{BUCKET}")).status == 204


# listing -----------------------------------------------------------------------------
async def page(stand: Stand, **query: str) -> Answer:
    answer = await stand.call("GET", f"/{BUCKET}", query={"versions": "", **query})
    assert answer.status == 200, answer.body
    return answer


async def test_pages_go_through_everything_once(stand: Stand) -> None:
    await stand.set_versioning()
    expected = []
    for key in ("a", "a/b", "b & c", "ä"):
        made = [(await put(stand, f"{n}", f"/{BUCKET}/{key}")).version_id for n in range(2)]
        made.append((await stand.call("DELETE", f"/{BUCKET}/{key}")).version_id)
        expected += [(key, version_id) for version_id in reversed(made)]
    for limit in range(1, 8):
        found: list[tuple[str, str]] = []
        query = {"max-keys": str(limit)}
        while True:
            answer = await page(stand, **query)
            part = [
                (node.findtext("Key") or "", node.findtext("VersionId") or "")
                for node in answer.tree()
                if node.tag in ("Version", "DeleteMarker")
            ]
            assert len(part) <= limit
            found += part
            if answer.text("IsTruncated") == "false":
                break
            query["key-marker"] = answer.text("NextKeyMarker")
            query["version-id-marker"] = answer.text("NextVersionIdMarker")
        assert found == expected, limit


async def test_prefixes_and_delimiters(stand: Stand) -> None:
    await stand.set_versioning()
    for key in ("a/1", "a/2", "b", "c/1"):
        await put(stand, "x", f"/{BUCKET}/{key}")
        await stand.call("DELETE", f"/{BUCKET}/{key}")
    answer = await page(stand, delimiter="/")
    assert answer.texts("CommonPrefixes/Prefix") == ["a/", "c/"]
    assert answer.texts("Version/Key") == answer.texts("DeleteMarker/Key") == ["b"]
    answer = await page(stand, delimiter="/", **{"max-keys": "1"})
    assert (answer.text("NextKeyMarker"), answer.text("NextVersionIdMarker")) == ("a/", "")
    answer = await page(stand, delimiter="/", **{"max-keys": "1", "key-marker": "a/"})
    assert answer.texts("DeleteMarker/Key") == ["b"]
    answer = await page(stand, prefix="a/", **{"encoding-type": "url"})
    assert answer.texts("Version/Key") == ["a/1", "a/2"]
    assert (await page(stand, **{"max-keys": "0"})).text("IsTruncated") == "false"


@pytest.mark.parametrize(
    "query",
    [
        {"version-id-marker": UNKNOWN_ID},
        {"key-marker": "k", "version-id-marker": "nonsense"},
        {"max-keys": "many"},
        {"encoding-type": "base64"},
    ],
)
async def test_bad_pages(stand: Stand, query: dict[str, str]) -> None:
    answer = await stand.call("GET", f"/{BUCKET}", query={"versions": "", **query})
    assert (answer.status, answer.code) == (400, "InvalidArgument")


async def test_strangers_see_no_versions(stand: Stand) -> None:
    for keys in (BOB, None):
        answer = await stand.call("GET", f"/{BUCKET}", query={"versions": ""}, keys=keys)
        assert answer.code == "AccessDenied"
