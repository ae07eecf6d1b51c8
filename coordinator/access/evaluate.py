"""Do these statements allow the request, deny it, or say nothing?

Rules: an explicit Deny wins over every Allow, wherever it stands. A statement counts if principal,
action, resource and all conditions fit.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from coordinator.access.identity import Identity
from coordinator.access.patterns import Glob
from coordinator.access.policy import EVERYBODY, Statement


class Decision(IntEnum):
    """What some statements say; the highest of all statements' counts."""

    NEUTRAL = 0
    DELEGATED = 1
    """Allowed to the sender's account, which must have allowed it to the sender."""
    ALLOW = 2
    DENY = 3


class Context(Protocol):
    """What a request says about itself, asked for as far as a condition wants to know."""

    def values(self, key: str) -> Sequence[str] | None:
        """The values of a condition key (as `condition_key` spells it); None if it has none."""
        ...


@dataclass(frozen=True, slots=True)
class Given:
    """A context of known keys, in the spelling of `condition_key`."""

    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def values(self, key: str) -> Sequence[str] | None:
        """The values of a condition key."""
        return self.keys.get(key)


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """`identity` wants to do `action` (s3:GetObject) to `resource` (an ARN)."""

    identity: Identity
    action: str
    resource: str
    context: Context = field(default_factory=Given)

    def lookup(self, key: str) -> Sequence[str] | None:
        """The values of a condition key: what is known of the sender, then the rest."""
        found = sender_values(self.identity, key)
        return self.context.values(key) if found is None else found


def decide(statements: Iterable[Statement], request: AccessRequest) -> Decision:
    """What the statements say to the request."""
    decision = Decision.NEUTRAL
    for statement in statements:
        if statement.allows and decision is Decision.ALLOW:
            continue
        fits = _fits(statement, request)
        if fits is Decision.NEUTRAL:
            continue
        if not statement.allows:
            return Decision.DENY
        decision = max(decision, fits)
    return decision


def names_anybody(statement: Statement) -> bool:
    """Whether the statement speaks of everybody, not of somebody."""
    return statement.is_not_principal or EVERYBODY in statement.principals


def _fits(statement: Statement, request: AccessRequest) -> Decision:
    """ALLOW if the statement speaks of this very sender (or of everybody), DELEGATED if of its
    account, NEUTRAL if it is about something else."""
    who = _principal(statement, request.identity)
    if who is Decision.NEUTRAL:
        return who
    if _any(statement.actions, request.action.lower()) is statement.is_not_action:
        return Decision.NEUTRAL
    lookup = request.lookup
    named = any(resource.matches(request.resource, lookup) for resource in statement.resources)
    if named is statement.is_not_resource:
        return Decision.NEUTRAL
    if all(condition.holds(lookup) for condition in statement.conditions):
        return who
    return Decision.NEUTRAL


def _principal(statement: Statement, identity: Identity) -> Decision:
    principals = statement.principals
    if not principals or EVERYBODY in principals:
        # Some are none of everybody who is let in: who wants a service to work for him names it.
        is_meant = not (principals and statement.allows and identity.must_be_named)
        found = Decision.ALLOW if is_meant else Decision.NEUTRAL
    elif not principals.isdisjoint(identity.names):
        found = Decision.ALLOW
    elif not principals.isdisjoint(identity.account_names):
        found = Decision.DELEGATED
    else:
        found = Decision.NEUTRAL
    if statement.is_not_principal:
        return Decision.ALLOW if found is Decision.NEUTRAL else Decision.NEUTRAL
    return found


def _any(patterns: Sequence[Glob], text: str) -> bool:
    return any(pattern.matches(text) for pattern in patterns)


def sender_values(identity: Identity, key: str) -> Sequence[str] | None:
    """The condition keys that follow from who asks."""
    told = identity.session.get(key)
    if told is not None:
        return told
    name, slash, tag = key.partition("/")
    if not name.startswith("aws:"):
        return None
    if slash:
        value = identity.tags.get(tag) if name == "aws:principaltag" else None
        return None if value is None else (value,)
    match name:
        case "aws:userid":
            found = identity.user_id
        case "aws:username":
            found = identity.username if identity.kind in ("User", "Account") else ""
        case "aws:principalarn":
            found = identity.arn
        case "aws:principalaccount":
            found = identity.account_id
        case "aws:principaltype":
            found = identity.kind
        case "aws:principalisawsservice":
            found = "true" if identity.is_service else "false"
        case _:
            found = ""
    return (found,) if found else None
