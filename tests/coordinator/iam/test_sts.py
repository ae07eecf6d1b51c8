"""Sessions: who gets one, what it may do, and when it counts."""

import json
from typing import Any

import pytest

from tests.coordinator.iam.sts_support import (
    ROLE_ARN,
    Iam,
    Session,
    policy,
    session_of,
    trust,
)
from tests.coordinator.s3.support import ALICE, BOB, BUCKET, ROOT, Keys

TO_ALICE = trust({"AWS": "alice"})
TO_BOB = trust({"AWS": "arn:aws:iam::bob:root"})
READ = policy(["s3:GetObject", "s3:ListBucket"])


async def test_a_role_gives_what_its_policies_allow(iam: Iam) -> None:
    await iam.role(TO_BOB, READ)
    assert (await iam.stand.call("GET", keys=BOB)).code == "AccessDenied"
    session = await iam.assume(BOB)
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).body == b"x"
    assert (await iam.s3(session, "DELETE", f"/{BUCKET}/key")).code == "AccessDenied"
    # What changes for the role changes for its sessions, at once.
    await iam.done(
        "PutRolePolicy", RoleName="reader", PolicyName="p", PolicyDocument=policy("s3:*")
    )
    assert (await iam.s3(session, "DELETE", f"/{BUCKET}/key")).status == 204
    await iam.done("DeleteRolePolicy", RoleName="reader", PolicyName="p")
    assert (await iam.s3(session, "GET", f"/{BUCKET}")).code == "AccessDenied"


async def test_what_a_session_makes_is_its_accounts(iam: Iam) -> None:
    await iam.role(TO_BOB, policy("s3:*"))
    session = await iam.assume(BOB)
    assert (await iam.s3(session, "PUT", "/made")).status == 200
    assert (await iam.stand.call("DELETE", "/made", keys=ALICE)).status == 204


