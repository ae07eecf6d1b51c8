"""Multipart uploads through the real writer, over fake nodes and the reference metadata."""

import hashlib
import random

import pytest

from coordinator.objects import (
    InvalidPart,
    InvalidPartOrder,
    Multipart,
    NamedPart,
    NewObject,
    PartTooSmall,
)
from coordinator.objects import multipart as multipart_module
from metadata import Attributes, NoSuchUpload, WriteCondition
from tests.coordinator.objects.fakes import Bench, body_of
from tests.coordinator.objects.test_writer_reader import Md5, bucket_of, get


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multipart_module, "MIN_PART_BYTES", 100)


async def upload(bench: Bench, sizes: dict[int, int]):
    """An upload with parts of these sizes; (multipart, bucket, upload, number -> bytes)."""
    bucket = await bucket_of(bench)
    multipart = Multipart(bench.objects)
    started = await multipart.create(bucket, "key", NewObject("root"))
    contents = {}
    for number, size in sizes.items():
        contents[number] = random.Random(number).randbytes(size)
        await multipart.put_part(started, number, body_of(contents[number]), Md5())
    return multipart, bucket, started, contents


def named(contents: dict[int, bytes]) -> list[NamedPart]:
    return [
        NamedPart(number, hashlib.md5(data).hexdigest(), {})
        for number, data in sorted(contents.items())
    ]


async def test_parts_become_one_object_in_the_order_of_their_numbers() -> None:
    bench = Bench()
    multipart, bucket, started, contents = await upload(bench, {7: 150, 2: 333, 9: 40})
    parts = await multipart.chosen_parts(started, named(contents))
    version = await multipart.complete(bucket, started, parts, Attributes(), WriteCondition())
    whole = contents[2] + contents[7] + contents[9]
    assert await get(bench, "key") == whole
    assert await get(bench, "key", 300, 490) == whole[300:490]
    digests = b"".join(hashlib.md5(contents[number]).digest() for number in (2, 7, 9))
    assert version.etag == hashlib.md5(digests).hexdigest() + "-3"
    with pytest.raises(NoSuchUpload):
        await multipart.put_part(started, 1, body_of(b"late"), Md5())


async def test_a_part_sent_again_replaces_the_former() -> None:
    bench = Bench()
    multipart, bucket, started, contents = await upload(bench, {1: 200})
    contents[1] = b"again" * 50
    await multipart.put_part(started, 1, body_of(contents[1]), Md5())
    parts = await multipart.chosen_parts(started, named(contents))
    await multipart.complete(bucket, started, parts, Attributes(), WriteCondition())
    assert await get(bench, "key") == contents[1]


@pytest.mark.parametrize(
    ("choose", "error"),
    [
        (lambda parts: parts[::-1], InvalidPartOrder),
        (lambda parts: [parts[0], parts[0]], InvalidPartOrder),
        (lambda parts: [NamedPart(5, parts[0].etag, {})], InvalidPart),
        (lambda parts: [NamedPart(1, "0" * 32, {})], InvalidPart),
        (lambda parts: [NamedPart(1, parts[0].etag, {"crc32": "AAAAAA=="})], InvalidPart),
        (lambda parts: parts, PartTooSmall),
    ],
)
async def test_a_wrong_completion_is_refused(choose, error) -> None:
    bench = Bench()
    multipart, _, started, contents = await upload(bench, {1: 99, 2: 10})
    with pytest.raises(error):
        await multipart.chosen_parts(started, choose(named(contents)))


async def test_a_part_of_an_upload_that_is_gone_leaves_no_shards() -> None:
    bench = Bench()
    multipart, bucket, started, _ = await upload(bench, {})
    await bench.metadata.abort_upload(bucket.name, "key", started.upload_id)
    with pytest.raises(NoSuchUpload):
        await multipart.put_part(started, 1, body_of(bytes(500)), Md5())
    await bench.writer.close()
    assert bench.record_count() == 0
