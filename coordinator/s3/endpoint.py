"""The S3 endpoint: a plain ASGI app, from the request's head to the last byte of the answer.

    head -> names.resolve -> accounts.authenticate -> routing.route -> operation -> answer
                 | web sites, and preflights of browsers: before anyone is authenticated

Rules:
1. Every request gets an id that stands in the answer and in the log.
2. Errors become S3's documents here and only here. After the first byte of an answer an error can
   only cut the connection: the answer is never short without the client noticing.
3. What was not expected is InternalError for the client and a traceback in the log.
"""

import logging
import random
import time
from collections.abc import Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from coordinator.access import versioned
from coordinator.auth.errors import AuthError
from coordinator.auth.request import SignedRequest, join_headers
from coordinator.cluster import ClusterError
from coordinator.crypto import CryptoError
from coordinator.http import ClientGone, Receive, Send
from coordinator.metrics import Metrics
from coordinator.objects import (
    BodyTooLarge,
    InvalidPart,
    InvalidPartOrder,
    ObjectsError,
    PartTooSmall,
    Unreadable,
    WriteFailed,
)
from coordinator.s3 import cors, website, xml
from coordinator.s3.access_log.entries import Answered
from coordinator.s3.encryption import from_crypto_error
from coordinator.s3.errors import S3Error, from_auth_error, from_metadata_error
from coordinator.s3.exchange import Request, Response, Scope
from coordinator.s3.headers import HeaderList
from coordinator.s3.logging_delivery import AccessLogs
from coordinator.s3.names import query_parameters, resolve
from coordinator.s3.routing import route
from coordinator.s3.surface import Surface
from metadata import MetadataError

log = logging.getLogger(__name__)

UNKNOWN = "Unknown"
"""The operation of a request that got no further than its head."""

_OBJECT_CODES = {
    WriteFailed: "ServiceUnavailable",
    Unreadable: "ServiceUnavailable",
    BodyTooLarge: "EntityTooLarge",
    InvalidPart: "InvalidPart",
    InvalidPartOrder: "InvalidPartOrder",
    PartTooSmall: "EntityTooSmall",
}


class S3Endpoint:
    """ASGI app. `clock` gives seconds since the epoch, for signatures."""

    def __init__(
        self,
        surface: Surface,
        metrics: Metrics,
        clock: Callable[[], float] = time.time,
        access_logs: AccessLogs | None = None,
    ) -> None:
        self._surface = surface
        self._metrics = metrics
        self._clock = clock
        self._access_logs = access_logs
        # They tell requests apart and open no door: a system call for each would be a fortieth of
        # a small GET.
        self._request_ids = random.Random()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        self._metrics.foreground_requests += 1
        exchange = _Exchange(scope, receive, f"{self._request_ids.getrandbits(64):016X}")
        try:
            response = await self._answer(exchange)
        except Exception as error:
            response = self._refuse(exchange, error)
        if exchange.request is not None and "origin" in exchange.request.headers:
            response.headers += await self._cors_headers(exchange.request)
        turned_around = time.perf_counter()
        try:
            sent = await self._send(exchange, response, send)
        except ClientGone:
            sent = 0
        total_s = time.perf_counter() - started
        logs, request = self._access_logs, exchange.request
        if (
            logs is not None
            and request is not None
            and logs.may_concern(request, exchange.error_code)
        ):
            facts = exchange.answered(sent, total_s, turned_around - started)
            await logs.note(request, response, facts)
        self._metrics.answered(exchange.operation, response.status, total_s, sent)

    async def _answer(self, exchange: "_Exchange") -> Response:
        surface = self._surface
        request = exchange.parse(surface, self._clock())
        if exchange.is_website:
            exchange.operation = website.OPERATION
            return await website.answer(surface, request)
        if request.method == "OPTIONS":
            exchange.operation = cors.OPERATION
            return await cors.preflight(surface, request)
        sent_by = await surface.accounts.authenticate(request.signed)
        request.user, request.authentication, request.sender = sent_by
        operation = route(request)
        exchange.operation = request.operation = operation.name
        request.action = operation.action
        if "versionId" in request.params:
            request.action = versioned(request.action)
        return await operation.handler(surface, request)

    async def _cors_headers(self, request: Request) -> HeaderList:
        try:
            return await cors.answer_headers(self._surface, request)
        except (S3Error, MetadataError):
            # No such bucket, or nobody can tell: the answer itself says so.
            return []

    def _refuse(self, exchange: "_Exchange", error: Exception) -> Response:
        refused = _as_s3_error(error, exchange)
        exchange.error_code = refused.code
        if refused.code == "InternalError":
            log.error(
                "request failed", extra=exchange.facts(refused), exc_info=error.__cause__ or error
            )
        elif refused.status == HTTPStatus.SERVICE_UNAVAILABLE:
            log.error("request failed", extra=exchange.facts(refused))
        else:
            log.info("request refused", extra=exchange.facts(refused))
        headers = [
            (name.encode("latin-1"), value.encode("latin-1"))
            for name, value in refused.headers.items()
        ]
        if not refused.has_body:
            return Response(refused.status, headers)
        if exchange.is_website:
            page = website.error_page(refused, exchange.request_id)
            return Response(
                refused.status, [(b"content-type", b"text/html; charset=utf-8"), *headers], page
            )
        document = xml.error(
            refused.code,
            refused.message,
            resource=refused.resource or exchange.path,
            request_id=exchange.request_id,
            extra=refused.extra,
        )
        return Response(refused.status, [(b"content-type", b"application/xml"), *headers], document)

    async def _send(self, exchange: "_Exchange", response: Response, send: Send) -> int:
        """Send the answer; how many body bytes left."""
        headers = response.headers
        headers.append((b"x-amz-request-id", exchange.request_id.encode()))
        headers.append((b"server", b"Trilith"))
        if response.status not in (204, 304):
            length = len(response.body) if response.length is None else response.length
            headers.append((b"content-length", b"%d" % length))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        if exchange.method == "HEAD":
            await send({"type": "http.response.body", "body": b""})
            return 0
        if response.stream is None:
            await send({"type": "http.response.body", "body": response.body})
            return len(response.body)
        sent = len(response.body)
        try:
            await send({"type": "http.response.body", "body": response.body, "more_body": True})
            async for chunk in response.stream:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                sent += len(chunk)
            await send({"type": "http.response.body", "body": b""})
        except (ObjectsError, MetadataError) as error:
            # Returning with the answer incomplete makes the server cut the connection.
            log.error("answer cut short", extra=exchange.facts(_as_s3_error(error, exchange)))
        finally:
            await response.stream.aclose()
        return sent


