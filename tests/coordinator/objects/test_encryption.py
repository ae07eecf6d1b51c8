"""Encrypted objects through the real writer and reader: what a client sees, and what nodes do."""

import asyncio
import hashlib
import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.crypto import (
    FRAME_BYTES,
    CustomerKey,
    KeyNeeded,
    KeyNotWanted,
    Keyring,
    Protection,
    Scheme,
    UnknownKey,
    WrongKey,
    open_key_store,
    stored_size,
)
from coordinator.objects import (
    Multipart,
    NamedPart,
    NewObject,
    ObjectKeys,
    Objects,
    PartTooSmall,
    Unreadable,
)
from coordinator.objects import multipart as multipart_module
from coordinator.objects import writer as writer_module
from coordinator.objects.errors import BodyTooLarge
from metadata import Bucket, WriteCondition
from node.record import RecordKey
from tests.coordinator.objects.fakes import Bench, body_of
from tests.coordinator.objects.test_writer_reader import Md5, bucket_of

UNIT = 32 * 1024
CUSTOMERS = CustomerKey(bytes(range(32)))
OTHER = CustomerKey(bytes(32))
STORE = Protection(Scheme.STORE)
NAMED = Protection(Scheme.NAMED, "testkey-1")
CUSTOMER = Protection(Scheme.CUSTOMER, customer_key=CUSTOMERS)
ALL = [STORE, NAMED, CUSTOMER]
SIZES = [0, 1, FRAME_BYTES - 1, FRAME_BYTES, FRAME_BYTES + 1, 2 * FRAME_BYTES, 300_000]


async def made(directory: Path, default: Protection | None = None) -> Bench:
    bench = Bench(unit_size=UNIT)
    store = open_key_store(directory / "keys.json", clock_ms=lambda: 1)
    if not store.named_keys():
        await store.create("testkey-1")

    async def bucket_default(bucket: Bucket) -> Protection | None:
        return default

    keys = ObjectKeys(Keyring(store), bucket_default)
    bench.objects = Objects(bench.metadata, bench.writer, bench.reader, bench.ids, keys)
    return bench


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    return await made(tmp_path)


def data_of(size: int) -> bytes:
    return random.Random(size).randbytes(size)


async def put(bench: Bench, data: bytes, protection: Protection | None, key: str = "key"):
    new = NewObject("root", protection=protection)
    return await bench.objects.put(await bucket_of(bench), key, body_of(data), Md5(), new)


async def get(
    bench: Bench,
    customer_key: CustomerKey | None = None,
    start: int = 0,
    stop: int | None = None,
    key: str = "key",
) -> bytes:
    stored = await bench.objects.look_up("bucket", key)
    stop = stored.version.size if stop is None else stop
    async with await bench.objects.open(stored, start, stop, customer_key) as stream:
        return b"".join([bytes(chunk) async for chunk in stream])


def stored_bytes(bench: Bench) -> bytes:
    """All that the nodes keep, in some order."""
    return b"".join(
        record for node in bench.cluster.fakes.values() for record in node.records.values()
    )


# whole objects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("protection", ALL, ids=lambda protection: protection.scheme.name)
async def test_what_was_written_comes_back(bench: Bench, protection: Protection, size: int) -> None:
    data = data_of(size)
    version = await put(bench, data, protection)
    assert version.size == size
    assert version.encryption["scheme"] == protection.scheme
    assert await get(bench, protection.customer_key) == data
    stored = await bench.objects.look_up("bucket", "key")
    assert stored.version.encryption == version.encryption
    if size:
        (part,) = stored.parts
        assert (part.size, part.content_size) == (stored_size(size), size)
        assert part.data_md5 != part.etag
    if size > 100:
        kept = stored_bytes(bench)
        assert all(data[i : i + 20] not in kept for i in range(0, size - 20, 5000))


async def test_the_etag_is_the_md5_with_the_stores_own_keys_only(bench: Bench) -> None:
    md5 = hashlib.md5(b"data").hexdigest()
    assert (await put(bench, b"data", STORE)).etag == md5
    hidden = [(await put(bench, b"data", each)).etag for each in (NAMED, CUSTOMER, CUSTOMER)]
    assert md5 not in hidden
    assert len(set(hidden)) == 3


async def test_nobody_reads_without_the_right_key(bench: Bench) -> None:
    await put(bench, b"data", CUSTOMER)
    with pytest.raises(KeyNeeded):
        await get(bench)
    with pytest.raises(WrongKey):
        await get(bench, OTHER)
    for protection in (None, STORE, NAMED):
        await put(bench, b"data", protection)
        with pytest.raises(KeyNotWanted):
            await get(bench, CUSTOMERS)


