"""Conformance: documents of IAM, keys of sessions, and the number that grows with them."""

from dataclasses import replace

import pytest

from metadata import (
    ACTIVE,
    INACTIVE,
    AccessKey,
    IamChange,
    IamExists,
    MetadataStore,
    NoSuchUser,
    PreconditionFailed,
    User,
)

ANN = User("ann", "Ann", is_root=False, created_at_ms=1, path="/team/", email="ann@example.org")


async def names(store: MetadataStore, kind: str, **page: object) -> list[str]:
    return [name for name, _ in await store.list_iam(kind, **page)]  # type: ignore[arg-type]


async def test_documents_come_and_go(store: MetadataStore) -> None:
    assert await store.iam("group", "g") is None
    await store.put_iam("group", "g", "1")
    await store.put_iam("role", "g", "another kind")
    await store.put_iam("group", "g", "2")
    assert await store.iam("group", "g") == "2"
    assert await store.list_iam("group") == [("g", "2")]
    assert await store.delete_iam("group", "g") is True
    assert await store.delete_iam("group", "g") is False
    assert await store.iam("role", "g") == "another kind"


async def test_documents_are_listed_by_name(store: MetadataStore) -> None:
    for name in ("ann/b", "ann/a", "ann", "anna/c", "bob/a"):
        await store.put_iam("user-policy", name, name.upper())
    assert await names(store, "user-policy") == ["ann", "ann/a", "ann/b", "anna/c", "bob/a"]
    assert await names(store, "user-policy", prefix="ann/") == ["ann/a", "ann/b"]
    assert await names(store, "user-policy", prefix="ann", after="ann", limit=2) == [
        "ann/a",
        "ann/b",
    ]
    assert await store.delete_iam_below("user-policy", "ann/") == 2
    assert await store.delete_iam_below("user-policy", "ann/") == 0
    assert await names(store, "user-policy") == ["ann", "anna/c", "bob/a"]


async def test_a_document_is_made_once(store: MetadataStore) -> None:
    await store.put_iam("role", "r", "1", must_not_exist=True)
    with pytest.raises(IamExists):
        await store.put_iam("role", "r", "2", must_not_exist=True)
    assert await store.iam("role", "r") == "1"


async def test_no_change_is_lost(store: MetadataStore) -> None:
    with pytest.raises(PreconditionFailed):
        await store.put_iam("group", "g", "2", must_equal="1")
    await store.put_iam("group", "g", "1")
    await store.put_iam("group", "g", "2", must_equal="1")
    with pytest.raises(PreconditionFailed):
        await store.put_iam("group", "g", "3", must_equal="1")
    assert await store.iam("group", "g") == "2"


async def test_users_are_changed_and_found_by_email(store: MetadataStore) -> None:
    await store.put_user(ANN, [])
    assert await store.user_by_email("ann@example.org") == await store.user("ann") == ANN
    await store.put_user(replace(ANN, user_id="bea", email=""), [])
    assert await store.user_by_email("") is None
    moved = replace(ANN, display_name="Änn", path="/", email="a@example.org")
    await store.update_user(replace(moved, is_root=True, created_at_ms=99))
    assert await store.users() == [moved, replace(ANN, user_id="bea", email="")]
    assert await store.user_by_email("ann@example.org") is None
    with pytest.raises(NoSuchUser):
        await store.update_user(replace(ANN, user_id="nobody"))


async def test_keys_are_switched_off_and_on(store: MetadataStore) -> None:
    await store.put_user(ANN, [AccessKey("K", "secret")])
    for status in (INACTIVE, ACTIVE):
        assert await store.set_access_key_status("K", status) is True
        found = await store.find_access_key("K")
        assert found == (ANN, AccessKey("K", "secret", "ann", 0, status))
    assert await store.set_access_key_status("nope", INACTIVE) is False


