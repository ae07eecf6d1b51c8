"""OpenID Connect providers: made, changed, shown, removed, and whose they are."""

from typing import Any

import pytest

from coordinator.iam.directory import QUOTAS
from coordinator.iam.entities import Kind
from tests.coordinator.iam.sts_support import Iam, policy
from tests.coordinator.s3.support import ALICE, BOB, ROOT

URL = "https://idp.example.com/realms/Main"
ARN = "arn:aws:iam::alice:oidc-provider/idp.example.com/realms/Main"
PRINT = "3768084dfb3d2b68b7897bf5f565da8efexample"
NAMED = {"OpenIDConnectProviderArn": ARN}


def listed(name: str, *members: str) -> dict[str, str]:
    return {f"{name}__member__{number}": one for number, one in enumerate(members, 1)}


async def make(iam: Iam, **more: Any) -> None:
    await iam.done("CreateOpenIDConnectProvider", **{"Url": URL, **more})


async def show(iam: Iam, name: str) -> list[str]:
    """The texts of a list of the provider."""
    answer = await iam.done("GetOpenIDConnectProvider", **NAMED)
    return answer.texts(f".//{name}/member")


async def test_made_shown_changed_and_removed(iam: Iam) -> None:
    made = await iam.done(
        "CreateOpenIDConnectProvider",
        Url=URL,
        **listed("ClientIDList", "b", "a", "b"),
        **listed("ThumbprintList", PRINT),
        Tags__member__1__Key="k",
        Tags__member__1__Value="v",
    )
    assert made.text("OpenIDConnectProviderArn") == ARN
    shown = await iam.done("GetOpenIDConnectProvider", **NAMED)
    assert (shown.text("Url"), shown.text("CreateDate")) == (URL, "2027-01-15T08:00:00Z")
    assert (shown.text("Key"), shown.text("Value")) == ("k", "v")
    assert await show(iam, "ClientIDList") == ["b", "a"]
    assert await show(iam, "ThumbprintList") == [PRINT]
    for client_id in ("c", "a"):
        await iam.done("AddClientIDToOpenIDConnectProvider", **NAMED, ClientID=client_id)
    assert await show(iam, "ClientIDList") == ["b", "a", "c"]
    for client_id in ("a", "never was"):
        await iam.done("RemoveClientIDFromOpenIDConnectProvider", **NAMED, ClientID=client_id)
    assert await show(iam, "ClientIDList") == ["b", "c"]
    other = listed("ThumbprintList", "b" * 40, "c" * 40)
    await iam.done("UpdateOpenIDConnectProviderThumbprint", **NAMED, **other)
    assert await show(iam, "ThumbprintList") == ["b" * 40, "c" * 40]
    assert (await iam.done("ListOpenIDConnectProviders")).text("Arn") == ARN
    assert b"<key>Providers</key><value>1</value>" in (await iam.done("GetAccountSummary")).body
    await iam.done("DeleteOpenIDConnectProvider", **NAMED)
    for action in ("GetOpenIDConnectProvider", "DeleteOpenIDConnectProvider"):
        assert await iam.refused(action, **NAMED) == "NoSuchEntity"
    assert ARN.encode() not in (await iam.done("ListOpenIDConnectProviders")).body


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, "ValidationError"),
        ({"Url": "idp.example.com"}, "InvalidInput"),
        ({"Url": URL, **listed("ThumbprintList", "a" * 39)}, "InvalidInput"),
        ({"Url": URL, **listed("ThumbprintList", *(c * 40 for c in "abcdef"))}, "LimitExceeded"),
        ({"Url": URL, **listed("ClientIDList", "")}, "InvalidInput"),
        ({"Url": URL, **listed("ClientIDList", "a" * 256)}, "InvalidInput"),
        ({"Url": URL, **listed("ClientIDList", *(f"c{n}" for n in range(101)))}, "LimitExceeded"),
        ({"Url": URL, "Tags__member__1__Key": "k"}, "ValidationError"),
    ],
)
async def test_what_no_provider_can_be(iam: Iam, parameters: dict[str, str], code: str) -> None:
    assert await iam.refused("CreateOpenIDConnectProvider", **parameters) == code


