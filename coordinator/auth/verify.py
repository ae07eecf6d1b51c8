"""Who sent this request, and does the signature prove it: the one entry to all kinds of signatures.

Rules: `identify` does everything that needs no secret (form, clock skew, expiry), so that bad
requests cost no look-up; the caller then looks the secret up, and `verify` compares in constant
time. No secret stands in a message or a repr.
"""

import hmac
import re
from typing import Final

from coordinator.auth import sigv2, sigv4
from coordinator.auth.credentials import (
    Authentication,
    CredentialKind,
    ParsedCredentials,
    PayloadMode,
)
from coordinator.auth.errors import AuthError
from coordinator.auth.forms import FormCredentials
from coordinator.auth.request import SignedRequest, parse_query
from coordinator.auth.sigv2 import SigV2Credentials
from coordinator.auth.sigv4 import SigV4Credentials

_SHA256 = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_NAMED_MODES: Final = {mode.value: mode for mode in PayloadMode if mode is not PayloadMode.LITERAL}
_PRESIGNED: Final = frozenset({"X-Amz-Algorithm", "X-Amz-Signature", "AWSAccessKeyId"})
_SIGNED_CHUNKS: Final = (PayloadMode.STREAMING_SIGNED, PayloadMode.STREAMING_SIGNED_TRAILER)
_UNSIGNED: Final = PayloadMode.UNSIGNED.value
_MISMATCH: Final = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your key and signing method."
)


def identify(request: SignedRequest) -> ParsedCredentials:
    """What the request says about its sender. Raises AuthError."""
    authorization = request.headers.get("authorization", "")
    # Decoded, so that an escaped name can't be a signature here and something else further on
    query = parse_query(request.query_string)
    parameters = dict(query)
    if not _PRESIGNED.isdisjoint(parameters):
        if authorization:
            raise AuthError(
                "InvalidArgument",
                "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
                "Signature query string parameter or the Authorization header should be specified",
            )
        if "AWSAccessKeyId" in parameters:
            return sigv2.parse_presigned(request, query)
        return sigv4.parse_presigned(request, query)
    if not authorization:
        return ParsedCredentials(CredentialKind.ANONYMOUS, request, "", "", "")
    if authorization.startswith(sigv4.SCHEME):
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
    payload = parsed.request.headers.get(sigv4.PAYLOAD_HEADER, _UNSIGNED)
    if parsed.kind is CredentialKind.ANONYMOUS:
        return _authentication(parsed, payload, None)
    assert secret is not None, "only anonymous requests can do without a secret"
    if isinstance(parsed, SigV4Credentials):
        if region is not None:
            sigv4.check_region(parsed, region)
        if not _same(sigv4.expected_signature(parsed, secret), parsed.signature):
            raise AuthError("SignatureDoesNotMatch", _MISMATCH, sigv4.explain(parsed))
        # A presigned URL covers no body, yet the header may say how the body is framed
        if parsed.payload_hash != _UNSIGNED:
            payload = parsed.payload_hash
    else:
        assert isinstance(parsed, SigV2Credentials), "every signature is checked"
        expected = sigv2.expected_signatures(parsed, secret)
        if not any(_same(signature, parsed.signature) for signature in expected):
            raise AuthError("SignatureDoesNotMatch", _MISMATCH, sigv2.explain(parsed))
    return _authentication(parsed, payload, secret)


def unknown_access_key(parsed: ParsedCredentials | FormCredentials) -> AuthError:
    """The error for a caller who found no such access key."""
    return AuthError(
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
        {"AWSAccessKeyId": parsed.access_key},
    )


def _same(expected: str, given: str) -> bool:
    return given.isascii() and hmac.compare_digest(expected, given)


def _authentication(parsed: ParsedCredentials, payload: str, secret: str | None) -> Authentication:
    mode = _NAMED_MODES.get(payload)
    if mode is None:
        if not _SHA256.fullmatch(payload):
            raise AuthError(
                "InvalidArgument",
                f"{sigv4.PAYLOAD_HEADER} must be {', '.join(_NAMED_MODES)} or a valid sha256 "
                "value.",
                {"ArgumentName": sigv4.PAYLOAD_HEADER},
            )
        return Authentication(parsed.kind, parsed.access_key, PayloadMode.LITERAL, payload.lower())
    seed = None
    if mode in _SIGNED_CHUNKS:
        if secret is None or not isinstance(parsed, SigV4Credentials):
            raise AuthError("InvalidRequest", f"{mode.value} needs a Signature Version 4 request")
        seed = sigv4.chunk_seed(parsed, secret)
    return Authentication(parsed.kind, parsed.access_key, mode, "", seed)
