"""Policies of users and groups, managed ones, and what follows for who has them."""

import json
from typing import Any
from urllib.parse import unquote

import pytest

from tests.coordinator.iam.sts_support import Iam, policy
from tests.coordinator.s3.support import ALICE, BOB, BUCKET, ROOT

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
HOLDERS = [("User", "UserName"), ("Group", "GroupName"), ("Role", "RoleName")]


async def make(iam: Iam, kind: str, parameter: str) -> dict[str, str]:
    """A user, group or role; the parameter that names it."""
    more = {}
    if kind == "Role":
        more = {"AssumeRolePolicyDocument": json.dumps(TRUST)}
    await iam.done(f"Create{kind}", **{parameter: "it"}, **more)
    return {parameter: "it"}


TRUST = {
    "Version": "2012-10-17",
    "Statement": {"Effect": "Allow", "Principal": {"AWS": "bob"}, "Action": "sts:AssumeRole"},
}


@pytest.mark.parametrize(("kind", "parameter"), HOLDERS)
async def test_policies_of_its_own(iam: Iam, kind: str, parameter: str) -> None:
    named: dict[str, Any] = {parameter: "it", "PolicyName": "p"}
    for action in (f"Put{kind}Policy", f"Get{kind}Policy", f"Delete{kind}Policy"):
        refused = await iam.refused(action, **named, PolicyDocument=policy("s3:*"))
        assert refused == "NoSuchEntity"
    it = await make(iam, kind, parameter)
    assert await iam.refused(f"Get{kind}Policy", **named) == "NoSuchEntity"
    for text in (policy("s3:*"), policy("s3:GetObject", "*", "Deny")):
        await iam.done(f"Put{kind}Policy", **named, PolicyDocument=text)
        found = await iam.done(f"Get{kind}Policy", **named)
        assert unquote(found.text("PolicyDocument")) == text
        assert found.text(parameter) == "it"
    await iam.done(f"Put{kind}Policy", **it, PolicyName="o", PolicyDocument=policy("s3:*"))
    listed = await iam.done(f"List{kind}Policies", **it, MaxItems=1)
    assert (listed.texts(".//member"), listed.text("Marker")) == (["o"], "o")
    assert await iam.refused(f"Delete{kind}", **it) == "DeleteConflict"
    bad = await iam.refused(f"Put{kind}Policy", **named, PolicyDocument="{}")
    assert bad == "MalformedPolicyDocument"
    for name in ("o", "p"):
        await iam.done(f"Delete{kind}Policy", **it, PolicyName=name)
    assert await iam.refused(f"Delete{kind}Policy", **named) == "NoSuchEntity"
    await iam.done(f"Delete{kind}", **it)


@pytest.mark.parametrize(("kind", "parameter"), HOLDERS)
async def test_managed_policies_of_it(iam: Iam, kind: str, parameter: str) -> None:
    named: dict[str, Any] = {parameter: "it", "PolicyArn": READ_ONLY}
    for action in (f"Attach{kind}Policy", f"Detach{kind}Policy", f"ListAttached{kind}Policies"):
        assert await iam.refused(action, **named) == "NoSuchEntity"
    it = await make(iam, kind, parameter)
    assert await iam.refused(f"Detach{kind}Policy", **named) == "NoSuchEntity"
    for _ in range(2):
        await iam.done(f"Attach{kind}Policy", **named)
    listed = await iam.done(f"ListAttached{kind}Policies", **it)
    assert listed.texts(".//PolicyArn") == [READ_ONLY]
    assert listed.texts(".//PolicyName") == ["AmazonS3ReadOnlyAccess"]
    assert await iam.refused(f"Delete{kind}", **it) == "DeleteConflict"
    holders = await iam.done("ListEntitiesForPolicy", PolicyArn=READ_ONLY)
    assert holders.texts(f".//{parameter}") == ["it"]
    await iam.done(f"Detach{kind}Policy", **named)
    await iam.done(f"Delete{kind}", **it)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::aws:policy/NoSuchPolicy",
        "arn:aws:iam::aws:policy/path/AmazonS3ReadOnlyAccess",
        "arn:aws:iam::alice:policy/nothing",
        "arn:aws:iam::bob:policy/bobs",
        "nonsense",
    ],
)
async def test_only_what_there_is_can_be_attached(iam: Iam, arn: str) -> None:
    await iam.done("CreateUser", UserName="Ann")
    await iam.done("CreatePolicy", BOB, PolicyName="bobs", PolicyDocument=policy("s3:*"))
    refused = await iam.refused("AttachUserPolicy", UserName="Ann", PolicyArn=arn)
    assert refused in ("NoSuchEntity", "InvalidInput")


