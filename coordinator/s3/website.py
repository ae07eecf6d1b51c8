"""A bucket as a web site: GET and HEAD on `<bucket>.<website domain>`, for everybody.

    path -> redirect of everything? -> routing rule by key -> index document -> object
                                                   not there -> folder? -> routing rule by error
                                                             -> error document -> a page of ours

Rules: every visitor is anonymous: what is signed, and the query, count for nothing here, and only
what strangers may read is shown. Errors are HTML for people; they say no more than the S3 error
does. Redirects that name no protocol keep the visitor's.

Source: "Hosting a static website" in the S3 User Guide.
"""

import html
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from coordinator.access import ANONYMOUS
from coordinator.auth.credentials import Authentication, CredentialKind, PayloadMode
from coordinator.auth.errors import AuthError
from coordinator.s3 import settings
from coordinator.s3.errors import S3Error, from_auth_error, from_metadata_error
from coordinator.s3.exchange import Request, Response
from coordinator.s3.names import check_bucket_name
from coordinator.s3.reading import get_object, head_object
from coordinator.s3.settings.website import Redirect, RoutingRule, Website
from coordinator.s3.surface import Surface
from metadata import MetadataError

OPERATION: Final = "WebsiteGet"
REDIRECT_HEADER: Final = b"x-amz-website-redirect-location"

_CONDITIONAL: Final = frozenset(
    {
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
    }
)


_NOBODY: Final = Authentication(CredentialKind.ANONYMOUS, "", PayloadMode.UNSIGNED)

Read = Callable[[Request], Awaitable[Response]]


async def answer(s3: Surface, request: Request, read: Read | None = None) -> Response:
    """What the site shows. `read` gets the objects (tests have their own).

    Raises S3Error where there is nothing to show but an error: see `error_page`.
    """
    if request.method not in ("GET", "HEAD"):
        raise S3Error("MethodNotAllowed", headers={"allow": "GET, HEAD"})
    check_bucket_name(request.bucket)
    bucket = request.found = await s3.metadata.bucket(request.bucket)
    site = await s3.settings.value(bucket, settings.WEBSITE)
    if site is None:
        raise S3Error("NoSuchWebsiteConfiguration", extra={"BucketName": bucket.name})
    if site.redirect_all is not None:
        return redirected(site.redirect_all, request.key, "", request.headers)
    rule = site.rule_for(request.key, 0)
    if rule is not None:
        return _ruled(rule, request)
    return await _Visit(s3, site, request, read or _reader(s3)).show()


def redirected(to: Redirect, key: str, matched: str, headers: Mapping[str, str]) -> Response:
    """The redirect of a key, whose beginning `matched` a condition named."""
    if to.key is not None:
        key = to.key
    elif to.prefix is not None:
        key = to.prefix + key[len(matched) :]
    path = "/" + quote(key.encode("utf-8", "surrogateescape"), safe="/~!$&'()*+,;=:@")
    host = to.host or (headers.get("host", "") if to.protocol else "")
    scheme = f"{to.protocol}:" if to.protocol else ""
    location = f"{scheme}//{host}{path}" if host else _local(path)
    return _to(to.status, location)


def error_page(error: S3Error, request_id: str) -> bytes:
    """The error as a page."""
    title = f"{error.status} {HTTPStatus(error.status).phrase}"
    facts = {"Code": error.code, "Message": error.message, **error.extra, "RequestId": request_id}
    items = "".join(
        f"<li>{html.escape(name)}: {html.escape(text)}</li>" for name, text in facts.items()
    )
    page = (
        f"<!DOCTYPE html>\n<html><head><title>{title}</title></head>"
        f"<body><h1>{title}</h1><ul>{items}</ul><hr></body></html>\n"
    )
    return page.encode("utf-8", "replace")


class _Visit:
    """One request to a site."""

    def __init__(self, s3: Surface, site: Website, request: Request, read: Read) -> None:
        self._s3 = s3
        self._site = site
        self._request = request
        self._read = read

    async def show(self) -> Response:
        request, site = self._request, self._site
        key = request.key
        if not key or key.endswith("/"):
            key += site.index
        try:
            return await self._object(key, request.headers)
        except S3Error as error:
            if error.status < HTTPStatus.BAD_REQUEST:
                raise
            if error.code == "NoSuchKey" and key == request.key and await self._has_index(key):
                return _to(HTTPStatus.FOUND, _local("/" + quote(key, safe="/") + "/"))
            return await self._failed(error)

    async def _object(self, key: str, headers: Mapping[str, str]) -> Response:
        found = await self._get(key, headers, "HEAD")
        for name, value in found.headers:
            if name == REDIRECT_HEADER:
                return _to(HTTPStatus.MOVED_PERMANENTLY, value.decode("latin-1"))
        if self._request.method == "HEAD":
            return found
        return await self._get(key, headers, "GET")

    async def _get(self, key: str, headers: Mapping[str, str], method: str) -> Response:
        request = replace(
            self._request,
            key=key,
            params={},
            headers=headers,
            method=method,
            user=None,
            authentication=_NOBODY,
            sender=ANONYMOUS,
            operation=f"{method.title()}Object",
            action="s3:GetObject",
        )
        try:
            return await self._read(request)
        except AuthError as error:
            raise from_auth_error(error) from error
        except MetadataError as error:
            raise from_metadata_error(error, bucket=request.bucket, key=key) from error

    async def _has_index(self, key: str) -> bool:
        """Whether there is a folder of that name with a page."""
        try:
            await self._get(f"{key}/{self._site.index}", self._unconditional(), "HEAD")
        except S3Error:
            return False
        return True

    async def _failed(self, error: S3Error) -> Response:
        rule = self._site.rule_for(self._request.key, error.status)
        if rule is not None:
            return _ruled(rule, self._request)
        if not self._site.error_key:
            raise error
        try:
            response = await self._get(
                self._site.error_key, self._unconditional(), self._request.method
            )
        except S3Error:
            # The error document is missing too: the error itself is told.
            raise error from None
        response.status = error.status
        return response

    def _unconditional(self) -> Mapping[str, str]:
        headers = self._request.headers
        return {name: headers[name] for name in headers if name not in _CONDITIONAL}


def _reader(s3: Surface) -> Read:
    async def read(request: Request) -> Response:
        handler = head_object if request.method == "HEAD" else get_object
        return await handler(s3, request)

    return read


def _ruled(rule: RoutingRule, request: Request) -> Response:
    return redirected(rule.redirect, request.key, rule.key_prefix, request.headers)


def _local(path: str) -> str:
    # A path that begins with two slashes would name a host.
    return "/%2F" + path[2:] if path.startswith("//") else path


def _to(status: int, location: str) -> Response:
    return Response(status, [(b"location", location.encode("latin-1", "replace"))])
