"""Conformance: what object lock keeps, and from whom."""

from dataclasses import replace

import pytest

from metadata import (
    COMPLIANCE,
    GOVERNANCE,
    MetadataStore,
    NoObjectLock,
    NoSuchKey,
    ObjectLocked,
    PreconditionFailed,
    Retention,
    Upload,
    Version,
    VersionChange,
    Versioning,
    WriteCondition,
)
from tests.metadata.making import Clock, make_marker, make_version, new_id

NOW_MS = 1_000
"""The clock of the tests stands there."""


@pytest.fixture(autouse=True)
async def _locking(store: MetadataStore) -> None:
    await store.create_bucket("locking", "owner", "", 1, object_lock=True)


async def put_locked(
    store: MetadataStore, mode: str = "", until_ms: int = 0, *, legal_hold: bool = False
) -> Version:
    version = replace(
        make_version("k"), retention_mode=mode, retain_until_ms=until_ms, legal_hold=legal_hold
    )
    return await store.put_version("locking", version, [])


@pytest.mark.parametrize(
    ("mode", "until_ms", "legal_hold", "bypass", "goes"),
    [
        ("", 0, False, False, True),
        (GOVERNANCE, NOW_MS + 1, False, False, False),
        (GOVERNANCE, NOW_MS + 1, False, True, True),
        (GOVERNANCE, NOW_MS, False, False, True),
        (COMPLIANCE, NOW_MS + 1, False, False, False),
        (COMPLIANCE, NOW_MS + 1, False, True, False),
        (COMPLIANCE, NOW_MS, False, False, True),
        ("", 0, True, False, False),
        ("", 0, True, True, False),
        (GOVERNANCE, NOW_MS + 1, True, True, False),
    ],
)
async def test_a_locked_version_stays(
    store: MetadataStore, mode: str, until_ms: int, legal_hold: bool, bypass: bool, goes: bool
) -> None:
    version = await put_locked(store, mode, until_ms, legal_hold=legal_hold)
    # Neither a newer version nor a delete marker changes anything about it.
    await put_locked(store)
    await store.delete_key("locking", "k", make_marker("k"))
    call = store.delete_version("locking", "k", version.version_id, bypass_governance=bypass)
    if goes:
        assert (await call).existed
        return
    with pytest.raises(ObjectLocked):
        await call
    assert (await store.version("locking", "k", version.version_id)).version == version


async def test_a_retention_ends_by_the_given_time(store: MetadataStore, clock: Clock) -> None:
    version = await put_locked(store, COMPLIANCE, 5_000)
    with pytest.raises(ObjectLocked):
        await store.delete_version("locking", "k", version.version_id, now_ms=4_999)
    clock.now_ms = 6_000
    with pytest.raises(ObjectLocked):
        await store.delete_version("locking", "k", version.version_id, now_ms=4_999)
    assert (await store.delete_version("locking", "k", version.version_id)).existed


async def test_a_lock_counts_before_a_condition(store: MetadataStore) -> None:
    version = await put_locked(store, legal_hold=True)
    nothing = WriteCondition(must_match_etag="other")
    with pytest.raises(ObjectLocked):
        await store.delete_version("locking", "k", version.version_id, condition=nothing)
    lifted = VersionChange(legal_hold=False)
    await store.update_version("locking", "k", None, lifted)
    with pytest.raises(PreconditionFailed):
        await store.delete_version("locking", "k", version.version_id, condition=nothing)


@pytest.mark.parametrize(
    ("former", "wanted", "bypass", "allowed"),
    [
        (("", 0), (GOVERNANCE, 5_000), False, True),
        (("", 0), (COMPLIANCE, 5_000), False, True),
        ((GOVERNANCE, 5_000), (GOVERNANCE, 5_000), False, True),
        ((GOVERNANCE, 5_000), (GOVERNANCE, 5_001), False, True),
        ((GOVERNANCE, 5_000), (GOVERNANCE, 4_999), False, False),
        ((GOVERNANCE, 5_000), (GOVERNANCE, 4_999), True, True),
        ((GOVERNANCE, 5_000), (COMPLIANCE, 5_001), False, False),
        ((GOVERNANCE, 5_000), (COMPLIANCE, 5_000), True, True),
        ((GOVERNANCE, 5_000), ("", 0), False, False),
        ((GOVERNANCE, 5_000), ("", 0), True, True),
        ((GOVERNANCE, NOW_MS), ("", 0), False, True),
        ((COMPLIANCE, 5_000), (COMPLIANCE, 5_001), False, True),
        ((COMPLIANCE, 5_000), (COMPLIANCE, 4_999), True, False),
        ((COMPLIANCE, 5_000), (GOVERNANCE, 9_000), True, False),
        ((COMPLIANCE, 5_000), ("", 0), True, False),
        ((COMPLIANCE, NOW_MS), (GOVERNANCE, 2_000), False, True),
    ],
)
async def test_a_retention_is_only_extended(
    store: MetadataStore,
    former: tuple[str, int],
    wanted: tuple[str, int],
    bypass: bool,
    allowed: bool,
) -> None:
    version = await put_locked(store, *former)
    change = VersionChange(tags={"a": "b"}, retention=Retention(*wanted))
    call = store.update_version("locking", "k", None, change, bypass_governance=bypass)
    if allowed:
        mode, until_ms = wanted
        changed = replace(version, tags={"a": "b"}, retention_mode=mode, retain_until_ms=until_ms)
        assert await call == changed
        assert (await store.version("locking", "k")).version == changed
        return
    with pytest.raises(ObjectLocked):
        await call
    assert (await store.version("locking", "k")).version == version


async def test_what_is_not_about_locks_may_be_changed_under_them(store: MetadataStore) -> None:
    version = await put_locked(store, COMPLIANCE, 5_000, legal_hold=True)
    changed = await store.update_version("locking", "k", None, VersionChange(acl="{}"))
    assert changed == replace(version, acl="{}")
    lifted = await store.update_version("locking", "k", None, VersionChange(legal_hold=False))
    assert lifted == replace(changed, legal_hold=False)


async def test_nothing_is_locked_without_object_lock(store: MetadataStore) -> None:
    for _ in range(2):
        for locked in (
            replace(make_version("k"), legal_hold=True),
            replace(make_version("k"), retention_mode=GOVERNANCE, retain_until_ms=5_000),
        ):
            with pytest.raises(NoObjectLock):
                await store.put_version("b", locked, [])
        with pytest.raises(NoObjectLock):
            await store.create_upload("b", Upload(new_id(), "k", "owner", 3, legal_hold=True))
        await store.set_versioning("b", Versioning.ENABLED)
    await store.put_version("b", make_version("k"), [])
    for change in (
        VersionChange(legal_hold=True),
        VersionChange(retention=Retention(GOVERNANCE, 5_000)),
    ):
        with pytest.raises(NoObjectLock):
            await store.update_version("b", "k", None, change)
    with pytest.raises(NoSuchKey):
        await store.update_version("b", "nope", None, VersionChange(legal_hold=True))


async def test_an_upload_locks_its_version(store: MetadataStore) -> None:
    upload = Upload(
        new_id(), "k", "owner", 3, retention_mode=COMPLIANCE, retain_until_ms=5_000, legal_hold=True
    )
    await store.create_upload("locking", upload)
    version = make_version("k", size=0, version_id=upload.upload_id)
    completed = await store.complete_upload("locking", version, [])
    assert (completed.retention_mode, completed.retain_until_ms) == (COMPLIANCE, 5_000)
    assert completed.legal_hold
    with pytest.raises(ObjectLocked):
        await store.delete_version("locking", "k", completed.version_id)
