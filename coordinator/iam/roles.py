"""Roles: what is particular to them, and who may play one.

Source: "Policy evaluation logic" and "AssumeRole" in the IAM User Guide and the STS API Reference.

Rules: the trust policy decides. Whom it names by his own ARN may play the role; whom it names by
his account only, if that account's policies allow it to him as well. A Deny anywhere, and a
session's own policies, count against it as always.
"""

import re
from collections.abc import Sequence
from typing import Final

from coordinator.access import (
    AccessRequest,
    Decision,
    PolicyError,
    decide,
    parse_trust_policy,
)
from coordinator.iam.directory import Directory
from coordinator.iam.entities import Entity, Kind
from coordinator.iam.errors import IamError
from coordinator.iam.names import account_named

ASSUME_ROLE: Final = "sts:AssumeRole"
ASSUME_ROLE_WITH_WEB_IDENTITY: Final = "sts:AssumeRoleWithWebIdentity"
TAG_SESSION: Final = "sts:TagSession"

TRUST: Final = "trust"
DESCRIPTION: Final = "description"
MAX_SESSION_S: Final = "max_session_s"
"""What `Entity.more` of a role holds."""

SHORTEST_MAX_SESSION_S: Final = 3600
LONGEST_MAX_SESSION_S: Final = 12 * 3600
MAX_DESCRIPTION_LENGTH: Final = 1000
MAX_TRUST_LENGTH: Final = 4096

_ARN = re.compile(r"arn:aws:iam::([^:]*):role(/|/[!-~]*/)([\w+=,.@-]+)", re.ASCII)


def check_trust(text: str) -> str:
    """A trust policy, as it is kept: to the letter. Raises IamError MalformedPolicyDocument,
    LimitExceeded."""
    if len(text) > MAX_TRUST_LENGTH:
        raise IamError("LimitExceeded", f"a trust policy has at most {MAX_TRUST_LENGTH} characters")
    try:
        parse_trust_policy(text)
    except PolicyError as error:
        raise IamError("MalformedPolicyDocument", str(error)) from error
    return text


def check_description(text: str) -> str:
    """What a role is for, in words. Raises IamError ValidationError."""
    if len(text) > MAX_DESCRIPTION_LENGTH:
        raise IamError(
            "ValidationError", f"Description has at most {MAX_DESCRIPTION_LENGTH} characters"
        )
    return text


async def find_role(directory: Directory, arn: str) -> Entity | None:
    """The role with that ARN, whichever account it is of. Without an account it is a role of the
    store; no ARN means what happens to have that name. Raises IamError ValidationError."""
    match = _ARN.fullmatch(arn)
    if match is None:
        raise IamError("ValidationError", "RoleArn is not the ARN of a role")
    account_id = account_named(match[1])
    role = await directory.look_up(Kind.ROLE, account_id, match[3])
    return role if role is not None and (role.path, role.name) == (match[2], match[3]) else None


def account_of_role(arn: str) -> str:
    """The account that an ARN of a role means. Raises IamError ValidationError."""
    match = _ARN.fullmatch(arn)
    if match is None:
        raise IamError("ValidationError", "RoleArn is not the ARN of a role")
    return account_named(match[1])


def tags_of_resource(role: Entity) -> dict[str, Sequence[str]]:
    """The role's own tags, as a trust policy may ask for them."""
    return {
        f"{name}:resourcetag/{key}": (value,)
        for key, value in role.tags.items()
        for name in ("iam", "aws")
    }


def trusts(role: Entity, request: AccessRequest) -> bool:
    """Whether the trust policy, and it alone, allows this to somebody of no account."""
    return decide(parse_trust_policy(role.more[TRUST]).statements, request) is Decision.ALLOW


def longest_session_s(role: Entity) -> int:
    """How long sessions of the role may last."""
    return int(role.more[MAX_SESSION_S])


def may_assume(role: Entity, request: AccessRequest) -> bool:
    """Whether the sender may play the role; the request is for ASSUME_ROLE on its ARN."""
    identity = request.identity
    trusted = decide(parse_trust_policy(role.more[TRUST]).statements, request)
    own = Decision.ALLOW if identity.is_account else Decision.NEUTRAL
    for policy in identity.policies:
        own = max(own, decide(policy.statements, request))
    limits = [decide(limit, request) for limit in identity.limits]
    if Decision.DENY in (trusted, own) or any(limit is not Decision.ALLOW for limit in limits):
        return False
    if trusted is Decision.DELEGATED:
        return own is Decision.ALLOW
    return trusted is Decision.ALLOW