async def test_a_group_gives_and_takes(iam: Iam) -> None:
    ann = await iam.user("Ann")
    await iam.done("CreateGroup", GroupName="Readers")
    named = {"GroupName": "Readers"}
    await iam.done("PutGroupPolicy", **named, PolicyName="p", PolicyDocument=policy("s3:Get*"))
    assert (await iam.stand.call("GET", keys=ann)).code == "AccessDenied"
    for _ in range(2):
        await iam.done("AddUserToGroup", **named, UserName="ann")
    assert (await iam.stand.call("GET", keys=ann)).status == 200
    group = await iam.done("GetGroup", **named)
    assert group.texts(".//Users/member/UserName") == ["Ann"]
    await iam.done("UpdateGroup", **named, NewGroupName="Lookers", NewPath="/x/")
    told = await iam.done("ListGroupsForUser", UserName="Ann")
    assert told.texts(".//Arn") == ["arn:aws:iam::alice:group/x/Lookers"]
    named = {"GroupName": "Lookers"}
    await iam.done("AttachGroupPolicy", **named, PolicyArn=READ_ONLY)
    await iam.done("DeleteGroupPolicy", **named, PolicyName="p")
    assert (await iam.stand.call("GET", keys=ann)).status == 200
    await iam.done("DetachGroupPolicy", **named, PolicyArn=READ_ONLY)
    assert (await iam.stand.call("GET", keys=ann)).code == "AccessDenied"
    assert await iam.refused("DeleteGroup", **named) == "DeleteConflict"
    await iam.done("RemoveUserFromGroup", **named, UserName="Ann")
    assert await iam.refused("RemoveUserFromGroup", **named, UserName="Ann") == "NoSuchEntity"
    assert (await iam.done("ListGroups")).texts(".//GroupName") == ["Lookers"]
    await iam.done("DeleteGroup", **named)
    assert (await iam.done("ListGroups")).texts(".//GroupName") == []


async def test_groups_take_the_accounts_own_users_only(iam: Iam) -> None:
    await iam.done("CreateGroup", GroupName="g")
    await iam.done("CreateUser", BOB, UserName="Ben")
    for name in ("Ben", "bob", "alice"):
        refused = await iam.refused("AddUserToGroup", GroupName="g", UserName=name)
        assert refused == "NoSuchEntity"


async def test_versions_of_a_managed_policy(iam: Iam) -> None:
    ann = await iam.user("Ann")
    made = await iam.done("CreatePolicy", PolicyName="P", PolicyDocument=policy("s3:GetObject"))
    arn = made.text("Arn")
    assert (arn, made.text("DefaultVersionId")) == ("arn:aws:iam::alice:policy/P", "v1")
    named = {"PolicyArn": arn}
    await iam.done("AttachUserPolicy", UserName="Ann", **named)
    assert (await iam.done("GetPolicy", **named)).text("AttachmentCount") == "1"
    assert (await iam.stand.call("GET", keys=ann)).status == 200
    await iam.done("CreatePolicyVersion", **named, PolicyDocument=policy("s3:PutObject"))
    assert (await iam.stand.call("GET", keys=ann)).status == 200
    await iam.done("SetDefaultPolicyVersion", **named, VersionId="v2")
    assert (await iam.stand.call("GET", keys=ann)).code == "AccessDenied"
    found = await iam.done("GetPolicyVersion", **named, VersionId="v1")
    assert unquote(found.text("Document")) == policy("s3:GetObject")
    assert await iam.refused("DeletePolicyVersion", **named, VersionId="v2") == "DeleteConflict"
    assert await iam.refused("DeletePolicyVersion", **named, VersionId="v9") == "NoSuchEntity"
    await iam.done("DeletePolicyVersion", **named, VersionId="v1")
    for _ in range(4):
        await iam.done(
            "CreatePolicyVersion", **named, PolicyDocument=policy("s3:*"), SetAsDefault="true"
        )
    listed = await iam.done("ListPolicyVersions", **named)
    assert listed.texts(".//VersionId") == ["v6", "v5", "v4", "v3", "v2"]
    refused = await iam.refused("CreatePolicyVersion", **named, PolicyDocument=policy("s3:*"))
    assert refused == "LimitExceeded"
    assert await iam.refused("DeletePolicy", **named) == "DeleteConflict"
    await iam.done("DetachUserPolicy", UserName="Ann", **named)
    assert await iam.refused("DeletePolicy", **named) == "DeleteConflict"
    for number in range(2, 6):
        await iam.done("DeletePolicyVersion", **named, VersionId=f"v{number}")
    await iam.done("DeletePolicy", **named)
    assert await iam.refused("GetPolicy", **named) == "NoSuchEntity"


async def test_aws_policies_are_listed_and_not_to_be_changed(iam: Iam) -> None:
    await iam.done("CreatePolicy", PolicyName="mine", PolicyDocument=policy("s3:*"), Path="/x/")
    local = await iam.done("ListPolicies", Scope="Local")
    assert local.texts(".//Arn") == ["arn:aws:iam::alice:policy/x/mine"]
    both = await iam.done("ListPolicies")
    assert READ_ONLY in both.texts(".//Arn")
    assert "mine" in both.texts(".//PolicyName")
    assert (await iam.done("ListPolicies", OnlyAttached="true")).texts(".//Arn") == []
    document = (await iam.done("GetPolicyVersion", PolicyArn=READ_ONLY, VersionId="v1")).text(
        "Document"
    )
    assert json.loads(unquote(document))["Statement"][0]["Action"] == ["s3:Get*", "s3:List*"]
    assert await iam.refused("DeletePolicy", PolicyArn=READ_ONLY) == "AccessDenied"


