"""One S3 client of the torture: a request at a time, every answer with its times, no retries.

Rules: a request that was sent is never sent again, for then nobody could say when it took effect.
The clock of a request starts when its connection stands, so that it is the process behind that
connection which has it, and no later one.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from urllib.parse import quote
from xml.etree import ElementTree

from benchmarks.connection import Connection, RequestFailed, Response, connect
from benchmarks.signer import EMPTY_SHA256, Signer

REQUEST_TIMEOUT_S = 30.0
NO_ANSWER = 0
PAGE_KEYS = 40
_RECONNECT_S = 0.05
_XML = "{http://s3.amazonaws.com/doc/2006-03-01/}"


@dataclass(frozen=True, slots=True)
class Answer:
    """`status` NO_ANSWER: none, or one that was cut; then `body` is what came before."""

    status: int
    body: bytes
    began_s: float
    ended_s: float
    reason: str = ""

    @property
    def is_good(self) -> bool:
        """Whether it says that it was done."""
        return 200 <= self.status < 300


@dataclass(frozen=True, slots=True)
class Entry:
    """An object as a listing shows it; the ETag with its quotes."""

    key: str
    etag: str
    size: int


class UnreadableListing(Exception):
    """A listing that is not what S3 would answer."""


@dataclass(frozen=True, slots=True)
class Page:
    """Part of a listing; `token` asks for the next one, "" after the last."""

    entries: list[Entry]
    token: str


class Client:
    """Speaks to one endpoint about one bucket. `clock` is monotonic seconds."""

    def __init__(
        self,
        address: tuple[str, int],
        bucket: str,
        signer: Signer,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._address = address
        self._host = f"{address[0]}:{address[1]}"
        self._bucket = bucket
        self._signer = signer
        self._clock = clock
        self._connection: Connection | None = None

    async def make_bucket(self) -> Answer:
        """PUT the bucket."""
        return await self._request("PUT", f"/{self._bucket}", body=b"")

    async def put(self, key: str, body: bytes) -> Answer:
        """Store an object."""
        return await self._request("PUT", self._path(key), body=body)

    async def get(self, key: str) -> Answer:
        """Fetch an object."""
        return await self._request("GET", self._path(key))

    async def delete(self, key: str) -> Answer:
        """Remove an object."""
        return await self._request("DELETE", self._path(key))

    async def list(self, token: str = "", limit: int = PAGE_KEYS) -> Answer:
        """The next keys of the bucket; see `page_of`."""
        query = f"list-type=2&max-keys={limit}"
        if token:
            query = f"continuation-token={quote(token, safe='-_.~')}&{query}"
        return await self._request("GET", f"/{self._bucket}", query)

    def close(self) -> None:
        """Drop the connection."""
        if self._connection is not None:
            self._connection.close()

    def _path(self, key: str) -> str:
        return f"/{self._bucket}/{key}"

    async def _request(
        self, method: str, path: str, query: str = "", body: bytes | None = None
    ) -> Answer:
        connection = await self._connected()
        digest = EMPTY_SHA256 if not body else sha256(body).hexdigest()
        signed = self._signer.headers(method, self._host, path, query, digest)
        length = "" if body is None else f"content-length: {len(body)}\r\n"
        target = f"{path}?{query}" if query else path
        head = f"{method} {target} HTTP/1.1\r\n{signed}{length}\r\n".encode()
        pieces: list[bytes] = []
        reason = ""
        began_s = self._clock()
        try:
            sent = memoryview(body) if body else None
            response = await connection.request(head, sent, pieces.append)
        except RequestFailed as error:
            response, reason = Response(status=NO_ANSWER), str(error)
        return Answer(response.status, b"".join(pieces), began_s, self._clock(), reason)

    async def _connected(self) -> Connection:
        """A connection that stands, however long the server is away."""
        while self._connection is None or not self._connection.is_open:
            try:
                self._connection = await connect(*self._address, timeout_s=REQUEST_TIMEOUT_S)
            except RequestFailed:
                await asyncio.sleep(_RECONNECT_S)
        return self._connection


def page_of(body: bytes) -> Page:
    """What the answer to a listing says. Raises UnreadableListing."""
    try:
        root = ElementTree.fromstring(body)
        entries = [
            Entry(_text(found, "Key"), _text(found, "ETag"), int(_text(found, "Size")))
            for found in root.iter(f"{_XML}Contents")
        ]
        is_cut = _text(root, "IsTruncated") == "true"
        return Page(entries, _text(root, "NextContinuationToken") if is_cut else "")
    except (ElementTree.ParseError, ValueError) as error:
        raise UnreadableListing(f"{error}: {body[:200]!r}") from error


def _text(element: ElementTree.Element, name: str) -> str:
    text = element.findtext(f"{_XML}{name}")
    if text is None:
        raise ValueError(f"no {name}")
    return text
