"""Object tags over the whole endpoint: set, counted, copied, by version."""

import pytest

from tests.coordinator.s3.support import BOB, BUCKET, Stand

KEY = f"/{BUCKET}/key"
TAGGING = {"tagging": ""}


def document(**tags: str) -> str:
    pairs = "".join(f"<Tag><Key>{k}</Key><Value>{v}</Value></Tag>" for k, v in tags.items())
    return f"<Tagging><TagSet>{pairs}</TagSet></Tagging>"


async def tags_of(stand: Stand, path: str = KEY, **query: str) -> dict[str, str]:
    answer = await stand.call("GET", path, query={**TAGGING, **query})
    assert answer.status == 200, answer.body
    keys, values = answer.texts("TagSet/Tag/Key"), answer.texts("TagSet/Tag/Value")
    return dict(zip(keys, values, strict=True))


async def test_tags_of_an_object_come_and_go(stand: Stand) -> None:
    await stand.call("PUT", KEY, b"x")
    assert await tags_of(stand) == {}
    assert "x-amz-tagging-count" not in (await stand.call("HEAD", KEY)).headers
    assert (await stand.call("PUT", KEY, document(b="2", a=""), query=TAGGING)).status == 200
    assert await tags_of(stand) == {"a": "", "b": "2"}
    assert (await stand.call("GET", KEY)).headers["x-amz-tagging-count"] == "2"
    assert (await stand.call("HEAD", KEY)).headers["x-amz-tagging-count"] == "2"
    assert (await stand.call("DELETE", KEY, query=TAGGING)).status == 204
    assert await tags_of(stand) == {}


async def test_tags_come_with_the_object(stand: Stand) -> None:
    await stand.call("PUT", KEY, b"x", headers={"x-amz-tagging": "foo=bar&bar"})
    assert await tags_of(stand) == {"bar": "", "foo": "bar"}
    await stand.call("PUT", KEY, b"y")
    assert await tags_of(stand) == {}


async def test_tags_belong_to_a_version(stand: Stand) -> None:
    await stand.set_versioning()
    first = (await stand.call("PUT", KEY, b"1")).version_id or ""
    second = (await stand.call("PUT", KEY, b"2")).version_id or ""
    answer = await stand.call("PUT", KEY, document(a="1"), query={**TAGGING, "versionId": first})
    assert answer.version_id == first
    assert await tags_of(stand) == {}
    assert await tags_of(stand, versionId=first) == {"a": "1"}
    answer = await stand.call("PUT", KEY, document(a="2"), query=TAGGING)
    assert answer.version_id == second
    answer = await stand.call("DELETE", KEY, query={**TAGGING, "versionId": first})
    assert (answer.status, answer.version_id) == (204, first)
    assert await tags_of(stand, versionId=first) == {}
    assert await tags_of(stand, versionId=second) == {"a": "2"}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, {"old": "1"}),
        ({"x-amz-tagging": "new=2"}, {"old": "1"}),
        ({"x-amz-tagging": "new=2", "x-amz-tagging-directive": "REPLACE"}, {"new": "2"}),
        ({"x-amz-tagging-directive": "REPLACE"}, {}),
    ],
)
async def test_a_copy_takes_its_sources_tags_unless_told(
    stand: Stand, headers: dict[str, str], expected: dict[str, str]
) -> None:
    await stand.call("PUT", KEY, b"x", headers={"x-amz-tagging": "old=1"})
    source = {"x-amz-copy-source": f"{BUCKET}/key"}
    answer = await stand.call("PUT", f"/{BUCKET}/copy", headers={**source, **headers})
    assert answer.status == 200, answer.body
    assert await tags_of(stand, f"/{BUCKET}/copy") == expected


async def test_what_is_refused_changes_nothing(stand: Stand) -> None:
    await stand.call("PUT", KEY, b"x", headers={"x-amz-tagging": "a=1"})
    many = document(**{f"t{number}": "" for number in range(11)})
    assert (await stand.call("PUT", KEY, many, query=TAGGING)).code == "InvalidTag"
    assert (await stand.call("PUT", KEY, "<Tag/>", query=TAGGING)).code == "MalformedXML"
    assert (await stand.call("PUT", KEY, document(), query=TAGGING, keys=BOB)).status == 403
    assert (await stand.call("GET", KEY, query=TAGGING, keys=None)).status == 403
    assert await tags_of(stand) == {"a": "1"}
    bad = {"x-amz-tagging": "a=1&a=2"}
    assert (await stand.call("PUT", KEY, b"y", headers=bad)).code == "InvalidArgument"
    assert (await stand.call("GET", KEY)).body == b"x"


async def test_tags_of_what_is_not_there(stand: Stand) -> None:
    for method in ("GET", "DELETE"):
        assert (await stand.call(method, KEY, query=TAGGING)).code == "NoSuchKey"
    assert (await stand.call("PUT", KEY, document(), query=TAGGING)).code == "NoSuchKey"
