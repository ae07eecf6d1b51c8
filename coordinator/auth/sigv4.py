"""Signature Version 4 in an Authorization header or in a presigned URL's query.

Rules: everything that needs no secret is checked while parsing. `host` and every x-amz-* header
must be signed, else someone between could add one. What a message repeats is the client's own.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from coordinator.auth.canonical import (
    ALGORITHM,
    SCOPE_END,
    canonical_path,
    canonical_query,
    canonical_request,
    sign,
    string_to_sign,
)
from coordinator.auth.claims import CACHED_CLAIMS, MAX_CACHED_LENGTH, Claim, read_claim
from coordinator.auth.credentials import (
    ChunkSeed,
    CredentialKind,
    ParsedCredentials,
    PayloadMode,
    without_token,
)
from coordinator.auth.dates import parse_amz_date, parse_signing_date
from coordinator.auth.errors import AuthError
from coordinator.auth.request import Query, SignedRequest
from coordinator.auth.times import MAX_SKEW_S, check_skew, expired

SCHEME: Final = f"{ALGORITHM} "
MAX_EXPIRES_S: Final = 7 * 24 * 3600
DEFAULT_REGION: Final = "us-east-1"
PAYLOAD_HEADER: Final = "x-amz-content-sha256"

_FIELDS_WANTED: Final = "it must have Credential, SignedHeaders and Signature, once each."
_SECONDS = re.compile(r"-?\d{1,12}", re.ASCII)
_QUERY_FIELDS: Final = (
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)


@dataclass(slots=True)
class SigV4Credentials(ParsedCredentials):
    """`timestamp` is what was signed as the date, in ISO basic form. `payload_hash` is what stands
    for the body in the canonical request. `query` is all of it but the signature itself."""

    claim: Claim
    timestamp: str
    payload_hash: str
    query: Query = field(repr=False)


def parse_header(request: SignedRequest, query: Query, authorization: str) -> SigV4Credentials:
    """`authorization` starts with SCHEME. Raises AuthError."""
    if not authorization.isascii():
        raise _malformed(_FIELDS_WANTED)
    before, marker, rest = authorization.rpartition("Signature=")
    if not marker:
        before, rest = authorization, ""
    signature, comma, others = rest.partition(",")
    # All but the signature itself, which alone differs from request to request
    claimed = f"{before}{marker}{comma}{others}"
    is_short = len(claimed) <= MAX_CACHED_LENGTH
    claim = (_cached_header_claim if is_short else _header_claim)(claimed)
    services = request.services
    if claim.service not in services:
        raise _malformed(
            f'incorrect service "{claim.service}". '
            f'This endpoint belongs to "{", ".join(services)}".'
        )
    headers = request.headers
    date = headers.get("x-amz-date") or headers.get("date", "")
    signed_at_s, timestamp = parse_signing_date(date)
    check_skew(signed_at_s, date, request.now)
    if not timestamp.startswith(claim.date):
        raise _malformed(f'invalid credential date "{claim.date}". It differs from the request\'s.')
    payload_hash = headers.get(PAYLOAD_HEADER) or request.body_sha256
    if not payload_hash and PAYLOAD_HEADER not in headers:
        raise AuthError(
            "InvalidRequest", f"Missing required header for this request: {PAYLOAD_HEADER}"
        )
    _check_signed(request, claim, ())
    return SigV4Credentials(
        CredentialKind.SIGV4_HEADER,
        request,
        claim.access_key,
        headers.get("x-amz-security-token", ""),
        signature.rstrip(" \t"),
        claim,
        timestamp,
        payload_hash,
        query,
    )


def _header_claim(claimed: str) -> Claim:
    """What an Authorization header says beside its signature, which is left empty."""
    fields = {}
    for piece in claimed[len(SCHEME) :].split(","):
        name, _, value = piece.strip(" \t").partition("=")
        fields[name] = value
    if len(fields) != 3:
        raise _malformed(_FIELDS_WANTED)
    for name in ("Credential", "SignedHeaders", "Signature"):
        if name not in fields:
            raise _malformed(f"it lacks {name}.")
    claim = read_claim(fields["Credential"], fields["SignedHeaders"])
    if claim is None:
        raise _malformed(
            f'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/s3/{SCOPE_END}".'
        )
    return claim


_cached_header_claim = lru_cache(maxsize=CACHED_CLAIMS)(_header_claim)


def parse_presigned(request: SignedRequest, pairs: Query) -> SigV4Credentials:
    """The query has an X-Amz-Algorithm or X-Amz-Signature. Raises AuthError."""
    query = dict(reversed(pairs))  # the first of duplicates counts
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        raise _bad_query(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    fields = [query.get(name, "") for name in _QUERY_FIELDS]
    if not all(fields) or not "".join(fields).isascii():
        raise _bad_query(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters."
        )
    credential, timestamp, expires, signed_headers, signature = fields
    claim = read_claim(credential, signed_headers)
    if claim is None:
        raise _bad_query(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; "
            f'expecting "<YOUR-AKID>/YYYYMMDD/REGION/s3/{SCOPE_END}".'
        )
    if claim.service not in request.services:
        raise _bad_query(
            f'Error parsing the X-Amz-Credential parameter; incorrect "{claim.service}".'
        )
    _check_window(timestamp, expires, claim.date, request.now)
    # A payload hash beside the signature can do no harm: it only demands more of the body.
    _check_signed(request, claim, (PAYLOAD_HEADER,))
    return SigV4Credentials(
        CredentialKind.SIGV4_QUERY,
        request,
        claim.access_key,
        query.get("X-Amz-Security-Token", ""),
        signature,
        claim,
        timestamp,
        _presigned_payload_hash(request, query, claim),
        [pair for pair in pairs if pair[0] != "X-Amz-Signature"],
    )


def check_region(parsed: SigV4Credentials, region: str) -> None:
    """Raises AuthError unless the request was signed for that region.

    us-east-1 passes too: it is what clients sign with before GetBucketLocation told them more.
    """
    given = parsed.claim.region
    if given in (region, DEFAULT_REGION):
        return
    wrong = f"the region '{given}' is wrong; expecting '{region}'"
    if parsed.kind is CredentialKind.SIGV4_QUERY:
        raise _bad_query(f"Error parsing the X-Amz-Credential parameter; {wrong}", region)
    raise _malformed(wrong, region)


def expected_signature(parsed: SigV4Credentials, secret: str) -> str:
    """The signature the request should have."""
    text = string_to_sign(parsed.timestamp, parsed.claim.scope, _document(parsed))
    return sign(parsed.claim.signing_key(secret), text)


def chunk_seed(parsed: SigV4Credentials, secret: str) -> ChunkSeed:
    """Where the signatures of the body's chunks start, once the request's own is verified."""
    claim = parsed.claim
    return ChunkSeed(parsed.signature, claim.signing_key(secret), parsed.timestamp, claim.scope)


def explain(parsed: SigV4Credentials) -> dict[str, str]:
    """What a client's author needs to find out why a signature does not match, as S3 says it."""
    document = _document(parsed)
    return {
        "AWSAccessKeyId": parsed.access_key,
        "StringToSign": string_to_sign(parsed.timestamp, parsed.claim.scope, document),
        "SignatureProvided": parsed.signature,
        "CanonicalRequest": without_token(document.decode("latin-1"), parsed.session_token),
    }


