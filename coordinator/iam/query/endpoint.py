"""The endpoint of IAM's and STS's query APIs: a plain ASGI app beside S3's.

    form -> action -> authenticate (unless it is an UnsignedAction) -> handler -> XML

Rules:
1. A signature must cover the body: what it asks for stands there. Only an UnsignedAction needs
   none.
2. Errors become answers here and only here; what was not expected is ServiceFailure for the client
   and a traceback in the log.
3. Answers may hold secrets: nobody may keep them, and nothing of them or of a form is logged.
"""

import hashlib
import logging
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from coordinator.auth.accounts import Accounts
from coordinator.auth.errors import AuthError
from coordinator.auth.request import SignedRequest, join_headers
from coordinator.auth.times import iso_time
from coordinator.http import ClientGone, Receive, RequestStalled, Scope, Send
from coordinator.iam.directory import Directory
from coordinator.iam.errors import IamError
from coordinator.iam.oidc.keyring import ProviderKeyring
from coordinator.iam.query import xml
from coordinator.iam.query.call import Action, Call, UnsignedAction, UnsignedCall
from coordinator.iam.query.form import Form, parse_form
from coordinator.iam.query.table import TABLE
from coordinator.iam.query.xml import Result
from coordinator.metrics import Metrics
from metadata import MetadataError

MAX_FORM_BYTES: Final = 512 * 1024
SERVICES: Final = (xml.IAM, xml.STS, "s3")
"""What requests may be signed for."""

VERSIONS: Final = {xml.IAM: "2010-05-08", xml.STS: "2011-06-15"}
UNKNOWN: Final = "iam.unknown"

_AUTH_CODES: Final[Mapping[str, str]] = {
    "AccessDenied": "AccessDenied",
    "AuthorizationHeaderMalformed": "IncompleteSignature",
    "AuthorizationQueryParametersError": "IncompleteSignature",
    "ExpiredToken": "ExpiredToken",
    "InvalidAccessKeyId": "InvalidClientTokenId",
    "InvalidToken": "InvalidClientTokenId",
    "RequestTimeTooSkewed": "RequestExpired",
    "SignatureDoesNotMatch": "SignatureDoesNotMatch",
}
"""S3's codes for unproven senders, and what these services call the same."""

log = logging.getLogger(__name__)


def is_query(method: str, raw_path: bytes, query_string: bytes) -> bool:
    """Whether a request that names no bucket is for this endpoint."""
    if raw_path != b"/":
        return False
    return method == "POST" or (method == "GET" and b"Action=" in query_string)


class IamEndpoint:
    """ASGI app. `clock` gives seconds since the epoch."""

    def __init__(
        self,
        directory: Directory,
        accounts: Accounts,
        metrics: Metrics,
        keyring: ProviderKeyring,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._directory = directory
        self._accounts = accounts
        self._metrics = metrics
        self._keyring = keyring
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        started = time.perf_counter()
        exchange = _Exchange(scope)
        try:
            status, body = 200, await self._answer(exchange, receive)
        except ClientGone:
            raise
        except Exception as error:
            status, body = exchange.refuse(error)
        headers = [
            (b"content-type", b"text/xml"),
            (b"cache-control", b"no-store"),
            (b"x-amzn-requestid", exchange.request_id.encode()),
            (b"server", b"Trilith"),
            (b"content-length", b"%d" % len(body)),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})
        took_s = time.perf_counter() - started
        self._metrics.answered(exchange.operation, status, took_s, len(body))

    async def _answer(self, exchange: "_Exchange", receive: Receive) -> bytes:
        body = await _read(receive)
        is_get = exchange.scope["method"] == "GET"
        form = parse_form(exchange.scope["query_string"] if is_get else body)
        action = exchange.choose(form)
        result: Result | None
        if isinstance(action, UnsignedAction):
            result = await action.handler(self._unsigned_call(exchange, form))
        else:
            result = await action.handler(await self._call(exchange, form, body))
        return xml.answer(action.service, exchange.action, result, exchange.request_id)

    async def _call(self, exchange: "_Exchange", form: Form, body: bytes) -> Call:
        """The call, of whoever signed it. Raises AuthError, IamError."""
        scope, now = exchange.scope, self._clock()
        headers = join_headers(scope["headers"])
        digest = hashlib.sha256(body).hexdigest()
        request = SignedRequest(
            scope["method"],
            scope["raw_path"],
            scope["query_string"].decode("latin-1"),
            headers,
            now,
            services=SERVICES,
            body_sha256=digest,
        )
        user, authentication, sender = await self._accounts.authenticate(request)
        if user is None:
            raise IamError("MissingAuthenticationToken", "Request is missing Authentication Token")
        if authentication.payload_sha256 != digest:
            raise IamError("SignatureDoesNotMatch", "The signature does not cover the body.")
        return Call(
            self._directory,
            exchange.action,
            exchange.service,
            form,
            sender,
            user,
            authentication.access_key,
            int(now * 1000),
            _facts(scope, headers, now),
        )

    def _unsigned_call(self, exchange: "_Exchange", form: Form) -> UnsignedCall:
        now, headers = self._clock(), join_headers(exchange.scope["headers"])
        facts = _facts(exchange.scope, headers, now)
        return UnsignedCall(self._directory, self._keyring, form, int(now * 1000), facts)


