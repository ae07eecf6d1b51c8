"""Roles as the query API makes, shows, changes and removes them."""

import json
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.iam.errors import IamError
from coordinator.iam.roles import MAX_TRUST_LENGTH, check_trust
from coordinator.iam.tags import MAX_TAGS, check_tags, with_tags, without_tags
from tests.coordinator.iam.sts_support import Iam, policy, trust
from tests.coordinator.s3.support import BOB, NOW_S

TRUST = trust({"AWS": "bob"})


async def test_a_role_is_shown_as_it_was_made(iam: Iam) -> None:
    made = await iam.role(
        TRUST,
        Path="/some/path/",
        Description="for reading",
        MaxSessionDuration=7200,
        Tags__member__1__Key="team",
        Tags__member__1__Value="a b",
    )
    shown = await iam.done("GetRole", RoleName="READER")
    assert made.tree().tag == "CreateRoleResponse"
    for answer in (made, shown):
        assert answer.text("RoleName") == "reader"
        assert answer.text("Path") == "/some/path/"
        assert answer.text("Arn") == "arn:aws:iam::alice:role/some/path/reader"
        assert answer.text("RoleId").startswith("AROA")
        assert answer.text("Description") == "for reading"
        assert answer.text("MaxSessionDuration") == "7200"
        assert answer.text("CreateDate") == "2027-01-15T08:00:00Z"
        assert unquote(answer.text("AssumeRolePolicyDocument")) == TRUST
        assert (answer.text("Key"), answer.text("Value")) == ("team", "a b")
    assert NOW_S == 1_800_000_000


async def test_roles_change_and_go(iam: Iam) -> None:
    await iam.role(TRUST)
    await iam.done("UpdateRole", RoleName="reader", Description="other")
    shown = await iam.done("GetRole", RoleName="reader")
    assert (shown.text("Description"), shown.text("MaxSessionDuration")) == ("other", "3600")
    await iam.done("UpdateRole", RoleName="reader", MaxSessionDuration=43200)
    changed = await iam.done("UpdateRoleDescription", RoleName="reader", Description="third")
    assert changed.text("MaxSessionDuration") == "43200"
    assert changed.text("Description") == "third"
    other = trust("*")
    await iam.done("UpdateAssumeRolePolicy", RoleName="reader", PolicyDocument=other)
    shown = await iam.done("GetRole", RoleName="reader")
    assert unquote(shown.text("AssumeRolePolicyDocument")) == other
    for refused in ("x", "{}", policy("sts:AssumeRole")):
        asked = {"RoleName": "reader", "PolicyDocument": refused}
        assert await iam.refused("UpdateAssumeRolePolicy", **asked) == "MalformedPolicyDocument"
    await iam.done(
        "PutRolePolicy", RoleName="reader", PolicyName="p", PolicyDocument=policy("s3:*")
    )
    assert await iam.refused("DeleteRole", RoleName="reader") == "DeleteConflict"
    await iam.done("DeleteRolePolicy", RoleName="reader", PolicyName="p")
    await iam.done("DeleteRole", RoleName="reader")
    for action in ("GetRole", "DeleteRole", "UpdateRole", "ListRoleTags"):
        assert await iam.refused(action, RoleName="reader") == "NoSuchEntity"


async def test_roles_are_listed_page_by_page(iam: Iam) -> None:
    for name, path in (("Ad", "/x/"), ("ac", "/x/y/"), ("Ab", "/"), ("aa", "/x/")):
        await iam.done("CreateRole", RoleName=name, Path=path, AssumeRolePolicyDocument=TRUST)
    await iam.role(TRUST, keys=BOB)
    listed: list[str] = []
    marker: dict[str, str] = {}
    while True:
        page = await iam.done("ListRoles", PathPrefix="/x/", MaxItems=2, **marker)
        listed += page.texts(".//RoleName")
        if page.text("IsTruncated") == "false":
            break
        marker = {"Marker": page.text("Marker")}
    assert listed == ["aa", "ac", "Ad"]