async def test_who_may_manage_is_said_by_policies(iam: Iam) -> None:
    ann = await iam.user("Ann")
    await iam.done("CreateUser", UserName="Ben", Path="/x/")
    allowed = policy("iam:*", "arn:aws:iam::alice:user/x/*")
    await iam.done("PutUserPolicy", UserName="Ann", PolicyName="p", PolicyDocument=allowed)
    await iam.done("UpdateUser", ann, UserName="Ben", NewUserName="Bea")
    await iam.done("CreateUser", ann, UserName="Cid", Path="/x/")
    for action, parameters in (
        ("CreateUser", {"UserName": "Dan"}),
        ("UpdateUser", {"UserName": "Bea", "NewPath": "/"}),
        ("GetUser", {"UserName": "Ann"}),
        ("GetUser", {"UserName": "nobody"}),
        ("CreateAccessKey", {}),
        ("CreateGroup", {"GroupName": "g"}),
        ("CreatePolicy", {"PolicyName": "p", "PolicyDocument": policy("s3:*")}),
        ("ListUsers", {}),
        ("ListPolicies", {}),
        ("GetAccountSummary", {}),
    ):
        assert await iam.refused(action, ann, **parameters) == "AccessDenied", action
    assert (await iam.done("ListUsers", ann, PathPrefix="/x/")).texts(".//UserName") == [
        "Bea",
        "Cid",
    ]


async def test_root_says_what_users_of_the_store_may_do(iam: Iam) -> None:
    assert (await iam.stand.call("GET", keys=BOB)).code == "AccessDenied"
    named = {"UserName": "bob", "PolicyName": "p"}
    for keys in (ALICE, BOB):
        refused = await iam.refused("PutUserPolicy", keys, **named, PolicyDocument=policy("s3:*"))
        assert refused == "NoSuchEntity" if keys is ALICE else "AccessDenied"
    await iam.done("PutUserPolicy", ROOT, **named, PolicyDocument=policy("s3:GetObject"))
    assert (await iam.stand.call("GET", keys=BOB)).status == 200
    denied = policy("s3:*", f"arn:aws:s3:::{BUCKET}/*", "Deny")
    await iam.done("PutUserPolicy", ROOT, UserName="alice", PolicyName="p", PolicyDocument=denied)
    assert (await iam.stand.call("GET", keys=ALICE)).code == "AccessDenied"
    # It can't be got rid of by who has it.
    assert await iam.refused("DeleteUserPolicy", UserName="alice", PolicyName="p") in (
        "AccessDenied",
        "NoSuchEntity",
    )
    assert (
        await iam.refused(
            "PutUserPolicy", ROOT, UserName="root", PolicyName="p", PolicyDocument=denied
        )
        == "UnmodifiableEntity"
    )
    await iam.done("CreateGroup", ROOT, GroupName="g")
    joined = await iam.refused("AddUserToGroup", ROOT, GroupName="g", UserName="root")
    assert joined == "UnmodifiableEntity"
    assert await iam.refused("DeleteUser", ROOT, UserName="bob") == "UnmodifiableEntity"
    await iam.done("DeleteUserPolicy", ROOT, UserName="alice", PolicyName="p")
    assert (await iam.stand.call("GET", keys=ALICE)).status == 200


async def test_whom_root_lets_manage_users_of_the_store(iam: Iam) -> None:
    await iam.done(
        "PutUserPolicy", ROOT, UserName="bob", PolicyName="p", PolicyDocument=policy("iam:*")
    )
    denied = policy("s3:*", "*", "Deny")
    await iam.done("PutUserPolicy", BOB, UserName="alice", PolicyName="p", PolicyDocument=denied)
    assert (await iam.stand.call("GET", keys=ALICE)).code == "AccessDenied"
    await iam.done("DeleteUserPolicy", BOB, UserName="alice", PolicyName="p")


async def test_groups_and_managed_policies_of_the_store(iam: Iam) -> None:
    await iam.done("CreateGroup", ROOT, GroupName="readers")
    await iam.done("AttachGroupPolicy", ROOT, GroupName="readers", PolicyArn=READ_ONLY)
    await iam.done("AddUserToGroup", ROOT, GroupName="readers", UserName="bob")
    assert (await iam.stand.call("GET", keys=BOB)).status == 200
    assert (await iam.stand.call("DELETE", keys=BOB)).code == "AccessDenied"
    assert (await iam.done("GetGroup", ROOT, GroupName="readers")).texts(".//UserName") == ["bob"]


async def test_roots_own_users_are_not_root(iam: Iam) -> None:
    admin = await iam.user("admin", ROOT)
    assert (await iam.stand.call("GET", keys=admin)).code == "AccessDenied"
    arn = "arn:aws:iam::aws:policy/AdministratorAccess"
    await iam.done("AttachUserPolicy", ROOT, UserName="admin", PolicyArn=arn)
    assert (await iam.stand.call("GET", keys=admin)).status == 200
    await iam.done(
        "PutUserPolicy", admin, UserName="bob", PolicyName="p", PolicyDocument=policy("s3:*")
    )
