"""May this sender do this? All that has a say, weighed in one place.

    explicit Deny (bucket policy, the sender's own policies)            -> no
    limits of the session that do not allow it                          -> no, unless the bucket's
                                                                           policy names the session
    the store's root, the owning account, or what its policies allow    -> yes
    the bucket's policy, an ACL, as far as nothing public is blocked    -> yes, if the sender's own
                                                                           account lets it pass
    otherwise                                                           -> no

Source: "Policy evaluation logic" in the IAM User Guide, "How Amazon S3 authorizes a request" in the
S3 User Guide.

Rules: an object is read, and its ACL seen and set, by leave of the object's owner; everything else
is the bucket owner's to allow. A bucket's policy therefore opens an object of another owner to
nobody, though it can close it. No policy can take from the owning account to look at, set and
remove the bucket's policy, unless its author confirmed just that; nothing takes it from the root of
the store.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, NamedTuple

from coordinator.access.acl import Acl
from coordinator.access.actions import BUCKET_PERMISSION, OBJECT_PERMISSION, POLICY_ACTIONS
from coordinator.access.bucket import BucketAccess
from coordinator.access.evaluate import AccessRequest, Context, Decision, decide
from coordinator.access.identity import ANY, Identity

RESOURCE_TAGS: Final = ("s3:resourcetag", "aws:resourcetag")
"""Condition keys for the tags of the bucket, also where an object in it is asked about."""


@dataclass(frozen=True, slots=True)
class Target:
    """The bucket that is asked about, and the object if there is one: `object_owner` "" if not."""

    bucket_owner: str
    access: BucketAccess
    object_owner: str = ""
    object_acl: Acl | None = None


class Verdict(NamedTuple):
    """ALLOW, DENY (somebody said so) or NEUTRAL (nobody allowed it): both mean no. `by_acl`: what
    allowed it is an ACL, and nothing else did."""

    decision: Decision
    by_acl: bool = False


ALLOWED: Final = Verdict(Decision.ALLOW)
_ALLOWED_BY_ACL: Final = Verdict(Decision.ALLOW, True)
_DENIED: Final = Verdict(Decision.DENY)
_NOT_ALLOWED: Final = Verdict(Decision.NEUTRAL)


@dataclass(frozen=True, slots=True)
class _Tagged:
    """A context, and the tags of the bucket."""

    context: Context
    tags: Mapping[str, str]

    def values(self, key: str) -> Sequence[str] | None:
        """The values of a condition key."""
        name, slash, tag = key.partition("/")
        if not slash or name not in RESOURCE_TAGS:
            return self.context.values(key)
        return (self.tags[tag],) if tag in self.tags else None


def authorize(request: AccessRequest, target: Target) -> bool:
    """Whether the sender may."""
    return judge(request, target).decision is Decision.ALLOW


def judge(request: AccessRequest, target: Target) -> Verdict:
    """Whether the sender may, and why."""
    identity, access = request.identity, target.access
    if access.tags:
        request = replace(request, context=_Tagged(request.context, access.tags))
    said = Decision.NEUTRAL
    if access.policy is not None:
        said = decide(access.policy.statements, request)
        if said is Decision.DENY and not _is_beyond_denial(request, target):
            return _DENIED
    own, grants = _own_policies(request, target)
    limits = [decide(limit, request) for limit in identity.limits]
    if own is Decision.DENY or Decision.DENY in limits:
        return _DENIED
    if any(limit is not Decision.ALLOW for limit in limits):
        return ALLOWED if _allows_the_session(request, target) else _NOT_ALLOWED
    if grants:
        return ALLOWED
    lets_pass = own is Decision.ALLOW
    if said in (Decision.ALLOW, Decision.DELEGATED) and _policy_counts(request, target):
        is_of_owner = identity.account_id == target.bucket_owner
        if lets_pass or (said is Decision.ALLOW and is_of_owner):
            return ALLOWED
    if lets_pass and _acl_permits(request, target):
        return _ALLOWED_BY_ACL
    return _NOT_ALLOWED


def _allows_the_session(request: AccessRequest, target: Target) -> bool:
    """Whether the bucket's policy allows it to this one session, of the bucket owner's account, by
    name. Source: "Session policies" in the IAM User Guide."""
    identity, policy = request.identity, target.access.policy
    if policy is None or identity.account_id != target.bucket_owner:
        return False
    named = (
        statement
        for statement in policy.statements
        if statement.allows and not statement.principals.isdisjoint(identity.session_names)
    )
    return decide(named, request) is Decision.ALLOW and _policy_counts(request, target)


def _own_policies(request: AccessRequest, target: Target) -> tuple[Decision, bool]:
    """What the sender's account and policies say, and whether that is enough."""
    identity = request.identity
    authority = _authority(request, target)
    own, grants = Decision.NEUTRAL, False
    if identity.is_account:
        own = Decision.ALLOW
        grants = identity.is_root or (authority != "" and identity.account_id == authority)
    for policy in identity.policies:
        decision = decide(policy.statements, request)
        own = max(own, decision)
        grants = grants or (decision is Decision.ALLOW and policy.authority in (ANY, authority))
    return own, grants


def _authority(request: AccessRequest, target: Target) -> str:
    """The account whose business it is."""
    if target.object_owner and request.action in OBJECT_PERMISSION and target.access.has_acls:
        return target.object_owner
    return target.bucket_owner


def _policy_counts(request: AccessRequest, target: Target) -> bool:
    """Whether what the bucket's policy allows is the bucket owner's to allow, and not blocked."""
    identity, access = request.identity, target.access
    if _authority(request, target) != target.bucket_owner:
        return False
    is_restricted = access.block.restrict and access.policy_is_public
    return not is_restricted or identity.is_service or identity.account_id == target.bucket_owner


def _acl_permits(request: AccessRequest, target: Target) -> bool:
    access = target.access
    if not access.has_acls:
        return False
    if target.object_owner and request.action in OBJECT_PERMISSION:
        acl, permission = target.object_acl, OBJECT_PERMISSION[request.action]
    else:
        acl, permission = access.acl, BUCKET_PERMISSION.get(request.action, "")
    return (
        acl is not None
        and permission != ""
        and acl.permits(request.identity, permission, ignore_public=access.block.ignore_acls)
    )


def _is_beyond_denial(request: AccessRequest, target: Target) -> bool:
    identity: Identity = request.identity
    if request.action not in POLICY_ACTIONS or not identity.is_whole_account:
        return False
    return identity.is_root or (
        identity.account_id == target.bucket_owner and not target.access.locks_owner_out
    )