async def test_a_url_is_one_provider_of_an_account(iam: Iam) -> None:
    await make(iam)
    for url in (URL, URL.replace("https", "http"), URL.lower()):
        assert await iam.refused("CreateOpenIDConnectProvider", Url=url) == "EntityAlreadyExists"
    await iam.done("CreateOpenIDConnectProvider", BOB, Url=URL)
    await iam.done("CreateOpenIDConnectProvider", ROOT, Url=URL)
    for keys, arn in (
        (ALICE, ARN),
        (BOB, ARN.replace("alice", "bob")),
        (ROOT, ARN.replace("alice", "")),
        (ROOT, ARN.replace("alice", "root")),
    ):
        await iam.done("GetOpenIDConnectProvider", keys, OpenIDConnectProviderArn=arn)
    for keys, arn in (
        (BOB, ARN),
        (ROOT, ARN),
        (ALICE, ARN.replace("alice", "")),
        (ALICE, ARN.replace("alice", "root")),
        (ALICE, ARN.lower()),
        (ALICE, ARN + "/more"),
    ):
        code = await iam.refused("GetOpenIDConnectProvider", keys, OpenIDConnectProviderArn=arn)
        assert code in ("NoSuchEntity", "AccessDenied")
    for arn in ("x", ARN.replace("oidc", "saml"), ARN.partition("/")[0], f"{ARN} "):
        code = await iam.refused("GetOpenIDConnectProvider", OpenIDConnectProviderArn=arn)
        assert code == "InvalidInput"


async def test_a_hundred_of_them(iam: Iam) -> None:
    for number in range(QUOTAS[Kind.PROVIDER]):
        await make(iam, Url=f"{URL}/{number}")
    assert await iam.refused("CreateOpenIDConnectProvider", Url=URL) == "LimitExceeded"
    told = await iam.done("ListOpenIDConnectProviders")
    assert told.body.count(b"<Arn>") == 100


async def test_members_need_leave(iam: Iam) -> None:
    carol = await iam.user("carol")
    await make(iam)
    changes = {
        "CreateOpenIDConnectProvider": {"Url": "https://other.example.com"},
        "GetOpenIDConnectProvider": NAMED,
        "ListOpenIDConnectProviders": {},
        "AddClientIDToOpenIDConnectProvider": {**NAMED, "ClientID": "a"},
        "RemoveClientIDFromOpenIDConnectProvider": {**NAMED, "ClientID": "a"},
        "UpdateOpenIDConnectProviderThumbprint": NAMED,
        "DeleteOpenIDConnectProvider": NAMED,
    }
    for action, parameters in changes.items():
        assert await iam.refused(action, carol, **parameters) == "AccessDenied"
        allowed = policy(f"iam:{action}")
        own = {"UserName": "carol", "PolicyName": "p", "PolicyDocument": allowed}
        await iam.done("PutUserPolicy", **own)
        await iam.done(action, carol, **parameters)


async def test_another_spelling_of_the_arn_evades_no_deny(iam: Iam) -> None:
    await iam.done("CreateOpenIDConnectProvider", ROOT, Url=URL)
    carol = await iam.user("carol", ROOT)
    store_arn = ARN.replace("alice", "")
    documents = [policy("iam:*"), policy("iam:*", store_arn, "Deny")]
    for number, document in enumerate(documents):
        own = {"UserName": "carol", "PolicyName": f"p{number}", "PolicyDocument": document}
        await iam.done("PutUserPolicy", ROOT, **own)
    for arn in (store_arn, ARN.replace("alice", "root")):
        asked = {"OpenIDConnectProviderArn": arn}
        assert await iam.refused("DeleteOpenIDConnectProvider", carol, **asked) == "AccessDenied"
