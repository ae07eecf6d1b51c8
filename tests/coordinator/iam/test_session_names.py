"""What policies call roles and sessions: those of the store have no account, and a session that a
bucket's policy names is not confined there."""

import json

import pytest

from tests.coordinator.iam.fake_provider import NAME
from tests.coordinator.iam.sts_support import ROLE_ARN, Iam, policy, session_of, trust
from tests.coordinator.iam.web_support import PROVIDER_ARN, WEB, ask, bear, prepare
from tests.coordinator.s3.support import ALICE, BOB, BUCKET, ROOT


async def test_roles_of_the_store_have_no_account(iam: Iam) -> None:
    provider_arn = f"arn:aws:iam:::oidc-provider/{NAME}"
    await prepare(iam, trust({"Federated": provider_arn}, Action=WEB), keys=ROOT)
    role = await iam.done("GetRole", ROOT, RoleName="reader")
    assert role.text("Arn") == "arn:aws:iam:::role/reader"
    for arn in ("arn:aws:iam:::role/reader", "arn:aws:iam::root:role/reader"):
        answer = await ask(iam, RoleArn=arn)
        assert answer.text("Provider") == provider_arn
        assert answer.text("Arn") == "arn:aws:sts:::assumed-role/reader/work"
        session = session_of(answer)
        assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).body == b"x"
    # No account's role is meant by it, nor is the store's by an account's name.
    await iam.role(trust({"AWS": "bob"}))
    await iam.done("DeleteRolePolicy", ROOT, RoleName="reader", PolicyName="p")
    await iam.done("DeleteRole", ROOT, RoleName="reader")
    asked = {"RoleArn": "arn:aws:iam:::role/reader", "RoleSessionName": "work"}
    for keys in (BOB, ALICE, ROOT):
        assert await iam.refused("AssumeRole", keys, **asked) == "AccessDenied"
    assert (await ask(iam, RoleArn="arn:aws:iam:::role/reader")).code == "AccessDenied"


@pytest.mark.parametrize(
    ("principal", "is_meant"),
    [
        ("arn:aws:iam:::role/reader", True),
        ("arn:aws:iam::root:role/reader", True),
        ("arn:aws:sts:::assumed-role/reader/work", True),
        ("arn:aws:sts::root:assumed-role/reader/work", True),
        ("arn:aws:iam:::assumed-role/reader/work", True),
        ("arn:aws:iam:::assumed-role/reader/other", False),
        ("arn:aws:iam:::role/read", False),
        ("arn:aws:iam:::role/reader/work", False),
        ("arn:aws:iam:::user/reader", False),
        ("arn:aws:iam::alice:role/reader", False),
        ("arn:aws:sts::alice:assumed-role/reader/work", False),
    ],
)
async def test_a_bucket_policy_names_roles_of_the_store(
    iam: Iam, principal: str, is_meant: bool
) -> None:
    await iam.role(trust({"AWS": "arn:aws:iam::bob:root"}), policy("s3:*"), keys=ROOT)
    session = await iam.assume(BOB, "arn:aws:iam:::role/reader")
    statement = {
        "Effect": "Deny",
        "Principal": {"AWS": principal},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    put = await iam.stand.call("PUT", f"/{BUCKET}", document, query={"policy": ""})
    assert put.status == 204, put.body
    assert ((await iam.s3(session, "GET", f"/{BUCKET}/key")).status == 403) is is_meant


async def test_an_empty_account_is_no_other_account(iam: Iam) -> None:
    """A role of alice's is not what a policy calls by an ARN of the store's."""
    await prepare(iam, allowed=policy("s3:*"))
    session = await bear(iam)
    deny = {
        "Effect": "Deny",
        "Principal": {
            "AWS": ["arn:aws:iam:::role/reader", "arn:aws:iam:::assumed-role/reader/work"]
        },
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    await iam.stand.call("PUT", f"/{BUCKET}", document, query={"policy": ""})
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).body == b"x"


@pytest.mark.parametrize(
    ("principal", "action", "limit", "is_allowed"),
    [
        ("arn:aws:sts::alice:assumed-role/reader/work", "s3:GetObject", "Allow", True),
        # All else is confined by the session's policy.
        ("arn:aws:sts::alice:assumed-role/reader/other", "s3:GetObject", "Allow", False),
        (ROLE_ARN, "s3:GetObject", "Allow", False),
        ("alice", "s3:GetObject", "Allow", False),
        ("*", "s3:GetObject", "Allow", False),
        ("arn:aws:sts::alice:assumed-role/reader/work", "s3:PutObject", "Allow", False),
        # What the session's policy forbids is forbidden.
        ("arn:aws:sts::alice:assumed-role/reader/work", "s3:GetObject", "Deny", False),
    ],
)
async def test_a_session_that_a_bucket_names_is_not_confined_there(
    iam: Iam, principal: str, action: str, limit: str, is_allowed: bool
) -> None:
    await prepare(iam, allowed=policy("s3:*"))
    confined = policy("s3:ListBucket") if limit == "Allow" else policy("s3:*", effect="Deny")
    session = await bear(iam, Policy=confined)
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": action,
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    put = await iam.stand.call("PUT", f"/{BUCKET}", document, query={"policy": ""})
    assert put.status == 204, put.body
    answer = await iam.s3(session, "GET", f"/{BUCKET}/key")
    assert (answer.status == 200) is is_allowed, answer.body


async def test_another_accounts_bucket_frees_no_session(iam: Iam) -> None:
    """A session policy is its account's word: what others allow does not overrule it."""
    provider_arn = PROVIDER_ARN.replace("alice", "bob")
    await prepare(iam, trust({"Federated": provider_arn}, Action=WEB), policy("s3:*"), BOB)
    session = await bear(
        iam, RoleArn=ROLE_ARN.replace("alice", "bob"), Policy=policy("s3:ListBucket")
    )
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:sts::bob:assumed-role/reader/work"},
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{BUCKET}/*",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    await iam.stand.call("PUT", f"/{BUCKET}", document, query={"policy": ""})
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).code == "AccessDenied"
