"""ListObjects, both versions, over the whole endpoint: pages, tokens, and what is refused."""

from collections.abc import Mapping

import pytest

from tests.coordinator.s3.support import BUCKET, Answer, Stand

KEYS = ["a", "b/1", "b/2", "c d", "ä"]


async def listed(stand: Stand, **query: str) -> Answer:
    answer = await stand.call("GET", f"/{BUCKET}", query=query)
    assert answer.status == 200, answer.body
    return answer


@pytest.fixture
async def filled(stand: Stand) -> Stand:
    for key in KEYS:
        await stand.call("PUT", f"/{BUCKET}/{key}", "x")
    return stand


async def test_pages_of_v2(filled: Stand) -> None:
    for limit in range(1, 7):
        found: list[str] = []
        query = {"list-type": "2", "max-keys": str(limit)}
        while True:
            answer = await listed(filled, **query)
            found += answer.texts("Contents/Key")
            if answer.text("IsTruncated") == "false":
                break
            query["continuation-token"] = answer.text("NextContinuationToken")
        assert found == KEYS


async def test_pages_of_v1(filled: Stand) -> None:
    first = await listed(filled, delimiter="/", **{"max-keys": "2"})
    assert first.texts("Contents/Key") + first.texts("CommonPrefixes/Prefix") == ["a", "b/"]
    second = await listed(filled, delimiter="/", marker=first.text("NextMarker"))
    assert second.texts("Contents/Key") == ["c d", "ä"]


async def test_an_empty_token_starts_at_the_beginning(filled: Stand) -> None:
    answer = await listed(filled, **{"list-type": "2", "continuation-token": ""})
    assert answer.texts("Contents/Key") == KEYS
    assert answer.texts("ContinuationToken") == [""]
    answer = await listed(filled, **{"list-type": "2", "start-after": "b/1"})
    assert answer.texts("Contents/Key") == KEYS[2:]
    assert answer.texts("ContinuationToken") == []


async def test_any_order_is_ours_too(filled: Stand) -> None:
    for version in ("1", "2"):
        query = {"list-type": version, "allow-unordered": "true"}
        assert (await listed(filled, **query)).texts("Contents/Key") == KEYS
        answer = await filled.call("GET", f"/{BUCKET}", query={**query, "delimiter": "/"})
        assert (answer.status, answer.code) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    "query",
    [
        {"list-type": "2", "continuation-token": "???"},
        {"list-type": "2", "continuation-token": "gA=="},
        {"max-keys": "-1"},
        {"max-keys": "all"},
        {"encoding-type": "base64"},
    ],
)
async def test_bad_questions(filled: Stand, query: Mapping[str, str]) -> None:
    answer = await filled.call("GET", f"/{BUCKET}", query=query)
    assert (answer.status, answer.code) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("prefix", "shown"),
    [("b/", "b/"), ("\n", "\n"), ("c d", "c d"), ("1+1", "1%2B1"), ("\x01", "%01")],
)
async def test_all_clients_read_the_same_prefix(stand: Stand, prefix: str, shown: str) -> None:
    answer = await listed(stand, prefix=prefix, **{"encoding-type": "url"})
    assert answer.text("Prefix") == shown


async def test_hidden_objects_are_not_listed(filled: Stand) -> None:
    await filled.set_versioning()
    await filled.call("DELETE", f"/{BUCKET}/a")
    await filled.call("PUT", f"/{BUCKET}/b/1", "longer")
    answer = await listed(filled)
    assert answer.texts("Contents/Key") == KEYS[1:]
    assert answer.texts("Contents/Size") == ["6", "1", "1", "1"]