async def test_a_bucket_policy_knows_roles_and_sessions(iam: Iam) -> None:
    await iam.role(TO_BOB)
    session = await iam.assume(BOB)
    for principal in (ROLE_ARN, "arn:aws:sts::alice:assumed-role/reader/work"):
        statement = {
            "Effect": "Allow",
            "Principal": {"AWS": principal},
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::{BUCKET}/*",
            "Condition": {
                "ArnEquals": {"aws:PrincipalArn": ROLE_ARN},
                "Null": {"aws:TokenIssueTime": False},
                "Bool": {"aws:MultiFactorAuthPresent": False},
            },
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).code == "AccessDenied"
        put = await iam.stand.call("PUT", f"/{BUCKET}", document, query={"policy": ""})
        assert put.status == 204, put.body
        assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).body == b"x"
        await iam.stand.call("DELETE", f"/{BUCKET}", query={"policy": ""})


async def test_session_policies_take_away(iam: Iam) -> None:
    await iam.role(TO_BOB, policy("s3:*"))
    session = await iam.assume(BOB, Policy=READ)
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).body == b"x"
    assert (await iam.s3(session, "DELETE", f"/{BUCKET}/key")).code == "AccessDenied"
    # They give nothing that the role does not have.
    await iam.done(
        "PutRolePolicy", RoleName="reader", PolicyName="p", PolicyDocument=policy("s3:List*")
    )
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).code == "AccessDenied"


async def test_managed_policies_confine_sessions_too(iam: Iam) -> None:
    await iam.role(TO_BOB, policy("s3:*"))
    arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    answer = await iam.done(
        "AssumeRole",
        BOB,
        RoleArn=ROLE_ARN,
        RoleSessionName="work",
        PolicyArns__member__1__arn=arn,
    )
    assert 0 < int(answer.text("PackedPolicySize")) <= 100
    assert (await iam.s3(session_of(answer), "DELETE", f"/{BUCKET}/key")).code == "AccessDenied"
    code = await iam.refused(
        "AssumeRole",
        BOB,
        RoleArn=ROLE_ARN,
        RoleSessionName="work",
        PolicyArns__member__1__arn="arn:aws:iam::alice:policy/none",
    )
    assert code == "NoSuchEntity"


@pytest.mark.parametrize(
    ("trusted", "parameters", "is_trusted"),
    [
        (trust({"AWS": "arn:aws:iam::alice:root"}), {}, False),
        (trust({"AWS": "arn:aws:iam::bob:user/carol"}), {}, True),
        (trust({"AWS": "arn:aws:iam::bob:user/dora"}), {}, False),
        (trust("*"), {}, True),
        # The account is trusted, but has not allowed it to its user.
        (trust({"AWS": "bob"}), {}, False),
        (trust("*", Condition={"StringEquals": {"sts:ExternalId": "a b"}}), {}, False),
        (
            trust("*", Condition={"StringEquals": {"sts:ExternalId": "ab"}}),
            {"ExternalId": "ac"},
            False,
        ),
        (
            trust("*", Condition={"StringEquals": {"sts:ExternalId": "ab"}}),
            {"ExternalId": "ab"},
            True,
        ),
        (trust("*", Condition={"StringLike": {"sts:RoleSessionName": "w?rk"}}), {}, True),
        (trust("*", Condition={"StringLike": {"sts:RoleSessionName": "x"}}), {}, False),
        (trust("*", Condition={"StringEquals": {"aws:username": "carol"}}), {}, True),
        (trust("*", "Deny"), {}, False),
    ],
)
async def test_the_trust_policy_decides(
    iam: Iam, trusted: str, parameters: dict[str, str], is_trusted: bool
) -> None:
    carol = await iam.user("carol", BOB)
    await iam.role(trusted)
    asked = {"RoleArn": ROLE_ARN, "RoleSessionName": "work", **parameters}
    answer = await iam.call("AssumeRole", carol, **asked)
    assert (answer.status == 200) is is_trusted, answer.body
    assert is_trusted or answer.code == "AccessDenied"


async def test_a_users_policies_have_a_say_in_what_he_assumes(iam: Iam) -> None:
    carol = await iam.user("carol", BOB)
    await iam.role(trust({"AWS": "bob"}))
    own = {"UserName": "carol", "PolicyName": "p"}
    assume = policy("sts:AssumeRole", ROLE_ARN)
    await iam.done("PutUserPolicy", BOB, PolicyDocument=assume, **own)
    await iam.assume(carol)
    await iam.done("PutUserPolicy", BOB, PolicyDocument=policy("sts:*", effect="Deny"), **own)
    await iam.done(
        "UpdateAssumeRolePolicy",
        RoleName="reader",
        PolicyDocument=trust({"AWS": "arn:aws:iam::bob:user/carol"}),
    )
    assert await iam.refused("AssumeRole", carol, RoleArn=ROLE_ARN, RoleSessionName="work") == (
        "AccessDenied"
    )


async def test_roles_assume_roles_for_an_hour_at_most(iam: Iam) -> None:
    await iam.role(trust({"AWS": [ROLE_ARN, "bob"]}), MaxSessionDuration=43200)
    session = await iam.assume(BOB, DurationSeconds=43200)
    chained = await iam.assume(session, DurationSeconds=3600)
    asked = {"RoleArn": ROLE_ARN, "RoleSessionName": "work", "DurationSeconds": 3601}
    assert await iam.refused("AssumeRole", chained, **asked) == "ValidationError"
    # A session policy has to allow it, like anything else.
    confined = await iam.assume(BOB, Policy=READ)
    del asked["DurationSeconds"]
    assert await iam.refused("AssumeRole", confined, **asked) == "AccessDenied"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"RoleArn": "arn:aws:iam::alice:role/nobody"}, "AccessDenied"),
        ({"RoleArn": "arn:aws:iam::alice:role/path/reader"}, "AccessDenied"),
        ({"RoleArn": "arn:aws:iam::nobody:role/reader"}, "AccessDenied"),
        ({"RoleArn": "arn:aws:iam::alice:user/reader"}, "ValidationError"),
        ({"RoleArn": "reader"}, "ValidationError"),
        ({"RoleSessionName": "a"}, "ValidationError"),
        ({"RoleSessionName": "a/b"}, "ValidationError"),
        ({"RoleSessionName": "x" * 65}, "ValidationError"),
        ({"DurationSeconds": 899}, "ValidationError"),
        ({"DurationSeconds": 3601}, "ValidationError"),
        ({"DurationSeconds": "long"}, "ValidationError"),
        ({"ExternalId": "a"}, "ValidationError"),
        ({"Policy": "{}"}, "MalformedPolicyDocument"),
        ({"Policy": "x"}, "MalformedPolicyDocument"),
        ({"Policy": policy("s3:*", [f"arn:aws:s3:::b/{'x' * 2048}"])}, "PackedPolicyTooLarge"),
        ({"PolicyArns__member__1__arn": "x"}, "InvalidInput"),
        ({"Tags__member__1__Key": "a", "Tags__member__1__Value": "b"}, "NotImplemented"),
        ({"SerialNumber": "x", "TokenCode": "1"}, "NotImplemented"),
        ({"SourceIdentity": "x"}, "NotImplemented"),
    ],
)
async def test_what_is_no_request_for_a_role(
    iam: Iam, parameters: dict[str, Any], code: str
) -> None:
    await iam.role(TO_BOB)
    asked = {"RoleArn": ROLE_ARN, "RoleSessionName": "work", **parameters}
    assert await iam.refused("AssumeRole", BOB, **asked) == code
    far = iam.stand.clock.now_ms() + 48 * 3600 * 1000
    assert await iam.stand.store.forget_expired_keys(far) == 0, "a session was made"


async def test_saml_is_not_taken(iam: Iam) -> None:
    for keys in (ALICE, None):
        assert await iam.refused("AssumeRoleWithSAML", keys) == "NotImplemented"


async def test_a_session_ends(iam: Iam) -> None:
    await iam.role(TO_BOB, READ)
    session = await iam.assume(BOB, DurationSeconds=900)
    iam.stand.clock.forward(899)
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).status == 200
    iam.stand.clock.forward(1)
    ended = await iam.s3(session, "GET", f"/{BUCKET}/key")
    assert (ended.status, ended.code) == (400, "ExpiredToken")
    assert await iam.refused("GetCallerIdentity", session) == "ExpiredToken"
    # An hour later nothing is left of it when the next one is made.
    iam.stand.clock.forward(3601)
    await iam.assume(BOB)
    iam.stand.surface.accounts.forget()
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).code == "InvalidAccessKeyId"


async def test_a_session_is_nothing_without_its_token(iam: Iam) -> None:
    await iam.role(TO_BOB, READ)
    session, other = await iam.assume(BOB), await iam.assume(BOB)
    plain = Keys(session.access_key, session.secret_key)
    crossed = Session(session.access_key, session.secret_key, other.token)
    marked = Session(ALICE.access_key, ALICE.secret_key, session.token)
    assert (await iam.stand.call("GET", keys=plain)).code == "InvalidAccessKeyId"
    assert await iam.refused("GetCallerIdentity", plain) == "InvalidClientTokenId"
    for wrong in (crossed, marked):
        answer = await iam.s3(wrong, "GET", f"/{BUCKET}/key")
        assert (answer.status, answer.code) == (400, "InvalidToken")
        assert await iam.refused("GetCallerIdentity", wrong) == "InvalidClientTokenId"


async def test_nothing_repeats_a_token(iam: Iam, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    await iam.role(TO_BOB, READ)
    session = await iam.assume(BOB)
    forged = Session(session.access_key, "another", session.token)
    answer = await iam.s3(forged, "GET", f"/{BUCKET}/key")
    assert answer.code == "SignatureDoesNotMatch"
    refused = await iam.call("GetCallerIdentity", forged)
    assert refused.code == "SignatureDoesNotMatch"
    told = f"{answer.body!r} {refused.body!r} {[vars(record) for record in caplog.records]}"
    assert session.token not in told
    assert session.secret_key not in told


async def test_the_session_of_a_role_that_is_gone_may_do_nothing(iam: Iam) -> None:
    await iam.role(TO_BOB, READ)
    session = await iam.assume(BOB)
    await iam.done("DeleteRolePolicy", RoleName="reader", PolicyName="p")
    await iam.done("DeleteRole", RoleName="reader")
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).code == "AccessDenied"
    await iam.role(TO_BOB, READ)
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).code == "AccessDenied"
    assert await iam.refused("AssumeRole", session, RoleArn=ROLE_ARN, RoleSessionName="x2")


async def test_who_one_is(iam: Iam) -> None:
    carol = await iam.user("carol")
    role_id = (await iam.role(trust({"AWS": "arn:aws:iam::alice:user/carol"}))).text("RoleId")
    carol_id = (await iam.done("GetUser", UserName="carol")).text("UserId")
    session = await iam.assume(carol)
    token = session_of(await iam.done("GetSessionToken", carol))
    user = (carol_id, "alice", "arn:aws:iam::alice:user/carol")
    expected = [
        (ALICE, ("alice", "alice", "arn:aws:iam::alice:root")),
        (carol, user),
        (token, user),
        (
            session,
            (f"{role_id}:work", "alice", "arn:aws:sts::alice:assumed-role/reader/work"),
        ),
    ]
    for keys, who in expected:
        answer = await iam.done("GetCallerIdentity", keys)
        assert (answer.text("UserId"), answer.text("Account"), answer.text("Arn")) == who
    assert await iam.refused("GetCallerIdentity", None) == "MissingAuthenticationToken"


async def test_get_session_token_is_the_sender_for_hours(iam: Iam) -> None:
    session = session_of(await iam.done("GetSessionToken", DurationSeconds=900))
    assert (await iam.s3(session, "PUT", "/made")).status == 200
    # It makes nothing that outlasts it.
    for action, parameters in (
        ("CreateAccessKey", {}),
        ("CreateUser", {"UserName": "carol"}),
        ("PutUserPolicy", {"UserName": "carol", "PolicyName": "p", "PolicyDocument": READ}),
        ("GetSessionToken", {}),
    ):
        assert await iam.refused(action, session, **parameters) == "AccessDenied"
    iam.stand.clock.forward(900)
    assert (await iam.s3(session, "GET", "/made")).code == "ExpiredToken"
    assert await iam.refused("GetSessionToken", DurationSeconds=129_601) == "ValidationError"


async def test_get_session_token_of_a_user_follows_his_policies(iam: Iam) -> None:
    carol = await iam.user("carol")
    session = session_of(await iam.done("GetSessionToken", carol))
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).code == "AccessDenied"
    unlike = {"Condition": {"BoolIfExists": {"sts:authentication": "true"}}}
    await iam.done(
        "PutUserPolicy", UserName="carol", PolicyName="p", PolicyDocument=policy("s3:*", **unlike)
    )
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).body == b"x"


async def test_a_session_of_roots_is_root_for_buckets_and_for_an_hour(iam: Iam) -> None:
    answer = await iam.done("GetSessionToken", ROOT)
    session = session_of(answer)
    assert answer.text("Expiration") == "2027-01-15T09:00:00Z"
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).body == b"x"
    assert await iam.refused("CreateUser", session, UserName="eve") == "AccessDenied"


async def test_roots_roles_open_what_their_policies_say(iam: Iam) -> None:
    await iam.role(TO_BOB, keys=ROOT)
    session = await iam.assume(BOB, "arn:aws:iam::root:role/reader")
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).code == "AccessDenied"
    await iam.done("PutRolePolicy", ROOT, RoleName="reader", PolicyName="p", PolicyDocument=READ)
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).body == b"x"
    assert (await iam.s3(session, "DELETE", f"/{BUCKET}/key")).code == "AccessDenied"
