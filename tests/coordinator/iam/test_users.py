"""Users of an account and their keys."""

import pytest

from tests.coordinator.iam.sts_support import Iam, policy
from tests.coordinator.s3.support import ALICE, BOB, BUCKET, ROOT, Keys


async def test_a_user_from_making_to_removing(iam: Iam) -> None:
    made = await iam.done("CreateUser", UserName="Ann", Path="/staff/")
    assert made.text("Arn") == "arn:aws:iam::alice:user/staff/Ann"
    assert made.text("CreateDate") == "2027-01-15T08:00:00Z"
    assert made.headers["cache-control"] == "no-store"
    found = await iam.done("GetUser", UserName="ann")
    assert found.text("UserId") == made.text("UserId")
    assert await iam.refused("CreateUser", UserName="ANN") == "EntityAlreadyExists"
    await iam.done("UpdateUser", UserName="Ann", NewUserName="Anna", NewPath="/")
    moved = await iam.done("GetUser", UserName="Anna")
    assert moved.text("Arn") == "arn:aws:iam::alice:user/Anna"
    assert moved.text("UserId") == made.text("UserId")
    assert await iam.refused("GetUser", UserName="Ann") == "NoSuchEntity"
    await iam.done("DeleteUser", UserName="Anna")
    assert await iam.refused("DeleteUser", UserName="Anna") == "NoSuchEntity"


async def test_who_asks(iam: Iam) -> None:
    account = await iam.done("GetUser")
    assert (account.text("Arn"), account.text("UserId")) == ("arn:aws:iam::alice:root", "alice")
    ann = await iam.user("Ann")
    assert await iam.refused("GetUser", ann) == "AccessDenied"
    await iam.done(
        "PutUserPolicy", UserName="Ann", PolicyName="p", PolicyDocument=policy("iam:GetUser")
    )
    assert (await iam.done("GetUser", ann)).text("UserName") == "Ann"


async def test_accounts_do_not_see_each_others_users(iam: Iam) -> None:
    await iam.done("CreateUser", UserName="Ann")
    assert await iam.refused("GetUser", BOB, UserName="Ann") == "NoSuchEntity"
    assert await iam.refused("GetUser", BOB, UserName="alice") == "NoSuchEntity"
    assert (await iam.done("ListUsers", BOB)).texts(".//UserName") == []
    await iam.done("CreateUser", BOB, UserName="Ann")


async def test_listing_in_pages(iam: Iam) -> None:
    for name, path in (("bb", "/x/"), ("Aa", "/x/"), ("cc", "/")):
        await iam.done("CreateUser", UserName=name, Path=path)
    first = await iam.done("ListUsers", MaxItems=1)
    assert (first.texts(".//UserName"), first.text("IsTruncated")) == (["Aa"], "true")
    rest = await iam.done("ListUsers", Marker=first.text("Marker"))
    assert (rest.texts(".//UserName"), rest.text("IsTruncated")) == (["bb", "cc"], "false")
    below = await iam.done("ListUsers", PathPrefix="/x/")
    assert below.texts(".//UserName") == ["Aa", "bb"]
    assert await iam.refused("ListUsers", PathPrefix="x") == "ValidationError"
    assert await iam.refused("ListUsers", MaxItems=0) == "ValidationError"


