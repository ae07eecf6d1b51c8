"""ACLs of buckets and objects, over the endpoint: set, shown, obeyed."""

import pytest

from metadata import User
from tests.coordinator.s3.support import ALICE, BOB, BUCKET, ROOT, Answer, Keys, Stand

ACL = {"acl": ""}
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
OWNER = "<Owner><ID>alice</ID></Owner>"
EVERYBODY = (None, BOB, ALICE, ROOT)


def document(*grants: tuple[str, str], owner: str = OWNER) -> str:
    """An ACL that grants permissions to users."""
    content = "".join(
        f'<Grant><Grantee {XSI} xsi:type="CanonicalUser"><ID>{who}</ID></Grantee>'
        f"<Permission>{permission}</Permission></Grant>"
        for who, permission in grants
    )
    acl = f"<AccessControlList>{content}</AccessControlList>"
    return f"<AccessControlPolicy>{owner}{acl}</AccessControlPolicy>"


def grants(answer: Answer) -> list[tuple[str, str]]:
    """Who was told to be granted what."""
    assert answer.status == 200, answer.body
    return [
        (
            (node.findtext("Grantee/ID") or node.findtext("Grantee/URI") or "").rpartition("/")[2],
            node.findtext("Permission") or "",
        )
        for node in answer.tree().iter("Grant")
    ]


async def who_may(stand: Stand, method: str, path: str) -> list[Keys | None]:
    """Those whom the endpoint answers."""
    return [keys for keys in EVERYBODY if (await stand.call(method, path, keys=keys)).status == 200]


async def test_what_nothing_was_said_of_is_private(stand: Stand) -> None:
    await stand.call("PUT")
    for path in (f"/{BUCKET}", f"/{BUCKET}/key"):
        answer = await stand.call("GET", path, query=ACL)
        assert grants(answer) == [("alice", "FULL_CONTROL")]
        assert answer.texts("Owner/ID") == ["alice"]
        assert answer.texts(".//Grantee/DisplayName") == ["Alice"]
        assert await who_may(stand, "GET", path) == [ALICE, ROOT]
        assert (await stand.call("GET", path, query=ACL, keys=None)).code == "AccessDenied"


@pytest.mark.parametrize(
    ("canned", "may_list", "may_read"),
    [
        ("private", [ALICE, ROOT], [ALICE, ROOT]),
        ("public-read", list(EVERYBODY), list(EVERYBODY)),
        ("authenticated-read", [BOB, ALICE, ROOT], [BOB, ALICE, ROOT]),
        ("aws-exec-read", [ALICE, ROOT], [ALICE, ROOT]),
        ("log-delivery-write", [ALICE, ROOT], [ALICE, ROOT]),
    ],
)
async def test_canned(
    stand: Stand, canned: str, may_list: list[Keys | None], may_read: list[Keys | None]
) -> None:
    headers = {"x-amz-acl": canned}
    await stand.call("PUT")
    for path, allowed in ((f"/{BUCKET}", may_list), (f"/{BUCKET}/key", may_read)):
        assert (await stand.call("PUT", path, query=ACL, headers=headers)).status == 200
        assert await who_may(stand, "GET", path) == allowed
    assert (await stand.call("PUT", headers=headers)).status == 200
    assert await who_may(stand, "HEAD", f"/{BUCKET}/key") == may_read


