"""Copies: by version, onto themselves, and what goes along with the bytes."""

from collections.abc import Mapping

import pytest

from tests.coordinator.s3.support import BOB, BUCKET, Answer, Stand

SOURCE, TARGET = f"/{BUCKET}/source", f"/{BUCKET}/target"


async def copy(
    stand: Stand, headers: Mapping[str, str] | None = None, source: str = f"{BUCKET}/source"
) -> Answer:
    return await stand.call("PUT", TARGET, headers={"x-amz-copy-source": source, **(headers or {})})


async def test_a_copy_names_both_versions(stand: Stand) -> None:
    await stand.set_versioning()
    first = await stand.call("PUT", SOURCE, "one")
    second = await stand.call("PUT", SOURCE, "two")
    current = await copy(stand)
    assert current.headers["x-amz-copy-source-version-id"] == second.version_id
    former = await copy(stand, source=f"{BUCKET}/source?versionId={first.version_id}")
    assert former.headers["x-amz-copy-source-version-id"] == first.version_id
    assert current.version_id != former.version_id
    got = await stand.call("GET", TARGET, query={"versionId": former.version_id or ""})
    assert got.body == b"one"
    got = await stand.call("GET", TARGET, query={"versionId": current.version_id or ""})
    assert got.body == b"two"


async def test_without_versions_a_copy_names_none(stand: Stand) -> None:
    await stand.call("PUT", SOURCE, "one")
    answer = await copy(stand)
    assert answer.status == 200
    assert not [name for name in answer.headers if name.endswith("version-id")]


async def test_an_older_version_is_brought_back_by_copying_it(stand: Stand) -> None:
    await stand.set_versioning()
    first = await stand.call("PUT", SOURCE, "one")
    await stand.call("PUT", SOURCE, "two")
    source = {"x-amz-copy-source": f"{BUCKET}/source?versionId={first.version_id}"}
    assert (await stand.call("PUT", SOURCE, headers=source)).status == 200
    assert (await stand.call("GET", SOURCE)).body == b"one"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"x-amz-metadata-directive": "COPY"}, 400),
        ({"x-amz-metadata-directive": "REPLACE"}, 200),
        ({"x-amz-metadata-directive": "BOTH"}, 400),
        ({"x-amz-storage-class": "STANDARD_IA"}, 200),
    ],
)
async def test_a_copy_onto_itself_must_change_something(
    stand: Stand, headers: Mapping[str, str], status: int
) -> None:
    await stand.call("PUT", SOURCE, "one")
    sent = {"x-amz-copy-source": f"{BUCKET}/source", **headers}
    assert (await stand.call("PUT", SOURCE, headers=sent)).status == status
    assert (await stand.call("GET", SOURCE)).body == b"one"


async def test_what_goes_along(stand: Stand) -> None:
    said = {
        "content-type": "text/plain",
        "x-amz-meta-colour": "red",
        "x-amz-tagging": "a=1",
        "x-amz-storage-class": "STANDARD_IA",
    }
    await stand.call("PUT", SOURCE, "one", headers=said)
    await copy(stand)
    head = await stand.call("HEAD", TARGET)
    assert head.headers["content-type"] == "text/plain"
    assert head.headers["x-amz-meta-colour"] == "red"
    assert head.headers["x-amz-tagging-count"] == "1"
    assert "x-amz-storage-class" not in head.headers, "a copy is STANDARD unless told otherwise"
    replace = {
        "x-amz-metadata-directive": "REPLACE",
        "x-amz-tagging-directive": "REPLACE",
        "x-amz-meta-size": "big",
    }
    await copy(stand, replace)
    head = await stand.call("HEAD", TARGET)
    assert head.headers["x-amz-meta-size"] == "big"
    assert not {"x-amz-meta-colour", "x-amz-tagging-count"} & head.headers.keys()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"x-amz-copy-source-if-match": "*"}, 200),
        ({"x-amz-copy-source-if-match": "other"}, 412),
        ({"x-amz-copy-source-if-none-match": "*"}, 412),
        ({"x-amz-copy-source-if-none-match": "other"}, 200),
        ({"x-amz-copy-source-if-modified-since": "Fri, 15 Jan 2027 07:00:00 GMT"}, 200),
        ({"x-amz-copy-source-if-unmodified-since": "Fri, 15 Jan 2027 07:00:00 GMT"}, 412),
    ],
)
async def test_conditions_on_the_source(
    stand: Stand, headers: Mapping[str, str], status: int
) -> None:
    await stand.call("PUT", SOURCE, "one")
    assert (await copy(stand, headers)).status == status
    assert (await stand.call("GET", TARGET)).status == (200 if status == 200 else 404)


@pytest.mark.parametrize(
    ("source", "code"),
    [
        (f"{BUCKET}/nope", "NoSuchKey"),
        ("nobucket/source", "NoSuchBucket"),
        (f"{BUCKET}/source?versionId={'f' * 32}", "NoSuchVersion"),
        (f"{BUCKET}/source?versionId=nonsense", "InvalidArgument"),
        (f"{BUCKET}/source?versionId=", "InvalidArgument"),
        (BUCKET, "InvalidArgument"),
        ("bobs/secret", "AccessDenied"),
    ],
)
async def test_sources_that_are_not_there(stand: Stand, source: str, code: str) -> None:
    await stand.call("PUT", SOURCE, "one")
    await stand.call("PUT", "/bobs", keys=BOB)
    await stand.call("PUT", "/bobs/secret", "mine", keys=BOB)
    assert (await copy(stand, source=source)).code == code
    assert (await stand.call("GET", TARGET)).code == "NoSuchKey"
