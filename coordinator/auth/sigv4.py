"""Signature Version 4 in an Authorization header or in a presigned URL's query.

Rules: everything that needs no secret is checked while parsing. `host` and every x-amz-* header
must be signed, else someone between could add one. What a message repeats is the client's own.
"""

import re
from typing import Final

from coordinator.auth.canonical import (
    ALGORITHM,
    SCOPE_END,
    canonical_path,
    canonical_query,
    canonical_request,
    sign,
    signing_key,
    string_to_sign,
)
from coordinator.auth.credentials import (
    CredentialKind,
    ParsedCredentials,
    PayloadMode,
    without_token,
)
from coordinator.auth.dates import format_amz_date, parse_amz_date, parse_http_date
from coordinator.auth.errors import AuthError
from coordinator.auth.request import Query, SignedRequest
from coordinator.auth.times import MAX_SKEW_S, check_skew, expired

MAX_EXPIRES_S: Final = 7 * 24 * 3600
DEFAULT_REGION: Final = "us-east-1"
PAYLOAD_HEADER: Final = "x-amz-content-sha256"

_SCOPE = re.compile(r"(\d{8})/([!-.0-~]*)/([a-z0-9]+)/aws4_request", re.ASCII)
_SECONDS = re.compile(r"-?\d{1,12}", re.ASCII)
_QUERY_FIELDS: Final = (
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)


def parse_header(request: SignedRequest, query: Query, authorization: str) -> ParsedCredentials:
    """`authorization` starts with the algorithm's name. Raises AuthError."""
    fields = {}
    for piece in authorization[len(ALGORITHM) :].split(","):
        name, _, value = piece.strip(" \t").partition("=")
        fields[name] = value
    if not authorization.isascii() or len(fields) != 3:
        raise _malformed("it must have Credential, SignedHeaders and Signature, once each.")
    try:
        credential = fields["Credential"]
        signed_headers, signature = fields["SignedHeaders"], fields["Signature"]
    except KeyError as error:
        raise _malformed(f"it lacks {error.args[0]}.") from None
    access_key, scope = _split_credential(credential)
    match = _SCOPE.fullmatch(scope)
    if match is None or not access_key:
        raise _malformed(
            f'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/s3/{SCOPE_END}".'
        )
    services = request.services
    if match[3] not in services:
        raise _malformed(
            f'incorrect service "{match[3]}". This endpoint belongs to "{", ".join(services)}".'
        )
    headers = request.headers
    timestamp = _header_timestamp(request)
    if not timestamp.startswith(match[1]):
        raise _malformed(f'invalid credential date "{match[1]}". It differs from the request\'s.')
    if PAYLOAD_HEADER not in headers and not request.body_sha256:
        raise AuthError(
            "InvalidRequest", f"Missing required header for this request: {PAYLOAD_HEADER}"
        )
    _check_signed(request, signed_headers, ())
    return ParsedCredentials(
        kind=CredentialKind.SIGV4_HEADER,
        request=request,
        access_key=access_key,
        session_token=headers.get("x-amz-security-token", ""),
        signature=signature,
        scope=scope,
        timestamp=timestamp,
        signed_headers=signed_headers,
        query=tuple(query),
    )


def parse_presigned(request: SignedRequest, pairs: Query) -> ParsedCredentials:
    """The query has an X-Amz-Algorithm or X-Amz-Signature. Raises AuthError."""
    query = dict(reversed(pairs))  # the first of duplicates counts
    if query.get("X-Amz-Algorithm") != ALGORITHM:
        raise _bad_query(f'X-Amz-Algorithm only supports "{ALGORITHM}"')
    if not all(query.get(name, "").isascii() and query.get(name) for name in _QUERY_FIELDS):
        raise _bad_query(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters."
        )
    access_key, scope = _split_credential(query["X-Amz-Credential"])
    match = _SCOPE.fullmatch(scope)
    if match is None or not access_key:
        raise _bad_query(
            "Error parsing the X-Amz-Credential parameter; the Credential is mal-formed; "
            f'expecting "<YOUR-AKID>/YYYYMMDD/REGION/s3/{SCOPE_END}".'
        )
    if match[3] not in request.services:
        raise _bad_query(f'Error parsing the X-Amz-Credential parameter; incorrect "{match[3]}".')
    _check_window(query, match[1], request.now)
    signed_headers = query["X-Amz-SignedHeaders"]
    # A payload hash beside the signature can do no harm: it only demands more of the body.
    _check_signed(request, signed_headers, (PAYLOAD_HEADER,))
    return ParsedCredentials(
        kind=CredentialKind.SIGV4_QUERY,
        request=request,
        access_key=access_key,
        session_token=query.get("X-Amz-Security-Token", ""),
        signature=query["X-Amz-Signature"],
        scope=scope,
        timestamp=query["X-Amz-Date"],
        signed_headers=signed_headers,
        query=tuple(pairs),
    )


