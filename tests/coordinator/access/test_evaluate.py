"""What statements say to a request."""

from typing import Any

import pytest

from coordinator.access import ANONYMOUS, AccessRequest, Decision, Identity, decide, service
from tests.coordinator.access.support import ALICE, BOB, asks, bucket_policy, statement, user

ALLOW, DENY, NEUTRAL, DELEGATED = (
    Decision.ALLOW,
    Decision.DENY,
    Decision.NEUTRAL,
    Decision.DELEGATED,
)
CAROL = user("bob")
LOGGING = service("logging.s3.amazonaws.com")
BOBS_ROOT = {"AWS": "arn:aws:iam::bob:root"}
CAROLS = {"AWS": "arn:aws:iam::bob:user/carol"}


@pytest.mark.parametrize(
    ("principal", "identity", "expected"),
    [
        ("*", ANONYMOUS, ALLOW),
        ("*", BOB, ALLOW),
        ("*", CAROL, ALLOW),
        ("*", LOGGING, NEUTRAL),
        ({"AWS": "*"}, ANONYMOUS, ALLOW),
        (BOBS_ROOT, BOB, ALLOW),
        (BOBS_ROOT, CAROL, DELEGATED),
        (BOBS_ROOT, ALICE, NEUTRAL),
        (BOBS_ROOT, ANONYMOUS, NEUTRAL),
        ({"AWS": "bob"}, BOB, ALLOW),
        ({"CanonicalUser": "bob"}, BOB, ALLOW),
        ({"CanonicalUser": "bob"}, CAROL, DELEGATED),
        ({"AWS": "arn:aws:iam:::user/bob"}, BOB, ALLOW),
        (CAROLS, CAROL, ALLOW),
        (CAROLS, BOB, NEUTRAL),
        ({"AWS": ["alice", "bob"]}, BOB, ALLOW),
        ({"Service": "logging.s3.amazonaws.com"}, LOGGING, ALLOW),
        ({"Service": "other.amazonaws.com"}, LOGGING, NEUTRAL),
        ({"Service": "logging.s3.amazonaws.com"}, BOB, NEUTRAL),
    ],
)
def test_principals(principal: Any, identity: Identity, expected: Decision) -> None:
    policy = bucket_policy(statement(principal=principal))
    assert decide(policy.statements, asks(identity)) is expected


@pytest.mark.parametrize(
    ("excepted", "identity", "expected"),
    [
        (BOBS_ROOT, BOB, NEUTRAL),
        (BOBS_ROOT, CAROL, NEUTRAL),
        (BOBS_ROOT, ALICE, DENY),
        (BOBS_ROOT, ANONYMOUS, DENY),
        (CAROLS, BOB, DENY),
        ("*", ALICE, NEUTRAL),
    ],
)
def test_everybody_but(excepted: Any, identity: Identity, expected: Decision) -> None:
    policy = bucket_policy(statement("Deny", None, NotPrincipal=excepted))
    assert decide(policy.statements, asks(identity)) is expected


@pytest.mark.parametrize("principal", ["*", BOBS_ROOT, CAROLS])
def test_a_denial_counts_however_it_names_one(principal: Any) -> None:
    policy = bucket_policy(statement(), statement("Deny", principal))
    assert decide(policy.statements, asks(CAROL)) is DENY


def test_a_denial_of_everybody_is_for_services_too() -> None:
    policy = bucket_policy(statement("Deny"))
    assert decide(policy.statements, asks(LOGGING)) is DENY


@pytest.mark.parametrize(
    ("element", "value", "action", "expected"),
    [
        ("Action", "s3:GetObject", "s3:GetObject", ALLOW),
        ("Action", "s3:getobject", "s3:GetObject", ALLOW),
        ("Action", "s3:GetObject", "s3:GetObjectVersion", NEUTRAL),
        ("Action", "s3:Get*", "s3:GetObjectVersion", ALLOW),
        ("Action", ["s3:PutObject", "s3:?etObject"], "s3:GetObject", ALLOW),
        ("Action", "*", "s3:GetObject", ALLOW),
        ("NotAction", "s3:DeleteObject", "s3:GetObject", ALLOW),
        ("NotAction", "s3:Delete*", "s3:DeleteObject", NEUTRAL),
    ],
)
def test_actions(element: str, value: Any, action: str, expected: Decision) -> None:
    policy = bucket_policy(statement(**{"action": None, element: value}))
    assert decide(policy.statements, asks(BOB, action)) is expected


@pytest.mark.parametrize(
    ("element", "value", "key", "expected"),
    [
        ("Resource", "arn:aws:s3:::bucket/*", "key", ALLOW),
        ("Resource", "arn:aws:s3:::bucket/*", "", NEUTRAL),
        ("Resource", "arn:aws:s3:::bucket", "", ALLOW),
        ("Resource", "arn:aws:s3:::bucket", "key", NEUTRAL),
        ("Resource", "arn:aws:s3:::bucket*", "key", ALLOW),
        ("Resource", "arn:aws:s3:::*", "key", ALLOW),
        ("Resource", "arn:aws:s3:::bucket/Key", "key", NEUTRAL),
        ("Resource", "arn:aws:s3:::bucket/home/${aws:userid}/*", "home/bob/x", ALLOW),
        ("Resource", "arn:aws:s3:::bucket/home/${aws:userid}/*", "home/eve/x", NEUTRAL),
        ("NotResource", "arn:aws:s3:::bucket/secret/*", "key", ALLOW),
        ("NotResource", "arn:aws:s3:::bucket/secret/*", "secret/key", NEUTRAL),
    ],
)
def test_resources(element: str, value: Any, key: str, expected: Decision) -> None:
    policy = bucket_policy(statement(**{"resource": None, element: value}))
    assert decide(policy.statements, asks(BOB, key=key)) is expected


def test_conditions() -> None:
    only_here = {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}
    policy = bucket_policy(statement(Condition=only_here))
    assert decide(policy.statements, asks(BOB, aws_sourceip="10.1.1.1")) is ALLOW
    assert decide(policy.statements, asks(BOB, aws_sourceip="11.1.1.1")) is NEUTRAL
    assert decide(policy.statements, asks(BOB)) is NEUTRAL


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("aws:PrincipalArn", "arn:aws:iam::bob:user/carol"),
        ("aws:PrincipalAccount", "bob"),
        ("aws:PrincipalType", "User"),
        ("aws:username", "carol"),
        ("aws:userid", "AIDAcarol"),
        ("aws:PrincipalTag/team", "red"),
        ("aws:MultiFactorAuthPresent", "true"),
    ],
)
def test_keys_about_the_sender(key: str, value: str) -> None:
    carol = user("bob", tags={"team": "red"}, session={"aws:multifactorauthpresent": ("true",)})
    policy = bucket_policy(statement(Condition={"StringEquals": {key: value}}))
    assert decide(policy.statements, asks(carol)) is ALLOW
    assert decide(policy.statements, asks(ANONYMOUS)) is NEUTRAL


def test_a_request_can_not_speak_for_its_sender() -> None:
    policy = bucket_policy(statement(Condition={"StringEquals": {"aws:username": "carol"}}))
    assert decide(policy.statements, asks(user("bob", name="eve"), aws_username="carol")) is NEUTRAL


def test_no_statement_says_nothing() -> None:
    assert decide((), AccessRequest(BOB, "s3:GetObject", "x")) is NEUTRAL
