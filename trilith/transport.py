"""Between the operations and httpx: what both clients share of sending and receiving.

Rules: bodies travel verbatim (no content decoding: an object may well be a gzip file); every
exception of httpx becomes one of ours here.
"""

import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from trilith.bodies import Body
from trilith.endpoint import Endpoint
from trilith.errors import IntegrityError, Unreachable, UsageError
from trilith.protocol import Answer, Operation
from trilith.retry import NotSent
from trilith.values import Entry, is_md5

CONNECT_TIMEOUT_S = 5.0

Content = Iterator[bytes] | AsyncIterator[bytes]


def timeouts(timeout_s: float) -> httpx.Timeout:
    """`timeout_s` without a byte moving ends a try; connecting must not take that long."""
    return httpx.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))


def request_of(
    http: httpx.Client | httpx.AsyncClient,
    endpoint: Endpoint,
    operation: Operation[Any],
    body: Body | None = None,
    content: Content | None = None,
) -> httpx.Request:
    """The request of one try; `content` gives the body's bytes."""
    headers = {"accept-encoding": "identity", **endpoint.headers(operation)}
    if body is not None and body.size is not None:
        headers["content-length"] = str(body.size)
    sent: Content | bytes | None = content
    if operation.json is not None:
        sent = json.dumps(operation.json).encode()
        headers["content-type"] = "application/json"
    # As bytes, because httpx would refuse what is not ASCII in metadata.
    encoded = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
    return http.build_request(
        operation.method, endpoint.target(operation), headers=encoded, content=sent
    )


def answer_of(response: httpx.Response, content: bytes = b"") -> Answer:
    """The response as the operations read it."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    return Answer(response.status_code, headers, content)


def check_stored(entry: Entry, body: Body) -> Entry:
    """Raises IntegrityError unless the cluster stored what was sent."""
    if is_md5(entry.etag, entry.encryption) and entry.etag != body.md5:
        raise IntegrityError(
            f"{entry.key}: sent bytes of MD5 {body.md5}, the cluster stored {entry.etag}"
        )
    return entry


@contextlib.contextmanager
def mapped_errors(endpoint: Endpoint) -> Iterator[None]:
    """Turn httpx's exceptions into ours."""
    try:
        yield
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
        raise NotSent(f"nothing answers at {endpoint.url} ({error})") from error
    except httpx.TimeoutException as error:
        raise Unreachable(f"{endpoint.url} did not answer in time") from error
    except httpx.TransportError as error:
        raise Unreachable(f"the connection to {endpoint.url} broke ({error})") from error
    except httpx.InvalidURL as error:
        raise UsageError(f"{endpoint.url} is not a usable endpoint: {error}") from error