async def test_a_public_bucket_opens_no_objects(stand: Stand) -> None:
    headers = {"x-amz-acl": "public-read-write"}
    await stand.call("PUT", f"/{BUCKET}", query=ACL, headers=headers)
    await stand.call("PUT", f"/{BUCKET}/alices", "a")
    assert (await stand.call("GET", f"/{BUCKET}/alices", keys=BOB)).code == "AccessDenied"
    assert (await stand.call("PUT", f"/{BUCKET}/bobs", "b", keys=BOB)).status == 200
    # bob's object is bob's: alice may remove it, but not look into it
    assert (await stand.call("GET", f"/{BUCKET}/bobs", keys=BOB)).status == 200
    assert (await stand.call("GET", f"/{BUCKET}/bobs", keys=ALICE)).code == "AccessDenied"
    assert (await stand.call("GET", f"/{BUCKET}/bobs", keys=None)).code == "AccessDenied"
    owner = await stand.call("GET", f"/{BUCKET}/bobs", query=ACL, keys=BOB)
    assert owner.texts("Owner/ID") == ["bob"]
    assert (await stand.call("DELETE", f"/{BUCKET}/bobs", keys=ALICE)).status == 204
    # what nobody in particular writes is the bucket owner's
    assert (await stand.call("PUT", f"/{BUCKET}/found", "x", keys=None)).status == 200
    assert (await stand.call("GET", f"/{BUCKET}/found", keys=None)).code == "AccessDenied"
    assert (await stand.call("GET", f"/{BUCKET}/found")).body == b"x"
    assert (await stand.call("DELETE", f"/{BUCKET}/alices", keys=None)).status == 204


async def test_an_object_for_the_bucket_owner(stand: Stand) -> None:
    await stand.call("PUT", f"/{BUCKET}", query=ACL, headers={"x-amz-grant-write": "id=bob"})
    for canned, code in (("bucket-owner-read", 200), ("bucket-owner-full-control", 200)):
        headers = {"x-amz-acl": canned}
        assert (await stand.call("PUT", headers=headers, keys=BOB)).status == 200
        assert (await stand.call("GET")).status == code
    assert (await stand.call("PUT", keys=BOB)).status == 200
    assert (await stand.call("GET")).code == "AccessDenied"


async def test_grants_in_headers_and_documents(stand: Stand) -> None:
    await stand.store.update_user(User("bob", "Bob", False, 1, email="bob@example.com"))
    headers = {
        "x-amz-grant-full-control": 'id="alice"',
        "x-amz-grant-read": f'emailAddress=bob@example.com, uri="{ALL_USERS}"',
    }
    assert (await stand.call("PUT", headers=headers)).status == 200
    answer = await stand.call("GET", query=ACL)
    expected = [("AllUsers", "READ"), ("bob", "READ"), ("alice", "FULL_CONTROL")]
    assert grants(answer) == expected
    assert (await stand.call("PUT", f"/{BUCKET}", answer.body, query=ACL)).status == 200
    assert grants(await stand.call("GET", f"/{BUCKET}", query=ACL)) == expected


async def test_only_who_is_granted_that_may_set_an_acl(stand: Stand) -> None:
    await stand.call("PUT")
    await stand.call("PUT", f"/{BUCKET}", document(("bob", "READ_ACP")), query=ACL)
    assert (await stand.call("GET", f"/{BUCKET}", query=ACL, keys=BOB)).status == 200
    refused = await stand.call("PUT", f"/{BUCKET}", document(), query=ACL, keys=BOB)
    assert refused.code == "AccessDenied"
    await stand.call("PUT", f"/{BUCKET}/key", document(("bob", "WRITE_ACP")), query=ACL)
    assert (await stand.call("GET", f"/{BUCKET}/key", query=ACL, keys=BOB)).code == "AccessDenied"
    put = await stand.call("PUT", f"/{BUCKET}/key", document(("bob", "READ")), query=ACL, keys=BOB)
    assert put.status == 200
    assert (await stand.call("GET", f"/{BUCKET}/key", keys=BOB)).status == 200
    # the owner keeps control whatever the grants are
    assert grants(await stand.call("GET", query=ACL)) == [("bob", "READ")]
    assert (await stand.call("GET")).status == 200


