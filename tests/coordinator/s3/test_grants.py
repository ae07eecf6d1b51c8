"""Grants in headers, and what becomes of a new object by them."""

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.access import (
    ANONYMOUS,
    UNSET,
    Acl,
    BucketAccess,
    Grant,
    Identity,
    Ownership,
    PublicAccessBlock,
    account,
)
from coordinator.access.acl import load
from coordinator.s3.errors import S3Error
from coordinator.s3.grants import Asked, NewAccess, new_object, parse_grants, resolve
from metadata import Bucket, MemoryStore, User

ALICES = Bucket(1, "bucket", "alice", 0)
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
ALICE, BOB = account("alice"), account("bob")


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    made = MemoryStore()
    await made.put_user(User("alice", "Alice", False, 0), [])
    await made.put_user(User("bob", "Bob", False, 0, email="bob@example.com"), [])
    yield made
    await made.close()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id=bob", [("id", "bob")]),
        ('id="bob"', [("id", "bob")]),
        (' id = "bob" , uri="http://x/y" ', [("id", "bob"), ("uri", "http://x/y")]),
        ("emailAddress=b@example.com", [("emailaddress", "b@example.com")]),
        ("", []),
    ],
)
def test_grantees(text: str, expected: list[tuple[str, str]]) -> None:
    found = parse_grants({"x-amz-grant-read-acp": text})
    assert found == [Asked(kind, value, "READ_ACP") for kind, value in expected]


@pytest.mark.parametrize("text", ["bob", "id=", "id=a b", 'id="bob', "user=bob", "id=bob,", ","])
def test_what_is_no_grantee(text: str) -> None:
    with pytest.raises(S3Error) as caught:
        parse_grants({"x-amz-grant-write": text})
    assert caught.value.code == "InvalidArgument"


@given(st.text('id="uremalAs, @x', max_size=20))
def test_nothing_else_is_raised(text: str) -> None:
    with suppress(S3Error):
        parse_grants({"x-amz-grant-full-control": text})


async def test_grantees_are_found(store: MemoryStore) -> None:
    asked = [
        Asked("id", "bob", "READ"),
        Asked("emailaddress", "bob@example.com", "WRITE"),
        Asked("uri", ALL_USERS, "READ"),
    ]
    assert await resolve(store, asked) == Acl(
        (Grant("bob", "READ"), Grant("bob", "WRITE"), Grant("AllUsers", "READ", True))
    )


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ([Asked("id", "eve", "READ")], "InvalidArgument"),
        ([Asked("id", "", "READ")], "InvalidArgument"),
        ([Asked("uri", "http://acs.amazonaws.com/groups/global/Else", "READ")], "InvalidArgument"),
        ([Asked("emailaddress", "e@example.com", "READ")], "UnresolvableGrantByEmailAddress"),
        ([Asked("emailaddress", "", "READ")], "UnresolvableGrantByEmailAddress"),
        ([Asked("id", "bob", "READ")] * 101, "MalformedACLError"),
    ],
)
async def test_grantees_must_exist(store: MemoryStore, asked: list[Asked], code: str) -> None:
    with pytest.raises(S3Error) as caught:
        await resolve(store, asked)
    assert caught.value.code == code


CANNED = "x-amz-acl"
GIVEN_AWAY = {CANNED: "bucket-owner-full-control"}
ENFORCED = BucketAccess(ownership=Ownership.ENFORCED)
PREFERRED = BucketAccess(ownership=Ownership.PREFERRED)


@pytest.mark.parametrize(
    ("sender", "access", "headers", "owner_id", "others"),
    [
        (ALICE, UNSET, {}, "alice", ()),
        (BOB, UNSET, {}, "bob", ()),
        (ANONYMOUS, UNSET, {}, "alice", ()),
        (BOB, UNSET, {CANNED: "private"}, "bob", ()),
        (BOB, UNSET, {CANNED: ""}, "bob", ()),
        (BOB, UNSET, {CANNED: "public-read"}, "bob", (Grant("AllUsers", "READ", True),)),
        (BOB, UNSET, GIVEN_AWAY, "bob", (Grant("alice", "FULL_CONTROL"),)),
        (BOB, PREFERRED, {}, "bob", ()),
        (BOB, PREFERRED, GIVEN_AWAY, "alice", ()),
        (BOB, ENFORCED, {}, "alice", ()),
        (BOB, ENFORCED, GIVEN_AWAY, "alice", ()),
    ],
)
async def test_new_objects(
    store: MemoryStore,
    sender: Identity,
    access: BucketAccess,
    headers: Mapping[str, str],
    owner_id: str,
    others: tuple[Grant, ...],
) -> None:
    made = await new_object(store, sender, ALICES, access, headers)
    assert made.owner_id == owner_id
    assert load(made.acl, owner_id) == Acl((Grant(owner_id, "FULL_CONTROL"), *others))


async def test_grants_of_a_new_object(store: MemoryStore) -> None:
    made = await new_object(store, ALICE, ALICES, UNSET, {"x-amz-grant-read": "id=bob"})
    assert load(made.acl, "alice") == Acl((Grant("bob", "READ"),))
    full = {"x-amz-grant-full-control": "id=alice"}
    assert await new_object(store, BOB, ALICES, ENFORCED, full) == NewAccess("alice", "")


NO_PUBLIC = BucketAccess(block=PublicAccessBlock(block_acls=True))


@pytest.mark.parametrize(
    ("access", "headers", "code"),
    [
        (UNSET, {CANNED: "secret"}, "InvalidArgument"),
        (UNSET, {CANNED: "private", "x-amz-grant-read": "id=bob"}, "InvalidRequest"),
        (ENFORCED, {CANNED: "private"}, "AccessControlListNotSupported"),
        (ENFORCED, {CANNED: "public-read"}, "AccessControlListNotSupported"),
        (ENFORCED, {"x-amz-grant-read": "id=bob"}, "AccessControlListNotSupported"),
        (NO_PUBLIC, {CANNED: "public-read"}, "AccessDenied"),
        (NO_PUBLIC, {CANNED: "authenticated-read"}, "AccessDenied"),
        (NO_PUBLIC, {"x-amz-grant-read": f'uri="{ALL_USERS}"'}, "AccessDenied"),
    ],
)
async def test_what_new_objects_may_not_have(
    store: MemoryStore, access: BucketAccess, headers: Mapping[str, str], code: str
) -> None:
    with pytest.raises(S3Error) as caught:
        await new_object(store, BOB, ALICES, access, headers)
    assert caught.value.code == code
