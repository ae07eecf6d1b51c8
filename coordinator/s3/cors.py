"""CORS: what browsers ask before they let a page send a request, and what answers let it read.

Rules: a preflight is answered before anyone is authenticated, for the browser sends no credentials
with it; it tells nothing of a bucket but its rules. Every answer to a request with an Origin says
what the rules allow, refusals too, else the page could not read why. Requests without an Origin
cost nothing here.
"""

from collections.abc import Sequence
from typing import Final

from coordinator.s3 import settings
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response
from coordinator.s3.headers import HeaderList
from coordinator.s3.names import check_bucket_name
from coordinator.s3.settings.cors import METHODS, CorsRule, find_rule
from coordinator.s3.surface import Surface

_ORIGIN: Final = "origin"
_METHOD: Final = "access-control-request-method"
_HEADERS: Final = "access-control-request-headers"
_VARY: Final = b"Origin, Access-Control-Request-Headers, Access-Control-Request-Method"

OPERATION: Final = "PreflightRequest"
"""What preflights are called in metrics and logs."""


async def preflight(s3: Surface, request: Request) -> Response:
    """OPTIONS: whether a page of that origin may send such a request.

    Raises S3Error BadRequest (no preflight at all), AccessForbidden; NoSuchBucket.
    """
    origin, method = request.headers.get(_ORIGIN, ""), request.headers.get(_METHOD, "")
    if not origin:
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    if method not in METHODS:
        raise S3Error("BadRequest", f"Invalid Access-Control-Request-Method: {method or 'null'}")
    check_bucket_name(request.bucket)
    bucket = request.found = await s3.metadata.bucket(request.bucket)
    rules = await s3.settings.value(bucket, settings.CORS)
    if rules is None:
        raise _forbidden("CORS is not enabled for this bucket.", request)
    asked = _names(request.headers.get(_HEADERS, ""))
    rule = find_rule(rules, origin, method, asked)
    if rule is None:
        raise _forbidden(
            "This CORS request is not allowed. This is usually because the evaluation of Origin,"
            " request method / Access-Control-Request-Method or Access-Control-Request-Headers are"
            " not whitelisted by the resource's CORS spec.",
            request,
        )
    headers = _allowed(rule, origin)
    if asked:
        names = ", ".join(asked).lower()
        headers.append((b"access-control-allow-headers", names.encode("latin-1")))
    return Response(200, headers)


async def answer_headers(s3: Surface, request: Request) -> HeaderList:
    """What the answer to an actual request says; nothing where no rule fits."""
    origin = request.headers.get(_ORIGIN, "")
    if not origin or not request.bucket or request.method == "OPTIONS":
        return []
    bucket = request.found
    if bucket is None:
        # Refused before anybody looked: the page should still be able to read why.
        check_bucket_name(request.bucket)
        bucket = await s3.metadata.bucket(request.bucket)
    rules = await s3.settings.value(bucket, settings.CORS)
    if rules is None:
        return []
    rule = find_rule(rules, origin, request.headers.get(_METHOD, request.method))
    return [] if rule is None else _allowed(rule, origin)


def _allowed(rule: CorsRule, origin: str) -> HeaderList:
    allowed = rule.origin_for(origin)
    headers = [
        (b"access-control-allow-origin", allowed.encode("latin-1")),
        (b"access-control-allow-methods", ", ".join(rule.methods).encode()),
        (b"vary", _VARY),
    ]
    if allowed != "*":
        headers.append((b"access-control-allow-credentials", b"true"))
    if rule.exposed:
        headers.append((b"access-control-expose-headers", ", ".join(rule.exposed).encode()))
    if rule.max_age_s is not None:
        headers.append((b"access-control-max-age", b"%d" % rule.max_age_s))
    return headers


def _names(value: str) -> Sequence[str]:
    return [name.strip() for name in value.split(",") if name.strip()]


def _forbidden(message: str, request: Request) -> S3Error:
    return S3Error(
        "AccessForbidden",
        f"CORSResponse: {message}",
        extra={
            "Method": request.headers.get(_METHOD, ""),
            "ResourceType": "OBJECT" if request.key else "BUCKET",
        },
    )
