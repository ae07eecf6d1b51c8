"""Conformance: multipart uploads, from the first part to completion or abortion."""

from dataclasses import replace

import pytest

from metadata import (
    MetadataStore,
    NoSuchBucket,
    NoSuchKey,
    NoSuchUpload,
    PartsChanged,
    PreconditionFailed,
    Upload,
    Version,
    WriteCondition,
)
from tests.metadata.making import (
    Clock,
    all_reclaims,
    make_part,
    make_version,
    missing,
    new_id,
    put,
    reclaimed_ids,
    reclaims_of,
    start_upload,
)


def version_of(upload: Upload, **fields: int | str) -> Version:
    return replace(make_version(upload.key, version_id=upload.upload_id), **fields)


async def test_an_upload_comes_back_as_it_was_made(store: MetadataStore) -> None:
    upload = await start_upload(store, "k\x00ey")
    assert await store.upload("b", "k\x00ey", upload.upload_id) == upload
    assert await store.upload_parts(upload.upload_id) == []
    await store.create_upload("b", upload)
    assert (await store.totals()).uploads == 1, "made twice, there once"


async def test_an_upload_is_found_only_under_its_bucket_and_key(store: MetadataStore) -> None:
    await store.create_bucket("c", "owner", "", 1)
    upload = await start_upload(store, "k")
    version = version_of(upload)
    for bucket, key in [("b", "other"), ("c", "k")]:
        with pytest.raises(NoSuchUpload):
            await store.upload(bucket, key, upload.upload_id)
        with pytest.raises(NoSuchUpload):
            await store.abort_upload(bucket, key, upload.upload_id)
        with pytest.raises(NoSuchUpload):
            await store.complete_upload(bucket, replace(version, key=key), [])
    with pytest.raises(NoSuchUpload):
        await store.upload("b", "k", "nope")
    assert await store.upload("b", "k", upload.upload_id) == upload


async def test_missing_buckets_are_told_from_missing_uploads(store: MetadataStore) -> None:
    upload = await start_upload(store, "k")
    with pytest.raises(NoSuchBucket):
        await store.create_upload("nope", upload)
    with pytest.raises(NoSuchBucket):
        await store.upload("nope", "k", upload.upload_id)
    with pytest.raises(NoSuchBucket):
        await store.abort_upload("nope", "k", upload.upload_id)
    with pytest.raises(NoSuchBucket):
        await store.complete_upload("nope", version_of(upload), [])
    with pytest.raises(NoSuchBucket):
        await store.list_uploads("nope", limit=1)
    with pytest.raises(NoSuchUpload):
        await store.put_part("nope", make_part())
    with pytest.raises(NoSuchUpload):
        await store.upload_parts("nope")


async def test_parts_are_listed_by_number(store: MetadataStore) -> None:
    parts = {number: make_part(number) for number in (3, 1, 10_000, 2)}
    upload = await start_upload(store, "k", *parts.values())
    by_number = [parts[number] for number in sorted(parts)]
    assert await store.upload_parts(upload.upload_id) == by_number
    page = await store.upload_parts(upload.upload_id, after_number=1, limit=2)
    assert page == by_number[1:3]


async def test_a_part_replaces_that_of_its_number(store: MetadataStore, clock: Clock) -> None:
    former, current = make_part(1), make_part(1)
    upload = await start_upload(store, "k")
    await store.put_part(upload.upload_id, former, missing=[missing(former, 0)])
    assert [task.part_id for task in await store.repairs()] == [former.part_id]
    clock.now_ms = 8_000
    await store.put_part(upload.upload_id, current, missing=[missing(current, 2)])
    assert await store.upload_parts(upload.upload_id) == [current]
    assert await all_reclaims(store) == reclaims_of(former, 8_000)
    (task,) = await store.repairs()
    assert (task.part_id, task.shard, task.created_at_ms) == (
        current.part_id,
        2,
        current.created_at_ms,
    )


async def test_a_retried_part_has_no_second_effect(store: MetadataStore) -> None:
    part = make_part()
    upload = await start_upload(store, "k", part, part)
    assert await store.upload_parts(upload.upload_id) == [part]
    assert await all_reclaims(store) == []


async def test_completion_keeps_the_named_parts_and_reclaims_the_rest(
    store: MetadataStore,
) -> None:
    parts = [make_part(number, size=number * 10) for number in (1, 2, 3, 4)]
    upload = await start_upload(store, "k", *parts)
    chosen = [parts[0], parts[2], parts[3]]
    version = version_of(upload, size=80, part_count=3)
    stored = await store.complete_upload("b", version, [part.part_id for part in chosen])
    assert stored == replace(version, sequence=stored.sequence)
    assert (await store.version("b", "k")).version == stored
    assert (await store.version("b", "k")).parts == ()
    placed = [replace(chosen[0]), replace(chosen[1], offset=10), replace(chosen[2], offset=40)]
    assert await store.parts(stored.version_id) == placed
    assert await store.part_by_number(stored.version_id, 2) is None
    assert await reclaimed_ids(store) == {parts[1].part_id}
    with pytest.raises(NoSuchUpload):
        await store.upload("b", "k", upload.upload_id)
    with pytest.raises(NoSuchUpload):
        await store.complete_upload("b", version, [part.part_id for part in chosen])
    with pytest.raises(NoSuchUpload):
        await store.put_part(upload.upload_id, make_part(1))
    with pytest.raises(NoSuchUpload):
        await store.abort_upload("b", "k", upload.upload_id)
    assert await store.parts(stored.version_id) == placed, "a late part or abortion touches nothing"


