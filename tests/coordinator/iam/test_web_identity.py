"""Web identities: who gets a session for a token, what it may do, and what is refused."""

import json
from typing import Any

import pytest

from coordinator.iam.errors import IamError
from coordinator.iam.query.call import UnsignedAction
from coordinator.iam.query.table import TABLE
from tests.coordinator.iam.fake_provider import (
    ISSUER,
    NAME,
    NOW_S,
    TAGS,
    claims,
    jwk,
    sign,
    token,
)
from tests.coordinator.iam.sts_support import ROLE_ARN, Iam, policy, session_of, trust
from tests.coordinator.iam.web_support import (
    PROVIDER_ARN,
    READ,
    TO_BEARERS,
    WEB,
    ask,
    bear,
    prepare,
    sessions_made,
)
from tests.coordinator.s3.support import ALICE, BOB, BUCKET, Keys


async def test_a_token_gives_a_session_of_the_role(iam: Iam) -> None:
    await prepare(iam)
    answer = await ask(iam, token(azp="app"))
    assert answer.text("SubjectFromWebIdentityToken") == "carol"
    assert answer.text("Audience") == "app"
    assert answer.text("Provider") == PROVIDER_ARN
    assert answer.text("Arn") == "arn:aws:sts::alice:assumed-role/reader/work"
    assert answer.text("Expiration") == "2027-01-15T09:00:00Z"
    session = session_of(answer)
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).body == b"x"
    assert (await iam.s3(session, "DELETE", f"/{BUCKET}/key")).code == "AccessDenied"
    who = await iam.done("GetCallerIdentity", session)
    assert who.text("Arn") == "arn:aws:sts::alice:assumed-role/reader/work"
    iam.stand.clock.forward(3600)
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).code == "ExpiredToken"


async def test_nothing_else_is_done_without_a_signature(iam: Iam) -> None:
    unsigned = [name for name, row in TABLE.items() if isinstance(row, UnsignedAction)]
    assert unsigned == ["AssumeRoleWithWebIdentity"]
    for name in TABLE.keys() - set(unsigned):
        assert await iam.refused(name, None) == "MissingAuthenticationToken"


