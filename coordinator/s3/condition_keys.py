"""What a request says to the conditions of policies: the keys `aws:*` and `s3:*`.

Source: "Actions, resources, and condition keys for Amazon S3" in the Service Authorization
Reference, "AWS global condition context keys" in the IAM User Guide.

Rules: a value is worked out only when a condition asks for it. A key this store can't answer has no
value; what a key means that answers about a client comes from the connection, never from a header
that a client could make up (X-Forwarded-For).
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final
from urllib.parse import parse_qsl

from coordinator.auth.credentials import CredentialKind
from coordinator.auth.dates import parse_amz_date, parse_http_date
from coordinator.auth.times import iso_time
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request
from coordinator.s3.names import parse_copy_source
from metadata import Bucket, Version

_NO_MORE: Final[Mapping[str, Sequence[str]]] = {}


class RequestContext:
    """The condition keys of one request about one bucket, and a version where one is known."""

    def __init__(
        self,
        request: Request,
        bucket: Bucket | None = None,
        version: Version | None = None,
        more: Mapping[str, Sequence[str]] = _NO_MORE,
    ) -> None:
        """`more` are keys (lower case) that count before what the request itself says."""
        self._request = request
        self._bucket = bucket
        self._version = version
        self._more = more

    def values(self, key: str) -> Sequence[str] | None:
        """The values of a condition key; None without."""
        if key in self._more:
            return self._more[key]
        name, slash, tag = key.partition("/")
        if slash:
            return _one(self._tags(name).get(tag))
        answer = _ANSWERS.get(name)
        if answer is not None:
            return _one(answer(self._request))
        match name:
            case "s3:requestobjecttagkeys":
                return list(self._tags("s3:requestobjecttag")) or None
            case "aws:resourceaccount" | "s3:resourceaccount":
                return _one(None if self._bucket is None else self._bucket.owner_id)
        if name.startswith("s3:x-amz-"):
            return _one(_header(self._request, name.removeprefix("s3:")))
        return None

    def _tags(self, name: str) -> Mapping[str, str]:
        if name == "s3:existingobjecttag":
            return {} if self._version is None else self._version.tags
        if name == "s3:requestobjecttag":
            request = self._request
            if request.tags is not None:
                return request.tags
            header = _header(request, "x-amz-tagging") or ""
            return dict(parse_qsl(header, keep_blank_values=True))
        return {}


def _one(value: str | None) -> Sequence[str] | None:
    return None if value is None else (value,)


def _header(request: Request, name: str) -> str | None:
    value = request.all_headers.get(name)
    return None if value == "" else value


def _from_header(name: str) -> Callable[[Request], str | None]:
    return lambda request: _header(request, name)


def _from_parameter(name: str) -> Callable[[Request], str | None]:
    return lambda request: request.params.get(name)


def _copy_source(request: Request) -> str | None:
    """`bucket/key`, however the client spelt it."""
    value = _header(request, "x-amz-copy-source")
    if value is None:
        return None
    try:
        bucket, key, _ = parse_copy_source(value)
    except S3Error:
        return value
    return f"{bucket}/{key}"


def _authentication_type(request: Request) -> str | None:
    kind = request.authentication.kind if request.authentication else CredentialKind.ANONYMOUS
    return _AUTHENTICATION_TYPES.get(kind)


def _signature_version(request: Request) -> str | None:
    kind = request.authentication.kind if request.authentication else CredentialKind.ANONYMOUS
    if kind is CredentialKind.ANONYMOUS:
        return None
    return "AWS" if kind.value.startswith("sigv2") else "AWS4-HMAC-SHA256"


def _signature_age(request: Request) -> str | None:
    """Milliseconds since a presigned URL, or any signed request, was made."""
    text = request.params.get("X-Amz-Date") or request.headers.get("x-amz-date", "")
    signed_at_s = parse_amz_date(text)
    if signed_at_s is None:
        signed_at_s = parse_http_date(text)
    if signed_at_s is None:
        return None
    return str(max(0, int((request.signed.now - signed_at_s) * 1000)))


_AUTHENTICATION_TYPES: Final[Mapping[CredentialKind, str]] = {
    CredentialKind.SIGV4_HEADER: "REST-HEADER",
    CredentialKind.SIGV2_HEADER: "REST-HEADER",
    CredentialKind.SIGV4_QUERY: "REST-QUERY-STRING",
    CredentialKind.SIGV2_QUERY: "REST-QUERY-STRING",
    CredentialKind.SIGV4_POST: "POST",
    CredentialKind.SIGV2_POST: "POST",
}

_ANSWERS: Final[Mapping[str, Callable[[Request], str | None]]] = {
    "aws:currenttime": lambda request: iso_time(request.signed.now),
    "aws:epochtime": lambda request: str(int(request.signed.now)),
    "aws:referer": _from_header("referer"),
    "aws:securetransport": lambda request: "true" if request.is_secure else "false",
    "aws:sourceip": lambda request: request.peer or None,
    "aws:useragent": _from_header("user-agent"),
    "aws:viaawsservice": lambda request: "false",
    "s3:authtype": _authentication_type,
    "s3:delimiter": _from_parameter("delimiter"),
    "s3:if-match": _from_header("if-match"),
    "s3:if-none-match": _from_header("if-none-match"),
    "s3:max-keys": _from_parameter("max-keys"),
    "s3:object-lock-legal-hold": _from_header("x-amz-object-lock-legal-hold"),
    "s3:object-lock-mode": _from_header("x-amz-object-lock-mode"),
    "s3:object-lock-retain-until-date": _from_header("x-amz-object-lock-retain-until-date"),
    "s3:prefix": _from_parameter("prefix"),
    "s3:signatureage": _signature_age,
    "s3:signatureversion": _signature_version,
    "s3:versionid": _from_parameter("versionId"),
    "s3:x-amz-copy-source": _copy_source,
}
