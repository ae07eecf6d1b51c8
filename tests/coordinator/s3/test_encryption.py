"""Encryption as clients meet it: who must bring which key, what is answered, and what is kept."""

import base64
import hashlib
import logging
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest

from coordinator.crypto import Keyring, open_key_store
from coordinator.objects import ObjectKeys
from coordinator.s3.encryption import bucket_default
from tests.coordinator.s3.support import BUCKET, Answer, Stand

METHOD = "x-amz-server-side-encryption"
KEY_ID = f"{METHOD}-aws-kms-key-id"
PATH = f"/{BUCKET}/key"
COPY = f"/{BUCKET}/copy"
DATA = b"the bytes of an object that nobody else may read. " * 3000
MD5 = hashlib.md5(DATA).hexdigest()
SECRET, OTHER_SECRET = bytes(range(32)), bytes(range(32, 64))


def customers(secret: bytes, prefix: str = METHOD) -> dict[str, str]:
    return {
        f"{prefix}-customer-algorithm": "AES256",
        f"{prefix}-customer-key": base64.b64encode(secret).decode(),
        f"{prefix}-customer-key-md5": base64.b64encode(hashlib.md5(secret).digest()).decode(),
    }


NONE: dict[str, str] = {}
STORE = {METHOD: "AES256"}
NAMED = {METHOD: "aws:kms", KEY_ID: "testkey-1"}
CUSTOMER = customers(SECRET)
OTHER = customers(OTHER_SECRET)
OF_SOURCE = customers(SECRET, "x-amz-copy-source-server-side-encryption")
MODES = [NONE, STORE, NAMED, CUSTOMER]
NAMES = ["none", "store", "named", "customer"]


@pytest.fixture
async def stand(tmp_path: Path) -> AsyncIterator[Stand]:
    made = Stand()
    store = open_key_store(tmp_path / "keys.json", clock_ms=made.clock.now_ms)
    await store.create("testkey-1")
    made.objects.keys = ObjectKeys(Keyring(store), bucket_default(made.surface.settings))
    await made.start()
    yield made
    await made.close()


def reading(mode: Mapping[str, str]) -> Mapping[str, str]:
    return mode if mode is CUSTOMER else NONE


def shown(answer: Answer) -> dict[str, str]:
    """What an answer says of encryption."""
    return {name: value for name, value in answer.headers.items() if name.startswith(METHOD)}


def told_of(mode: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in mode.items() if not name.endswith("customer-key")}


async def set_default(stand: Stand, algorithm: str, key_id: str = "") -> Answer:
    key = f"<KMSMasterKeyID>{key_id}</KMSMasterKeyID>" if key_id else ""
    document = (
        "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>"
        f"<SSEAlgorithm>{algorithm}</SSEAlgorithm>{key}"
        "</ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"
    )
    return await stand.call("PUT", f"/{BUCKET}", document, query={"encryption": ""})


def kept(stand: Stand) -> bytes:
    """All bytes on all nodes."""
    return b"".join(
        record for node in stand.cluster.fakes.values() for record in node.records.values()
    )


# objects -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", MODES, ids=NAMES)
async def test_every_answer_says_how_it_is_encrypted(stand: Stand, mode: Mapping[str, str]) -> None:
    put = await stand.call("PUT", PATH, DATA, headers=mode)
    assert (put.status, shown(put)) == (200, told_of(mode))
    assert (put.etag == f'"{MD5}"') == (mode in (NONE, STORE))
    for method, body in (("GET", DATA), ("HEAD", b"")):
        got = await stand.call(method, PATH, headers=reading(mode))
        assert (got.status, got.body, shown(got)) == (200, body, told_of(mode))
        assert (got.headers["content-length"], got.etag) == (str(len(DATA)), put.etag)
    ranged = await stand.call("GET", PATH, headers={**reading(mode), "range": "bytes=65515-65525"})
    assert (ranged.status, ranged.body) == (206, DATA[65515:65526])
    assert ranged.headers["content-range"] == f"bytes 65515-65525/{len(DATA)}"
    assert (DATA[:50] in kept(stand)) == (mode is NONE)
    listed = await stand.call("GET", f"/{BUCKET}", query={"list-type": "2"})
    assert (listed.text("Size"), listed.text("ETag")) == (str(len(DATA)), put.etag)