async def test_a_signature_that_came_along_is_not_looked_at(iam: Iam) -> None:
    await prepare(iam)
    for keys in (BOB, Keys("NOBODY", "nothing"), ALICE):
        assert (await ask(iam, keys=keys)).status == 200


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "InvalidIdentityToken"),
        ("abcdef", "InvalidIdentityToken"),
        (token(exp=NOW_S), "ExpiredTokenException"),
        (token(nbf=NOW_S + 3600), "InvalidIdentityToken"),
        (token(aud="other"), "InvalidIdentityToken"),
        (token(iss=ISSUER + "/"), "InvalidIdentityToken"),
        (token(iss=ISSUER.lower()), "InvalidIdentityToken"),
        (token(iss=ISSUER.replace("https", "http")), "InvalidIdentityToken"),
        (token(iss=None), "InvalidIdentityToken"),
        (token(iss="https://elsewhere.example.com"), "InvalidIdentityToken"),
        (token(sub=None), "InvalidIdentityToken"),
        (token(sub=""), "InvalidIdentityToken"),
        (sign(claims(), key_id="unknown"), "InvalidIdentityToken"),
        (sign(claims(), number=1), "InvalidIdentityToken"),
        (sign(claims(), "ES256"), "InvalidIdentityToken"),
        (token(**{TAGS: "x"}), "IDPRejectedClaim"),
        (token(**{TAGS: [{}, {}]}), "IDPRejectedClaim"),
        (token(**{TAGS: {"principal_tags": ["a"]}}), "IDPRejectedClaim"),
        (token(**{TAGS: {"principal_tags": {"a": 1}}}), "IDPRejectedClaim"),
        (token(**{TAGS: {"principal_tags": {"a": []}}}), "IDPRejectedClaim"),
        (token(**{TAGS: {"principal_tags": {"": "x"}}}), "IDPRejectedClaim"),
        (token(**{TAGS: {"principal_tags": {"aws:x": "x"}}}), "IDPRejectedClaim"),
        (token(**{TAGS: {"principal_tags": {"a": "x", "A": "y"}}}), "IDPRejectedClaim"),
        (token(**{TAGS: {"principal_tags": {"a": "x" * 257}}}), "IDPRejectedClaim"),
        (
            token(**{TAGS: {"principal_tags": {f"k{n}": "x" for n in range(51)}}}),
            "IDPRejectedClaim",
        ),
        (token(**{TAGS: {"transitive_tag_keys": ["a"]}}), "IDPRejectedClaim"),
        (token(pad="x" * 20_000), "InvalidIdentityToken"),
    ],
)
async def test_tokens_that_are_refused(
    iam: Iam, caplog: pytest.LogCaptureFixture, text: str, code: str
) -> None:
    caplog.set_level("DEBUG")
    await prepare(iam)
    answer = await ask(iam, text)
    assert (answer.status, answer.code) == (403 if code == "IDPRejectedClaim" else 400, code)
    assert await sessions_made(iam) == 0
    for part in text.split("."):
        assert len(part) < 20 or (part.encode() not in answer.body and part not in caplog.text)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"RoleArn": None}, "ValidationError"),
        ({"RoleArn": "reader"}, "ValidationError"),
        ({"RoleArn": "arn:aws:iam::alice:role/nobody"}, "AccessDenied"),
        ({"RoleArn": "arn:aws:iam::alice:role/path/reader"}, "AccessDenied"),
        # What is another account's, or the store's, has none of alice's providers.
        ({"RoleArn": "arn:aws:iam::bob:role/reader"}, "InvalidIdentityToken"),
        ({"RoleArn": "arn:aws:iam:::role/reader"}, "InvalidIdentityToken"),
        ({"RoleSessionName": None}, "ValidationError"),
        ({"RoleSessionName": "a/b"}, "ValidationError"),
        ({"WebIdentityToken": None}, "ValidationError"),
        ({"ProviderId": "www.amazon.com"}, "NotImplemented"),
        ({"DurationSeconds": 899}, "ValidationError"),
        ({"DurationSeconds": 3601}, "ValidationError"),
        ({"Policy": "{}"}, "MalformedPolicyDocument"),
        ({"Policy": policy("s3:*", [f"arn:aws:s3:::{'x' * 2048}"])}, "PackedPolicyTooLarge"),
        ({"PolicyArns__member__1__arn": "arn:aws:iam::alice:policy/none"}, "NoSuchEntity"),
    ],
)
async def test_what_is_no_request(iam: Iam, parameters: dict[str, Any], code: str) -> None:
    await prepare(iam)
    text = parameters.pop("WebIdentityToken", token())
    asked = {"RoleArn": ROLE_ARN, "RoleSessionName": "work", **parameters}
    sent = {name: value for name, value in asked.items() if value is not None}
    if text is not None:
        sent["WebIdentityToken"] = text
    assert await iam.refused("AssumeRoleWithWebIdentity", None, **sent) == code
    assert await sessions_made(iam) == 0


def only(**keys: Any) -> dict[str, Any]:
    return {"Condition": {"StringEquals": {f"{NAME}:{name}": keys[name] for name in keys}}}


@pytest.mark.parametrize(
    ("trusted", "is_trusted"),
    [
        (trust(TO_BEARERS, Action=WEB, **only(sub="carol")), True),
        (trust(TO_BEARERS, Action=WEB, **only(sub="Carol")), False),
        (trust(TO_BEARERS, Action=WEB, **only(aud="app", azp="client")), True),
        (trust(TO_BEARERS, Action=WEB, **only(app_id="app")), True),
        (trust(TO_BEARERS, Action=WEB, **only(app_id="other")), False),
        (trust(TO_BEARERS, Action=WEB, **only(amr="pwd")), True),
        (trust(TO_BEARERS, Action="sts:*"), True),
        (trust(TO_BEARERS), False),
        (trust({"Federated": "arn:aws:iam::bob:oidc-provider/x"}, Action=WEB), False),
        (trust({"Federated": NAME}, Action=WEB), False),
        # Everybody is everybody of some account.
        (trust("*", Action="*"), False),
        (trust({"AWS": ["*", "alice"]}, Action="sts:*"), False),
        (trust(TO_BEARERS, "Deny", Action=WEB), False),
        (
            trust(
                TO_BEARERS,
                Action=WEB,
                Condition={"StringLike": {f"{NAME.partition('/')[0]}/other:sub": "*"}},
            ),
            False,
        ),
        (
            trust(
                TO_BEARERS,
                Action=WEB,
                Condition={
                    "StringEquals": {"sts:RoleSessionName": "work"},
                    "ArnEquals": {"aws:FederatedProvider": PROVIDER_ARN},
                    "Null": {"aws:PrincipalArn": "true", "aws:RequestTag/a": "true"},
                },
            ),
            True,
        ),
    ],
)
async def test_the_trust_policy_decides(iam: Iam, trusted: str, is_trusted: bool) -> None:
    await prepare(iam, trusted)
    answer = await ask(iam, token(aud=["app", "more"], azp="client", amr=["pwd", "otp"]))
    assert (answer.status == 200) is is_trusted, answer.body
    assert is_trusted or answer.code == "AccessDenied"


