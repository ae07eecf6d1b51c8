"""Who sent a request to the API: HTTP Basic where nobody can listen, a signature anywhere.

Rules: Basic carries the secret itself, so it counts over TLS and from a loopback address only, and
is asked for only there. An unknown key and a wrong secret get the same answer. Nothing here logs
what it was given.
"""

import ipaddress
from typing import Final

from starlette.datastructures import Headers
from starlette.types import Scope

from coordinator.api.errors import ApiError
from coordinator.api.services import Sender, Services
from coordinator.auth.basic import parse_basic
from coordinator.auth.errors import AuthError
from coordinator.auth.request import SignedRequest

_BASIC_CHALLENGE: Final = 'Basic realm="trilith", charset="UTF-8"'
_SIGNATURE_CHALLENGE: Final = "AWS4-HMAC-SHA256"


async def authenticate(services: Services, scope: Scope) -> Sender:
    """Raises ApiError 401 (unknown or unproven sender) and 403 (Basic where it is not safe)."""
    headers = _joined(Headers(scope=scope))
    try:
        basic = parse_basic(headers.get("authorization", ""))
        if basic is not None:
            return await _by_basic(services, scope, *basic)
        return await _by_signature(services, scope, headers)
    except AuthError as error:
        raise _unauthorized(scope, error.code, error.message) from error


async def _by_basic(services: Services, scope: Scope, access_key: str, secret: str) -> Sender:
    if not _is_private(scope):
        raise ApiError(
            403,
            "InsecureTransport",
            "access key and secret as HTTP Basic are taken over TLS or loopback only;"
            " sign the request instead (AWS Signature Version 4)",
        )
    user, identity = await services.accounts.authenticate_secret(access_key, secret)
    return Sender(user, identity, access_key)


async def _by_signature(services: Services, scope: Scope, headers: dict[str, str]) -> Sender:
    user, authentication, identity = await services.accounts.authenticate(
        SignedRequest(
            scope["method"],
            scope["raw_path"],
            scope["query_string"].decode("latin-1"),
            headers,
            services.clock(),
        )
    )
    if user is None:
        raise AuthError("MissingCredentials", "the request is neither authorised nor signed")
    if authentication.payload.is_streaming:
        raise ApiError(
            400, "InvalidRequest", "aws-chunked bodies are for the S3 endpoint, not for this API"
        )
    return Sender(user, identity, authentication.access_key, authentication.payload_sha256)


def _joined(headers: Headers) -> dict[str, str]:
    """Lower-case names; the values of a repeated header joined by commas, as they were signed."""
    joined: dict[str, str] = {}
    for name, value in headers.items():
        value = value.strip()
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _is_private(scope: Scope) -> bool:
    """Whether nobody between the client and us can read along."""
    if scope.get("scheme") == "https":
        return True
    client = scope.get("client")
    if client is None:
        return False
    try:
        address = ipaddress.ip_address(client[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _unauthorized(scope: Scope, code: str, message: str) -> ApiError:
    challenge = _BASIC_CHALLENGE if _is_private(scope) else _SIGNATURE_CHALLENGE
    return ApiError(401, code, message, {"www-authenticate": challenge})
