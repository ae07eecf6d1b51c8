"""HTTP Basic credentials, for the JSON API."""

import base64
import binascii
import hmac

from coordinator.auth.errors import AuthError


def parse_basic(authorization: str) -> tuple[str, str] | None:
    """(user, password) of an Authorization header value; None if it is of another scheme.

    Raises AuthError InvalidRequest if it is malformed.
    """
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(encoded.strip(" \t"), validate=True).decode()
    except (binascii.Error, ValueError):
        raise AuthError("InvalidRequest", "The Basic credentials are malformed.") from None
    user, colon, password = decoded.partition(":")
    if not colon:
        raise AuthError("InvalidRequest", "The Basic credentials are malformed.")
    return user, password


def matches(given: str, secret: str) -> bool:
    """Whether the two are equal, in constant time."""
    return hmac.compare_digest(
        given.encode("utf-8", "surrogatepass"), secret.encode("utf-8", "surrogatepass")
    )
