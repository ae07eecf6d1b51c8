"""Signature Version 2: `Authorization: AWS key:signature`, and presigned URLs with AWSAccessKeyId.

Source: "Signing and Authenticating REST Requests (Signature Version 2)" in the S3 User Guide.

Rules: old, and not as strong as SigV4 (most of the query is not signed), but boto3's presigner,
django-storages, s3fs and s3cmd still make it. The path is signed as sent, the values of signed
parameters decoded, and x-amz-* parameters of the query count as headers.
"""

import base64
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from coordinator.auth.credentials import CredentialKind, ParsedCredentials, without_token
from coordinator.auth.dates import parse_amz_date, parse_http_date
from coordinator.auth.errors import AuthError
from coordinator.auth.request import Query, SignedRequest, parse_query
from coordinator.auth.times import check_skew, expired

SCHEME: Final = "AWS "
SIGNED_PARAMETERS: Final = frozenset(
    {
        "accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "inventory",
        "lifecycle", "location", "logging", "metrics", "notification", "object-lock",
        "partNumber", "policy", "replication", "requestPayment", "restore", "select",
        "select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads", "versionId",
        "versioning", "versions", "website",
        "response-cache-control", "response-content-disposition", "response-content-encoding",
        "response-content-language", "response-content-type", "response-expires",
    }
)  # fmt: skip
"""Exactly those that clients sign: to sign one more would break every client that does not."""

_EPOCH = re.compile(r"\d{1,12}", re.ASCII)


@dataclass(slots=True)
class SigV2Credentials(ParsedCredentials):
    """`timestamp` is what was signed as the date: the Date header or Expires. `query` is that of
    a presigned URL."""

    timestamp: str
    query: Query = field(repr=False)


def parse_header(request: SignedRequest, authorization: str) -> SigV2Credentials:
    """`authorization` starts with SCHEME. Raises AuthError."""
    access_key, colon, signature = authorization[len(SCHEME) :].strip(" \t").rpartition(":")
    if not (access_key and colon and signature and authorization.isascii()):
        raise AuthError(
            "InvalidArgument",
            "AWS authorization header is invalid. Expected AwsAccessKeyId:signature",
            {"ArgumentName": "Authorization"},
        )
    headers = request.headers
    # One that is there is the date, even if there is nothing in it
    amz_date = headers.get("x-amz-date")
    text = headers.get("date", "") if amz_date is None else amz_date
    at_s = parse_http_date(text)
    check_skew(parse_amz_date(text) if at_s is None else at_s, text, request.now)
    return SigV2Credentials(
        kind=CredentialKind.SIGV2_HEADER,
        request=request,
        access_key=access_key,
        session_token=headers.get("x-amz-security-token", ""),
        signature=signature,
        # with x-amz-date, which is signed among the headers, the date's line stays empty
        timestamp=text if amz_date is None else "",
        query=[],
    )


def parse_presigned(request: SignedRequest, pairs: Query) -> SigV2Credentials:
    """The query has an AWSAccessKeyId. Raises AuthError."""
    query = dict(reversed(pairs))
    access_key, expires = query["AWSAccessKeyId"], query.get("Expires", "")
    # "+" in base64 that the client left unencoded has become a space
    signature = query.get("Signature", "").replace(" ", "+")
    if not (access_key and access_key.isascii() and signature and expires):
        raise AuthError(
            "AccessDenied",
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
            "parameters",
        )
    if not _EPOCH.fullmatch(expires):
        raise AuthError(
            "AccessDenied", "Invalid date (should be seconds since epoch) in the Expires parameter"
        )
    if int(expires) <= request.now:
        raise expired(int(expires), request.now)
    return SigV2Credentials(
        kind=CredentialKind.SIGV2_QUERY,
        request=request,
        access_key=access_key,
        session_token=query.get("x-amz-security-token", ""),
        signature=signature,
        timestamp=expires,
        query=pairs,
    )


def expected_signatures(parsed: SigV2Credentials, secret: str) -> list[str]:
    """The signatures the request may have: clients disagree about a bucket's own path."""
    key = secret.encode()
    return [
        base64.b64encode(
            hmac.digest(key, text.encode("latin-1", "backslashreplace"), "sha1")
        ).decode()
        for text in strings_to_sign(parsed)
    ]


def strings_to_sign(parsed: SigV2Credentials) -> list[str]:
    """What the signature may be made over, the likeliest first."""
    request = parsed.request
    headers = {name.lower(): _as_sent(value) for name, value in reversed(parsed.query)}
    headers |= request.headers
    amz_names = sorted(name for name in headers if name.startswith("x-amz-"))
    amz_headers = "".join([f"{name}:{_trimmed(headers, name)}\n" for name in amz_names])
    head = "\n".join(
        (
            request.method,
            _trimmed(headers, "content-md5"),
            _trimmed(headers, "content-type"),
            parsed.timestamp,
            amz_headers,
        )
    )
    parameters = _signed_parameters(request.query_string)
    return [f"{head}{path}{parameters}" for path in _resource_paths(request)]


def explain(parsed: SigV2Credentials) -> dict[str, str]:
    """What a client's author needs to find out why a signature does not match, as S3 says it."""
    return {
        "AWSAccessKeyId": parsed.access_key,
        "StringToSign": without_token(strings_to_sign(parsed)[0], parsed.session_token),
        "SignatureProvided": parsed.signature,
    }


def _resource_paths(request: SignedRequest) -> list[str]:
    raw = request.raw_path
    path = raw.decode("latin-1") if isinstance(raw, bytes) else raw
    if request.virtual_bucket:
        return [f"/{request.virtual_bucket}{path or '/'}"]
    if path.rfind("/") == 0 and len(path) > 1:
        # boto signs "/bucket/" but sends "/bucket"
        return [path, f"{path}/"]
    return [path or "/"]


def _signed_parameters(query_string: str) -> str:
    """The sub-resources, sorted; whether an empty value has a "=" stays as the client sent it."""
    signed = []
    for piece in query_string.split("&"):
        for name, value in parse_query(piece):
            if name in SIGNED_PARAMETERS:
                signed.append((name, f"={_as_sent(value)}" if "=" in piece else ""))
    signed.sort()
    return "?" + "&".join([name + value for name, value in signed]) if signed else ""


def _trimmed(headers: Mapping[str, str], name: str) -> str:
    return headers.get(name, "").strip(" \t")


def _as_sent(text: str) -> str:
    """Decoded text back as one character per byte."""
    return text.encode("utf-8", "surrogateescape").decode("latin-1")