class _Exchange:
    """What is known of a request even when it can't be parsed."""

    def __init__(self, scope: Scope, receive: Receive, request_id: str) -> None:
        self._scope = scope
        self._receive = receive
        self.request_id = request_id
        self.method: str = scope["method"]
        self.operation = UNKNOWN
        self.request: Request | None = None
        self.is_website = False
        self.error_code = ""

    @property
    def path(self) -> str:
        """The path as it was sent, for error documents."""
        raw: bytes = self._scope["raw_path"]
        return raw.decode("latin-1")

    def parse(self, surface: Surface, now: float) -> Request:
        """The request, not yet authenticated. Raises S3Error."""
        scope = self._scope
        headers = join_headers(scope["headers"])
        query = scope["query_string"].decode("latin-1")
        raw_path: bytes = scope["raw_path"]
        address = resolve(
            headers.get("host", ""), raw_path, surface.base_domains, surface.website_domain
        )
        self.is_website = address.is_website
        signed = SignedRequest(
            self.method,
            raw_path,
            query,
            headers,
            now,
            address.bucket if address.is_virtual_host else "",
        )
        self.request = Request(
            self.method,
            address.bucket,
            address.key,
            query_parameters(query),
            headers,
            signed,
            self.request_id,
            self._receive,
            peer=(scope.get("client") or ("",))[0],
            is_secure=scope.get("scheme") == "https",
        )
        return self.request

    def answered(self, sent: int, total_s: float, turn_around_s: float) -> Answered:
        """What the access log is told beside request and answer."""
        query = self._scope["query_string"].decode("latin-1")
        return Answered(
            f"{self.path}?{query}" if query else self.path,
            self.error_code,
            sent,
            total_s,
            turn_around_s,
            self.is_website,
        )

    def facts(self, error: S3Error) -> MutableMapping[str, Any]:
        """What the log says about a refused request."""
        return {
            "request_id": self.request_id,
            "operation": self.operation,
            "method": self.method,
            "path": self.path,
            "status": error.status,
            "code": error.code,
            "detail": error.message,
        }


def _as_s3_error(error: Exception, exchange: _Exchange) -> S3Error:
    if isinstance(error, S3Error):
        return error
    if isinstance(error, AuthError):
        return from_auth_error(error)
    request = exchange.request
    if isinstance(error, MetadataError):
        if request is None:
            return from_metadata_error(error)
        caller_id = request.user.user_id if request.user else ""
        return from_metadata_error(
            error, bucket=request.bucket, key=request.key, caller_id=caller_id
        )
    if isinstance(error, CryptoError):
        return from_crypto_error(error)
    code = _OBJECT_CODES.get(type(error))
    if code is None and isinstance(error, ClusterError):
        code = "ServiceUnavailable"
    refused = S3Error("InternalError") if code is None else S3Error(code, str(error))
    refused.__cause__ = error
    return refused
