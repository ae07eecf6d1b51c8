"""An identity provider without a network: signs tokens, and has documents to be fetched.

Rules: keys are made once, for all tests; what a token says is an argument, and so is what is wrong
with it. `fetched` are the URLs that were asked for.
"""

import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from coordinator.iam.errors import IamError

ISSUER = "https://idp.example.com/realms/Main"
NAME = "idp.example.com/realms/Main"
DISCOVERY = ISSUER + "/.well-known/openid-configuration"
KEYS_URL = "https://keys.example.com/certs"
NOW_S = 1_800_000_000
"""As the tests' clock begins."""

TAGS = "https://aws.amazon.com/tags"

CURVES: Mapping[str, type[ec.EllipticCurve]] = {
    "ES256": ec.SECP256R1,
    "ES384": ec.SECP384R1,
    "ES512": ec.SECP521R1,
}


def private_key(algorithm: str, number: int = 0) -> Any:
    """A key of the kind; `number` tells several apart. (They can't be seeded, nor need they be.)"""
    return _made(algorithm, number)


@cache
def _made(algorithm: str, _number: int) -> Any:
    if algorithm in CURVES:
        return ec.generate_private_key(CURVES[algorithm]())
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def jwk(algorithm: str, key_id: str, number: int = 0, **more: Any) -> dict[str, Any]:
    """The public half, as providers publish it."""
    public = private_key(algorithm, number).public_key()
    kind = jwt.algorithms.ECAlgorithm if algorithm in CURVES else jwt.algorithms.RSAAlgorithm
    return {**kind.to_jwk(public, as_dict=True), "kid": key_id, "use": "sig", **more}


def claims(**more: Any) -> dict[str, Any]:
    """What a sound token says; None takes a claim away."""
    told = {
        "iss": ISSUER,
        "sub": "carol",
        "aud": "app",
        "iat": NOW_S,
        "exp": NOW_S + 600,
        **more,
    }
    return {name: value for name, value in told.items() if value is not None}


def sign(
    told: Mapping[str, Any],
    algorithm: str = "RS256",
    key_id: str | None = "k-RS256",
    number: int = 0,
    headers: Mapping[str, Any] | None = None,
) -> str:
    """A token that says this."""
    head = {**({} if key_id is None else {"kid": key_id}), **(headers or {})}
    return jwt.encode(dict(told), private_key(algorithm, number), algorithm, headers=head)


def token(**more: Any) -> str:
    """A sound token, with other claims where told."""
    return sign(claims(**more))


class FakeProvider:
    """The provider ISSUER. `documents` are by URL; `error` is what every fetch fails with."""

    def __init__(self, *, keys: Sequence[Mapping[str, Any]] | None = None) -> None:
        self.fetched: list[str] = []
        self.thumbprints: list[Sequence[str]] = []
        self.error: IamError | None = None
        self.documents: dict[str, bytes] = {}
        self.describe(ISSUER, KEYS_URL)
        self.publish([jwk("RS256", "k-RS256")] if keys is None else keys)

    def describe(self, issuer: str, keys_url: Any) -> None:
        self.documents[DISCOVERY] = json.dumps({"issuer": issuer, "jwks_uri": keys_url}).encode()

    def publish(self, keys: Sequence[Mapping[str, Any]]) -> None:
        self.documents[KEYS_URL] = json.dumps({"keys": list(keys)}).encode()

    async def fetch(self, url: str, thumbprints: Sequence[str]) -> bytes:
        self.fetched.append(url)
        self.thumbprints.append(thumbprints)
        if self.error is not None:
            raise self.error
        return self.documents[url]
