"""All that has a say, together: who may, and who may not."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from coordinator.access import (
    ANONYMOUS,
    ANY,
    UNSET,
    Acl,
    BucketAccess,
    Decision,
    Grant,
    Identity,
    Ownership,
    PublicAccessBlock,
    Target,
    account,
    authorize,
    federated,
    is_public,
    judge,
    member,
    service,
)
from coordinator.access.acl import canned, private
from tests.coordinator.access.support import (
    ALICE,
    BOB,
    ROOT,
    asks,
    bucket_policy,
    own_policy,
    statement,
    user,
)

EVE = account("eve")
CAROL = user("alice")
LOGGING = service("logging.s3.amazonaws.com")
ALLOW_ALL = own_policy("Allow", "s3:*")
GET = "s3:GetObject"
LIST = "s3:ListBucket"
PUT = "s3:PutObject"


def policy(*statements: dict[str, Any], **more: Any) -> BucketAccess:
    """A bucket with this policy."""
    parsed = bucket_policy(*statements)
    return BucketAccess(parsed, is_public(parsed), **more)


def granted(name: str, owner_id: str = "alice", *, is_bucket: bool = False) -> Acl:
    """A canned ACL."""
    return canned(name, owner_id=owner_id, bucket_owner_id="alice", is_bucket=is_bucket)


def bucket_with(name: str) -> BucketAccess:
    """A bucket with a canned ACL."""
    return BucketAccess(acl=granted(name, is_bucket=True))


def at(access: BucketAccess = UNSET, owner_id: str = "alice", acl: Acl | None = None) -> Target:
    """An object in alice's bucket."""
    return Target("alice", access, owner_id, acl or private(owner_id))


@pytest.mark.parametrize("action", [GET, LIST, PUT, "s3:PutBucketPolicy"])
@pytest.mark.parametrize(
    ("identity", "expected"),
    [
        (ALICE, True),
        (ROOT, True),
        (BOB, False),
        (ANONYMOUS, False),
        (LOGGING, False),
        (CAROL, False),
        (user("alice", ALLOW_ALL), True),
        (user("bob", own_policy("Allow", "s3:*", authority="bob")), False),
        (user("root", own_policy("Allow", "s3:*", authority=ANY)), True),
    ],
)
def test_where_nothing_is_said(identity: Identity, action: str, expected: bool) -> None:
    assert authorize(asks(identity, action), Target("alice", UNSET)) is expected


OPEN = statement()
TO_BOB = statement(principal={"AWS": "arn:aws:iam::bob:root"})
TO_DAVE = statement(principal={"AWS": "arn:aws:iam::bob:user/dave"})
TO_CAROL = statement(principal={"AWS": "arn:aws:iam::alice:user/carol"})
TO_ALICE = statement(principal={"AWS": "alice"})
CLOSED = statement("Deny")
DAVE = user("bob", name="dave")
PERMITTED_DAVE = user("bob", own_policy("Allow", "s3:*", authority="bob"), name="dave")


@pytest.mark.parametrize(
    ("statements", "identity", "expected"),
    [
        ([OPEN], ANONYMOUS, True),
        ([OPEN], BOB, True),
        ([OPEN], CAROL, True),
        # another account's users need their account's leave as well
        ([OPEN], DAVE, False),
        ([OPEN], PERMITTED_DAVE, True),
        ([OPEN], LOGGING, False),
        ([TO_BOB], BOB, True),
        ([TO_BOB], EVE, False),
        ([TO_BOB], ANONYMOUS, False),
        ([TO_BOB], DAVE, False),
        ([TO_BOB], PERMITTED_DAVE, True),
        ([TO_DAVE], DAVE, False),
        ([TO_DAVE], PERMITTED_DAVE, True),
        ([TO_DAVE], BOB, False),
        ([TO_CAROL], CAROL, True),
        # the account may, and has not passed it on
        ([TO_ALICE], CAROL, False),
        ([OPEN, CLOSED], BOB, False),
        ([OPEN, CLOSED], ALICE, False),
        ([OPEN, CLOSED], ROOT, False),
        ([CLOSED], user("alice", ALLOW_ALL), False),
        ([OPEN], user("alice", own_policy("Deny", GET)), False),
        ([OPEN], user("alice", ALLOW_ALL, own_policy("Deny", GET)), False),
        ([], user("alice", ALLOW_ALL, own_policy("Deny", PUT)), True),
    ],
)
def test_policies(statements: list[dict[str, Any]], identity: Identity, expected: bool) -> None:
    access = policy(*statements) if statements else UNSET
    assert authorize(asks(identity), at(access)) is expected


