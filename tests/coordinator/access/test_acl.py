"""Canned ACLs, and how ACLs are kept."""

import pytest

from coordinator.access import ANONYMOUS, Acl, Grant, PolicyError
from coordinator.access.acl import EC2_ID, canned, dump, load, private
from tests.coordinator.access.support import BOB

FULL = Grant("bob", "FULL_CONTROL")


@pytest.mark.parametrize(
    ("name", "is_bucket", "others"),
    [
        ("private", False, ()),
        ("public-read", False, (Grant("AllUsers", "READ", True),)),
        (
            "public-read-write",
            True,
            (Grant("AllUsers", "READ", True), Grant("AllUsers", "WRITE", True)),
        ),
        ("authenticated-read", False, (Grant("AuthenticatedUsers", "READ", True),)),
        ("aws-exec-read", True, (Grant(EC2_ID, "READ"),)),
        ("bucket-owner-read", False, (Grant("alice", "READ"),)),
        ("bucket-owner-read", True, ()),
        ("bucket-owner-full-control", False, (Grant("alice", "FULL_CONTROL"),)),
        (
            "log-delivery-write",
            True,
            (Grant("LogDelivery", "WRITE", True), Grant("LogDelivery", "READ_ACP", True)),
        ),
        ("log-delivery-write", False, ()),
    ],
)
def test_canned(name: str, is_bucket: bool, others: tuple[Grant, ...]) -> None:
    acl = canned(name, owner_id="bob", bucket_owner_id="alice", is_bucket=is_bucket)
    assert acl == Acl((FULL, *others))
    assert load(dump(acl, "bob"), "bob") == acl


def test_a_bucket_owner_needs_no_grant_of_his_own() -> None:
    acl = canned("bucket-owner-read", owner_id="bob", bucket_owner_id="bob", is_bucket=False)
    assert acl == private("bob")


def test_an_unknown_canned_acl() -> None:
    with pytest.raises(PolicyError):
        canned("secret", owner_id="bob", bucket_owner_id="alice", is_bucket=False)


def test_the_private_one_is_kept_as_nothing() -> None:
    assert dump(private("bob"), "bob") == ""
    assert load("", "bob") == private("bob")
    assert dump(private("bob"), "alice") != ""
    assert load(dump(Acl(()), "bob"), "bob") == Acl(())


@pytest.mark.parametrize(
    ("grant", "expected"),
    [
        (Grant("AllUsers", "READ", True), True),
        (Grant("AuthenticatedUsers", "WRITE_ACP", True), True),
        (Grant("LogDelivery", "WRITE", True), False),
        (Grant("AllUsers", "READ"), False),
        (Grant("bob", "FULL_CONTROL"), False),
    ],
)
def test_what_is_public(grant: Grant, expected: bool) -> None:
    assert Acl((FULL, grant)).is_public is expected


def test_nobody_in_particular_is_no_account() -> None:
    acl = Acl((Grant("", "READ"), Grant("anonymous", "READ")))
    assert not acl.permits(ANONYMOUS, "READ")
    assert Acl((Grant("bob", "FULL_CONTROL"),)).permits(BOB, "WRITE_ACP")
