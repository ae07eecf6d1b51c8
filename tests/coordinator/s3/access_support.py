"""Policies and what else is said about access, in few words."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from tests.coordinator.s3.support import BUCKET, Answer, Stand

POLICY = {"policy": ""}
STATUS = {"policyStatus": ""}
BLOCK = {"publicAccessBlock": ""}
OWNERSHIP = {"ownershipControls": ""}
ACL = {"acl": ""}
PUBLIC_READ = {"x-amz-acl": "public-read"}


def policy(*statements: Mapping[str, Any]) -> str:
    """A policy's text."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(
    action: Any, effect: str = "Allow", principal: Any = "*", key: str = "*", **more: Any
) -> dict[str, Any]:
    """A statement about the bucket and the keys in it."""
    resource = [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/{key}"]
    return {
        "Effect": effect,
        "Principal": principal,
        "Action": action,
        "Resource": resource,
        **more,
    }


TO_BOB = {"AWS": "arn:aws:iam::bob:root"}


def md5_of(body: str) -> dict[str, str]:
    """The header that DeleteObjects insists on."""
    digest = hashlib.md5(body.encode(), usedforsecurity=False).digest()
    return {"content-md5": base64.b64encode(digest).decode()}


async def put_policy(stand: Stand, *statements: Mapping[str, Any]) -> None:
    answer = await stand.call("PUT", f"/{BUCKET}", policy(*statements), query=POLICY)
    assert answer.status == 204, answer.body


async def block(stand: Stand, **switches: bool) -> None:
    """Set the public access block."""
    content = "".join(f"<{name}>{str(on).lower()}</{name}>" for name, on in switches.items())
    body = f"<PublicAccessBlockConfiguration>{content}</PublicAccessBlockConfiguration>"
    assert (await stand.call("PUT", f"/{BUCKET}", body, query=BLOCK)).status == 200


async def own(stand: Stand, ownership: str) -> Answer:
    rule = f"<Rule><ObjectOwnership>{ownership}</ObjectOwnership></Rule>"
    body = f"<OwnershipControls>{rule}</OwnershipControls>"
    return await stand.call("PUT", f"/{BUCKET}", body, query=OWNERSHIP)
