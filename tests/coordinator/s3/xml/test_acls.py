"""`<AccessControlPolicy>`, both ways."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.access import Acl, Grant
from coordinator.s3.errors import S3Error
from coordinator.s3.xml.acls import (
    AclDocument,
    NamedGrant,
    access_control_policy,
    parse_access_control_policy,
    policy_status,
)
from metadata import User

OWNER = User("alice", "Alice & Co", False, 0)
XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


def grant(kind: str, content: str, permission: str = "READ") -> str:
    """One grant as clients write it."""
    grantee = f'<Grantee {XSI} xsi:type="{kind}">{content}</Grantee>'
    return f"<Grant>{grantee}<Permission>{permission}</Permission></Grant>"


def policy(*grants: str, owner: str = "<Owner><ID>alice</ID></Owner>") -> bytes:
    """A document with these grants."""
    content = f"{owner}<AccessControlList>{''.join(grants)}</AccessControlList>"
    return f"<AccessControlPolicy>{content}</AccessControlPolicy>".encode()


def test_grants_of_all_kinds() -> None:
    body = policy(
        grant("CanonicalUser", "<ID> bob </ID><DisplayName>Bob</DisplayName>", "WRITE_ACP"),
        grant("Group", f"<URI>{ALL_USERS}</URI>"),
        grant("AmazonCustomerByEmail", "<EmailAddress>b@example.com</EmailAddress>"),
    )
    assert parse_access_control_policy(body) == AclDocument(
        "alice",
        (
            NamedGrant("id", "bob", "WRITE_ACP"),
            NamedGrant("uri", ALL_USERS, "READ"),
            NamedGrant("emailaddress", "b@example.com", "READ"),
        ),
    )


def test_nobody_may_be_granted_anything() -> None:
    assert parse_access_control_policy(policy(owner="")) == AclDocument("", ())


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"<Other/>",
        b"<AccessControlPolicy/>",
        policy("<Grant/>"),
        policy("<Other/>"),
        policy(grant("CanonicalUser", "<ID>bob</ID>", "ALL")),
        policy(grant("Somebody", "<ID>bob</ID>")),
        policy(grant("CanonicalUser", "<URI>bob</URI>")),
        policy(grant("CanonicalUser", "")),
        policy(grant("Group", "<URI>x</URI><ID>y</ID>")),
        policy("<Grant><Grantee><ID>bob</ID></Grantee><Permission>READ</Permission></Grant>"),
        policy(owner="<Owner><Name>x</Name></Owner>"),
        policy(owner="<Owner/><Owner/>"),
    ],
)
def test_what_is_refused(body: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        parse_access_control_policy(body)
    assert caught.value.code == "MalformedACLError"


def test_what_is_shown_can_be_put_back() -> None:
    acl = Acl((Grant("alice", "FULL_CONTROL"), Grant("AllUsers", "READ", True), Grant("x", "READ")))
    body = access_control_policy(OWNER, acl, {"alice": "Alice & Co"})
    assert body.count(b"<DisplayName>Alice &amp; Co</DisplayName>") == 2
    assert parse_access_control_policy(body) == AclDocument(
        "alice",
        (
            NamedGrant("uri", ALL_USERS, "READ"),
            NamedGrant("id", "alice", "FULL_CONTROL"),
            NamedGrant("id", "x", "READ"),
        ),
    )


def test_policy_status() -> None:
    assert b"<IsPublic>true</IsPublic>" in policy_status(True)
    assert b"<IsPublic>false</IsPublic>" in policy_status(False)


PIECES = st.sampled_from(
    [
        *("<AccessControlPolicy>", "</AccessControlPolicy>", "<Grant>", "</Grant>", "<Owner>"),
        *("</Owner>", "<AccessControlList>", "</AccessControlList>", "<ID>", "</ID>", "READ"),
        *(f'<Grantee {XSI} xsi:type="Group">', "</Grantee>", "<Permission>", "</Permission>"),
    ]
)


@given(st.lists(PIECES | st.text(max_size=3), max_size=12))
def test_nothing_else_is_raised(pieces: list[str]) -> None:
    with suppress(S3Error):
        parse_access_control_policy("".join(pieces).encode("utf-8", "replace"))
