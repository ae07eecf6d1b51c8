"""Who may do what over the endpoint: strangers, ownership, public access blocked."""

from collections.abc import Mapping

import pytest

from coordinator.access.actions import KNOWN
from coordinator.s3.routing import TABLE
from tests.coordinator.s3.access_support import (
    ACL,
    BLOCK,
    OWNERSHIP,
    POLICY,
    PUBLIC_READ,
    STATUS,
    TO_BOB,
    block,
    md5_of,
    own,
    policy,
    put_policy,
    statement,
)
from tests.coordinator.s3.support import BOB, BUCKET, Keys, Stand


def test_every_operation_has_an_action_that_policies_know() -> None:
    unknown = {row.name: row.action for row in TABLE.values() if row.action.lower() not in KNOWN}
    assert not unknown


# strangers -------------------------------------------------------------------------------
REFUSED = [
    *(
        ("GET", f"/{BUCKET}", query)
        for query in ({}, ACL, POLICY, {"versions": ""}, {"uploads": ""})
    ),
    *(("GET", f"/{BUCKET}", {name: ""}) for name in ("location", "cors", "tagging", "versioning")),
    ("HEAD", f"/{BUCKET}", {}),
    ("DELETE", f"/{BUCKET}", {}),
    ("PUT", f"/{BUCKET}", ACL),
    ("PUT", f"/{BUCKET}", POLICY),
    ("PUT", f"/{BUCKET}", {"versioning": ""}),
    *((method, f"/{BUCKET}/key", {}) for method in ("GET", "HEAD", "PUT", "DELETE")),
    *(("GET", f"/{BUCKET}/key", {name: ""}) for name in ("acl", "tagging")),
    *(("PUT", f"/{BUCKET}/key", {name: ""}) for name in ("acl", "tagging")),
    ("POST", f"/{BUCKET}/key", {"uploads": ""}),
    ("GET", f"/{BUCKET}/missing", {}),
    ("GET", f"/{BUCKET}/key", {"versionId": "null"}),
]


@pytest.mark.parametrize("keys", [None, BOB])
@pytest.mark.parametrize(("method", "path", "query"), REFUSED)
async def test_strangers_get_nothing(
    stand: Stand, method: str, path: str, query: dict[str, str], keys: Keys | None
) -> None:
    await stand.call("PUT")
    body = "<Tagging><TagSet/></Tagging>" if "tagging" in query else ""
    answer = await stand.call(method, path, body, query=query, keys=keys)
    assert answer.status == 403
    assert method == "HEAD" or answer.code == "AccessDenied"


async def test_strangers_delete_nothing(stand: Stand) -> None:
    await stand.call("PUT")
    body = "<Delete><Object><Key>key</Key></Object></Delete>"
    headers = md5_of(body)
    for keys in (None, BOB):
        answer = await stand.call(
            "POST", f"/{BUCKET}", body, query={"delete": ""}, headers=headers, keys=keys
        )
        assert b"<Deleted>" not in answer.body
    assert (await stand.call("GET")).status == 200


async def test_anybody_may_learn_that_there_is_no_bucket(stand: Stand) -> None:
    for keys in (None, BOB):
        assert (await stand.call("GET", "/nothing/key", keys=keys)).code == "NoSuchBucket"


async def test_nobody_has_no_buckets_and_makes_none(stand: Stand) -> None:
    listed = await stand.call("GET", "/", keys=None)
    assert (listed.status, listed.texts(".//Bucket")) == (200, [])
    assert (await stand.call("PUT", "/mine", keys=None)).code == "AccessDenied"


async def test_whose_bucket_one_expects(stand: Stand) -> None:
    await stand.call("PUT")
    for path in (f"/{BUCKET}", f"/{BUCKET}/key"):
        header = "x-amz-expected-bucket-owner"
        assert (await stand.call("GET", path, headers={header: "alice"})).status == 200
        assert (await stand.call("GET", path, headers={header: "bob"})).code == "AccessDenied"
    copy = {"x-amz-copy-source": f"{BUCKET}/key", "x-amz-source-expected-bucket-owner": "bob"}
    assert (await stand.call("PUT", f"/{BUCKET}/copy", headers=copy)).code == "AccessDenied"


# what is public --------------------------------------------------------------------------
async def test_policy_status(stand: Stand) -> None:
    async def is_public() -> str:
        return (await stand.call("GET", f"/{BUCKET}", query=STATUS)).text("IsPublic")

    assert await is_public() == "false"
    await stand.call("PUT", f"/{BUCKET}", query=ACL, headers=PUBLIC_READ)
    assert await is_public() == "true"
    await stand.call("PUT", f"/{BUCKET}", query=ACL, headers={"x-amz-acl": "private"})
    await put_policy(stand, statement("s3:GetObject", principal=TO_BOB))
    assert await is_public() == "false"
    await put_policy(stand, statement("s3:GetObject"))
    assert await is_public() == "true"


async def test_blocked_acls_and_policies(stand: Stand) -> None:
    await block(stand, BlockPublicAcls=True, BlockPublicPolicy=True)
    for canned in ("public-read", "public-read-write", "authenticated-read"):
        headers = {"x-amz-acl": canned}
        for path, query in ((f"/{BUCKET}", ACL), (f"/{BUCKET}/key", {})):
            answer = await stand.call("PUT", path, query=query, headers=headers)
            assert answer.code == "AccessDenied"
    assert (await stand.call("PUT", headers={"x-amz-acl": "private"})).status == 200
    assert (await stand.call("PUT", query=ACL, headers=PUBLIC_READ)).code == "AccessDenied"
    text = policy(statement("s3:GetObject"))
    assert (await stand.call("PUT", f"/{BUCKET}", text, query=POLICY)).code == "AccessDenied"
    await put_policy(stand, statement("s3:GetObject", principal=TO_BOB))


