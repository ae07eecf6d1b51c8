"""`<AccessControlPolicy>`, both ways, and `<PolicyStatus>`.

Rules: groups stand before accounts, as S3 lists them. What is not an ACL is MalformedACLError.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from xml.etree.ElementTree import Element

from coordinator.access.acl import GROUP_URIS, PERMISSIONS, Acl, Grant
from coordinator.s3.errors import S3Error
from coordinator.s3.xml.markup import boolean, document, element, user_element
from coordinator.s3.xml.tree import children, fields, only, root, text, xsi_type
from metadata.model import User

XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"

_GRANTEES: Final[Mapping[str, tuple[str, str]]] = {
    "CanonicalUser": ("id", "ID"),
    "AmazonCustomerByEmail": ("emailaddress", "EmailAddress"),
    "Group": ("uri", "URI"),
}
"""xsi:type -> (how grant headers call it, the element that names it)."""


@dataclass(frozen=True, slots=True)
class NamedGrant:
    """A grant as a client wrote it: `kind` is id, emailaddress or uri."""

    kind: str
    value: str
    permission: str


@dataclass(frozen=True, slots=True)
class AclDocument:
    """What a client wants an ACL to be; `owner_id` "" if it does not say whose it is."""

    owner_id: str
    grants: tuple[NamedGrant, ...]


def access_control_policy(owner: User, acl: Acl, names: Mapping[str, str]) -> bytes:
    """`<AccessControlPolicy>`; `names` are display names of grantees, where there are any."""
    ordered = sorted(acl.grants, key=lambda grant: not grant.is_group)
    content = "".join(_grant(grant, names) for grant in ordered)
    return document(
        "AccessControlPolicy",
        f"{user_element('Owner', owner)}<AccessControlList>{content}</AccessControlList>",
    )


def _grant(grant: Grant, names: Mapping[str, str]) -> str:
    if grant.is_group:
        kind, content = "Group", element("URI", GROUP_URIS[grant.grantee])
    else:
        kind, content = "CanonicalUser", element("ID", grant.grantee)
        if grant.grantee in names:
            content += element("DisplayName", names[grant.grantee])
    grantee = f'<Grantee xmlns:xsi="{XSI}" xsi:type="{kind}">{content}</Grantee>'
    return f"<Grant>{grantee}{element('Permission', grant.permission)}</Grant>"


def parse_access_control_policy(body: bytes) -> AclDocument:
    """Raises S3Error MalformedACLError."""
    try:
        return _document(body)
    except S3Error as error:
        raise S3Error("MalformedACLError") from error


def _document(body: bytes) -> AclDocument:
    found = only(root(body, "AccessControlPolicy"), "Owner", "AccessControlList")
    if "AccessControlList" not in found:
        raise S3Error("MalformedACLError")
    owner = fields(found["Owner"]) if "Owner" in found else {}
    if owner.keys() - {"ID", "DisplayName"}:
        raise S3Error("MalformedACLError")
    grants = []
    for name, child in children(found["AccessControlList"]):
        if name != "Grant":
            raise S3Error("MalformedACLError")
        grants.append(_named_grant(child))
    return AclDocument(owner.get("ID", "").strip(), tuple(grants))


def _named_grant(node: Element) -> NamedGrant:
    found = only(node, "Grantee", "Permission")
    if found.keys() != {"Grantee", "Permission"}:
        raise S3Error("MalformedACLError")
    permission = text(found["Permission"]).strip()
    if permission not in PERMISSIONS:
        raise S3Error("MalformedACLError")
    grantee = fields(found["Grantee"])
    kind = xsi_type(found["Grantee"]).rpartition(":")[2]
    if kind not in _GRANTEES:
        raise S3Error("MalformedACLError")
    name, identifier = _GRANTEES[kind]
    if identifier not in grantee or grantee.keys() - {identifier, "DisplayName"}:
        raise S3Error("MalformedACLError")
    return NamedGrant(name, grantee[identifier].strip(), permission)


def policy_status(is_public: bool) -> bytes:
    """`<PolicyStatus>`."""
    return document("PolicyStatus", element("IsPublic", boolean(is_public)))
