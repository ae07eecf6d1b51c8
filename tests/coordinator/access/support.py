"""Policies in few words."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from coordinator.access import (
    AccessRequest,
    Given,
    Identity,
    IdentityPolicy,
    Policy,
    account,
    bucket_arn,
    member,
    parse_bucket_policy,
    parse_identity_policy,
)

BUCKET = "bucket"

ALICE = account("alice")
BOB = account("bob")
ROOT = account("root", is_root=True)


def document(*statements: Mapping[str, Any], version: str = "2012-10-17") -> str:
    """A policy's text."""
    return json.dumps({"Version": version, "Statement": list(statements)})


def statement(
    effect: str = "Allow",
    principal: Any = "*",
    action: Any = "s3:*",
    resource: Any = ("arn:aws:s3:::bucket", "arn:aws:s3:::bucket/*"),
    **more: Any,
) -> dict[str, Any]:
    """A statement of a bucket's policy."""
    found = {"Effect": effect, "Action": action, "Resource": resource, **more}
    if principal is not None:
        found["Principal"] = principal
    return {name: value for name, value in found.items() if value is not None}


def bucket_policy(*statements: Mapping[str, Any]) -> Policy:
    """A parsed policy of the bucket."""
    return parse_bucket_policy(document(*statements), BUCKET)


def own_policy(
    effect: str, action: Any, resource: Any = "*", authority: str = "alice"
) -> IdentityPolicy:
    """A policy of a user, with one statement."""
    text = document(statement(effect, None, action, resource))
    return IdentityPolicy(parse_identity_policy(text).statements, authority)


def user(account_id: str, *policies: IdentityPolicy, name: str = "carol", **more: Any) -> Identity:
    """A user of an account."""
    return member(
        account_id,
        f"arn:aws:iam::{account_id}:user/{name}",
        user_id=f"AIDA{name}",
        username=name,
        policies=policies,
        **more,
    )


def asks(
    identity: Identity,
    action: str = "s3:GetObject",
    key: str = "key",
    **keys: str | Sequence[str],
) -> AccessRequest:
    """A request; `aws_sourceip="x"` is the condition key aws:sourceip."""
    given = {
        name.replace("_", ":", 1): [value] if isinstance(value, str) else value
        for name, value in keys.items()
    }
    return AccessRequest(identity, action, bucket_arn(BUCKET, key), Given(given))
