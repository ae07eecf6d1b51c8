"""OpenID Connect providers of an account: whose tokens its roles may trust.

Source: "CreateOpenIDConnectProvider" and its neighbours in the IAM API Reference.

Rules: a provider is named by its URL without the scheme, and found by the URL to the letter; its
client ids keep the order in which they came. Raises IamError throughout.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from coordinator.iam.directory import Directory
from coordinator.iam.entities import Entity, Kind
from coordinator.iam.errors import IamError
from coordinator.iam.names import account_named, entity_arn
from coordinator.iam.oidc.urls import without_scheme

URL: Final = "url"
CLIENT_IDS: Final = "client_ids"
THUMBPRINTS: Final = "thumbprints"
"""What `Entity.more` of a provider holds; the last two as lists in JSON."""

MAX_CLIENT_IDS: Final = 100
MAX_CLIENT_ID_LENGTH: Final = 255
MAX_THUMBPRINTS: Final = 5
THUMBPRINT_LENGTH: Final = 40

_ARN = re.compile(r"arn:aws:iam::([^:]*):oidc-provider/([!-~]{1,255})")


def provider_arn(account_id: str, url: str) -> str:
    """The ARN of a provider."""
    return entity_arn(Kind.PROVIDER, account_id, "/", without_scheme(url))


def names_of(provider: Entity) -> frozenset[str]:
    """Everything that a policy may call it: what is the store's, with root's account too."""
    full = f"arn:aws:iam::{provider.account_id}:{Kind.PROVIDER}/{provider.name}"
    return frozenset({provider.arn, full})


def details(url: str, client_ids: Sequence[str], thumbprints: Sequence[str]) -> Mapping[str, str]:
    """What a provider keeps, checked. Raises InvalidInput, LimitExceeded."""
    return {
        URL: url,
        CLIENT_IDS: json.dumps(_checked_client_ids(client_ids)),
        THUMBPRINTS: json.dumps(_checked_thumbprints(thumbprints)),
    }


def client_ids_of(provider: Entity) -> tuple[str, ...]:
    """For whom its tokens must be made, in the order in which they were told."""
    return tuple(json.loads(provider.more[CLIENT_IDS]))


def thumbprints_of(provider: Entity) -> tuple[str, ...]:
    """Of the certificates that vouch for it."""
    return tuple(json.loads(provider.more[THUMBPRINTS]))


def with_client_id(provider: Entity, client_id: str) -> Entity:
    """The provider with one more, the last, if it is new. Raises InvalidInput, LimitExceeded."""
    wanted = _checked_client_ids([*client_ids_of(provider), client_id])
    return replace(provider, more={**provider.more, CLIENT_IDS: json.dumps(wanted)})


def without_client_id(provider: Entity, client_id: str) -> Entity:
    """The provider without it."""
    kept = [one for one in client_ids_of(provider) if one != client_id]
    return replace(provider, more={**provider.more, CLIENT_IDS: json.dumps(kept)})


def with_thumbprints(provider: Entity, thumbprints: Sequence[str]) -> Entity:
    """The provider with these and no others. Raises InvalidInput, LimitExceeded."""
    wanted = _checked_thumbprints(thumbprints)
    return replace(provider, more={**provider.more, THUMBPRINTS: json.dumps(wanted)})


def canonical_arn(arn: str) -> str:
    """The ARN in its one spelling. Raises InvalidInput."""
    match = _ARN.fullmatch(arn)
    if match is None:
        raise IamError("InvalidInput", "the ARN is not that of an OpenID Connect provider")
    return entity_arn(Kind.PROVIDER, account_named(match[1]), "/", match[2])


async def find(directory: Directory, account_id: str, arn: str) -> Entity:
    """The account's provider with that canonical ARN. Raises NoSuchEntity."""
    name = arn.partition(f":{Kind.PROVIDER}/")[2]
    found = await directory.look_up(Kind.PROVIDER, account_id, name)
    if found is None or found.arn != arn:
        raise IamError("NoSuchEntity", f"OpenIDConnect Provider not found for arn {arn}")
    return found


async def of_issuer(directory: Directory, account_id: str, issuer: str) -> Entity | None:
    """The account's provider that has exactly this URL."""
    found = await directory.look_up(Kind.PROVIDER, account_id, without_scheme(issuer))
    return found if found is not None and found.more[URL] == issuer else None


def _checked_client_ids(client_ids: Sequence[str]) -> list[str]:
    unique = list(dict.fromkeys(client_ids))
    if not all(0 < len(one) <= MAX_CLIENT_ID_LENGTH for one in unique):
        raise IamError("InvalidInput", f"a client ID has 1 to {MAX_CLIENT_ID_LENGTH} characters")
    return _within("ClientIds", MAX_CLIENT_IDS, unique)


def _checked_thumbprints(thumbprints: Sequence[str]) -> list[str]:
    unique = list(dict.fromkeys(thumbprints))
    if not all(len(one) == THUMBPRINT_LENGTH and one.isascii() for one in unique):
        raise IamError("InvalidInput", f"a thumbprint has {THUMBPRINT_LENGTH} characters (SHA-1)")
    return _within("Thumbprints", MAX_THUMBPRINTS, unique)


def _within(what: str, limit: int, found: list[str]) -> list[str]:
    if len(found) > limit:
        raise IamError(
            "LimitExceeded", f"Cannot exceed quota for {what}PerOpenIdConnectProvider: {limit}"
        )
    return found
