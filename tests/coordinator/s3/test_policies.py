"""Policies of buckets over the endpoint: kept, given back, obeyed."""

import pytest

from tests.coordinator.s3.access_support import (
    POLICY,
    PUBLIC_READ,
    TO_BOB,
    md5_of,
    policy,
    put_policy,
    statement,
)
from tests.coordinator.s3.support import ALICE, BOB, BUCKET, ROOT, Stand


# policies --------------------------------------------------------------------------------
async def test_a_policy_is_kept_to_the_letter(stand: Stand) -> None:
    assert (await stand.call("GET", f"/{BUCKET}", query=POLICY)).code == "NoSuchBucketPolicy"
    text = policy(statement("s3:GetObject")).replace(" ", "  \n")
    assert (await stand.call("PUT", f"/{BUCKET}", text, query=POLICY)).status == 204
    got = await stand.call("GET", f"/{BUCKET}", query=POLICY)
    assert (got.body, got.headers["content-type"]) == (text.encode(), "application/json")
    assert (await stand.call("DELETE", f"/{BUCKET}", query=POLICY)).status == 204
    assert (await stand.call("DELETE", f"/{BUCKET}", query=POLICY)).status == 204
    assert (await stand.call("GET", f"/{BUCKET}", query=POLICY)).code == "NoSuchBucketPolicy"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "<xml/>",
        policy(),
        policy(statement("s3:Frobnicate")),
        policy({**statement("s3:GetObject"), "Resource": "arn:aws:s3:::other/*"}),
        policy({**statement("s3:GetObject"), "Effect": "Perhaps"}),
        "{" + "x" * 30_000,
    ],
)
async def test_a_policy_that_is_none_changes_nothing(stand: Stand, text: str) -> None:
    await put_policy(stand, statement("s3:GetObject"))
    refused = await stand.call("PUT", f"/{BUCKET}", text, query=POLICY)
    assert (refused.status, refused.code) == (400, "MalformedPolicy")
    assert (await stand.call("GET", f"/{BUCKET}", query=POLICY)).status == 200


async def test_what_a_policy_opens(stand: Stand) -> None:
    await stand.call("PUT", body="x")
    await put_policy(stand, statement("s3:GetObject"), statement("s3:PutObject", key="in/*"))
    for keys in (None, BOB):
        assert (await stand.call("GET", keys=keys)).body == b"x"
        assert (await stand.call("HEAD", keys=keys)).status == 200
        assert (await stand.call("PUT", keys=keys)).code == "AccessDenied"
        assert (await stand.call("PUT", f"/{BUCKET}/in/y", "y", keys=keys)).status == 200
        assert (await stand.call("GET", f"/{BUCKET}", keys=keys)).code == "AccessDenied"
        assert (await stand.call("GET", f"/{BUCKET}/missing", keys=keys)).code == "AccessDenied"
        named = await stand.call("GET", query={"versionId": "null"}, keys=keys)
        assert named.code == "AccessDenied"
    await stand.call("DELETE", f"/{BUCKET}", query=POLICY)
    assert (await stand.call("GET", keys=None)).code == "AccessDenied"


async def test_a_denial_is_for_the_owner_and_root_too(stand: Stand) -> None:
    await stand.call("PUT")
    await put_policy(stand, statement("s3:*", "Deny"))
    for keys in (None, BOB, ALICE, ROOT):
        assert (await stand.call("GET", keys=keys)).code == "AccessDenied"
        assert (await stand.call("DELETE", f"/{BUCKET}", keys=keys)).code == "AccessDenied"
    assert (await stand.call("GET", f"/{BUCKET}", query=POLICY, keys=BOB)).code == "AccessDenied"
    assert (await stand.call("GET", f"/{BUCKET}", query=POLICY)).status == 200
    assert (await stand.call("DELETE", f"/{BUCKET}", query=POLICY)).status == 204
    assert (await stand.call("GET")).status == 200


async def test_an_owner_may_lock_himself_out_if_he_confirms_it(stand: Stand) -> None:
    confirmed = {"x-amz-confirm-remove-self-bucket-access": "true"}
    text = policy(statement("s3:*", "Deny"))
    put = await stand.call("PUT", f"/{BUCKET}", text, query=POLICY, headers=confirmed)
    assert put.status == 204
    for method in ("GET", "PUT", "DELETE"):
        refused = await stand.call(method, f"/{BUCKET}", text, query=POLICY)
        assert refused.code == "AccessDenied"
    assert (await stand.call("DELETE", f"/{BUCKET}", query=POLICY, keys=ROOT)).status == 204