def _document(parsed: SigV4Credentials) -> bytes:
    request, query = parsed.request, parsed.query
    return canonical_request(
        method=request.method,
        path=canonical_path(request.raw_path),
        query=canonical_query(query) if query else "",
        headers=request.headers,
        signed_headers=parsed.claim.signed_headers,
        payload_hash=parsed.payload_hash,
    )


def _check_window(timestamp: str, expires: str, date: str, now: float) -> None:
    """Whether the presigned URL is good now. Raises AuthError."""
    signed_at_s = parse_amz_date(timestamp)
    if signed_at_s is None:
        raise _bad_query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    if not timestamp.startswith(date):
        raise _bad_query(f'Invalid credential date "{date}". It differs from X-Amz-Date.')
    if not _SECONDS.fullmatch(expires):
        raise _bad_query("X-Amz-Expires should be a number")
    expires_s = int(expires)
    # A number out of range is refused as AccessDenied (403), which is what conformance suites
    # look for; it can never have been a valid permission.
    if expires_s > MAX_EXPIRES_S:
        raise AuthError(
            "AccessDenied",
            "X-Amz-Expires must be less than a week (in seconds); that is, the given "
            f"X-Amz-Expires must be at most {MAX_EXPIRES_S} seconds",
        )
    if expires_s < 0:
        raise AuthError("AccessDenied", "X-Amz-Expires must be non-negative")
    if signed_at_s > now + MAX_SKEW_S:
        raise AuthError("AccessDenied", "Request is not yet valid")
    if signed_at_s + expires_s <= now:
        raise expired(signed_at_s + expires_s, now)


def _presigned_payload_hash(request: SignedRequest, query: dict[str, str], claim: Claim) -> str:
    if "X-Amz-Content-Sha256" in query:
        return query["X-Amz-Content-Sha256"]
    if PAYLOAD_HEADER in claim.signed_names:
        return request.headers.get(PAYLOAD_HEADER, "")
    return request.body_sha256 or PayloadMode.UNSIGNED.value


def _check_signed(request: SignedRequest, claim: Claim, exempt: tuple[str, ...]) -> None:
    signed = claim.signed_names
    missing = [
        name
        for name in request.headers
        if name not in signed and name.startswith("x-amz-") and name not in exempt
    ]
    if "host" not in signed:
        missing.append("host")
    if missing:
        raise AuthError(
            "AccessDenied",
            "There were headers present in the request which were not signed",
            {"HeadersNotSigned": ", ".join(missing)},
        )


def _malformed(what: str, region: str = "") -> AuthError:
    message = f"The authorization header is malformed; {what}"
    return AuthError("AuthorizationHeaderMalformed", message, {"Region": region} if region else {})


def _bad_query(message: str, region: str = "") -> AuthError:
    extra = {"Region": region} if region else {}
    return AuthError("AuthorizationQueryParametersError", message, extra)