async def test_checksums_are_those_of_what_the_client_sent(stand: Stand) -> None:
    checksum = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    headers = {"x-amz-checksum-sha256": checksum}
    await stand.call("PUT", PATH, DATA, headers={**CUSTOMER, **headers})
    got = await stand.call("HEAD", PATH, headers={**CUSTOMER, "x-amz-checksum-mode": "ENABLED"})
    assert got.headers["x-amz-checksum-sha256"] == checksum
    wrong = {"content-md5": base64.b64encode(bytes(16)).decode()}
    refused = await stand.call("PUT", PATH, DATA, headers={**NAMED, **wrong})
    assert refused.code == "BadDigest"


REFUSED = [
    (CUSTOMER, NONE, "InvalidRequest"),
    (CUSTOMER, OTHER, "AccessDenied"),
    (CUSTOMER, {**CUSTOMER, f"{METHOD}-customer-key-md5": "AAAA"}, "InvalidArgument"),
    (CUSTOMER, STORE, "InvalidArgument"),
    (NONE, CUSTOMER, "InvalidRequest"),
    (STORE, CUSTOMER, "InvalidRequest"),
    (NAMED, CUSTOMER, "InvalidRequest"),
    (NONE, NAMED, "InvalidArgument"),
    (STORE, STORE, "InvalidArgument"),
    (NAMED, NAMED, "InvalidArgument"),
]
# A copy may ask for another encryption than its source has.
REFUSED_READS = [
    (*refused, what)
    for refused in REFUSED
    for what in ("GET", "HEAD", "attributes", "copy")
    if what != "copy" or refused[1] not in (STORE, NAMED)
]


@pytest.mark.parametrize(("mode", "sent", "code", "what"), REFUSED_READS)
async def test_nothing_is_told_to_who_brings_another_key(
    stand: Stand, mode: Mapping[str, str], sent: Mapping[str, str], code: str, what: str
) -> None:
    await stand.call("PUT", PATH, DATA, headers=mode)
    status = 403 if code == "AccessDenied" else 400
    if what == "copy":
        prefix = "x-amz-copy-source-server-side-encryption"
        headers = {name.replace(METHOD, prefix): value for name, value in sent.items()}
        headers["x-amz-copy-source"] = PATH
        answer = await stand.call("PUT", COPY, headers=headers)
    elif what == "attributes":
        headers = {**sent, "x-amz-object-attributes": "ETag"}
        answer = await stand.call("GET", PATH, query={"attributes": ""}, headers=headers)
    else:
        answer = await stand.call(what, PATH, headers=sent)
    assert answer.status == status
    assert what == "HEAD" or answer.code == code
    assert DATA[:30] not in answer.body
    assert "etag" not in answer.headers


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({METHOD: "AES192"}, "InvalidArgument"),
        ({**STORE, KEY_ID: "testkey-1"}, "InvalidArgument"),
        ({KEY_ID: "testkey-1"}, "InvalidArgument"),
        ({METHOD: "aws:kms"}, "KMS.NotFoundException"),
        ({**NAMED, KEY_ID: "nobody"}, "KMS.NotFoundException"),
        ({METHOD: "aws:kms:dsse"}, "NotImplemented"),
        ({**CUSTOMER, **STORE}, "InvalidArgument"),
        ({**CUSTOMER, f"{METHOD}-customer-key-md5": "AAAA"}, "InvalidArgument"),
    ],
)
@pytest.mark.parametrize("what", ["put", "copy", "upload"])
async def test_what_can_not_be_done_stores_nothing(
    stand: Stand, headers: dict[str, str], code: str, what: str
) -> None:
    await stand.call("PUT", PATH, DATA)
    if what == "put":
        answer = await stand.call("PUT", COPY, DATA, headers=headers)
    elif what == "copy":
        answer = await stand.call("PUT", COPY, headers={**headers, "x-amz-copy-source": PATH})
    else:
        answer = await stand.call("POST", COPY, query={"uploads": ""}, headers=headers)
    assert answer.code == code
    assert (await stand.call("HEAD", COPY)).status == 404
    uploads = await stand.call("GET", f"/{BUCKET}", query={"uploads": ""})
    assert uploads.text("UploadId") == ""


@pytest.mark.parametrize("before", MODES, ids=NAMES)
@pytest.mark.parametrize("after", MODES, ids=NAMES)
async def test_a_copy_is_encrypted_as_it_is_asked_to_be(
    stand: Stand, before: Mapping[str, str], after: Mapping[str, str]
) -> None:
    await stand.call("PUT", PATH, DATA, headers=before)
    source = {"x-amz-copy-source": PATH, **(OF_SOURCE if before is CUSTOMER else NONE)}
    copied = await stand.call("PUT", COPY, headers={**after, **source})
    assert (copied.status, shown(copied)) == (200, told_of(after))
    got = await stand.call("GET", COPY, headers=reading(after))
    assert (got.body, shown(got)) == (DATA, told_of(after))