async def test_completion_of_a_single_part_brings_it_along(store: MetadataStore) -> None:
    part = make_part(5)
    upload = await start_upload(store, "k", part)
    await store.complete_upload("b", version_of(upload), [part.part_id])
    assert (await store.version("b", "k")).parts == (part,)


async def test_completion_replaces_the_null_version(store: MetadataStore) -> None:
    _, former = await put(store, "k")
    part = make_part()
    upload = await start_upload(store, "k", part)
    await store.complete_upload("b", version_of(upload), [part.part_id])
    assert await reclaimed_ids(store) == {former.part_id}


async def test_completion_drops_repairs_of_unnamed_parts_only(store: MetadataStore) -> None:
    kept, dropped = make_part(1), make_part(2)
    upload = await start_upload(store, "k", kept, dropped)
    await store.add_repairs([missing(kept, 0), missing(dropped, 0)], 1)
    await store.complete_upload("b", version_of(upload), [kept.part_id])
    assert [task.part_id for task in await store.repairs()] == [kept.part_id]


@pytest.mark.parametrize("named", [[0, 1, 2], [1, 0], [0, 0], [2]])
async def test_completion_wants_exactly_current_parts_in_order(
    store: MetadataStore, named: list[int]
) -> None:
    parts = [make_part(1), make_part(2), make_part(3)]
    upload = await start_upload(store, "k", *parts[:2])
    with pytest.raises(PartsChanged):
        await store.complete_upload("b", version_of(upload), [parts[i].part_id for i in named])
    assert await store.upload_parts(upload.upload_id) == parts[:2]
    assert await store.upload("b", "k", upload.upload_id) == upload


async def test_completion_refuses_parts_of_another_upload_and_replaced_ones(
    store: MetadataStore,
) -> None:
    former, current, foreign = make_part(1), make_part(1), make_part(2)
    upload = await start_upload(store, "k", former, current)
    await start_upload(store, "k", foreign)
    for named in ([former], [current, foreign]):
        ids = [part.part_id for part in named]
        with pytest.raises(PartsChanged):
            await store.complete_upload("b", version_of(upload), ids)


async def test_completion_under_a_condition(store: MetadataStore) -> None:
    part = make_part()
    upload = await start_upload(store, "k", part)
    version = version_of(upload)
    matching = WriteCondition(must_match_etag="one")
    with pytest.raises(NoSuchKey):
        await store.complete_upload("b", version, [part.part_id], condition=matching)
    await put(store, "k", etag="two")
    for condition in (matching, WriteCondition(must_not_exist=True)):
        with pytest.raises(PreconditionFailed):
            await store.complete_upload("b", version, [part.part_id], condition=condition)
    assert await store.upload_parts(upload.upload_id) == [part]
    await put(store, "k", etag="one")
    await store.complete_upload("b", version, [part.part_id], condition=matching)


async def test_completion_of_many_parts(store: MetadataStore) -> None:
    parts = [make_part(number, size=7) for number in range(1, 301)]
    upload = await start_upload(store, "k", *parts)
    ids = [part.part_id for part in parts]
    await store.complete_upload("b", version_of(upload), ids)
    found = await store.parts(upload.upload_id, offset=299 * 7, limit=5)
    assert found == [replace(parts[-1], offset=299 * 7)]
    everything = await store.parts(upload.upload_id, limit=1000)
    assert [part.offset for part in everything] == [7 * i for i in range(300)]


async def test_abortion_reclaims_all_parts(store: MetadataStore) -> None:
    parts = [make_part(1), make_part(2)]
    upload = await start_upload(store, "k", *parts)
    await store.add_repairs([missing(parts[0], 0)], 1)
    await store.abort_upload("b", "k", upload.upload_id)
    assert await reclaimed_ids(store) == {part.part_id for part in parts}
    assert await store.repairs() == []
    with pytest.raises(NoSuchUpload):
        await store.upload_parts(upload.upload_id)
    with pytest.raises(NoSuchUpload):
        await store.abort_upload("b", "k", upload.upload_id)


async def test_uploads_are_listed_by_key_then_id(store: MetadataStore) -> None:
    uploads = [Upload(new_id(), key, "owner", 3) for key in ("b", "a", "b", "c")]
    for upload in uploads:
        await store.create_upload("b", upload)
    in_order = sorted(uploads, key=lambda each: (each.key, each.upload_id))
    page = await store.list_uploads("b", limit=10)
    assert list(page.uploads) == in_order
    assert (page.next_key, page.next_upload_id) == (None, None)
    seen: list[Upload] = []
    after = ("", "")
    while True:
        page = await store.list_uploads("b", after_key=after[0], after_upload_id=after[1], limit=1)
        seen.extend(page.uploads)
        if page.next_key is None:
            break
        after = (page.next_key, page.next_upload_id or "")
    assert seen == in_order
    without_id = await store.list_uploads("b", after_key="b", limit=10)
    assert list(without_id.uploads) == in_order[3:]


async def test_uploads_are_rolled_up(store: MetadataStore) -> None:
    for key in ("a", "d/1", "d/2", "e/1", "z"):
        await start_upload(store, key)
    page = await store.list_uploads("b", delimiter="/", limit=2)
    assert [upload.key for upload in page.uploads] == ["a"]
    assert page.common_prefixes == ("d/",)
    assert (page.next_key, page.next_upload_id) == ("d/", "")
    page = await store.list_uploads("b", delimiter="/", after_key="d/", limit=9)
    assert [upload.key for upload in page.uploads] == ["z"]
    assert page.common_prefixes == ("e/",)
    below = await store.list_uploads("b", prefix="d/", delimiter="/", limit=9)
    assert [upload.key for upload in below.uploads] == ["d/1", "d/2"]
    assert (await store.list_uploads("b", limit=0)).uploads == ()
