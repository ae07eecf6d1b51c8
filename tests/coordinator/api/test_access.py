"""The API asks what S3 asks: policies, ACLs and ownership count here, too."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from coordinator.access.bucket import dump_policy
from metadata import VersionChange
from tests.coordinator.api.support import ALICE, BOB, ROOT, Stand

KEY = "/objects/alices/key"
TO_BOB = {"AWS": "arn:aws:iam::bob:root"}


def statement(action: Any, effect: str = "Allow", **more: Any) -> dict[str, Any]:
    """About alice's bucket."""
    return {
        "Effect": effect,
        "Principal": TO_BOB,
        "Action": action,
        "Resource": ["arn:aws:s3:::alices", "arn:aws:s3:::alices/*"],
        **more,
    }


async def put_policy(stand: Stand, *statements: Mapping[str, Any]) -> None:
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    kept = dump_policy(text, locks_owner_out=False)
    await stand.metadata.put_bucket_setting("alices", "policy", kept)


async def test_a_policy_opens_what_it_names(stand: Stand) -> None:
    await stand.call("PUT", KEY, content=b"x")
    await put_policy(stand, statement("s3:GetObject"))
    assert (await stand.call("GET", KEY, BOB)).content == b"x"
    assert (await stand.call("HEAD", KEY, BOB)).status_code == 200
    assert (await stand.call("GET", "/info/alices/key", BOB)).status_code == 200
    for method, path in (
        ("PUT", KEY),
        ("DELETE", KEY),
        ("GET", "/objects/alices"),
        ("GET", "/objects/alices/missing"),
        ("DELETE", "/buckets/alices"),
    ):
        assert (await stand.call(method, path, BOB)).status_code == 403


async def test_who_may_list_learns_what_is_not_there(stand: Stand) -> None:
    await put_policy(stand, statement("s3:ListBucket"))
    assert (await stand.call("GET", "/objects/alices", BOB)).status_code == 200
    assert (await stand.call("GET", "/objects/alices/missing", BOB)).status_code == 404


async def test_conditions_count(stand: Stand) -> None:
    only_a = {"StringLike": {"s3:prefix": "a/*"}}
    from_here = {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}
    await put_policy(stand, statement("s3:ListBucket", Condition={**only_a, **from_here}))
    assert (await stand.call("GET", "/objects/alices?prefix=a/b", BOB)).status_code == 200
    assert (await stand.call("GET", "/objects/alices", BOB)).status_code == 403


@pytest.mark.parametrize("keys", [ALICE, BOB, ROOT])
async def test_a_denial_is_for_everybody(stand: Stand, keys: tuple[str, str]) -> None:
    await stand.call("PUT", KEY, content=b"x")
    await put_policy(stand, statement("s3:*", "Deny", Principal="*"))
    for method, path in (("GET", KEY), ("PUT", KEY), ("DELETE", KEY), ("GET", "/objects/alices")):
        assert (await stand.call(method, path, keys)).status_code == 403


async def test_an_object_of_another_owner(stand: Stand) -> None:
    await put_policy(stand, statement("s3:PutObject"))
    assert (await stand.call("PUT", KEY, BOB, content=b"x")).status_code == 200
    assert (await stand.call("GET", KEY, BOB)).status_code == 200
    assert (await stand.call("GET", KEY)).status_code == 403
    public = json.dumps([["group", "AllUsers", "READ"]])
    await stand.metadata.update_version("alices", "key", None, VersionChange(acl=public))
    assert (await stand.call("GET", KEY)).status_code == 200
    await stand.metadata.put_bucket_setting("alices", "ownershipControls", "BucketOwnerEnforced")
    assert (await stand.call("PUT", KEY, BOB, content=b"y")).status_code == 200
    assert (await stand.metadata.version("alices", "key")).version.owner_id == "alice"
    assert (await stand.call("GET", KEY, BOB)).status_code == 403
    assert (await stand.call("GET", KEY)).content == b"y"