async def test_an_object_copied_to_itself_may_change_its_encryption(stand: Stand) -> None:
    await stand.call("PUT", PATH, DATA)
    itself = {"x-amz-copy-source": PATH}
    assert (await stand.call("PUT", PATH, headers=itself)).code == "InvalidRequest"
    assert (await stand.call("PUT", PATH, headers={**itself, **STORE})).status == 200
    assert shown(await stand.call("GET", PATH)) == STORE


# buckets -----------------------------------------------------------------------------------------


async def test_a_bucket_encrypts_what_does_not_say_otherwise(stand: Stand) -> None:
    assert (await set_default(stand, "aws:kms", "testkey-1")).status == 200
    assert shown(await stand.call("PUT", PATH, DATA)) == NAMED
    assert shown(await stand.call("PUT", COPY, DATA, headers=STORE)) == STORE
    copied = await stand.call("PUT", COPY, headers={"x-amz-copy-source": PATH})
    assert shown(copied) == NAMED
    upload = await stand.call("POST", PATH, query={"uploads": ""})
    assert shown(upload) == NAMED
    assert (await set_default(stand, "AES256")).status == 200
    assert shown(await stand.call("PUT", PATH, DATA)) == STORE
    await stand.call("DELETE", f"/{BUCKET}", query={"encryption": ""})
    assert shown(await stand.call("PUT", PATH, DATA)) == {}
    # What was written before stays readable.
    assert (await stand.call("GET", COPY)).body == DATA


async def test_a_default_key_that_is_not_there_stops_writes(stand: Stand) -> None:
    await set_default(stand, "aws:kms", "nobody")
    assert (await stand.call("PUT", PATH, DATA)).code == "KMS.NotFoundException"
    await set_default(stand, "aws:kms")
    assert (await stand.call("PUT", PATH, DATA)).code == "KMS.NotFoundException"
    await stand.objects.keys.store.create("aws/s3")
    assert shown(await stand.call("PUT", PATH, DATA))[KEY_ID] == "aws/s3"


# uploads -----------------------------------------------------------------------------------------


async def begin(stand: Stand, mode: Mapping[str, str]) -> dict[str, str]:
    answer = await stand.call("POST", PATH, query={"uploads": ""}, headers=mode)
    assert shown(answer) == told_of(mode)
    return {"uploadId": answer.text("UploadId")}


def completion(etag: str) -> str:
    part = f"<Part><PartNumber>1</PartNumber><ETag>{etag}</ETag></Part>"
    return f"<CompleteMultipartUpload>{part}</CompleteMultipartUpload>"


@pytest.mark.parametrize("mode", MODES, ids=NAMES)
async def test_an_upload_is_encrypted_as_it_was_begun(
    stand: Stand, mode: Mapping[str, str]
) -> None:
    upload = await begin(stand, mode)
    key = reading(mode)
    sent = await stand.call("PUT", PATH, DATA, query={**upload, "partNumber": "1"}, headers=key)
    assert (sent.status, shown(sent)) == (200, told_of(mode))
    parts = await stand.call("GET", PATH, query=upload)
    assert (parts.text("Size"), parts.text("ETag")) == (str(len(DATA)), sent.etag)
    done = await stand.call("POST", PATH, completion(sent.etag), query=upload)
    assert (done.status, shown(done)) == (200, told_of(mode))
    got = await stand.call("GET", PATH, headers=key)
    assert (got.body, shown(got)) == (DATA, told_of(mode))
    part = await stand.call("GET", PATH, query={"partNumber": "1"}, headers=key)
    assert (part.status, part.body) == (206, DATA)


@pytest.mark.parametrize(
    ("mode", "sent"), [(CUSTOMER, NONE), (CUSTOMER, OTHER), (NONE, CUSTOMER), (STORE, CUSTOMER)]
)
async def test_parts_come_with_the_uploads_own_key(
    stand: Stand, mode: Mapping[str, str], sent: Mapping[str, str]
) -> None:
    await stand.call("PUT", COPY, DATA)
    upload = await begin(stand, mode)
    query = {**upload, "partNumber": "1"}
    refused = await stand.call("PUT", PATH, DATA, query=query, headers=sent)
    assert refused.code == "InvalidRequest"
    from_source = {**sent, "x-amz-copy-source": COPY}
    assert (await stand.call("PUT", PATH, query=query, headers=from_source)).code == (
        "InvalidRequest"
    )
    parts = await stand.call("GET", PATH, query=upload)
    assert parts.text("Size") == ""