class _Exchange:
    """What is known of a request, whatever becomes of it."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.request_id = secrets.token_hex(16)
        self.service = xml.IAM
        self.action = ""

    @property
    def operation(self) -> str:
        """For metrics and log: one of a fixed set."""
        return f"{self.service}.{self.action}" if self.action else UNKNOWN

    def choose(self, form: Form) -> Action | UnsignedAction:
        """The action that the form asks for. Raises IamError."""
        name = form.text("Action", "")
        if not name:
            raise IamError("MissingAction", "The parameter Action is required")
        action = TABLE.get(name)
        if action is None:
            raise IamError("NotImplemented", f"The action {name[:100]} is not implemented")
        self.action, self.service = name, action.service
        version = VERSIONS[action.service]
        if form.text("Version", version) != version:
            raise IamError("InvalidAction", f"{name} is an action of version {version}")
        return action

    def refuse(self, error: Exception) -> tuple[int, bytes]:
        """Status and document of an error."""
        refused = _as_iam_error(error)
        facts = {"request_id": self.request_id, "operation": self.operation, "code": refused.code}
        if refused.code == "ServiceFailure":
            log.error("request failed", extra=facts, exc_info=error)
        else:
            log.info("request refused", extra=facts)
        document = xml.error(
            self.service,
            refused.code,
            refused.message,
            self.request_id,
            is_ours=refused.status >= 500,
        )
        return refused.status, document


def _as_iam_error(error: Exception) -> IamError:
    if isinstance(error, IamError):
        return error
    if isinstance(error, AuthError):
        return IamError(_AUTH_CODES.get(error.code, "IncompleteSignature"), error.message)
    if isinstance(error, MetadataError):
        return IamError("ServiceUnavailable", "The request can't be answered now")
    if isinstance(error, RequestStalled):
        return IamError("RequestExpired", "The request stopped arriving")
    return IamError("ServiceFailure", "The request failed; the log has its id")


async def _read(receive: Receive) -> bytes:
    """The whole body. Raises IamError, ClientGone, RequestStalled."""
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone("the request broke off")
        piece = bytes(message.get("body", b""))
        more = message.get("more_body", False)
        size += len(piece)
        if size > MAX_FORM_BYTES:
            raise IamError("ValidationError", f"a request has at most {MAX_FORM_BYTES} bytes")
        pieces.append(piece)
    return b"".join(pieces)


def _facts(
    scope: Mapping[str, Any], headers: Mapping[str, str], now: float
) -> Mapping[str, Sequence[str]]:
    """Condition keys of the request."""
    facts: dict[str, Sequence[str]] = {
        "aws:currenttime": (iso_time(now),),
        "aws:epochtime": (str(int(now)),),
        "aws:securetransport": ("true" if scope.get("scheme") == "https" else "false",),
        "aws:viaawsservice": ("false",),
    }
    peer = (scope.get("client") or ("",))[0]
    if peer:
        facts["aws:sourceip"] = (peer,)
    if "user-agent" in headers:
        facts["aws:useragent"] = (headers["user-agent"],)
    return facts