async def test_keys_of_sessions_are_apart(store: MetadataStore) -> None:
    await store.put_user(ANN, [AccessKey("K", "secret")])
    session = AccessKey("S1", "x", "ann", 1, ACTIVE, "token", 500, '{"role": "r"}')
    await store.put_access_key(session)
    await store.put_access_key(replace(session, access_key="S2", expires_at_ms=400))
    await store.put_access_key(replace(session, access_key="S3", expires_at_ms=900))
    await store.put_access_key(replace(session, access_key="S4", expires_at_ms=0))
    assert [key.access_key for key in await store.access_keys("ann")] == ["K"]
    assert await store.find_access_key("S1") == (ANN, session)
    assert await store.forget_expired_keys(501, limit=1) == 1
    assert await store.find_access_key("S2") is None
    assert await store.forget_expired_keys(500) == 0
    assert await store.forget_expired_keys(501) == 1
    assert await store.find_access_key("S3") is not None
    await store.delete_user("ann")
    for name in ("K", "S1", "S3", "S4"):
        assert await store.find_access_key(name) is None
    assert "token" not in repr(session)


async def test_the_generation_grows_with_what_is_derived_from(store: MetadataStore) -> None:
    seen = [await store.iam_generation()]
    session = AccessKey("S", "x", "ann", 1, ACTIVE, "token", 500)
    for change in (
        lambda: store.put_user(ANN, []),
        lambda: store.update_user(ANN),
        lambda: store.put_access_key(AccessKey("K", "secret", "ann")),
        lambda: store.set_access_key_status("K", INACTIVE),
        lambda: store.delete_access_key("K"),
        lambda: store.put_iam("role", "r", "1"),
        lambda: store.put_iam("role", "r", "2"),
        lambda: store.delete_iam("role", "r"),
        lambda: store.delete_user("ann"),
    ):
        await change()
        seen.append(await store.iam_generation())
    assert seen == sorted(set(seen))
    await store.put_user(ANN, [])
    before = await store.iam_generation()
    await store.put_access_key(session)
    await store.set_access_key_status("S", INACTIVE)
    await store.delete_access_key("S")
    await store.delete_iam("role", "nope")
    assert await store.iam_generation() == before, "sessions change nothing for others"


async def test_changes_happen_together_or_not_at_all(store: MetadataStore) -> None:
    await store.change_iam(
        [
            IamChange("user", "1", "Ann"),
            IamChange("user-name", "ann", "1", must_not_exist=True),
        ]
    )
    before = await store.iam_generation()
    renamed = IamChange("user", "1", "Bob", must_equal="Ann")
    for last, error in (
        (IamChange("user-name", "ann", "2", must_not_exist=True), IamExists),
        (IamChange("user-name", "ann", None, must_equal="2"), PreconditionFailed),
        (IamChange("user-name", "nobody", None, must_equal="1"), PreconditionFailed),
        (IamChange("user-name", "ann", "2", must_equal="3"), PreconditionFailed),
    ):
        with pytest.raises(error):
            await store.change_iam([renamed, last])
    assert await store.iam("user", "1") == "Ann"
    assert await store.iam("user-name", "ann") == "1"
    assert await store.iam_generation() == before
    await store.change_iam(
        [
            renamed,
            IamChange("user-name", "bob", "1", must_not_exist=True),
            IamChange("user-name", "ann", None, must_equal="1"),
            IamChange("user-name", "nobody", None),
        ]
    )
    assert await store.list_iam("user-name") == [("bob", "1")]
    assert await store.iam_generation() > before


async def test_a_change_sees_those_before_it(store: MetadataStore) -> None:
    await store.put_iam("role", "r", "1")
    await store.change_iam(
        [
            IamChange("role", "r", "2", must_equal="1"),
            IamChange("role", "r", None, must_equal="2"),
            IamChange("role", "r", "3", must_not_exist=True),
        ]
    )
    assert await store.iam("role", "r") == "3"
