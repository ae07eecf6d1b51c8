"""Who a proven token's bearer is: the condition keys and session tags that follow from its claims.

Source: "Available keys for AWS OIDC federation" and "Passing session tags in AWS STS" in the IAM
User Guide. The claim with the tags may be a list with one member, and a tag may have several
values, as Ceph and Keycloak write them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from coordinator.access.patterns import condition_key
from coordinator.iam.errors import IamError
from coordinator.iam.oidc.tokens import Token, audiences_of, party_of, subject_of
from coordinator.iam.oidc.urls import without_scheme
from coordinator.iam.tags import check_tags

TAGS_CLAIM: Final = "https://aws.amazon.com/tags"
PRINCIPAL_TAGS: Final = "principal_tags"
TRANSITIVE_KEYS: Final = "transitive_tag_keys"
MAX_TAG_VALUES: Final = 20
"""Values of one tag."""

RESERVED: Final = "aws:"
"""What no tag's key begins with."""


@dataclass(frozen=True, slots=True)
class WebIdentity:
    """See the module. `claims` are condition keys, in the spelling of `condition_key`."""

    subject: str
    audiences: tuple[str, ...]
    claims: Mapping[str, Sequence[str]]
    tags: Mapping[str, Sequence[str]]
    transitive: tuple[str, ...]


def web_identity(token: Token, provider_url: str) -> WebIdentity:
    """Raises IamError InvalidIdentityToken, IDPRejectedClaim."""
    subject, audiences = subject_of(token), audiences_of(token)
    claims: dict[str, Sequence[str]] = {"sub": (subject,), "aud": audiences, "app_id": audiences}
    if party_of(token):
        claims["azp"] = (party_of(token),)
    methods = _texts(token.claims.get("amr"))
    if methods:
        claims["amr"] = methods
    name = without_scheme(provider_url)
    keys = {condition_key(f"{name}:{claim}"): values for claim, values in claims.items()}
    tags, transitive = _tags(token.claims.get(TAGS_CLAIM, {}))
    return WebIdentity(subject, audiences, keys, tags, transitive)


def _tags(claim: Any) -> tuple[Mapping[str, Sequence[str]], tuple[str, ...]]:
    if isinstance(claim, list) and len(claim) == 1:
        claim = claim[0]
    if not isinstance(claim, dict):
        raise _rejected("is no object")
    given = claim.get(PRINCIPAL_TAGS, {})
    if not isinstance(given, dict):
        raise _rejected(f"has {PRINCIPAL_TAGS} that are no object")
    tags = {key: _texts(values) for key, values in given.items()}
    for key, values in tags.items():
        if not 0 < len(values) <= MAX_TAG_VALUES or key.lower().startswith(RESERVED):
            raise _rejected("has a tag that is none")
        for value in values:
            _check([(key, value)])
    _check([(key, values[0]) for key, values in tags.items()])
    transitive = _texts(claim.get(TRANSITIVE_KEYS, []))
    if not set(transitive) <= tags.keys():
        raise _rejected(f"has {TRANSITIVE_KEYS} that are no keys of its tags")
    return tags, transitive


def _check(pairs: Sequence[tuple[str, str]]) -> None:
    try:
        check_tags(pairs)
    except IamError as error:
        raise _rejected(f"is not acceptable: {error.message}") from error


def _texts(value: Any) -> tuple[str, ...]:
    """A text or a list of texts; () for anything else."""
    texts = value if isinstance(value, list) else [value]
    return tuple(texts) if all(isinstance(text, str) for text in texts) else ()


def _rejected(reason: str) -> IamError:
    return IamError("IDPRejectedClaim", f"the token's claim {TAGS_CLAIM} {reason}")
