"""Tags that a token brings into a session, and what policies may ask of them."""

import json
from typing import Any

import pytest

from tests.coordinator.iam.fake_provider import TAGS, token
from tests.coordinator.iam.sts_support import ROLE_ARN, Iam, policy, trust
from tests.coordinator.iam.web_support import TAGGING, TO_BEARERS, WEB, ask, bear, prepare
from tests.coordinator.s3.support import BUCKET

ENGINEER = {TAGS: {"principal_tags": {"Department": ["Engineering"], "Team": "red"}}}


async def test_tags_need_leave_and_are_asked_about(iam: Iam) -> None:
    text = token(**ENGINEER)
    tagged = {
        "StringEquals": {"aws:RequestTag/Department": "Engineering"},
        "ForAllValues:StringEquals": {"aws:TagKeys": ["Department", "Team"]},
    }
    await prepare(iam, trust(TO_BEARERS, Action=WEB, Condition=tagged))
    assert (await ask(iam, text)).code == "AccessDenied"
    for wanted, code in (("Engineering", 200), ("Marketing", 403)):
        tagged["StringEquals"] = {"aws:RequestTag/Department": wanted}
        document = trust(TO_BEARERS, Action=TAGGING, Condition=tagged)
        await iam.done("UpdateAssumeRolePolicy", RoleName="reader", PolicyDocument=document)
        assert (await ask(iam, text)).status == code
    # A token without tags is asked for them in vain.
    assert (await ask(iam)).code == "AccessDenied"


@pytest.mark.parametrize(
    ("condition", "is_allowed"),
    [
        ({"StringEquals": {"aws:PrincipalTag/Department": "Engineering"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/Department": "Marketing"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/Department": "Sales"}}, False),
        (
            {
                "ForAllValues:StringEquals": {
                    "aws:PrincipalTag/Department": ["Engineering", "Marketing"]
                }
            },
            True,
        ),
        ({"ForAllValues:StringEquals": {"aws:PrincipalTag/Department": "Engineering"}}, False),
        ({"StringEquals": {"aws:TagKeys": "Department"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/department": "Engineering"}}, False),
        # The session's tag stands before the role's own, whatever its case.
        ({"StringEquals": {"aws:PrincipalTag/DEPARTMENT": "Sales"}}, False),
        ({"StringEquals": {"aws:PrincipalTag/Own": "1"}}, True),
        ({"Null": {"aws:RequestTag/Department": "true"}}, True),
    ],
)
async def test_tags_in_the_policies_of_the_role(
    iam: Iam, condition: dict[str, Any], is_allowed: bool
) -> None:
    several = {TAGS: [{"principal_tags": {"Department": ["Engineering", "Marketing"]}}]}
    await prepare(
        iam,
        trust(TO_BEARERS, Action=TAGGING),
        policy("s3:GetObject", Condition=condition),
        Tags__member__1__Key="DEPARTMENT",
        Tags__member__1__Value="Sales",
        Tags__member__2__Key="Own",
        Tags__member__2__Value="1",
    )
    session = await bear(iam, token(**several))
    answer = await iam.s3(session, "GET", f"/{BUCKET}/key")
    assert (answer.status == 200) is is_allowed, answer.body


async def test_the_roles_own_tags_in_its_trust_policy(iam: Iam) -> None:
    for name in ("iam", "aws"):
        condition = {"StringEquals": {f"{name}:ResourceTag/Department": "Engineering"}}
        trusted = trust(TO_BEARERS, Action=WEB, Condition=condition)
        if name == "iam":
            await prepare(iam, trusted)
            assert (await ask(iam)).code == "AccessDenied"
        await iam.done("UpdateAssumeRolePolicy", RoleName="reader", PolicyDocument=trusted)
        await iam.done(
            "TagRole",
            RoleName="reader",
            Tags__member__1__Key="Department",
            Tags__member__1__Value="Engineering",
        )
        await bear(iam)


async def test_the_tags_of_a_bucket(iam: Iam) -> None:
    allowed = policy(
        "s3:GetObject",
        Condition={"StringEquals": {"s3:ResourceTag/Department": "${aws:PrincipalTag/Department}"}},
    )
    await prepare(iam, trust(TO_BEARERS, Action=TAGGING), allowed)
    session = await bear(iam, token(**ENGINEER))
    for value, status in (("Marketing", 403), ("Engineering", 200)):
        tags = f"<TagSet><Tag><Key>Department</Key><Value>{value}</Value></Tag></TagSet>"
        put = await iam.stand.call(
            "PUT", f"/{BUCKET}", f"<Tagging>{tags}</Tagging>", query={"tagging": ""}
        )
        assert put.status in (200, 204), put.body
        assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).status == status
    await iam.stand.call("DELETE", f"/{BUCKET}", query={"tagging": ""})
    assert (await iam.s3(session, "GET", f"/{BUCKET}/key")).code == "AccessDenied"


async def test_transitive_tags_go_on(iam: Iam) -> None:
    statements = [
        json.loads(trust(TO_BEARERS, Action=TAGGING))["Statement"],
        json.loads(trust({"AWS": ROLE_ARN}))["Statement"],
    ]
    trusted = json.dumps({"Version": "2012-10-17", "Statement": statements})
    allowed = policy(
        "s3:GetObject", Condition={"StringEquals": {"aws:PrincipalTag/Department": "Engineering"}}
    )
    await prepare(iam, trusted, allowed)
    for transitive, status in (([], 403), (["Department"], 200)):
        told = {TAGS: {**ENGINEER[TAGS], "transitive_tag_keys": transitive}}
        first = await bear(iam, token(**told))
        assert (await iam.s3(first, "GET", f"/{BUCKET}/key")).status == 200
        chained = await iam.assume(await iam.assume(first))
        assert (await iam.s3(chained, "GET", f"/{BUCKET}/key")).status == status