async def test_a_completion_needs_the_key_where_there_are_checksums(stand: Stand) -> None:
    upload = await begin(stand, CUSTOMER)
    query = {**upload, "partNumber": "1"}
    checksum = base64.b64encode(hashlib.sha256(DATA).digest()).decode()
    headers = {**CUSTOMER, "x-amz-checksum-sha256": checksum}
    sent = await stand.call("PUT", PATH, DATA, query=query, headers=headers)
    for refused in (NONE, OTHER):
        answer = await stand.call(
            "POST", PATH, completion(sent.etag), query=upload, headers=refused
        )
        assert answer.code == "InvalidRequest"
    done = await stand.call("POST", PATH, completion(sent.etag), query=upload, headers=CUSTOMER)
    assert done.status == 200


async def test_a_part_may_be_copied_from_an_encrypted_object(stand: Stand) -> None:
    await stand.call("PUT", COPY, DATA, headers=CUSTOMER)
    upload = await begin(stand, OTHER)
    headers = {**OTHER, **OF_SOURCE, "x-amz-copy-source": COPY}
    headers["x-amz-copy-source-range"] = "bytes=100-99999"
    copied = await stand.call("PUT", PATH, query={**upload, "partNumber": "1"}, headers=headers)
    assert (copied.status, shown(copied)) == (200, told_of(OTHER))
    await stand.call("POST", PATH, completion(copied.text("ETag")), query=upload, headers=OTHER)
    assert (await stand.call("GET", PATH, headers=OTHER)).body == DATA[100:100_000]


@pytest.mark.parametrize("mode", MODES, ids=NAMES)
async def test_where_the_md5_is_hidden_so_is_the_default_checksum(
    stand: Stand, mode: Mapping[str, str]
) -> None:
    name = "x-amz-checksum-crc64nvme"
    shows_md5 = mode in (NONE, STORE)
    put = await stand.call("PUT", PATH, DATA, headers=mode)
    assert (put.etag.strip('"') == hashlib.md5(DATA).hexdigest()) is shows_md5
    assert (name in put.headers) is shows_md5
    upload = await begin(stand, mode)
    query = {**upload, "partNumber": "1"}
    part = await stand.call("PUT", PATH, DATA, query=query, headers=reading(mode))
    assert (name in part.headers) is shows_md5
    await stand.call("PUT", COPY, DATA)
    copied = await stand.call("PUT", PATH, headers={**mode, "x-amz-copy-source": COPY})
    assert (copied.text("ChecksumCRC64NVME") != "") is shows_md5
    asked = await stand.call(
        "PUT", PATH, DATA, headers={**mode, "x-amz-sdk-checksum-algorithm": "CRC64NVME"}
    )
    assert asked.status == 200
    assert name in asked.headers


# secrets -----------------------------------------------------------------------------------------


async def test_no_key_is_logged_told_or_kept(
    stand: Stand, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    encoded = base64.b64encode(SECRET).decode()
    answers = [
        await stand.call("PUT", PATH, DATA, headers=CUSTOMER),
        await stand.call("GET", PATH, headers=CUSTOMER),
        await stand.call("GET", PATH, headers=OTHER),
        await stand.call("PUT", PATH, DATA, headers={**OTHER, METHOD: encoded}),
        await stand.call("PUT", PATH, DATA, headers={**CUSTOMER, METHOD: "AES256"}),
        await stand.call("GET", PATH, query=CUSTOMER),
        await stand.call(
            "PUT", PATH, DATA, headers={**CUSTOMER, f"{METHOD}-customer-algorithm": encoded}
        ),
        await stand.call(
            "PUT", PATH, DATA, headers={**CUSTOMER, f"{METHOD}-customer-key-md5": encoded}
        ),
    ]
    told = [repr(answer) for answer in answers]
    told += [f"{record.getMessage()} {vars(record)}" for record in caplog.records]
    stored = await stand.store.version(BUCKET, "key")
    told += [repr(stored), repr(stand.objects), repr(vars(stand.objects))]
    assert len(caplog.records) >= 6
    for secret in (SECRET, OTHER_SECRET):
        for form in (base64.b64encode(secret).decode(), secret.hex(), repr(secret)[2:-1]):
            assert form not in "\n".join(told)
    assert SECRET not in kept(stand)
