"""Who sent this request, and does the signature prove it: the one entry to all kinds of signatures.

Rules: `identify` does everything that needs no secret (form, clock skew, expiry), so that bad
requests cost no look-up; the caller then looks the secret up, and `verify` compares in constant
time. No secret stands in a message or a repr.
"""

import hmac
import re
from typing import Final

from coordinator.auth import sigv2, sigv4
from coordinator.auth.canonical import ALGORITHM
from coordinator.auth.credentials import (
    Authentication,
    ChunkSeed,
    CredentialKind,
    ParsedCredentials,
    PayloadMode,
    without_token,
)
from coordinator.auth.errors import AuthError
from coordinator.auth.forms import FormCredentials
from coordinator.auth.request import SignedRequest, parse_query

_SHA256 = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_NAMED_MODES: Final = {mode.value: mode for mode in PayloadMode if mode is not PayloadMode.LITERAL}
_PRESIGNED: Final = frozenset({"X-Amz-Algorithm", "X-Amz-Signature", "AWSAccessKeyId"})
_SIGNED_CHUNKS: Final = (PayloadMode.STREAMING_SIGNED, PayloadMode.STREAMING_SIGNED_TRAILER)
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your key and signing method."
)


def identify(request: SignedRequest) -> ParsedCredentials:
    """What the request says about its sender. Raises AuthError."""
    authorization = request.headers.get("authorization", "")
    # Decoded, so that an escaped name can't be a signature here and something else further on
    query = parse_query(request.query_string)
    names = {name for name, _ in query}
    if not names.isdisjoint(_PRESIGNED):
        if authorization:
            raise AuthError(
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
                "Signature query string parameter or the Authorization header should be specified",
            )
        if "AWSAccessKeyId" in names:
            return sigv2.parse_presigned(request, query)
        return sigv4.parse_presigned(request, query)
    if not authorization:
        return ParsedCredentials(CredentialKind.ANONYMOUS, request)
    if authorization.startswith(ALGORITHM + " "):
        return sigv4.parse_header(request, query, authorization)
    if authorization.startswith(sigv2.SCHEME):
        return sigv2.parse_header(request, authorization)
    raise AuthError(
        "InvalidArgument", "Unsupported Authorization Type", {"ArgumentName": "Authorization"}
    )


def verify(
    parsed: ParsedCredentials, secret: str | None, *, region: str | None = None
) -> Authentication:
    """Check the signature with the sender's secret (None is right for ANONYMOUS only).

    With `region` unset every region in the credential scope is accepted. Raises AuthError.
    """
    kind = parsed.kind
    if kind is CredentialKind.ANONYMOUS:
        return _authentication(parsed, _payload_header(parsed), None)
    assert secret is not None, "only anonymous requests can do without a secret"
    if kind is CredentialKind.SIGV2_HEADER or kind is CredentialKind.SIGV2_QUERY:
        expected = sigv2.expected_signatures(parsed, secret)
        if not any(_same(signature, parsed) for signature in expected):
            raise AuthError(
                "SignatureDoesNotMatch",
                _MISMATCH,
                {
                    "AWSAccessKeyId": parsed.access_key,
                    "StringToSign": without_token(
                        sigv2.strings_to_sign(parsed)[0], parsed.session_token
                    ),
                    "SignatureProvided": parsed.signature,
                },
            )
        return _authentication(parsed, _payload_header(parsed), None)
    if region is not None:
        sigv4.check_region(parsed, region)
    signature, key = sigv4.expected_signature(parsed, secret)
    if not _same(signature, parsed):
        raise AuthError("SignatureDoesNotMatch", _MISMATCH, sigv4.explain(parsed))
    payload = sigv4.payload_hash(parsed)
    if payload == PayloadMode.UNSIGNED.value:
        # A presigned URL covers no body, yet the header may say how the body is framed
        payload = _payload_header(parsed)
    seed = None
    if payload.startswith("STREAMING-"):
        seed = ChunkSeed(signature, key, parsed.timestamp, parsed.scope)
    return _authentication(parsed, payload, seed)


def unknown_access_key(parsed: ParsedCredentials | FormCredentials) -> AuthError:
    """The error for a caller who found no such access key."""
    return AuthError(
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        {"AWSAccessKeyId": parsed.access_key},
    )


def _same(expected: str, parsed: ParsedCredentials) -> bool:
    given = parsed.signature.encode("utf-8", "backslashreplace")
    return hmac.compare_digest(expected.encode(), given)


def _payload_header(parsed: ParsedCredentials) -> str:
    return parsed.request.headers.get(sigv4.PAYLOAD_HEADER, PayloadMode.UNSIGNED.value)


def _authentication(
    parsed: ParsedCredentials, payload: str, seed: ChunkSeed | None
) -> Authentication:
    mode = _NAMED_MODES.get(payload)
    if mode is None:
        if not _SHA256.fullmatch(payload):
            raise AuthError(
                "InvalidArgument",
                f"{sigv4.PAYLOAD_HEADER} must be {', '.join(_NAMED_MODES)} or a valid sha256 "
                "value.",
                {"ArgumentName": sigv4.PAYLOAD_HEADER},
            )
        return Authentication(
            parsed.kind, parsed.access_key, PayloadMode.LITERAL, payload.lower(), None
        )
    if mode not in _SIGNED_CHUNKS:
        seed = None
    elif seed is None:
        raise AuthError("InvalidRequest", f"{mode.value} needs a Signature Version 4 request")
    return Authentication(parsed.kind, parsed.access_key, mode, "", seed)