async def test_ignored_acls_and_restricted_policies(stand: Stand) -> None:
    await stand.call("PUT", f"/{BUCKET}", query=ACL, headers=PUBLIC_READ)
    await stand.call("PUT", headers=PUBLIC_READ)
    await block(stand, IgnorePublicAcls=True)
    for path in (f"/{BUCKET}", f"/{BUCKET}/key"):
        assert (await stand.call("GET", path, keys=BOB)).code == "AccessDenied"
        assert (await stand.call("GET", path)).status == 200
    await put_policy(stand, statement("s3:GetObject"))
    assert (await stand.call("GET", keys=None)).status == 200
    await block(stand, RestrictPublicBuckets=True, IgnorePublicAcls=True)
    assert (await stand.call("GET", keys=None)).code == "AccessDenied"
    assert (await stand.call("GET")).status == 200
    assert (await stand.call("DELETE", f"/{BUCKET}", query=BLOCK)).status == 204
    assert (await stand.call("GET", keys=None)).status == 200


# ownership -------------------------------------------------------------------------------
async def owner(stand: Stand, headers: Mapping[str, str] | None = None) -> str:
    """Whose an object is that bob writes."""
    put = await stand.call("PUT", headers=headers, keys=BOB)
    assert put.status == 200, put.body
    return (await stand.store.version(BUCKET, "key")).version.owner_id


async def test_ownership_controls(stand: Stand) -> None:
    give_away = {"x-amz-acl": "bucket-owner-full-control"}
    await put_policy(stand, statement("s3:*"))
    assert [await owner(stand), await owner(stand, give_away)] == ["bob", "bob"]
    assert (await own(stand, "BucketOwnerPreferred")).status == 200
    assert [await owner(stand), await owner(stand, give_away)] == ["bob", "alice"]
    assert (await own(stand, "BucketOwnerEnforced")).status == 200
    assert [await owner(stand), await owner(stand, give_away)] == ["alice", "alice"]
    for path, query in ((f"/{BUCKET}/key", {}), (f"/{BUCKET}", ACL), (f"/{BUCKET}/key", ACL)):
        for headers in ({"x-amz-acl": "private"}, PUBLIC_READ):
            answer = await stand.call("PUT", path, query=query, headers=headers)
            assert answer.code == "AccessControlListNotSupported"
    assert (await stand.call("DELETE", f"/{BUCKET}", query=OWNERSHIP)).status == 204
    assert await owner(stand) == "bob"


async def test_acls_are_not_turned_off_over_grants(stand: Stand) -> None:
    await stand.call("PUT", f"/{BUCKET}", query=ACL, headers=PUBLIC_READ)
    refused = await own(stand, "BucketOwnerEnforced")
    assert refused.code == "InvalidBucketAclWithObjectOwnership"
    assert (await own(stand, "ObjectWriter")).status == 200
    await stand.call("PUT", f"/{BUCKET}", query=ACL, headers={"x-amz-acl": "private"})
    assert (await own(stand, "BucketOwnerEnforced")).status == 200


async def test_objects_from_before_are_the_bucket_owners_then(stand: Stand) -> None:
    await stand.call("PUT", f"/{BUCKET}", query=ACL, headers={"x-amz-grant-write": "id=bob"})
    await stand.call("PUT", headers=PUBLIC_READ, keys=BOB)
    await stand.call("PUT", f"/{BUCKET}", query=ACL, headers={"x-amz-acl": "private"})
    await own(stand, "BucketOwnerEnforced")
    assert (await stand.call("GET")).status == 200
    assert (await stand.call("GET", keys=None)).code == "AccessDenied"
    assert (await stand.call("GET", keys=BOB)).code == "AccessDenied"
    assert (await stand.call("GET", query=ACL)).texts("Owner/ID") == ["alice"]


async def test_ownership_with_a_new_bucket(stand: Stand) -> None:
    header = "x-amz-object-ownership"
    made = await stand.call("PUT", "/new", headers={header: "BucketOwnerEnforced"})
    assert made.status == 200
    shown = await stand.call("GET", "/new", query=OWNERSHIP)
    assert shown.text("ObjectOwnership") == "BucketOwnerEnforced"
    bad = await stand.call("PUT", "/other", headers={header: "Mine"})
    assert bad.code == "InvalidArgument"
    both = await stand.call("PUT", "/other", headers={header: "BucketOwnerEnforced", **PUBLIC_READ})
    assert both.code == "InvalidBucketAclWithObjectOwnership"
    assert (await stand.call("HEAD", "/other")).status == 404


async def test_unfinished_uploads_keep_no_bucket(stand: Stand) -> None:
    await stand.call("POST", query={"uploads": ""})
    assert (await stand.call("DELETE", f"/{BUCKET}")).status == 204
    assert (await stand.call("HEAD", f"/{BUCKET}")).status == 404


async def test_log_delivery(stand: Stand) -> None:
    bucket = await stand.store.bucket(BUCKET)

    async def may(key: str, account: str = "alice") -> bool:
        return await stand.surface.permissions.service_allows(
            "logging.s3.amazonaws.com",
            await stand.store.bucket(BUCKET),
            "s3:PutObject",
            key,
            source_arn="arn:aws:s3:::src",
            source_account=account,
        )

    assert bucket.settings_version == 0
    assert not await may("log/1")
    of_alices = {"StringEquals": {"aws:SourceAccount": "alice"}}
    service = {"Service": "logging.s3.amazonaws.com"}
    await put_policy(
        stand, statement("s3:PutObject", principal=service, key="log/*", Condition=of_alices)
    )
    assert [await may("log/1"), await may("x"), await may("log/1", "bob")] == [True, False, False]