async def test_an_acl_belongs_to_a_version(stand: Stand) -> None:
    await stand.set_versioning()
    first = await stand.call("PUT", headers={"x-amz-acl": "public-read"})
    second = await stand.call("PUT")
    version = {"versionId": first.version_id or ""}
    assert (await stand.call("GET", keys=None)).code == "AccessDenied"
    assert (await stand.call("GET", query=version, keys=None)).status == 200
    shown = await stand.call("GET", query={**ACL, **version})
    assert grants(shown) == [("AllUsers", "READ"), ("alice", "FULL_CONTROL")]
    assert shown.version_id == first.version_id
    made = await stand.call("PUT", query={**ACL, **version}, headers={"x-amz-acl": "private"})
    assert (made.status, made.version_id) == (200, first.version_id)
    assert (await stand.call("GET", query=version, keys=None)).code == "AccessDenied"
    assert grants(await stand.call("GET", query=ACL)) == [("alice", "FULL_CONTROL")]
    assert (await stand.call("GET", query=ACL)).version_id == second.version_id


@pytest.mark.parametrize(
    ("headers", "body", "code"),
    [
        ({}, "", "MissingSecurityHeader"),
        ({"x-amz-acl": "secret"}, "", "InvalidArgument"),
        ({"x-amz-acl": "private", "x-amz-grant-read": "id=bob"}, "", "InvalidRequest"),
        ({"x-amz-acl": "private"}, document(), "UnexpectedContent"),
        ({"x-amz-grant-read": "id=nobody"}, "", "InvalidArgument"),
        ({"x-amz-grant-read": "nobody"}, "", "InvalidArgument"),
        ({}, "<x", "MalformedACLError"),
        ({}, document(("nobody", "READ")), "InvalidArgument"),
        ({}, document(("bob", "DANCE")), "MalformedACLError"),
        ({}, document(owner="<Owner><ID>bob</ID></Owner>"), "AccessDenied"),
    ],
)
async def test_what_is_refused(stand: Stand, headers: dict[str, str], body: str, code: str) -> None:
    await stand.call("PUT", headers={"x-amz-acl": "public-read"})
    for path in (f"/{BUCKET}", f"/{BUCKET}/key"):
        answer = await stand.call("PUT", path, body, query=ACL, headers=headers)
        assert answer.code == code
    kept = grants(await stand.call("GET", query=ACL))
    assert kept == [("AllUsers", "READ"), ("alice", "FULL_CONTROL")]


async def test_acls_with_a_new_bucket(stand: Stand) -> None:
    made = await stand.call("PUT", "/open", headers={"x-amz-acl": "public-read"}, keys=BOB)
    assert made.status == 200
    assert await who_may(stand, "GET", "/open") == list(EVERYBODY)
    # to make it again changes nothing, and must not seem to
    again = await stand.call("PUT", "/open", keys=BOB)
    assert again.code == "BucketAlreadyExists"
    same = await stand.call("PUT", "/open", headers={"x-amz-acl": "public-read"}, keys=BOB)
    assert same.status == 200
    assert (await stand.call("PUT", "/open", keys=ALICE)).code == "BucketAlreadyExists"
    bad = await stand.call("PUT", "/other", headers={"x-amz-acl": "secret"})
    assert bad.code == "InvalidArgument"
    assert (await stand.call("HEAD", "/other")).status == 404


async def test_acls_of_uploads_and_copies(stand: Stand) -> None:
    public = {"x-amz-acl": "public-read"}
    started = await stand.call("POST", query={"uploads": ""}, headers=public)
    upload = {"uploadId": started.text("UploadId")}
    part = await stand.call("PUT", body="x", query={**upload, "partNumber": "1"})
    complete = (
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber>"
        f"<ETag>{part.etag}</ETag></Part></CompleteMultipartUpload>"
    )
    assert (await stand.call("POST", body=complete, query=upload)).status == 200
    assert (await stand.call("GET", keys=None)).body == b"x"
    source = {"x-amz-copy-source": f"/{BUCKET}/key"}
    await stand.call("PUT", f"/{BUCKET}/closed", headers=source)
    assert (await stand.call("GET", f"/{BUCKET}/closed", keys=None)).code == "AccessDenied"
    await stand.call("PUT", f"/{BUCKET}/open", headers={**source, **public})
    assert (await stand.call("GET", f"/{BUCKET}/open", keys=None)).status == 200