async def test_without_a_key_store_nothing_encrypted_is_written_or_read(bench: Bench) -> None:
    await put(bench, b"data", STORE)
    bench.objects.keys = ObjectKeys()
    with pytest.raises(KeyNeeded):
        await get(bench)
    with pytest.raises(KeyNeeded):
        await put(bench, b"data", STORE)


async def test_an_unknown_key_is_refused_before_the_body_is_read(bench: Bench) -> None:
    async def untouched():
        raise AssertionError("the body was read")
        yield b""

    new = NewObject("root", protection=replace(NAMED, key_id="nobody"))
    with pytest.raises(UnknownKey):
        await bench.objects.put(await bucket_of(bench), "key", untouched(), Md5(), new)


async def test_a_bucket_may_encrypt_by_default(tmp_path: Path) -> None:
    bench = await made(tmp_path, default=NAMED)
    assert (await put(bench, b"data", None)).encryption["scheme"] == Scheme.NAMED
    assert (await put(bench, b"data", STORE)).encryption["scheme"] == Scheme.STORE
    upload = await Multipart(bench.objects).create(
        await bucket_of(bench), "other", NewObject("root")
    )
    assert upload.encryption["key"] == "testkey-1"


async def test_a_refused_body_leaves_nothing(bench: Bench) -> None:
    bucket = await bucket_of(bench)
    new = NewObject("root", protection=STORE)
    for size in (10, 300_000):
        with pytest.raises(ValueError, match="refused"):
            await bench.objects.put(
                bucket, "key", body_of(data_of(size)), Md5(ValueError("refused")), new
            )
    await bench.writer.close()
    assert bench.record_count() == 0


async def test_encryption_makes_no_object_too_large(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "MAX_PART_BYTES", 2 * FRAME_BYTES)
    await put(bench, data_of(2 * FRAME_BYTES), STORE)
    with pytest.raises(BodyTooLarge):
        await put(bench, data_of(2 * FRAME_BYTES + 1), STORE)


@pytest.mark.parametrize("before", [None, *ALL])
@pytest.mark.parametrize("after", [None, *ALL])
async def test_a_copy_is_encrypted_as_it_is_asked_to_be(
    bench: Bench, before: Protection | None, after: Protection | None
) -> None:
    data = data_of(200_000)
    await put(bench, data, before)
    source = await bench.objects.look_up("bucket", "key")
    bucket = await bucket_of(bench)
    key = before and before.customer_key
    await bench.objects.copy(
        source, bucket, "copy", Md5(), NewObject("root", protection=after), key
    )
    assert await get(bench, after and after.customer_key, key="copy") == data


# ranges, and what was changed --------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SIZES[1:]), st.sampled_from([STORE, CUSTOMER]), st.data())
def test_any_range(
    tmp_path_factory: pytest.TempPathFactory,
    size: int,
    protection: Protection,
    choose: st.DataObject,
) -> None:
    start = choose.draw(st.integers(0, size - 1))
    stop = choose.draw(st.integers(start, size))

    async def run() -> None:
        bench = await made(tmp_path_factory.mktemp("keys"))
        data = data_of(size)
        await put(bench, data, protection)
        assert await get(bench, protection.customer_key, start, stop) == data[start:stop]
        stored = await bench.objects.look_up("bucket", "key")
        if start < stop:
            first, rest = await bench.objects.begin(stored, start, stop, protection.customer_key)
            pieces = [bytes(first)]
            if rest is not None:
                async with rest:
                    pieces += [bytes(chunk) async for chunk in rest]
            assert b"".join(pieces) == data[start:stop]
        assert bench.reader.ahead_bytes == 0

    asyncio.run(run())


async def test_a_range_reads_the_frames_it_touches_only(bench: Bench) -> None:
    await put(bench, data_of(1_000_000), STORE)
    for node in bench.cluster.fakes.values():
        node.reads.clear()
    await get(bench, None, 500_000, 500_001)
    read = [key.stripe for node in bench.cluster.fakes.values() for key in node.reads]
    # A frame is as long as a stripe here.
    assert set(read) == {500_000 // FRAME_BYTES}


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(SIZES[1:]), st.data())
def test_a_flipped_bit_is_never_given_away(
    tmp_path_factory: pytest.TempPathFactory, size: int, choose: st.DataObject
) -> None:
    async def run() -> None:
        bench = await made(tmp_path_factory.mktemp("keys"))
        await put(bench, data_of(size), STORE)
        (part,) = (await bench.objects.look_up("bucket", "key")).parts
        at = choose.draw(st.integers(0, part.size - 1))
        flip(bench, part, at, choose.draw(st.integers(0, 7)))
        with pytest.raises(Unreadable):
            await get(bench)

    asyncio.run(run())


