"""Policy documents of IAM: checked when they are put, parsed once for all who have them.

Source: "IAM and AWS STS quotas" in the IAM User Guide; white space does not count there.
"""

from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from coordinator.access import Policy, PolicyError, parse_identity_policy
from coordinator.iam.entities import Kind
from coordinator.iam.errors import IamError

MAX_INLINE_CHARACTERS: Final[Mapping[Kind, int]] = {
    Kind.USER: 2048,
    Kind.GROUP: 5120,
    Kind.ROLE: 10240,
    Kind.ACCOUNT: 10240,
}
"""Of all inline policies of one entity together."""

MAX_MANAGED_CHARACTERS: Final = 6144
MAX_DOCUMENT_CHARACTERS: Final = 131_072
CACHED_POLICIES: Final = 4096


@lru_cache(maxsize=CACHED_POLICIES)
def parsed(document: str) -> Policy:
    """A document that was checked before."""
    return parse_identity_policy(document)


def check_document(document: str) -> None:
    """A policy of a user, group or role. Raises IamError MalformedPolicyDocument."""
    if len(document) > MAX_DOCUMENT_CHARACTERS:
        raise IamError("LimitExceeded", "The policy document is too long")
    try:
        policy = parse_identity_policy(document)
    except PolicyError as error:
        raise IamError("MalformedPolicyDocument", str(error)) from error
    sids = Counter(statement.sid for statement in policy.statements if statement.sid)
    if sids and max(sids.values()) > 1:
        raise IamError("MalformedPolicyDocument", "Statement IDs (SID) in a policy must be unique")


def check_inline(kind: Kind, policies: Mapping[str, str]) -> None:
    """All inline policies of an entity. Raises IamError LimitExceeded."""
    most = MAX_INLINE_CHARACTERS[kind]
    if sum(_length(document) for document in policies.values()) > most:
        raise IamError(
            "LimitExceeded", f"Maximum policy size of {most} characters exceeded for this {kind}"
        )


def check_managed(document: str) -> None:
    """A version of a managed policy. Raises IamError MalformedPolicyDocument, LimitExceeded."""
    check_document(document)
    if _length(document) > MAX_MANAGED_CHARACTERS:
        raise IamError(
            "LimitExceeded", f"Cannot exceed quota for PolicySize: {MAX_MANAGED_CHARACTERS}"
        )


def quoted(document: str) -> str:
    """A document as answers carry it: percent-encoded."""
    return quote(document, safe="")


def _length(document: str) -> int:
    return sum(not character.isspace() for character in document)
