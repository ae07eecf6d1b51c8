"""Users, groups, roles, managed policies and identity providers of an account, and how each is
kept: as one document.

Rules: what an entity has (policies, attachments, groups, tags) stands in its own document, so that
every change of it is one compare-and-set, and what is removed leaves nothing behind. Others point
to it by its id, which is never used again; names may change.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from coordinator.iam.names import ROOT_ID as ROOT_ID
from coordinator.iam.names import entity_arn


class Kind(StrEnum):
    """What an entity is; also the kind of its document in the metadata."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"
    POLICY = "policy"
    PROVIDER = "oidc-provider"
    ACCOUNT = "account"
    """What root says about a user of the store, each of whom is an account."""


@dataclass(frozen=True, slots=True)
class Entity:
    """`policies` are inline ones by name, `attached` the ARNs of managed ones, `groups` the ids of
    a user's groups. `more` is what only its kind has: a role's trust policy, a provider's URL.
    What root says about an account belongs to root's account, and so do its groups."""

    kind: Kind
    account_id: str
    id: str
    name: str
    path: str = "/"
    created_at_ms: int = 0
    policies: Mapping[str, str] = field(default_factory=dict)
    attached: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    tags: Mapping[str, str] = field(default_factory=dict)
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        """Its name in policies."""
        if self.kind is Kind.ACCOUNT:
            return account_arn(self.id)
        return entity_arn(self.kind, self.account_id, self.path, self.name)

    def dump(self) -> str:
        """The document."""
        return json.dumps(asdict(self), separators=(",", ":"), sort_keys=True)


def load(document: str) -> Entity:
    """The entity that was kept."""
    kept = json.loads(document)
    kept["kind"] = Kind(kept["kind"])
    for name in ("attached", "groups"):
        kept[name] = tuple(kept[name])
    return Entity(**kept)


def store_user(account_id: str) -> Entity:
    """A user of the store about whom root has said nothing yet."""
    return Entity(Kind.ACCOUNT, ROOT_ID, account_id, account_id)


def account_arn(account_id: str) -> str:
    """The ARN of an account where it is somebody's business as a user of the store: to give it
    policies, for example."""
    return f"arn:aws:iam:::user/{account_id}"