async def test_tags_come_and_go(iam: Iam) -> None:
    await iam.role(TRUST)
    tags = {"Tags__member__1__Key": "Team", "Tags__member__1__Value": "a"}
    await iam.done("TagRole", RoleName="reader", **tags)
    tags = {"Tags__member__1__Key": "team", "Tags__member__1__Value": "b"}
    await iam.done("TagRole", RoleName="reader", **tags)
    shown = await iam.done("ListRoleTags", RoleName="reader")
    assert (shown.texts(".//Key"), shown.texts(".//Value")) == (["team"], ["b"])
    await iam.done("UntagRole", RoleName="reader", TagKeys__member__1="TEAM")
    assert (await iam.done("ListRoleTags", RoleName="reader")).texts(".//Key") == []


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"RoleName": "a b"}, "ValidationError"),
        ({"RoleName": "x" * 65}, "ValidationError"),
        ({"RoleName": "Reader"}, "EntityAlreadyExists"),
        ({"Path": "x"}, "ValidationError"),
        ({"Description": "x" * 1001}, "ValidationError"),
        ({"MaxSessionDuration": 3599}, "ValidationError"),
        ({"MaxSessionDuration": 43201}, "ValidationError"),
        ({"AssumeRolePolicyDocument": "{"}, "MalformedPolicyDocument"),
        ({"AssumeRolePolicyDocument": policy("s3:*")}, "MalformedPolicyDocument"),
        ({"PermissionsBoundary": "arn:aws:iam::aws:policy/x"}, "NotImplemented"),
        ({"Tags__member__1__Key": "x", "Tags__member__1__Value": "<"}, "InvalidInput"),
    ],
)
async def test_what_is_no_role(iam: Iam, parameters: dict[str, Any], code: str) -> None:
    await iam.role(TRUST)
    asked = {"RoleName": "other", "AssumeRolePolicyDocument": TRUST, **parameters}
    assert await iam.refused("CreateRole", **asked) == code
    assert (await iam.done("ListRoles")).texts(".//RoleName") == ["reader"]


async def test_roles_are_an_accounts_own_business(iam: Iam) -> None:
    await iam.role(TRUST)
    assert await iam.refused("GetRole", BOB, RoleName="reader") == "NoSuchEntity"
    carol = await iam.user("carol")
    assert await iam.refused("GetRole", carol, RoleName="reader") == "AccessDenied"
    assert await iam.refused("GetRole", carol, RoleName="nobody") == "AccessDenied"
    own = {"UserName": "carol", "PolicyName": "p"}
    allowed = policy("iam:GetRole", "arn:aws:iam::alice:role/r*")
    await iam.done("PutUserPolicy", PolicyDocument=allowed, **own)
    assert (await iam.done("GetRole", carol, RoleName="reader")).text("RoleName") == "reader"
    assert await iam.refused("GetRole", carol, RoleName="other") == "AccessDenied"
    assert await iam.refused("DeleteRole", carol, RoleName="reader") == "AccessDenied"


def test_tags_have_bounds() -> None:
    many = {f"key{number}": "" for number in range(MAX_TAGS)}
    assert with_tags(many, {"KEY0": "x"}).keys() == (many.keys() - {"key0"}) | {"KEY0"}
    assert without_tags({"a": "1", "b": "2"}, ["A", "c"]) == {"b": "2"}
    refused: list[tuple[Any, str]] = [
        (lambda: with_tags(many, {"one more": ""}), "LimitExceeded"),
        (lambda: check_tags([*many.items(), ("one more", "")]), "LimitExceeded"),
        (lambda: check_tags([("a", "1"), ("A", "2")]), "InvalidInput"),
        (lambda: check_tags([("", "1")]), "InvalidInput"),
        (lambda: check_tags([("a" * 129, "1")]), "InvalidInput"),
        (lambda: check_tags([("a", "1" * 257)]), "InvalidInput"),
    ]
    for call, code in refused:
        with pytest.raises(IamError) as caught:
            call()
        assert caught.value.code == code


def test_a_long_trust_policy() -> None:
    text = trust({"AWS": [f"account{number:05}" for number in range(MAX_TRUST_LENGTH // 10)]})
    with pytest.raises(IamError) as caught:
        check_trust(text)
    assert caught.value.code == "LimitExceeded"


_TREES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["Statement", "Effect", "Principal", "Action", "Resource", "AWS"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=8,
)


@given(st.one_of(st.text(max_size=40), _TREES.map(json.dumps)))
def test_any_trust_policy(text: str) -> None:
    with suppress(IamError):
        assert check_trust(text) == text