async def test_keys(iam: Iam) -> None:
    await iam.done("CreateUser", UserName="Ann")
    made = await iam.done("CreateAccessKey", UserName="Ann")
    ann = Keys(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    assert made.text("Status") == "Active"
    assert await iam.refused("DeleteUser", UserName="Ann") == "DeleteConflict"
    await iam.done(
        "PutUserPolicy", UserName="Ann", PolicyName="p", PolicyDocument=policy("s3:GetObject")
    )
    assert (await iam.stand.call("GET", keys=ann)).body == b"x"
    key = {"UserName": "Ann", "AccessKeyId": ann.access_key}
    await iam.done("UpdateAccessKey", **key, Status="Inactive")
    assert (await iam.stand.call("GET", keys=ann)).code == "InvalidAccessKeyId"
    assert await iam.refused("GetCallerIdentity", ann) == "InvalidClientTokenId"
    listed = await iam.done("ListAccessKeys", UserName="Ann")
    assert (listed.texts(".//AccessKeyId"), listed.text("Status")) == ([ann.access_key], "Inactive")
    await iam.done("UpdateAccessKey", **key, Status="Active")
    assert (await iam.stand.call("GET", keys=ann)).status == 200
    await iam.done("CreateAccessKey", UserName="Ann")
    assert await iam.refused("CreateAccessKey", UserName="Ann") == "LimitExceeded"
    assert await iam.refused("UpdateAccessKey", **key, Status="Asleep") == "ValidationError"
    await iam.done("DeleteAccessKey", **key)
    assert (await iam.stand.call("GET", keys=ann)).code == "InvalidAccessKeyId"
    assert await iam.refused("DeleteAccessKey", **key) == "NoSuchEntity"


async def test_an_accounts_own_keys(iam: Iam) -> None:
    made = await iam.done("CreateAccessKey")
    alice = Keys(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    assert (await iam.stand.call("GET", keys=alice)).status == 200
    listed = (await iam.done("ListAccessKeys")).texts(".//AccessKeyId")
    assert sorted(listed) == sorted([alice.access_key, ALICE.access_key])
    # A key of somebody else is no key of this one's, whoever asks.
    ann = await iam.user("Ann")
    assert await iam.refused("DeleteAccessKey", AccessKeyId=ann.access_key) == "NoSuchEntity"
    assert (
        await iam.refused("DeleteAccessKey", UserName="Ann", AccessKeyId=alice.access_key)
        == "NoSuchEntity"
    )
    await iam.done("DeleteAccessKey", AccessKeyId=alice.access_key)


async def test_roots_keys_are_configured(iam: Iam) -> None:
    for action in ("CreateAccessKey", "DeleteAccessKey", "UpdateAccessKey"):
        refused = await iam.refused(action, ROOT, AccessKeyId=ROOT.access_key, Status="Inactive")
        assert refused == "UnmodifiableEntity"


async def test_tags_are_known_to_policies(iam: Iam) -> None:
    tags = {"Tags__member__1__Key": "team", "Tags__member__1__Value": BUCKET}
    await iam.done("CreateUser", UserName="Ann", **tags)
    key = await iam.done("CreateAccessKey", UserName="Ann")
    ann = Keys(key.text("AccessKeyId"), key.text("SecretAccessKey"))
    resource = "arn:aws:s3:::${aws:PrincipalTag/team}/*"
    await iam.done(
        "PutUserPolicy", UserName="Ann", PolicyName="p", PolicyDocument=policy("s3:*", resource)
    )
    assert (await iam.stand.call("GET", keys=ann)).status == 200
    await iam.done("UntagUser", UserName="Ann", TagKeys__member__1="team")
    assert (await iam.stand.call("GET", keys=ann)).code == "AccessDenied"
    assert (await iam.done("ListUserTags", UserName="Ann")).texts(".//Key") == []


async def test_what_a_user_writes_is_the_accounts(iam: Iam) -> None:
    ann = await iam.user("Ann")
    await iam.done("PutUserPolicy", UserName="Ann", PolicyName="p", PolicyDocument=policy("s3:*"))
    assert (await iam.stand.call("PUT", "/anns", keys=ann)).status == 200
    assert (await iam.stand.call("DELETE", "/anns", keys=ALICE)).status == 204
    # Not more than the account itself may.
    assert (await iam.stand.call("PUT", "/bobs", keys=BOB)).status == 200
    assert (await iam.stand.call("GET", "/bobs", keys=ann)).code == "AccessDenied"


async def test_the_summary(iam: Iam) -> None:
    await iam.done("CreateUser", UserName="Ann")
    summary = await iam.done("GetAccountSummary")
    entries = dict(zip(summary.texts(".//entry/key"), summary.texts(".//entry/value"), strict=True))
    assert (entries["Users"], entries["Groups"]) == ("1", "0")
    assert (entries["UsersQuota"], entries["AccessKeysPerUserQuota"]) == ("5000", "2")


@pytest.mark.parametrize(
    ("action", "parameters", "code"),
    [
        ("CreateUser", {}, "ValidationError"),
        ("CreateUser", {"UserName": "a b"}, "ValidationError"),
        ("CreateUser", {"UserName": "a", "Path": "x"}, "ValidationError"),
        ("CreateUser", {"UserName": "a", "PermissionsBoundary": "x"}, "NotImplemented"),
        ("UpdateUser", {"UserName": "a"}, "NoSuchEntity"),
        ("CreateAccessKey", {"UserName": "a"}, "NoSuchEntity"),
        ("ListAccessKeys", {"UserName": "a"}, "NoSuchEntity"),
        ("CreateLoginProfile", {"UserName": "a"}, "NotImplemented"),
        ("CreateSAMLProvider", {"Name": "a"}, "NotImplemented"),
        ("GetAccessKeyLastUsed", {"AccessKeyId": "a"}, "NotImplemented"),
    ],
)
async def test_refused(iam: Iam, action: str, parameters: dict[str, str], code: str) -> None:
    assert await iam.refused(action, **parameters) == code