async def test_a_deny_to_everybody_means_bearers_too(iam: Iam) -> None:
    allow = json.loads(trust(TO_BEARERS, Action=WEB))["Statement"]
    deny = json.loads(trust("*", "Deny", Action="sts:*"))["Statement"]
    both = json.dumps({"Version": "2012-10-17", "Statement": [allow, deny]})
    await prepare(iam, both)
    assert (await ask(iam)).code == "AccessDenied"


async def test_what_is_unknown_in_a_condition_is_refused_when_it_is_put(iam: Iam) -> None:
    for key in (f"{NAME}:groups", "idp.example.com/a b:sub", "sub", ":sub"):
        trusted = trust(TO_BEARERS, Action=WEB, Condition={"StringEquals": {key: "x"}})
        code = await iam.refused("CreateRole", RoleName="r", AssumeRolePolicyDocument=trusted)
        assert code == "MalformedPolicyDocument"


async def test_session_policies_confine_bearers(iam: Iam) -> None:
    await prepare(iam, allowed=policy("s3:*"))
    session = await bear(iam, Policy=READ, DurationSeconds=900)
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).body == b"x"
    assert (await iam.s3(session, "DELETE", f"/{BUCKET}/key")).code == "AccessDenied"


async def test_a_policy_speaks_of_the_bearer(iam: Iam) -> None:
    own = policy("s3:PutObject", f"arn:aws:s3:::{BUCKET}/${{{NAME}:sub}}/*")
    await prepare(iam, allowed=own)
    session = await bear(iam)
    assert (await iam.s3(session, "PUT", f"/{BUCKET}/carol/a", body=b"x")).status == 200
    assert (await iam.s3(session, "PUT", f"/{BUCKET}/dora/a", body=b"x")).code == "AccessDenied"


async def test_a_provider_that_is_gone_or_down_gives_nothing_more(iam: Iam) -> None:
    await prepare(iam)
    iam.provider.error = IamError("IDPCommunicationError", "it does not answer")
    answer = await ask(iam)
    assert (answer.status, answer.code) == (400, "IDPCommunicationError")
    iam.provider.error = None
    iam.stand.clock.forward(60)
    session = await bear(iam, token(exp=NOW_S + 7200))
    await iam.done("DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=PROVIDER_ARN)
    assert (await ask(iam)).code == "InvalidIdentityToken"
    # A session goes on until it ends; who wants it to end earlier changes the role.
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).body == b"x"


async def test_keys_that_turn_are_found(iam: Iam) -> None:
    await prepare(iam)
    await bear(iam)
    iam.provider.publish([jwk("ES256", "next")])
    iam.stand.clock.forward(60)
    await bear(iam, sign(claims(), "ES256", "next"))


async def test_clients_are_taken_and_given_back(iam: Iam) -> None:
    await prepare(iam)
    other = token(aud="other")
    client = {"OpenIDConnectProviderArn": PROVIDER_ARN, "ClientID": "other"}
    await iam.done("AddClientIDToOpenIDConnectProvider", **client)
    assert (await ask(iam, other)).text("Audience") == "other"
    await iam.done("RemoveClientIDFromOpenIDConnectProvider", **client)
    assert (await ask(iam, other)).code == "InvalidIdentityToken"