def flip(bench: Bench, part, at: int, bit: int) -> None:
    """Change a stored byte on the data shard that has it; the node thinks it is right."""
    stripe, within = divmod(at, 2 * UNIT)
    length = min(part.size - stripe * 2 * UNIT, 2 * UNIT)
    unit = -(-length // 2)
    shard, offset = divmod(within, unit)
    records = bench.cluster.fakes[part.nodes[shard]].records
    key = RecordKey(part.part_id, shard, stripe)
    changed = bytearray(records[key])
    changed[offset] ^= 1 << bit
    records[key] = bytes(changed)


async def test_a_lost_shard_is_rebuilt_beneath(bench: Bench) -> None:
    data = data_of(500_000)
    await put(bench, data, STORE)
    (part,) = (await bench.objects.look_up("bucket", "key")).parts
    bench.cluster.fakes[part.nodes[0]].records.clear()
    assert await get(bench) == data
    assert await get(bench, None, 70_000, 71_000) == data[70_000:71_000]


async def test_parts_of_two_objects_can_not_be_exchanged(bench: Bench) -> None:
    await put(bench, data_of(1000), STORE, "one")
    await put(bench, data_of(1000), STORE, "two")
    one = await bench.objects.look_up("bucket", "one")
    two = await bench.objects.look_up("bucket", "two")
    with pytest.raises(Unreadable):
        async with await bench.objects.open(replace(one, parts=two.parts), 0, 1000) as stream:
            await anext(stream)


# parts -------------------------------------------------------------------------------------------


async def upload(bench: Bench, protection: Protection, sizes: dict[int, int]):
    """(multipart, bucket, upload, number -> bytes, number -> ETag) of an upload with such parts."""
    bucket = await bucket_of(bench)
    multipart = Multipart(bench.objects)
    started = await multipart.create(bucket, "key", NewObject("root", protection=protection))
    contents, etags = {}, {}
    for number, size in sizes.items():
        contents[number] = data_of(size)
        key = bench.objects.keys.of_upload(bucket, started, protection.customer_key)
        part = await multipart.put_part(started, number, body_of(contents[number]), Md5(), key)
        etags[number] = part.etag
    return multipart, bucket, started, contents, etags


@pytest.fixture
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart_module, "MIN_PART_BYTES", 100_000)


@pytest.mark.usefixtures("_small_parts")
@pytest.mark.parametrize("protection", ALL, ids=lambda protection: protection.scheme.name)
async def test_parts_become_one_object(bench: Bench, protection: Protection) -> None:
    sizes = {1: 100_001, 2: 2 * FRAME_BYTES, 5: 150_000, 9: 7}
    multipart, bucket, started, contents, etags = await upload(bench, protection, sizes)
    named = [NamedPart(number, etag, {}) for number, etag in etags.items()]
    parts = await multipart.chosen_parts(started, named)
    attributes = started.attributes
    version = await multipart.complete(bucket, started, parts, attributes, WriteCondition())
    whole = b"".join(contents.values())
    assert version.size == len(whole)
    assert version.encryption == started.encryption
    key = protection.customer_key
    assert await get(bench, key) == whole
    edges = [0, 1, 100_000, 100_001, 100_002, 231_041, 231_042, len(whole) - 7, len(whole)]
    for start in edges:
        for stop in (edge for edge in edges if edge > start):
            assert await get(bench, key, start, stop) == whole[start:stop], (start, stop)


@pytest.mark.usefixtures("_small_parts")
async def test_a_part_counts_as_what_the_client_sent(bench: Bench) -> None:
    # Stored it is long enough, but not what the client sent of it.
    multipart, _, started, _, etags = await upload(bench, STORE, {1: 99_990, 2: 5})
    named = [NamedPart(number, etag, {}) for number, etag in etags.items()]
    with pytest.raises(PartTooSmall, match="99990"):
        await multipart.chosen_parts(started, named)


@pytest.mark.parametrize("protection", ALL, ids=lambda protection: protection.scheme.name)
async def test_a_part_sent_again_has_the_same_etag_and_other_bytes(
    bench: Bench, protection: Protection
) -> None:
    multipart, bucket, started, contents, etags = await upload(bench, protection, {1: 500})
    key = bench.objects.keys.of_upload(bucket, started, protection.customer_key)
    again = await multipart.put_part(started, 1, body_of(contents[1]), Md5(), key)
    assert again.etag == etags[1]
    payloads = [
        payload for node in bench.cluster.fakes.values() for payload in node.records.values()
    ]
    assert len(set(payloads)) == 6


async def test_no_part_is_stored_in_clear_by_mistake(bench: Bench) -> None:
    multipart, _, started, _, _ = await upload(bench, STORE, {})
    with pytest.raises(KeyNeeded):
        await multipart.put_part(started, 1, body_of(b"data"), Md5())
    assert bench.record_count() == 0
