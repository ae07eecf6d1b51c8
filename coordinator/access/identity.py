"""Who asks: an account, a user or role of one, a service of this store, somebody whom an identity
provider knows, or nobody in particular.

Rules: an account owns buckets and objects and may do everything with its own, and take what others
give it; policies attached to it add to that, or deny. A user or role of an account may do what its
policies allow, and nothing else. `names` are what a policy may call exactly this sender;
`account_names` are those of its account, which hand the decision to the account's own policies.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from coordinator.access.policy import Statement

ANY: Final = "*"
"""The authority of the store's root: its policies open everybody's buckets."""


@dataclass(frozen=True, slots=True)
class IdentityPolicy:
    """One policy of a user, group or role. What it allows it allows on buckets of the account
    `authority` (ANY: of all); for the buckets of others it only lets pass what they allow."""

    statements: tuple[Statement, ...]
    authority: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A sender, as decisions about access see it.

    `is_account`: not one of an account's users or roles. `limits`: session policies and permission
    boundaries, each of which must allow what is to be allowed. `tags` are aws:PrincipalTag/*.
    """

    account_id: str
    user_id: str
    arn: str
    names: frozenset[str]
    account_names: frozenset[str] = frozenset()
    is_account: bool = True
    is_root: bool = False
    username: str = ""
    kind: str = "Account"
    policies: tuple[IdentityPolicy, ...] = ()
    limits: tuple[tuple[Statement, ...], ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    session_names: frozenset[str] = frozenset()
    """Those of `names` that mean this one session: what a bucket's policy allows to it was said in
    full knowledge, and the session's own policies take none of it away."""
    session: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Further condition keys of the session (aws:TokenIssueTime, its tags, ...), in the spelling of
    `condition_key`. They count before what follows from the rest."""

    @property
    def is_anonymous(self) -> bool:
        """Nobody in particular."""
        return self.kind == "Anonymous"

    @property
    def is_service(self) -> bool:
        """A part of this store that works for its users (log delivery)."""
        return self.kind == "Service"

    @property
    def must_be_named(self) -> bool:
        """Whether a policy that lets everybody in does not mean this one: a service, or somebody
        who is known to a foreign identity provider only."""
        return self.kind in ("Service", "FederatedUser")

    @property
    def is_whole_account(self) -> bool:
        """Whether nothing narrows what the account may do."""
        return self.is_account and not self.policies and not self.limits


ANONYMOUS: Final = Identity("", "anonymous", "", frozenset(), kind="Anonymous")


def root_arn(account_id: str) -> str:
    """The ARN that stands for a whole account."""
    return f"arn:aws:iam::{account_id}:root"


def account(
    account_id: str,
    *,
    is_root: bool = False,
    username: str = "",
    policies: tuple[IdentityPolicy, ...] = (),
) -> Identity:
    """An account that asks with its own keys. `is_root`: the store's root."""
    arn = root_arn(account_id)
    names = {arn, f"arn:aws:iam:::user/{account_id}", f"canonical:{account_id}"}
    return Identity(
        account_id,
        account_id,
        arn,
        frozenset(names),
        is_root=is_root,
        username=username or account_id,
        policies=policies,
    )


def member(
    account_id: str,
    arn: str,
    *,
    user_id: str,
    username: str = "",
    kind: str = "User",
    names: frozenset[str] = frozenset(),
    session_names: frozenset[str] = frozenset(),
    policies: tuple[IdentityPolicy, ...] = (),
    limits: tuple[tuple[Statement, ...], ...] = (),
    tags: Mapping[str, str] | None = None,
    session: Mapping[str, Sequence[str]] | None = None,
) -> Identity:
    """A user or role session of an account; `names` are further ARNs (the role of a session), and
    `session_names` those of the session itself."""
    return Identity(
        account_id,
        user_id,
        arn,
        names | session_names | {arn},
        frozenset({root_arn(account_id), f"canonical:{account_id}"}),
        is_account=False,
        username=username,
        kind=kind,
        policies=policies,
        limits=limits,
        tags=tags or {},
        session_names=session_names,
        session=session or {},
    )


def service(name: str) -> Identity:
    """A service principal such as logging.s3.amazonaws.com."""
    return Identity("", name, "", frozenset({f"service:{name}"}), kind="Service")


def federated(provider_arns: frozenset[str]) -> Identity:
    """Whom an identity provider knows; the ARNs are the provider's."""
    names = frozenset(f"federated:{arn}" for arn in provider_arns)
    return Identity("", "", "", names, is_account=False, kind="FederatedUser")
