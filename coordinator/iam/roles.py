"""Roles: what is particular to them, and who may play one.

Source: "Policy evaluation logic" and "AssumeRole" in the IAM User Guide and the STS API Reference.

Rules: the trust policy decides. Whom it names by his own ARN may play the role; whom it names by
his account only, if that account's policies allow it to him as well. A Deny anywhere, and a
session's own policies, count against it as always.
"""

from typing import Final

from coordinator.access import (
    AccessRequest,
    Decision,
    PolicyError,
    decide,
    parse_trust_policy,
)
from coordinator.iam.entities import Entity
from coordinator.iam.errors import IamError

ASSUME_ROLE: Final = "sts:AssumeRole"

TRUST: Final = "trust"
DESCRIPTION: Final = "description"
MAX_SESSION_S: Final = "max_session_s"
"""What `Entity.more` of a role holds."""

SHORTEST_MAX_SESSION_S: Final = 3600
LONGEST_MAX_SESSION_S: Final = 12 * 3600
MAX_DESCRIPTION_LENGTH: Final = 1000
MAX_TRUST_LENGTH: Final = 4096


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