def test_an_account_may_have_policies_too() -> None:
    bound = account(
        "bob",
        policies=(
            own_policy("Deny", "s3:DeleteBucket", authority=ANY),
            own_policy("Allow", GET, authority=ANY),
        ),
    )
    own = Target("bob", UNSET)
    assert not authorize(asks(bound, "s3:DeleteBucket", ""), own)
    assert authorize(asks(bound, "s3:PutBucketAcl", ""), own)
    assert authorize(asks(bound), at())
    assert not authorize(asks(bound, PUT), at())
    assert authorize(asks(bound, PUT), at(policy(OPEN)))


SESSION = user("alice", ALLOW_ALL, limits=(own_policy("Allow", GET).statements,))


@pytest.mark.parametrize(("action", "expected"), [(GET, True), (PUT, False)])
def test_a_session_has_limits(action: str, expected: bool) -> None:
    assert authorize(asks(SESSION, action), at()) is expected
    assert authorize(asks(SESSION, action), at(policy(OPEN))) is expected


@pytest.mark.parametrize(
    "action", ["s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy"]
)
def test_an_owner_can_not_lose_the_policy(action: str) -> None:
    locked, confirmed = policy(CLOSED), policy(CLOSED, locks_owner_out=True)
    request = asks(ALICE, action, "")
    assert authorize(request, Target("alice", locked))
    assert not authorize(request, Target("alice", confirmed))
    assert authorize(asks(ROOT, action, ""), Target("alice", confirmed))
    assert not authorize(asks(user("alice", ALLOW_ALL), action, ""), Target("alice", locked))
    assert not authorize(asks(BOB, action, ""), Target("alice", locked))


@pytest.mark.parametrize(
    ("name", "identity", "actions"),
    [
        ("private", ANONYMOUS, ()),
        ("private", BOB, ()),
        ("public-read", ANONYMOUS, (LIST,)),
        ("public-read", BOB, (LIST,)),
        ("public-read", DAVE, ()),
        ("public-read", PERMITTED_DAVE, (LIST,)),
        ("public-read-write", ANONYMOUS, (LIST, PUT, "s3:DeleteObject")),
        ("authenticated-read", ANONYMOUS, ()),
        ("authenticated-read", BOB, (LIST,)),
        ("log-delivery-write", LOGGING, (PUT, "s3:DeleteObject", "s3:GetBucketAcl")),
        ("log-delivery-write", BOB, ()),
        ("public-read", LOGGING, ()),
        ("aws-exec-read", BOB, ()),
    ],
)
def test_acls_of_buckets(name: str, identity: Identity, actions: Sequence[str]) -> None:
    asked = (LIST, PUT, GET, "s3:DeleteObject", "s3:GetBucketAcl", "s3:PutBucketAcl")
    target = Target("alice", bucket_with(name))
    allowed = {action for action in asked if authorize(asks(identity, action), target)}
    assert allowed == set(actions)


@pytest.mark.parametrize(
    ("permission", "actions"),
    [
        ("READ", {LIST}),
        ("WRITE", {PUT}),
        ("READ_ACP", {"s3:GetBucketAcl"}),
        ("WRITE_ACP", {"s3:PutBucketAcl"}),
        ("FULL_CONTROL", {LIST, PUT, "s3:GetBucketAcl", "s3:PutBucketAcl"}),
    ],
)
def test_permissions_of_buckets(permission: str, actions: set[str]) -> None:
    target = Target("alice", BucketAccess(acl=Acl((Grant("bob", permission),))))
    asked = (LIST, PUT, GET, "s3:GetBucketAcl", "s3:PutBucketAcl", "s3:DeleteBucket")
    assert {action for action in asked if authorize(asks(BOB, action), target)} == actions
    assert not any(authorize(asks(EVE, action), target) for action in asked)


