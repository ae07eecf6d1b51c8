"""What a provider publishes about itself: where its keys are, and the keys. No I/O.

Source: OpenID Connect Discovery 1.0, RFC 7517 (JWK), RFC 7518 (algorithms).

Rules: only keys that can check signatures which are taken here are kept, and only with a name
(`kid`): a token says which it is signed with. What is unknown is passed over, because providers
publish keys for others too.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from coordinator.iam.errors import IamError
from coordinator.iam.oidc.urls import may_fetch

DISCOVERY: Final = "/.well-known/openid-configuration"
MAX_KEYS: Final = 100
MIN_RSA_BITS: Final = 2048
MAX_RSA_BITS: Final = 8192
"""Longer ones only cost time: who makes a provider known could hold everybody up with them."""

ALGORITHMS: Final[Mapping[str, str]] = {
    "RS256": "RSA",
    "RS384": "RSA",
    "RS512": "RSA",
    "ES256": "secp256r1",
    "ES384": "secp384r1",
    "ES512": "secp521r1",
}
"""Algorithms that tokens may be signed with, and the kind of key that each needs."""

PublicKey: TypeAlias = RSAPublicKey | EllipticCurvePublicKey


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """A public key. `algorithm` is the only one that it is for, "" where the provider leaves it
    open."""

    public_key: PublicKey
    algorithm: str = ""

    def fits(self, algorithm: str) -> bool:
        """Whether it may check a signature of that kind."""
        if self.algorithm not in ("", algorithm):
            return False
        key = self.public_key
        kind = key.curve.name if isinstance(key, EllipticCurvePublicKey) else "RSA"
        return ALGORITHMS[algorithm] == kind


def discovery_url(issuer: str) -> str:
    """Where a provider describes itself."""
    return issuer.rstrip("/") + DISCOVERY


def parse_discovery(document: bytes, issuer: str) -> str:
    """Where the provider's keys are. Raises IamError IDPCommunicationError."""
    tree = _object(document)
    # Else one provider could speak for another that it hosts, or is hosted by.
    if tree.get("issuer") != issuer:
        raise unusable("the provider describes itself as another one")
    url = tree.get("jwks_uri")
    if not isinstance(url, str) or not may_fetch(url):
        raise unusable("the provider's jwks_uri is not an https URL")
    if urlsplit(issuer).scheme == "https" and urlsplit(url).scheme != "https":
        raise unusable("the provider's jwks_uri is not an https URL")
    return url


def parse_keys(document: bytes) -> Mapping[str, Sequence[ProviderKey]]:
    """The usable keys by their ids. Raises IamError IDPCommunicationError."""
    entries = _object(document).get("keys")
    if not isinstance(entries, list):
        raise unusable("the provider's jwks_uri has no keys")
    if len(entries) > MAX_KEYS:
        raise unusable(f"the provider has more than {MAX_KEYS} keys")
    found: dict[str, list[ProviderKey]] = {}
    for entry in entries:
        key = _key(entry) if isinstance(entry, dict) else None
        if key is not None:
            found.setdefault(entry["kid"], []).append(key)
    return found


def unusable(reason: str) -> IamError:
    """The provider can't be asked, or answers nothing to go by."""
    return IamError("IDPCommunicationError", reason)


def _object(document: bytes) -> Mapping[str, Any]:
    try:
        tree = json.loads(document)
    except (ValueError, RecursionError) as error:
        raise unusable("the provider's answer is no JSON") from error
    if not isinstance(tree, dict):
        raise unusable("the provider's answer is no JSON object")
    return tree


def _key(entry: Mapping[str, Any]) -> ProviderKey | None:
    """None for one that is not for signatures taken here."""
    key_id, algorithm = entry.get("kid"), entry.get("alg", "")
    if not isinstance(key_id, str) or entry.get("use", "sig") != "sig":
        return None
    if not isinstance(algorithm, str) or algorithm not in ("", *ALGORITHMS):
        return None
    if entry.get("kty") not in ("RSA", "EC") or "d" in entry:
        return None
    is_rsa = entry["kty"] == "RSA"
    reader = RSAAlgorithm.from_jwk if is_rsa else ECAlgorithm.from_jwk
    try:
        key = reader(dict(entry))
    except (jwt.PyJWTError, ValueError, TypeError, AttributeError, ArithmeticError):
        return None
    if isinstance(key, RSAPublicKey):
        return ProviderKey(key, algorithm) if _is_sane(key) else None
    return ProviderKey(key, algorithm) if isinstance(key, EllipticCurvePublicKey) else None


def _is_sane(key: RSAPublicKey) -> bool:
    return MIN_RSA_BITS <= key.key_size <= MAX_RSA_BITS
