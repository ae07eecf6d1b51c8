"""Encrypted objects by the JSON API, and the named keys."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coordinator.crypto import CustomerKey, Keyring, Protection, Scheme, open_key_store
from coordinator.objects import Digested, NewObject, ObjectKeys
from metadata import Bucket
from tests.coordinator.api.support import ALICE, ROOT, Stand
from tests.coordinator.api.test_client_agrees import carry_out
from tests.coordinator.objects.fakes import body_of
from trilith.encryption_keys import EncryptionKey, create_encryption_key, list_encryption_keys

DATA = b"the bytes of an object" * 5000
NAMED = Protection(Scheme.NAMED, "testkey-1")
CUSTOMER = Protection(Scheme.CUSTOMER, customer_key=CustomerKey(bytes(32)))


class Unhashed:
    """A digest that checks nothing."""

    def update(self, data: object) -> None: ...

    def finish(self) -> Digested:
        return Digested(hashlib.md5(DATA).hexdigest())


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    made = Stand()
    store = open_key_store(tmp_path / "keys.json", clock_ms=lambda: 7)
    await store.create("testkey-1")

    async def default(bucket: Bucket) -> Protection | None:
        return NAMED if bucket.name == "alices" else None

    made.objects.keys = ObjectKeys(Keyring(store), default)
    yield await made.start()
    await made.close()


async def test_what_is_written_is_encrypted_as_the_bucket_says(stand: Stand) -> None:
    put = await stand.call("PUT", "/objects/alices/key", content=DATA)
    assert put.json()["encryption"] == "aws:kms"
    assert put.json()["etag"] != hashlib.md5(DATA).hexdigest()
    for method in ("GET", "HEAD"):
        got = await stand.call(method, "/objects/alices/key")
        assert got.headers["x-trilith-encryption"] == "aws:kms"
        assert got.headers["content-length"] == str(len(DATA))
        assert got.content == (DATA if method == "GET" else b"")
    ranged = await stand.call("GET", "/objects/alices/key", headers={"range": "bytes=65519-65521"})
    assert ranged.content == DATA[65519:65522]
    info = (await stand.call("GET", "/info/alices/key")).json()
    (part,) = info["parts"]
    assert (info["size"], info["next_offset"], part["size"]) == (len(DATA), None, len(DATA))
    assert part["stored_bytes"] == len(DATA) + 32
    listed = (await stand.call("GET", "/objects/alices")).json()["objects"]
    assert [entry["encryption"] for entry in listed] == ["aws:kms"]
    plain = await stand.call("PUT", "/objects/bobs/key", ROOT, content=DATA)
    assert plain.json()["encryption"] == ""
    assert (
        "x-trilith-encryption" not in (await stand.call("GET", "/objects/bobs/key", ROOT)).headers
    )


async def test_what_needs_a_customers_key_is_not_told(stand: Stand) -> None:
    bucket = await stand.metadata.bucket("alices")
    new = NewObject("alice", protection=CUSTOMER)
    await stand.objects.put(bucket, "key", body_of(DATA), Unhashed(), new)
    got = await stand.call("GET", "/objects/alices/key")
    assert (got.status_code, got.json()["code"]) == (400, "CustomerKeyNeeded")
    assert (await stand.call("HEAD", "/objects/alices/key")).status_code == 400


async def test_root_makes_and_lists_keys(stand: Stand) -> None:
    made = await carry_out(stand, create_encryption_key("alias/second"), ROOT)
    assert made == EncryptionKey("alias/second", 7)
    listed = await carry_out(stand, list_encryption_keys(), ROOT)
    assert listed == [made, EncryptionKey("testkey-1", 7)]


@pytest.mark.parametrize(
    ("keys", "document", "status", "code"),
    [
        (ALICE, {"key_id": "new"}, 403, "AccessDenied"),
        (ROOT, {"key_id": "testkey-1"}, 409, "EncryptionKeyAlreadyExists"),
        (ROOT, {"key_id": ""}, 422, "InvalidRequest"),
        (ROOT, {"key_id": "a b"}, 422, "InvalidRequest"),
        (ROOT, {"key_id": "a" * 257}, 422, "InvalidRequest"),
        (ROOT, {"key_id": "new", "key": "c2VjcmV0"}, 422, "InvalidRequest"),
        (ROOT, {}, 422, "InvalidRequest"),
    ],
)
async def test_keys_that_are_refused(
    stand: Stand, keys: tuple[str, str], document: dict[str, str], status: int, code: str
) -> None:
    answer = await stand.call("POST", "/encryption-keys", keys, json=document)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert "c2VjcmV0" not in answer.text


async def test_only_root_learns_which_keys_there_are(stand: Stand) -> None:
    assert (await stand.call("GET", "/encryption-keys", ALICE)).status_code == 403


async def test_without_a_key_store_there_are_no_keys() -> None:
    bare = await Stand().start()
    answer = await bare.call("GET", "/encryption-keys", ROOT)
    await bare.close()
    assert answer.status_code == 400