@pytest.mark.parametrize(
    ("permission", "actions"),
    [
        ("READ", {GET, "s3:GetObjectVersion"}),
        ("WRITE", set()),
        ("READ_ACP", {"s3:GetObjectAcl"}),
        ("WRITE_ACP", {"s3:PutObjectAcl"}),
        ("FULL_CONTROL", {GET, "s3:GetObjectVersion", "s3:GetObjectAcl", "s3:PutObjectAcl"}),
    ],
)
def test_permissions_of_objects(permission: str, actions: set[str]) -> None:
    target = at(acl=Acl((Grant("bob", permission),)))
    asked = (GET, "s3:GetObjectVersion", "s3:GetObjectAcl", "s3:PutObjectAcl", PUT, LIST)
    assert {action for action in asked if authorize(asks(BOB, action), target)} == actions


@pytest.mark.parametrize(
    ("identity", "action", "expected"),
    [
        (BOB, GET, True),
        (BOB, "s3:PutObjectAcl", True),
        (BOB, "s3:DeleteObject", False),
        (BOB, PUT, False),
        (BOB, "s3:PutObjectTagging", False),
        (ALICE, GET, False),
        (ALICE, "s3:GetObjectAcl", False),
        (ALICE, "s3:DeleteObject", True),
        (ALICE, "s3:PutObjectTagging", True),
        (ROOT, GET, True),
        (EVE, GET, False),
        (user("alice", ALLOW_ALL), GET, False),
    ],
)
def test_an_object_of_another_owner(identity: Identity, action: str, expected: bool) -> None:
    assert authorize(asks(identity, action), at(owner_id="bob")) is expected


def test_an_object_of_another_owner_is_opened_by_him_alone() -> None:
    assert not authorize(asks(EVE), at(policy(OPEN), owner_id="bob"))
    assert not authorize(asks(BOB), at(policy(CLOSED), owner_id="bob"))
    acl = granted("bucket-owner-full-control", "bob")
    assert authorize(asks(ALICE), at(owner_id="bob", acl=acl))
    acl = granted("bucket-owner-read", "bob")
    assert authorize(asks(ALICE), at(owner_id="bob", acl=acl))
    assert not authorize(asks(ALICE, "s3:GetObjectAcl"), at(owner_id="bob", acl=acl))


def test_where_acls_are_off_the_bucket_owner_owns_it_all() -> None:
    enforced = BucketAccess(acl=granted("public-read"), ownership=Ownership.ENFORCED)
    target = at(enforced, owner_id="bob", acl=granted("public-read", "bob"))
    assert authorize(asks(ALICE), target)
    assert not authorize(asks(BOB), target)
    assert not authorize(asks(ANONYMOUS), target)
    assert not authorize(asks(ANONYMOUS, LIST, ""), Target("alice", enforced))
    open_too = replace(enforced, policy=bucket_policy(OPEN))
    assert authorize(asks(EVE), at(open_too, owner_id="bob"))


@pytest.mark.parametrize(
    ("block", "by_acl", "by_policy"),
    [
        (PublicAccessBlock(), True, True),
        (PublicAccessBlock(block_acls=True, block_policy=True), True, True),
        (PublicAccessBlock(ignore_acls=True), False, True),
        (PublicAccessBlock(restrict=True), True, False),
    ],
)
def test_public_access_blocked(block: PublicAccessBlock, by_acl: bool, by_policy: bool) -> None:
    acl = granted("public-read")
    assert authorize(asks(ANONYMOUS), at(BucketAccess(block=block), acl=acl)) is by_acl
    assert authorize(asks(BOB), at(BucketAccess(block=block), acl=acl)) is by_acl
    open_bucket = replace(policy(OPEN), block=block)
    assert authorize(asks(ANONYMOUS), at(open_bucket)) is by_policy
    assert authorize(asks(BOB), at(open_bucket)) is by_policy
    assert authorize(asks(ALICE), at(open_bucket))
    assert authorize(asks(CAROL), at(open_bucket))