def check_region(parsed: ParsedCredentials, region: str) -> None:
    """Raises AuthError unless the request was signed for that region.

    us-east-1 passes too: it is what clients sign with before GetBucketLocation told them more.
    """
    given = parsed.scope.split("/")[1]
    if given in (region, DEFAULT_REGION):
        return
    wrong = f"the region '{given}' is wrong; expecting '{region}'"
    if parsed.kind is CredentialKind.SIGV4_QUERY:
        raise _bad_query(f"Error parsing the X-Amz-Credential parameter; {wrong}", region)
    raise _malformed(wrong, region)


def payload_hash(parsed: ParsedCredentials) -> str:
    """What stands for the body in the canonical request."""
    headers = parsed.request.headers
    if parsed.kind is CredentialKind.SIGV4_HEADER:
        return headers.get(PAYLOAD_HEADER) or parsed.request.body_sha256
    for name, value in parsed.query:
        if name == "X-Amz-Content-Sha256":
            return value
    if PAYLOAD_HEADER in parsed.signed_headers.split(";"):
        return headers.get(PAYLOAD_HEADER, "")
    return parsed.request.body_sha256 or PayloadMode.UNSIGNED.value


def expected_signature(parsed: ParsedCredentials, secret: str) -> tuple[str, bytes]:
    """The signature the request should have, and the key it is made with."""
    date, region, service, _ = parsed.scope.split("/")
    key = signing_key(secret, date, region, service)
    text = string_to_sign(parsed.timestamp, parsed.scope, _document(parsed))
    return sign(key, text), key


def explain(parsed: ParsedCredentials) -> dict[str, str]:
    """What a client's author needs to find out why a signature does not match, as S3 says it."""
    document = _document(parsed)
    return {
        "AWSAccessKeyId": parsed.access_key,
        "StringToSign": string_to_sign(parsed.timestamp, parsed.scope, document),
        "SignatureProvided": parsed.signature,
        "CanonicalRequest": without_token(document.decode("latin-1"), parsed.session_token),
    }


def _document(parsed: ParsedCredentials) -> bytes:
    request = parsed.request
    return canonical_request(
        method=request.method,
        path=canonical_path(request.raw_path),
        query=canonical_query(pair for pair in parsed.query if pair[0] != "X-Amz-Signature"),
        headers=request.headers,
        signed_headers=parsed.signed_headers,
        payload_hash=payload_hash(parsed),
    )


def _split_credential(credential: str) -> tuple[str, str]:
    """(access key, scope): the scope has exactly three slashes, the key may have some."""
    access_key, *scope = credential.rsplit("/", 4)
    return access_key, "/".join(scope)


def _header_timestamp(request: SignedRequest) -> str:
    headers = request.headers
    text = headers.get("x-amz-date") or headers.get("date", "")
    at_s = parse_amz_date(text)
    if at_s is None:
        at_s = parse_http_date(text)
    check_skew(at_s, text, request.now)
    assert at_s is not None, "check_skew refuses dates that could not be read"
    return format_amz_date(at_s)


def _check_window(query: dict[str, str], date: str, now: float) -> None:
    """Whether the presigned URL is good now. Raises AuthError."""
    timestamp = query["X-Amz-Date"]
    signed_at_s = parse_amz_date(timestamp)
    if signed_at_s is None:
        raise _bad_query("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    if not timestamp.startswith(date):
        raise _bad_query(f'Invalid credential date "{date}". It differs from X-Amz-Date.')
    if not _SECONDS.fullmatch(query["X-Amz-Expires"]):
        raise _bad_query("X-Amz-Expires should be a number")
    expires_s = int(query["X-Amz-Expires"])
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


def _check_signed(request: SignedRequest, signed_headers: str, exempt: tuple[str, ...]) -> None:
    signed = signed_headers.split(";")
    missing = [
        name
        for name in request.headers
        if name.startswith("x-amz-") and name not in signed and name not in exempt
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
