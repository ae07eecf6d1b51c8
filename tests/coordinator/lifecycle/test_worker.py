"""The lifecycle worker over an S3 endpoint: what clients find after some days."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from coordinator.lifecycle import worker
from coordinator.lifecycle.worker import NOTE, Lifecycle
from coordinator.s3.settings import LIFECYCLE
from metadata import MetadataUnavailable
from tests.coordinator.s3.support import BUCKET, Stand

DAY_S = 10.0


@pytest.fixture
async def stand() -> AsyncIterator[Stand]:
    made = await Stand().start()
    yield made
    await made.close()


@pytest.fixture(params=[1, 3, 500])
def page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "PAGE", request.param)


async def no_sleep(seconds: float) -> None:
    assert seconds > 0


def made_worker(stand: Stand) -> Lifecycle:
    return Lifecycle(
        stand.objects, lambda text: LIFECYCLE.decode(text).value, DAY_S, sleep=no_sleep
    )


async def round_after(stand: Stand, days: float, lifecycle: Lifecycle | None = None) -> None:
    stand.clock.forward(days * DAY_S)
    lifecycle = lifecycle or made_worker(stand)
    for _ in range(1000):
        if not await lifecycle.work():
            return
    raise AssertionError("the round does not end")


async def set_rules(stand: Stand, *contents: str, where: str = "<Filter/>") -> None:
    rules = "".join(f"<Rule>{where}<Status>Enabled</Status>{each}</Rule>" for each in contents)
    body = f"<LifecycleConfiguration>{rules}</LifecycleConfiguration>"
    answer = await stand.call("PUT", f"/{BUCKET}", body, query={"lifecycle": ""})
    assert answer.status == 200, answer.body


async def put(stand: Stand, *keys: str) -> None:
    for key in keys:
        assert (await stand.call("PUT", f"/{BUCKET}/{key}", key)).status == 200


async def names(stand: Stand) -> list[str]:
    """Versions and markers (with a !) by key, then newest first."""
    listing = await stand.store.list_versions(BUCKET, limit=1000)
    return [v.key + "!" * v.is_delete_marker for v, _ in listing.versions]


def expiration(days: int) -> str:
    return f"<Expiration><Days>{days}</Days></Expiration>"


NONCURRENT = (
    "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>"
)
MARKERS = "<Expiration><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>"


@pytest.mark.usefixtures("page")
async def test_objects_expire_and_their_bytes_are_given_back(stand: Stand) -> None:
    await put(stand, "keep/1", "old/1", "old/2", "old/3", "other")
    await set_rules(stand, expiration(2), where="<Prefix>old/</Prefix>")
    await round_after(stand, 1)
    assert len(await names(stand)) == 5
    await round_after(stand, 1)
    assert await names(stand) == ["keep/1", "other"]
    assert (await stand.store.totals()).reclaims == 3 * 3


@pytest.mark.usefixtures("page")
async def test_versions_go_from_current_to_nothing(stand: Stand) -> None:
    await stand.set_versioning()
    await put(stand, "a", "a", "a", "b")
    await set_rules(stand, expiration(2), NONCURRENT, MARKERS)
    await round_after(stand, 1)
    assert await names(stand) == ["a", "b"]
    await round_after(stand, 1)
    assert await names(stand) == ["a!", "a", "b!", "b"]
    await round_after(stand, 1)
    # Whether a marker that is alone only now goes in the same round depends on the pages
    assert set(await names(stand)) <= {"a!", "b!"}
    await round_after(stand, 1)
    assert await names(stand) == []


@pytest.mark.usefixtures("page")
async def test_of_noncurrent_versions_the_newest_may_be_kept(stand: Stand) -> None:
    await stand.set_versioning()
    await put(stand, *"aaaaaaabbb")
    rule = (
        "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
        "<NewerNoncurrentVersions>3</NewerNoncurrentVersions></NoncurrentVersionExpiration>"
    )
    await set_rules(stand, rule)
    await round_after(stand, 1)
    assert await names(stand) == list("aaaabbb")
    await round_after(stand, 9)
    assert await names(stand) == list("aaaabbb")


async def test_tags_and_sizes_choose(stand: Stand) -> None:
    await stand.call("PUT", f"/{BUCKET}/tagged", "1", headers={"x-amz-tagging": "a=1&b=2"})
    await stand.call("PUT", f"/{BUCKET}/other", "1", headers={"x-amz-tagging": "a=2"})
    await stand.call("PUT", f"/{BUCKET}/big", b"x" * 100)
    tag = "<Filter><Tag><Key>a</Key><Value>1</Value></Tag></Filter>"
    await set_rules(stand, expiration(1), where=tag)
    await round_after(stand, 1)
    assert await names(stand) == ["big", "other"]
    size = "<Filter><ObjectSizeGreaterThan>99</ObjectSizeGreaterThan></Filter>"
    await set_rules(stand, expiration(1), where=size)
    await round_after(stand, 1)
    assert await names(stand) == ["other"]


@pytest.mark.usefixtures("page")
async def test_uploads_are_aborted(stand: Stand) -> None:
    for key in ("a/1", "a/2", "b"):
        assert (await stand.call("POST", f"/{BUCKET}/{key}", query={"uploads": ""})).status == 200
    rule = (
        "<AbortIncompleteMultipartUpload><DaysAfterInitiation>2</DaysAfterInitiation>"
        "</AbortIncompleteMultipartUpload>"
    )
    await set_rules(stand, rule, where="<Prefix>a/</Prefix>")
    told = await stand.call("POST", f"/{BUCKET}/a/3", query={"uploads": ""})
    assert told.headers["x-amz-abort-date"] == "Mon, 18 Jan 2027 00:00:00 GMT"
    await round_after(stand, 1.9)
    assert len((await stand.store.list_uploads(BUCKET, limit=9)).uploads) == 4
    await round_after(stand, 1)
    assert [u.key for u in (await stand.store.list_uploads(BUCKET, limit=9)).uploads] == ["b"]


async def test_what_is_locked_stays(stand: Stand) -> None:
    lock = {"x-amz-bucket-object-lock-enabled": "true"}
    assert (await stand.call("PUT", "/locked", headers=lock)).status == 200
    for headers in ({"x-amz-object-lock-legal-hold": "ON"}, {}, {}):
        await stand.call("PUT", "/locked/key", "x", headers=headers)
    body = (
        "<LifecycleConfiguration><Rule><Prefix/><Status>Enabled</Status>"
        f"{NONCURRENT}</Rule></LifecycleConfiguration>"
    )
    await stand.call("PUT", "/locked", body, query={"lifecycle": ""})
    await round_after(stand, 5)
    versions = (await stand.store.list_versions("locked", limit=9)).versions
    assert [v.legal_hold for v, _ in versions] == [False, True]


async def test_what_was_written_after_it_was_seen_stays(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await put(stand, "key", "other")
    await set_rules(stand, expiration(1))
    stand.clock.forward(DAY_S)
    listed = stand.store.list_versions

    async def list_then_write(*arguments: Any, **named: Any) -> Any:
        page = await listed(*arguments, **named)
        await put(stand, "key")
        return page

    with monkeypatch.context() as patch:
        patch.setattr(stand.store, "list_versions", list_then_write)
        await round_after(stand, 0)
    assert await names(stand) == ["key"]


async def test_a_round_goes_on_after_a_restart(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "PAGE", 2)
    monkeypatch.setattr(worker, "SAVE_MS", 0)
    await stand.call("PUT", "/z-other")
    await put(stand, "a", "b", "c", "d", "e")
    await set_rules(stand, expiration(1))
    stand.clock.forward(DAY_S)
    first = made_worker(stand)
    assert await first.work()
    assert await names(stand) == ["c", "d", "e"]
    assert '"key": "a"' in (await stand.store.notes())[NOTE]
    await round_after(stand, 0)
    assert await names(stand) == []
    # The round is noted as done: the next one is not due yet
    await put(stand, "f")
    await set_rules(stand, "<Expiration><Date>2015-01-01</Date></Expiration>")
    await round_after(stand, 0.2)
    assert await names(stand) == ["f"]
    await round_after(stand, 0.1)
    assert await names(stand) == []


async def test_a_page_that_failed_is_gone_through_again(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    await stand.set_versioning()
    await put(stand, *"aaaaa")
    rule = (
        "<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays>"
        "<NewerNoncurrentVersions>2</NewerNoncurrentVersions></NoncurrentVersionExpiration>"
    )
    await set_rules(stand, rule)
    stand.clock.forward(DAY_S)
    deleted = stand.store.delete_version
    failures = [MetadataUnavailable("once")]

    async def failing(*arguments: Any, **named: Any) -> Any:
        if failures:
            raise failures.pop()
        return await deleted(*arguments, **named)

    monkeypatch.setattr(stand.store, "delete_version", failing)
    lifecycle = made_worker(stand)
    with pytest.raises(MetadataUnavailable):
        await lifecycle.work()
    await round_after(stand, 0, lifecycle)
    assert await names(stand) == list("aaa")


async def test_a_bucket_that_goes_meanwhile_ends_nothing(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "PAGE", 1)
    await put(stand, "a", "b")
    await set_rules(stand, expiration(9))
    lifecycle = made_worker(stand)
    assert await lifecycle.work()
    for path in (f"/{BUCKET}/a", f"/{BUCKET}/b", f"/{BUCKET}"):
        assert (await stand.call("DELETE", path)).status == 204
    await round_after(stand, 0, lifecycle)


async def test_answers_say_when_an_object_expires(stand: Stand) -> None:
    await set_rules(stand, expiration(1), where="<ID>r</ID><Prefix>old/</Prefix>")
    expected = 'expiry-date="Sun, 17 Jan 2027 00:00:00 GMT", rule-id="r"'
    for method in ("PUT", "GET", "HEAD"):
        answer = await stand.call(method, f"/{BUCKET}/old/key")
        assert answer.headers["x-amz-expiration"] == expected
        if method == "PUT":
            await put(stand, "new")
        assert "x-amz-expiration" not in (await stand.call("HEAD", f"/{BUCKET}/new")).headers
    source = {"x-amz-copy-source": f"{BUCKET}/new"}
    copied = await stand.call("PUT", f"/{BUCKET}/old/copy", headers=source)
    assert copied.headers["x-amz-expiration"] == expected


async def test_the_setting_comes_and_goes(stand: Stand) -> None:
    path, asked = f"/{BUCKET}", {"lifecycle": ""}
    assert (await stand.call("GET", path, query=asked)).code == "NoSuchLifecycleConfiguration"
    await set_rules(stand, expiration(3))
    assert (await stand.call("GET", path, query=asked)).text("Days") == "3"
    for _ in range(2):
        assert (await stand.call("DELETE", path, query=asked)).status == 204
    assert (await stand.call("GET", path, query=asked)).status == 404