def test_restricting_takes_nothing_from_those_who_are_named() -> None:
    named = replace(policy(TO_BOB), block=PublicAccessBlock(True, True, True, True))
    assert authorize(asks(BOB), at(named))
    granted_to_bob = BucketAccess(block=PublicAccessBlock(True, True, True, True))
    assert authorize(asks(BOB), at(granted_to_bob, acl=Acl((Grant("bob", "READ"),))))


def test_why() -> None:
    by_acl = judge(asks(ANONYMOUS), at(acl=granted("public-read")))
    assert (by_acl.decision, by_acl.by_acl) == (Decision.ALLOW, True)
    assert not judge(asks(ALICE), at(acl=granted("public-read"))).by_acl
    assert judge(asks(BOB), at(policy(CLOSED))).decision is Decision.DENY
    assert judge(asks(BOB), at()).decision is Decision.NEUTRAL


def test_the_tags_of_a_bucket_are_asked_about() -> None:
    for key in ("s3:ResourceTag/Team", "aws:ResourceTag/Team"):
        red = policy(
            statement(principal={"AWS": "bob"}, Condition={"StringEquals": {key: "red"}}),
            statement("Deny", Condition={"StringEquals": {"s3:ResourceTag/Closed": "yes"}}),
        )
        assert authorize(asks(BOB), at(replace(red, tags={"Team": "red"})))
        for tags in ({}, {"team": "red"}, {"Team": "blue"}, {"Team": "red", "Closed": "yes"}):
            assert not authorize(asks(BOB), at(replace(red, tags=tags)))
        # A request can't say it of itself.
        assert not authorize(asks(BOB, s3_resourcetag="red"), at(red))


def test_who_comes_from_an_identity_provider_is_not_everybody() -> None:
    bearer = federated(frozenset({"arn:aws:iam::alice:oidc-provider/x"}))
    assert not authorize(asks(bearer), at(policy(statement())))
    assert not authorize(asks(bearer), at(policy(statement(principal={"AWS": "*"}))))
    both = [statement("Deny"), statement(principal={"Federated": "x"})]
    assert judge(asks(bearer), at(policy(*both))).decision is Decision.DENY


def test_a_session_that_the_bucket_names_is_not_confined_there() -> None:
    session = "arn:aws:sts::alice:assumed-role/r/s"
    limit = own_policy("Allow", "s3:ListBucket").statements
    member_of: dict[str, Any] = {
        "policies": (ALLOW_ALL,),
        "limits": (limit,),
        "kind": "AssumedRole",
    }
    alices = member(
        "alice",
        session,
        user_id="r:s",
        names=frozenset({"arn:aws:iam::alice:role/r"}),
        session_names=frozenset({session}),
        **member_of,
    )
    named = policy(statement(principal={"AWS": session}, action=GET))
    assert authorize(asks(alices), at(named))
    assert not authorize(asks(alices, PUT), at(named))
    for principal in ("arn:aws:iam::alice:role/r", "arn:aws:iam::alice:root", "*"):
        assert not authorize(asks(alices), at(policy(statement(principal={"AWS": principal}))))
    # What is somebody else's is not alice's bucket policy's to open, nor what the session forbids.
    assert not authorize(asks(alices), at(named, "bob"))
    forbidden = replace(alices, limits=(own_policy("Deny", "s3:*").statements,))
    assert not authorize(asks(forbidden), at(named))
    assert not authorize(asks(alices), Target("bob", named))


def test_a_service_is_named_with_what_it_works_for() -> None:
    delivery = statement(
        principal={"Service": "logging.s3.amazonaws.com"},
        action=PUT,
        resource="arn:aws:s3:::bucket/log/*",
        Condition={
            "ArnLike": {"aws:SourceArn": "arn:aws:s3:::src"},
            "StringEquals": {"aws:SourceAccount": "bob"},
        },
    )
    target = Target("alice", policy(delivery))
    keys = {"aws_sourcearn": "arn:aws:s3:::src", "aws_sourceaccount": "bob"}
    assert authorize(asks(LOGGING, PUT, "log/1", **keys), target)
    assert not authorize(asks(LOGGING, PUT, "else/1", **keys), target)
    assert not authorize(
        asks(LOGGING, PUT, "log/1", **{**keys, "aws_sourceaccount": "eve"}), target
    )
