"""A provider's token (a JWT): taken apart, its signature and its claims checked. No I/O, no clock.

Source: RFC 7515 (JWS), RFC 7519 (JWT), "AssumeRoleWithWebIdentity" in the AWS STS API Reference.

Rules: what a token says is nobody's word until `check_signature` passed. Its text is never part of
an error. Base64 must be the one way to write those bytes: two spellings of one token would be two
tokens to whoever remembers them. What AWS takes is taken: RSA (PKCS #1) and ECDSA with SHA-2,
nothing symmetric, never `none`.
"""

import base64
import binascii
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import jwt

from coordinator.iam.errors import IamError
from coordinator.iam.oidc.key_sets import ALGORITHMS, ProviderKey

MAX_TOKEN_LENGTH: Final = 20_000
MAX_AUDIENCES: Final = 100

MAX_SKEW_S: Final = 60
"""How much later than ours the provider's clock may be, for what is not valid yet."""

LATEST_S: Final = 1e12
"""Times beyond are none: the year 33658."""

_JWS = jwt.PyJWS(algorithms=list(ALGORITHMS))


@dataclass(frozen=True, slots=True)
class Token:
    """A token's parts, unproven."""

    text: str
    algorithm: str
    key_id: str
    claims: Mapping[str, Any]

    def __repr__(self) -> str:
        # It is as good as a password until it ends.
        return "Token(...)"


def parse_token(text: str) -> Token:
    """Raises IamError InvalidIdentityToken."""
    if len(text) > MAX_TOKEN_LENGTH:
        raise invalid(f"a token has at most {MAX_TOKEN_LENGTH} characters")
    parts = text.split(".")
    if len(parts) != 3:
        raise invalid("the token is no signed JWT")
    header, claims = _object(_decode(parts[0])), _object(_decode(parts[1]))
    _decode(parts[2])
    algorithm, key_id = header.get("alg"), header.get("kid")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise invalid(f"the token must be signed with one of {', '.join(ALGORITHMS)}")
    if not isinstance(key_id, str) or not key_id:
        raise invalid("the token does not say with which key it is signed (kid)")
    if "crit" in header or "b64" in header:
        raise invalid("the token's header asks for what is not known here (crit)")
    return Token(text, algorithm, key_id, claims)


def issuer_of(token: Token) -> str:
    """Who made it, as it says. Raises IamError InvalidIdentityToken."""
    return _text(token.claims, "iss")


def check_signature(token: Token, keys: Sequence[ProviderKey]) -> None:
    """One of the keys (those of its key id) signed it. Raises IamError InvalidIdentityToken."""
    for key in keys:
        if not key.fits(token.algorithm):
            continue
        try:
            _JWS.decode(token.text, key.public_key, algorithms=[token.algorithm])
        except jwt.PyJWTError:
            continue
        return
    raise invalid("the token's signature is not that of the provider")


def check_times(token: Token, now_s: float) -> None:
    """It is valid by now, and still. Raises IamError InvalidIdentityToken,
    ExpiredTokenException."""
    ends_at_s = _moment(token.claims, "exp")
    if ends_at_s is None:
        raise invalid("the token does not say when it ends (exp)")
    if now_s >= ends_at_s:
        raise IamError("ExpiredTokenException", "Token is expired")
    for name in ("nbf", "iat"):
        begins_at_s = _moment(token.claims, name)
        if begins_at_s is not None and begins_at_s > now_s + MAX_SKEW_S:
            raise invalid(f"the token is not valid yet ({name})")


def subject_of(token: Token) -> str:
    """Whom the provider means. Raises IamError InvalidIdentityToken."""
    return _text(token.claims, "sub")


def audiences_of(token: Token) -> tuple[str, ...]:
    """For whom it was made. Raises IamError InvalidIdentityToken."""
    found = token.claims.get("aud")
    texts = found if isinstance(found, list) else [found]
    if not 0 < len(texts) <= MAX_AUDIENCES or not all(isinstance(one, str) for one in texts):
        raise invalid("the token does not say for whom it is (aud)")
    return tuple(texts)


def party_of(token: Token) -> str:
    """To which client it was given, "" where it does not say."""
    found = token.claims.get("azp", "")
    return found if isinstance(found, str) else ""


def check_audience(token: Token, client_ids: Collection[str]) -> None:
    """It was made for, or given to, one of the provider's clients here; a provider without any
    leaves that to the trust policies. Raises IamError InvalidIdentityToken."""
    if client_ids and not {*audiences_of(token), party_of(token)} & set(client_ids):
        raise invalid("Incorrect token audience")


def invalid(reason: str) -> IamError:
    """The token is not one to go by."""
    return IamError("InvalidIdentityToken", reason)


def _decode(part: str) -> bytes:
    try:
        content = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError) as error:
        raise invalid("the token is no signed JWT") from error
    if base64.urlsafe_b64encode(content).rstrip(b"=").decode() != part:
        raise invalid("the token is no signed JWT")
    return content


def _object(content: bytes) -> Mapping[str, Any]:
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise invalid("the token holds no JSON") from error
    if not isinstance(tree, dict):
        raise invalid("the token holds no JSON object")
    return tree


def _text(claims: Mapping[str, Any], name: str) -> str:
    found = claims.get(name)
    if not isinstance(found, str) or not found:
        raise invalid(f"the token has no claim {name}")
    return found


def _moment(claims: Mapping[str, Any], name: str) -> float | None:
    """Seconds since the epoch."""
    found = claims.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise invalid(f"the token's claim {name} is no time")
    # JSON has numbers beyond every float, and Python floats that are no numbers.
    if not -LATEST_S < found < LATEST_S:
        raise invalid(f"the token's claim {name} is no time")
    return found
