"""The S3 endpoint: a plain ASGI app, from the request's head to the last byte of the answer.

    head -> names.resolve -> accounts.authenticate -> routing.route -> operation -> answer

Rules:
1. Every request gets an id that stands in the answer and in the log.
2. Errors become S3's documents here and only here. After the first byte of an answer an error can
   only cut the connection: the answer is never short without the client noticing.
3. What was not expected is InternalError for the client and a traceback in the log.
"""

import logging
import secrets
import time
from collections.abc import Callable, MutableMapping
from http import HTTPStatus
from typing import Any

from coordinator.auth.errors import AuthError
from coordinator.auth.request import SignedRequest
from coordinator.cluster import ClusterError
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
from coordinator.s3 import xml
from coordinator.s3.errors import S3Error, from_auth_error, from_metadata_error
from coordinator.s3.exchange import Request, Response, Scope, join_headers
from coordinator.s3.names import query_parameters, resolve
from coordinator.s3.routing import route
from coordinator.s3.surface import Surface
from metadata import MetadataError
from node.http import ClientGone, Receive, Send

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
        self, surface: Surface, metrics: Metrics, clock: Callable[[], float] = time.time
    ) -> None:
        self._surface = surface
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        self._metrics.foreground_requests += 1
        exchange = _Exchange(scope, receive, secrets.token_hex(8).upper())
        try:
            response = await self._answer(exchange)
        except Exception as error:
            response = self._refuse(exchange, error)
        try:
            sent = await self._send(exchange, response, send)
        except ClientGone:
            sent = 0
        self._metrics.answered(
            exchange.operation, response.status, time.perf_counter() - started, sent
        )

    async def _answer(self, exchange: "_Exchange") -> Response:
        surface = self._surface
        request = exchange.parse(surface, self._clock())
        request.user, request.authentication = await surface.accounts.authenticate(request.signed)
        operation = route(request)
        exchange.operation = operation.name
        if request.user is None:
            raise S3Error("AccessDenied")
        return await operation.handler(surface, request)

    def _refuse(self, exchange: "_Exchange", error: Exception) -> Response:
        refused = _as_s3_error(error, exchange)
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
        address = resolve(headers.get("host", ""), raw_path, surface.base_domains)
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
        )
        return self.request

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
    code = _OBJECT_CODES.get(type(error))
    if code is None and isinstance(error, ClusterError):
        code = "ServiceUnavailable"
    refused = S3Error("InternalError") if code is None else S3Error(code, str(error))
    refused.__cause__ = error
    return refused
