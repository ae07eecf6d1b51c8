"""The one mechanism of bucket settings, over the whole endpoint."""

from typing import Any

import pytest

from coordinator.s3 import settings
from coordinator.s3.settings import SETTINGS, Setting
from coordinator.s3.settings.reader import SettingsReader
from metadata import MemoryStore
from tests.coordinator.s3.settings.test_documents import SENT, sent
from tests.coordinator.s3.support import BOB, BUCKET, ROOT, Stand

DOCUMENTS = {
    name: sent(f"Put{operation}", Bucket="b", **{field: value})
    for name, operation, field, value in SENT
}
ROWS = [setting for setting in SETTINGS if setting.name in DOCUMENTS]
# The log needs a target that lets it in, and has tests of its own.
PLAIN = [setting for setting in ROWS if setting.name != "logging"]
PATH = f"/{BUCKET}"


def names(rows: list[Setting[Any]]) -> list[str]:
    return [row.name for row in rows]


@pytest.mark.parametrize("row", PLAIN, ids=names(PLAIN))
async def test_a_setting_is_set_answered_and_deleted(stand: Stand, row: Setting[Any]) -> None:
    query = {row.name: ""}
    await expect_unset(stand, row)
    answer = await stand.call("PUT", PATH, DOCUMENTS[row.name], query=query)
    assert answer.status == 200, answer.body
    answer = await stand.call("GET", PATH, query=query)
    assert answer.status == 200
    assert row.parse(answer.body) == row.parse(DOCUMENTS[row.name])
    if row.has_delete:
        assert (await stand.call("DELETE", PATH, query=query)).status == 204
        assert (await stand.call("DELETE", PATH, query=query)).status == 204
        await expect_unset(stand, row)
    else:
        assert (await stand.call("DELETE", PATH, query=query)).code == "NotImplemented"


async def expect_unset(stand: Stand, row: Setting[Any]) -> None:
    answer = await stand.call("GET", PATH, query={row.name: ""})
    if row.unset:
        assert answer.code == row.unset
        assert answer.status == 404
    else:
        assert (answer.status, answer.body) == (200, row.unset_document)


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
async def test_what_is_no_document_is_not_stored(stand: Stand, row: Setting[Any]) -> None:
    query = {row.name: ""}
    for body in (b"", b"<", b"<Surprise/>", b"{}", b"<!DOCTYPE a []><a/>"):
        assert (await stand.call("PUT", PATH, body, query=query)).code == "MalformedXML"
    too_big = DOCUMENTS[row.name] + b" " * row.limit_bytes
    assert (await stand.call("PUT", PATH, too_big, query=query)).code == "MalformedXML"
    await expect_unset(stand, row)
    assert await stand.store.bucket_settings(BUCKET) == {}


@pytest.mark.parametrize("row", ROWS, ids=names(ROWS))
async def test_strangers_neither_see_nor_set(stand: Stand, row: Setting[Any]) -> None:
    query = {row.name: ""}
    for keys in (BOB, None):
        for method in ("GET", "PUT", "DELETE") if row.has_delete else ("GET", "PUT"):
            answer = await stand.call(method, PATH, DOCUMENTS[row.name], query=query, keys=keys)
            assert answer.code == "AccessDenied"
    await expect_unset(stand, row)


async def test_a_bucket_that_is_not_there(stand: Stand) -> None:
    for row in ROWS:
        answer = await stand.call("GET", "/nothing-here", query={row.name: ""})
        assert answer.code == "NoSuchBucket"


async def test_an_empty_value_is_the_same_as_none(stand: Stand) -> None:
    for name, empty in (
        ("tagging", b"<Tagging><TagSet/></Tagging>"),
        ("notification", b"<NotificationConfiguration/>"),
    ):
        await stand.call("PUT", PATH, DOCUMENTS[name], query={name: ""})
        await stand.call("PUT", PATH, empty, query={name: ""})
        assert await stand.store.bucket_settings(BUCKET) == {}


async def test_what_is_set_already_is_not_written_again(stand: Stand) -> None:
    query = {"cors": ""}
    await stand.call("PUT", PATH, DOCUMENTS["cors"], query=query)
    before = (await stand.store.bucket(BUCKET)).settings_version
    await stand.call("PUT", PATH, b"\n" + DOCUMENTS["cors"], query=query, keys=ROOT)
    assert (await stand.store.bucket(BUCKET)).settings_version == before


async def test_what_no_store_has_is_answered_as_never_set(stand: Stand) -> None:
    answer = await stand.call("GET", PATH, query={"replication": ""})
    assert answer.code == "ReplicationConfigurationNotFoundError"
    answer = await stand.call("PUT", PATH, "<a/>", query={"replication": ""})
    assert answer.code == "NotImplemented"


class CountingStore(MemoryStore):
    """Counts the look-ups of settings."""

    looked_up = 0

    async def bucket_settings(self, bucket: str) -> dict[str, str]:
        self.looked_up += 1
        return await super().bucket_settings(bucket)


async def test_settings_are_looked_up_once_for_each_change() -> None:
    store = CountingStore()
    bucket = await store.create_bucket("b", "alice", "", 1)
    reader = SettingsReader(store)
    assert await reader.value(bucket, settings.REQUEST_PAYMENT) is None
    assert store.looked_up == 0
    for payer in ("Requester", "BucketOwner"):
        document = settings.REQUEST_PAYMENT.encode(payer, 0)
        await store.put_bucket_setting("b", "requestPayment", document)
        bucket = await store.bucket("b")
        for _ in range(3):
            assert await reader.value(bucket, settings.REQUEST_PAYMENT) == payer
            assert await reader.value(bucket, settings.CORS) is None
    assert store.looked_up == 2
