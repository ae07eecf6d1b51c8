"""Who is granted what, as clients say it: x-amz-acl, x-amz-grant-* and the ACL document.

Rules: a grantee must exist, or the ACL is refused: a grant to a typing error would sit there until
somebody takes that name. One request says it in one way only.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from coordinator.access import Acl, BucketAccess, Grant, Identity, PolicyError
from coordinator.access.acl import (
    BUCKET_OWNER_FULL_CONTROL,
    EC2_ID,
    GROUPS,
    MAX_GRANTS,
    canned,
    dump,
    private,
)
from coordinator.access.actions import FULL_CONTROL
from coordinator.s3.errors import S3Error
from metadata import Bucket, MetadataStore, NoSuchUser

CANNED: Final = "x-amz-acl"
GRANT_HEADERS: Final[Mapping[str, str]] = {
    "x-amz-grant-read": "READ",
    "x-amz-grant-write": "WRITE",
    "x-amz-grant-read-acp": "READ_ACP",
    "x-amz-grant-write-acp": "WRITE_ACP",
    "x-amz-grant-full-control": FULL_CONTROL,
}

_ACL_HEADERS: Final = frozenset({CANNED, *GRANT_HEADERS})

_GRANTEE = re.compile(r'\s*(id|uri|emailaddress)\s*=\s*(?:"([^"]*)"|([^",\s]+))\s*', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Asked:
    """One grant of a request: `kind` is id, uri or emailaddress."""

    kind: str
    value: str
    permission: str


@dataclass(slots=True)
class NewAccess:
    """Whose a new object is, and its ACL as metadata keeps it."""

    owner_id: str
    acl: str


def parse_grants(headers: Mapping[str, str]) -> list[Asked]:
    """What x-amz-grant-* ask for. Raises S3Error InvalidArgument."""
    asked: list[Asked] = []
    for name, permission in GRANT_HEADERS.items():
        text = headers.get(name, "")
        for item in text.split(",") if text.strip() else ():
            found = _GRANTEE.fullmatch(item)
            if found is None:
                raise S3Error(
                    "InvalidArgument",
                    "Argument format not recognized",
                    extra={"ArgumentName": name, "ArgumentValue": text},
                )
            value = found[2] if found[2] is not None else found[3]
            asked.append(Asked(found[1].lower(), value, permission))
    return asked


async def resolve(metadata: MetadataStore, asked: Sequence[Asked]) -> Acl:
    """The grants with their grantees found. Raises S3Error InvalidArgument,
    UnresolvableGrantByEmailAddress, MalformedACLError (too many)."""
    if len(asked) > MAX_GRANTS:
        raise S3Error("MalformedACLError", f"An ACL has at most {MAX_GRANTS} grants.")
    return Acl(tuple([await _resolved(metadata, grant) for grant in asked]))


async def _resolved(metadata: MetadataStore, asked: Asked) -> Grant:
    if asked.kind == "uri":
        group = GROUPS.get(asked.value)
        if group is None:
            raise _invalid("Invalid group uri", "uri", asked.value)
        return Grant(group, asked.permission, is_group=True)
    if asked.kind == "emailaddress":
        user = await metadata.user_by_email(asked.value) if asked.value else None
        if user is None:
            raise S3Error("UnresolvableGrantByEmailAddress")
        return Grant(user.user_id, asked.permission)
    if asked.value != EC2_ID:
        try:
            await metadata.user(asked.value)
        except NoSuchUser:
            raise _invalid("Invalid id", "CanonicalUser/ID", asked.value) from None
    return Grant(asked.value, asked.permission)


def _invalid(message: str, name: str, value: str) -> S3Error:
    return S3Error("InvalidArgument", message, extra={"ArgumentName": name, "ArgumentValue": value})


async def from_headers(
    metadata: MetadataStore,
    headers: Mapping[str, str],
    *,
    owner_id: str,
    bucket_owner_id: str,
    is_bucket: bool,
) -> Acl | None:
    """The ACL that the headers ask for; None if they ask for none. Raises S3Error."""
    name = headers.get(CANNED, "")
    grants = parse_grants(headers)
    if name and grants:
        raise S3Error(
            "InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed"
        )
    if grants:
        return await resolve(metadata, grants)
    if not name:
        return None
    try:
        return canned(name, owner_id=owner_id, bucket_owner_id=bucket_owner_id, is_bucket=is_bucket)
    except PolicyError:
        raise _invalid("", CANNED, name) from None


def refuse_if_blocked(access: BucketAccess, acl: Acl | None) -> None:
    """Raises S3Error AccessDenied for a public ACL where those are blocked."""
    if acl is not None and access.block.block_acls and acl.is_public:
        raise S3Error(
            "AccessDenied",
            "Public ACLs are prevented by the BlockPublicAcls setting of the bucket.",
        )


async def new_object(
    metadata: MetadataStore,
    sender: Identity,
    bucket: Bucket,
    access: BucketAccess,
    headers: Mapping[str, str],
) -> NewAccess:
    """Whose an object is that the sender writes with these headers, and its ACL.

    Raises S3Error AccessControlListNotSupported, AccessDenied, InvalidArgument, ...
    """
    gives_away = headers.get(CANNED) == BUCKET_OWNER_FULL_CONTROL
    owner_id = access.owner_of_new(sender, bucket.owner_id, gives_away=gives_away)
    if _ACL_HEADERS.isdisjoint(headers):
        return NewAccess(owner_id, "")
    acl = await from_headers(
        metadata, headers, owner_id=owner_id, bucket_owner_id=bucket.owner_id, is_bucket=False
    )
    if not access.has_acls:
        # Only what is so anyway may be asked for, and in so many words.
        is_canned = bool(headers.get(CANNED)) and not gives_away
        if is_canned or acl not in (None, private(owner_id)):
            raise S3Error("AccessControlListNotSupported")
        return NewAccess(owner_id, "")
    refuse_if_blocked(access, acl)
    return NewAccess(owner_id, "" if acl is None else dump(acl, owner_id))