async def test_who_may_list_learns_what_is_not_there(stand: Stand) -> None:
    only_public = {"StringLike": {"s3:prefix": "public/*"}}
    await put_policy(stand, statement("s3:ListBucket", Condition=only_public))
    assert (await stand.call("GET", f"/{BUCKET}/public/x", keys=None)).code == "NoSuchKey"
    assert (await stand.call("GET", f"/{BUCKET}/private/x", keys=None)).code == "AccessDenied"
    listed = await stand.call("GET", f"/{BUCKET}", query={"prefix": "public/a"}, keys=None)
    assert listed.status == 200
    assert (await stand.call("GET", f"/{BUCKET}", keys=None)).code == "AccessDenied"


async def test_conditions_on_tags(stand: Stand) -> None:
    is_public = {"StringEquals": {"s3:ExistingObjectTag/is": "public"}}
    stays_public = {"StringEquals": {"s3:RequestObjectTag/is": "public"}}
    await put_policy(
        stand,
        statement(["s3:GetObject", "s3:GetObjectTagging"], Condition=is_public),
        statement("s3:PutObjectTagging", Condition=is_public | stays_public),
        statement("s3:PutObjectTagging", Condition=stays_public),
    )
    await stand.call("PUT", f"/{BUCKET}/open", headers={"x-amz-tagging": "is=public"})
    await stand.call("PUT", f"/{BUCKET}/closed", headers={"x-amz-tagging": "is=secret"})
    for query in ({}, {"tagging": ""}):
        assert (await stand.call("GET", f"/{BUCKET}/open", query=query, keys=BOB)).status == 200
        refused = await stand.call("GET", f"/{BUCKET}/closed", query=query, keys=BOB)
        assert refused.code == "AccessDenied"
    for value, status in (("secret", 403), ("public", 200)):
        tags = f"<TagSet><Tag><Key>is</Key><Value>{value}</Value></Tag></TagSet>"
        body = f"<Tagging>{tags}</Tagging>"
        put = await stand.call("PUT", f"/{BUCKET}/open", body, query={"tagging": ""}, keys=BOB)
        assert put.status == status


async def test_headers_of_a_write_that_were_denied(stand: Stand) -> None:
    await put_policy(
        stand,
        statement("s3:PutObject"),
        statement(["s3:PutObjectAcl", "s3:PutObjectTagging"], "Deny"),
    )
    assert (await stand.call("PUT", keys=BOB)).status == 200
    for headers in (PUBLIC_READ, {"x-amz-grant-read": "id=bob"}, {"x-amz-tagging": "a=b"}):
        assert (await stand.call("PUT", headers=headers, keys=BOB)).code == "AccessDenied"
        assert (await stand.call("PUT", headers=headers)).code == "AccessDenied"


async def test_a_write_must_be_encrypted(stand: Stand) -> None:
    unencrypted = {"Null": {"s3:x-amz-server-side-encryption": "true"}}
    await put_policy(stand, statement("s3:PutObject", "Deny", Condition=unencrypted))
    assert (await stand.call("PUT")).code == "AccessDenied"


async def test_a_copy_needs_both_ends(stand: Stand) -> None:
    await stand.call("PUT", body="x")
    await stand.call("PUT", "/bobs", keys=BOB)
    copy = {"x-amz-copy-source": f"{BUCKET}/key"}
    assert (await stand.call("PUT", "/bobs/copy", headers=copy, keys=BOB)).code == "AccessDenied"
    await put_policy(stand, statement("s3:GetObject", principal=TO_BOB))
    assert (await stand.call("PUT", "/bobs/copy", headers=copy, keys=BOB)).status == 200
    assert (await stand.call("GET", "/bobs/copy", keys=BOB)).body == b"x"
    # back into a bucket that lets him write, but read nothing
    await put_policy(stand, statement("s3:PutObject", principal=TO_BOB))
    inside = await stand.call("PUT", f"/{BUCKET}/copy", headers=copy, keys=BOB)
    assert inside.code == "AccessDenied"


async def test_each_key_of_a_plural_delete_is_asked_for(stand: Stand) -> None:
    for key in ("a", "b"):
        await stand.call("PUT", f"/{BUCKET}/{key}")
    await put_policy(stand, statement("s3:DeleteObject", key="a"))
    body = "<Delete><Object><Key>a</Key></Object><Object><Key>b</Key></Object></Delete>"
    headers = md5_of(body)
    answer = await stand.call(
        "POST", f"/{BUCKET}", body, query={"delete": ""}, headers=headers, keys=BOB
    )
    assert answer.texts("Deleted/Key") == ["a"]
    assert answer.texts("Error/Code") == ["AccessDenied"]
    assert (await stand.call("GET", f"/{BUCKET}/b")).status == 200


async def test_a_user_may_do_what_is_his_own_by_variable(stand: Stand) -> None:
    await put_policy(stand, statement(["s3:PutObject", "s3:GetObject"], key="${aws:userid}/*"))
    assert (await stand.call("PUT", f"/{BUCKET}/bob/x", keys=BOB)).status == 200
    assert (await stand.call("PUT", f"/{BUCKET}/alice/x", keys=BOB)).code == "AccessDenied"
