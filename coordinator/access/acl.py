"""Access control lists: grants, the canned ones, and how they are kept.

Source: "Access control list (ACL) overview" in the S3 User Guide.

Rules: an ACL is kept as JSON, and the empty text stands for the private one: FULL_CONTROL to the
owner, whoever that is. The owner of a bucket or object is not part of its ACL. Grantees are
accounts by id, or groups by the last word of their URI.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from coordinator.access.actions import FULL_CONTROL, READ, READ_ACP, WRITE, WRITE_ACP
from coordinator.access.errors import PolicyError
from coordinator.access.identity import Identity

ALL_USERS: Final = "AllUsers"
AUTHENTICATED_USERS: Final = "AuthenticatedUsers"
LOG_DELIVERY: Final = "LogDelivery"
GROUP_URIS: Final[Mapping[str, str]] = {
    ALL_USERS: "http://acs.amazonaws.com/groups/global/AllUsers",
    AUTHENTICATED_USERS: "http://acs.amazonaws.com/groups/global/AuthenticatedUsers",
    LOG_DELIVERY: "http://acs.amazonaws.com/groups/s3/LogDelivery",
}
GROUPS: Final = {uri: group for group, uri in GROUP_URIS.items()}
PUBLIC_GROUPS: Final = frozenset({ALL_USERS, AUTHENTICATED_USERS})

PERMISSIONS: Final = frozenset({READ, WRITE, READ_ACP, WRITE_ACP, FULL_CONTROL})
MAX_GRANTS: Final = 100
LOGGING_SERVICE: Final = "service:logging.s3.amazonaws.com"

EC2_ID: Final = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c"
"""Whom aws-exec-read means; nobody has this id here, so the grant is only given back."""

BUCKET_OWNER_FULL_CONTROL: Final = "bucket-owner-full-control"
PRIVATE: Final = "private"


@dataclass(frozen=True, slots=True)
class Grant:
    """A permission for an account (its id) or, with `is_group`, for a group."""

    grantee: str
    permission: str
    is_group: bool = False


@dataclass(frozen=True, slots=True)
class Acl:
    """Who may do what, besides the owner."""

    grants: tuple[Grant, ...]

    @property
    def is_public(self) -> bool:
        """Whether it opens anything to strangers."""
        return any(grant.is_group and grant.grantee in PUBLIC_GROUPS for grant in self.grants)

    def permits(self, identity: Identity, permission: str, *, ignore_public: bool = False) -> bool:
        """Whether some grant gives the sender the permission."""
        return any(
            grant.permission in (permission, FULL_CONTROL)
            and _is_meant(grant, identity)
            and not (ignore_public and grant.is_group and grant.grantee in PUBLIC_GROUPS)
            for grant in self.grants
        )


def _is_meant(grant: Grant, identity: Identity) -> bool:
    if not grant.is_group:
        return not identity.is_anonymous and grant.grantee == identity.account_id
    if grant.grantee == ALL_USERS:
        return not identity.is_service
    if grant.grantee == AUTHENTICATED_USERS:
        return not (identity.is_anonymous or identity.is_service)
    return grant.grantee == LOG_DELIVERY and LOGGING_SERVICE in identity.names


def private(owner_id: str) -> Acl:
    """What the empty text stands for."""
    return Acl((Grant(owner_id, FULL_CONTROL),))


_CANNED_GROUPS: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    PRIVATE: (),
    "public-read": ((ALL_USERS, READ),),
    "public-read-write": ((ALL_USERS, READ), (ALL_USERS, WRITE)),
    "authenticated-read": ((AUTHENTICATED_USERS, READ),),
    "log-delivery-write": ((LOG_DELIVERY, WRITE), (LOG_DELIVERY, READ_ACP)),
}
_CANNED_BUCKET_OWNER: Final[Mapping[str, str]] = {
    "bucket-owner-read": READ,
    BUCKET_OWNER_FULL_CONTROL: FULL_CONTROL,
}
_OBJECTS_ONLY: Final = frozenset(_CANNED_BUCKET_OWNER)
_BUCKETS_ONLY: Final = frozenset({"log-delivery-write"})


def canned(name: str, *, owner_id: str, bucket_owner_id: str, is_bucket: bool) -> Acl:
    """A canned ACL. Raises PolicyError for an unknown one.

    A bucket takes the two about its owner as private, which is what they come to, and an object
    takes log-delivery-write so, as S3 has it.
    """
    owner = Grant(owner_id, FULL_CONTROL)
    if name == "aws-exec-read":
        return Acl((owner, Grant(EC2_ID, READ)))
    if name in _CANNED_BUCKET_OWNER:
        if is_bucket or owner_id == bucket_owner_id:
            return Acl((owner,))
        return Acl((owner, Grant(bucket_owner_id, _CANNED_BUCKET_OWNER[name])))
    groups = _CANNED_GROUPS.get(name)
    if groups is None:
        raise PolicyError(f"There is no canned ACL {name!r}")
    if name in _BUCKETS_ONLY and not is_bucket:
        groups = ()
    return Acl((owner, *(Grant(group, permission, True) for group, permission in groups)))


def dump(acl: Acl, owner_id: str) -> str:
    """The ACL as it is kept; the private one is the empty text."""
    if acl == private(owner_id):
        return ""
    return json.dumps(
        [
            ["group" if grant.is_group else "user", grant.grantee, grant.permission]
            for grant in acl.grants
        ],
        separators=(",", ":"),
    )


def load(document: str, owner_id: str) -> Acl:
    """The ACL that was kept."""
    return _load(document) if document else private(owner_id)


@lru_cache(maxsize=4096)
def _load(document: str) -> Acl:
    kept: Iterable[Sequence[str]] = json.loads(document)
    return Acl(tuple(Grant(who, permission, kind == "group") for kind, who, permission in kept))
