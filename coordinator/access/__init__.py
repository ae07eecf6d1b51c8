"""Who may do what: policies, ACLs and ownership, decided by pure functions. See DESIGN.md."""

from coordinator.access.acl import Acl, Grant
from coordinator.access.actions import action_of, versioned
from coordinator.access.authorize import ALLOWED, Target, Verdict, authorize, judge
from coordinator.access.bucket import UNSET, AccessReader, BucketAccess, Ownership
from coordinator.access.errors import PolicyError
from coordinator.access.evaluate import AccessRequest, Context, Decision, Given, decide
from coordinator.access.identity import (
    ANONYMOUS,
    ANY,
    Identity,
    IdentityPolicy,
    account,
    federated,
    member,
    service,
)
from coordinator.access.policy import (
    Policy,
    Statement,
    bucket_arn,
    parse_bucket_policy,
    parse_identity_policy,
    parse_trust_policy,
)
from coordinator.access.public_access import PublicAccessBlock, is_public

__all__ = [
    "ALLOWED",
    "ANONYMOUS",
    "ANY",
    "UNSET",
    "AccessReader",
    "AccessRequest",
    "Acl",
    "BucketAccess",
    "Context",
    "Decision",
    "Given",
    "Grant",
    "Identity",
    "IdentityPolicy",
    "Ownership",
    "Policy",
    "PolicyError",
    "PublicAccessBlock",
    "Statement",
    "Target",
    "Verdict",
    "account",
    "action_of",
    "authorize",
    "bucket_arn",
    "decide",
    "federated",
    "is_public",
    "judge",
    "member",
    "parse_bucket_policy",
    "parse_identity_policy",
    "parse_trust_policy",
    "service",
    "versioned",
]
