"""What every request to the API passes, before FastAPI routes it and after FastAPI answered.

    id -> authenticate -> read the document -> route (FastAPI) -> answer or refuse -> count

Rules:
1. Everything under /_api/v1 but the API's description is authenticated here, before it is routed:
   an operation that is added later can't forget to.
2. FastAPI sees the path as it was sent, still percent-encoded. Decoded ones can't tell `a%2Fb` from
   `a/b`, and would let a segment take in its neighbours.
3. Errors become answers here and only here. After the first byte of an answer an error can only cut
   the connection.
4. Only the body of an object's PUT streams; all others are read whole first (they are small) and
   checked against the signature, so that no operation works on a body nobody signed.
"""

import logging
import secrets
import time
from collections.abc import MutableMapping
from typing import Any, Final
from urllib.parse import unquote_to_bytes

from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from coordinator.api.auth import authenticate
from coordinator.api.bodies import read_document
from coordinator.api.errors import ApiError, answer, as_api_error
from coordinator.api.services import SENDER, Services
from coordinator.http import ClientGone

PREFIX: Final = "/_api/v1"
PUBLIC_PATHS: Final = frozenset({f"{PREFIX}/openapi.json", f"{PREFIX}/docs"})
STREAMING_PREFIX: Final = f"{PREFIX}/objects/"
REQUEST_ID_HEADER: Final = "x-trilith-request-id"
UNKNOWN: Final = "api.unknown"
"""The operation of a request that got no further than its head."""

log = logging.getLogger(__name__)


class Gate:
    """ASGI middleware."""

    def __init__(self, app: ASGIApp, services: Services) -> None:
        self._app = app
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        exchange = _Exchange(scope, send)
        if exchange.scope["path"].startswith(STREAMING_PREFIX):
            self._services.metrics.foreground_requests += 1
        try:
            checked = await self._admit(exchange.scope, receive)
            await self._app(exchange.scope, checked, exchange.send)
        except ClientGone:
            raise
        except Exception as error:
            await exchange.refuse(error)
        finally:
            self._services.metrics.answered(
                exchange.operation,
                exchange.status,
                time.perf_counter() - started,
                exchange.sent_bytes,
            )

    async def _admit(self, scope: Scope, receive: Receive) -> Receive:
        """Authenticate where that is due. Raises ApiError, RequestStalled."""
        _check_query(scope["query_string"])
        path: str = scope["path"]
        if not path.startswith(f"{PREFIX}/") or path in PUBLIC_PATHS:
            return receive
        sender = await authenticate(self._services, scope)
        scope[SENDER] = sender
        if scope["method"] == "PUT" and path.startswith(STREAMING_PREFIX):
            return receive
        return await read_document(Headers(scope=scope), receive, sender.payload_sha256)


def _check_query(query: bytes) -> None:
    """Raises ApiError unless it is text: what is not would be replaced silently further on."""
    try:
        query.decode("ascii")
        unquote_to_bytes(query).decode()
    except UnicodeDecodeError as error:
        raise ApiError(400, "InvalidQuery", "the query is not percent-encoded UTF-8") from error


class _Exchange:
    """One request and what has been answered to it so far."""

    def __init__(self, scope: Scope, send: Send) -> None:
        self.request_id = secrets.token_hex(8).upper()
        self.scope: Scope = {**scope, "path": scope["raw_path"].decode("latin-1")}
        self.status = 500
        self.sent_bytes = 0
        self._send = send
        self._started = False

    @property
    def operation(self) -> str:
        """The route's name: one of a fixed table."""
        route = self.scope.get("route")
        name = getattr(route, "name", None)
        return f"api.{name}" if name else UNKNOWN

    async def send(self, message: Message) -> None:
        """Pass an answer on, with the request's id; HEAD gets no body, whatever was refused."""
        if message["type"] == "http.response.start":
            self._started = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers[REQUEST_ID_HEADER] = self.request_id
            headers["server"] = "Trilith"
        elif self.scope["method"] == "HEAD":
            message = {**message, "body": b""}
        else:
            self.sent_bytes += len(message.get("body", b""))
        await self._send(message)

    async def refuse(self, error: Exception) -> None:
        """Answer with the error, or cut the connection when an answer is under way."""
        refused = as_api_error(error)
        facts = self._facts(error, refused)
        if self._started:
            # Returning with the answer incomplete makes the server cut the connection.
            log.error("answer cut short", extra=facts, exc_info=error)
            return
        if refused.status == 500:
            log.error("request failed", extra=facts, exc_info=error)
        elif refused.status > 500 and refused.code != "NotReady":  # being asked is no failure
            log.error("request failed", extra=facts)
        else:
            log.info("request refused", extra=facts)
        await answer(refused, self.request_id)(self.scope, _nothing_more, self.send)

    def _facts(self, error: Exception, refused: ApiError) -> MutableMapping[str, Any]:
        # A validation error quotes what was sent, which may be a secret.
        is_quoting = isinstance(error, RequestValidationError | HTTPException)
        return {
            "request_id": self.request_id,
            "operation": self.operation,
            "method": self.scope["method"],
            "path": self.scope["path"],
            "status": refused.status,
            "code": refused.code,
            "detail": refused.message if is_quoting else str(error),
        }


async def _nothing_more() -> Message:
    return {"type": "http.disconnect"}
