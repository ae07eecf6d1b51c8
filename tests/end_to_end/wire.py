"""HTTP by hand, for requests that no client would send: signed properly, then bent as a test likes.

Rules: nothing is corrected on the way out; on the way in a refused or reset connection is an
answer too (status 0), because hanging up is a fair reply to nonsense.
"""

import contextlib
import hmac
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from http.client import HTTPException, HTTPResponse
from urllib.parse import urlsplit

from benchmarks.cluster import Cluster
from benchmarks.signer import EMPTY_SHA256, Signer

ANSWER_TIMEOUT_S = 15.0
STREAMING_SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
STREAMING_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
HUNG_UP = 0


@dataclass(frozen=True)
class Reply:
    """An answer; status HUNG_UP if the connection was closed without one."""

    status: int = HUNG_UP
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def code(self) -> str:
        """S3's error code, or ""."""
        start = self.body.find(b"<Code>")
        return self.body[start + 6 : self.body.find(b"</Code>")].decode() if start >= 0 else ""


class Wire:
    """Talks to a cluster's S3 endpoint over plain sockets."""

    def __init__(self, cluster: Cluster) -> None:
        url = urlsplit(cluster.endpoint)
        self.address = (url.hostname, url.port)
        self.host = url.netloc
        self.access_key, self.secret_key = cluster.credentials

    def connect(self) -> socket.socket:
        """A fresh connection."""
        return socket.create_connection(self.address, timeout=ANSWER_TIMEOUT_S)

    def send(self, *pieces: bytes | Iterable[bytes], half_close: bool = False) -> Reply:
        """Send everything on a fresh connection and wait for the answer or the end."""
        begin = time.monotonic()
        with self.connect() as connection:
            # The answer may come, and the connection go, before all of it was sent.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                for piece in pieces:
                    for one in [piece] if isinstance(piece, bytes) else piece:
                        connection.sendall(one)
                if half_close:
                    connection.shutdown(socket.SHUT_WR)
            return read_reply(connection, begin)

    def signed(
        self,
        method: str,
        path: str,
        query: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        payload: str | None = None,
        length: int | str | None = None,
        skew_s: float = 0.0,
        access_key: str | None = None,
        secret_key: str | None = None,
    ) -> bytes:
        """The head of a request with a good signature for it, closed by the empty line."""
        signer = Signer(
            access_key or self.access_key,
            secret_key or self.secret_key,
            clock=lambda: time.time() + skew_s,
        )
        hashed = payload or (sha256(body).hexdigest() if body else EMPTY_SHA256)
        lines = signer.headers(method, self.host, path, query, hashed, headers)
        target = f"{path}?{query}" if query else path
        if length is None:
            length = len(body)
        if length != "" and (body or method in ("PUT", "POST") or length != 0):
            lines += f"content-length: {length}\r\n"
        return f"{method} {target} HTTP/1.1\r\n{lines}\r\n".encode()

    def signed_chunks(
        self, path: str, chunks: list[bytes], *, declared: int | None = None
    ) -> tuple[bytes, list[bytes]]:
        """A PUT with signed chunks: its head, and the framed chunks (the last one is empty)."""
        sizes = [f"{len(chunk):x};chunk-signature={'0' * 64}\r\n\r\n" for chunk in [*chunks, b""]]
        length = sum(map(len, sizes)) + sum(map(len, chunks))
        decoded = sum(map(len, chunks)) if declared is None else declared
        head = self.signed(
            "PUT",
            path,
            headers={
                "content-encoding": "aws-chunked",
                "x-amz-decoded-content-length": f"{decoded}",
            },
            payload=STREAMING_SIGNED,
            length=length,
        )
        text = head.decode()
        signature = text.partition("Signature=")[2][:64]
        timestamp = text.partition("x-amz-date: ")[2][:16]
        scope = f"{timestamp[:8]}/us-east-1/s3/aws4_request"
        key = f"AWS4{self.secret_key}".encode()
        for step in scope.split("/"):
            key = hmac.digest(key, step.encode(), "sha256")
        framed = []
        for chunk in [*chunks, b""]:
            to_sign = "\n".join(
                [
                    "AWS4-HMAC-SHA256-PAYLOAD",
                    timestamp,
                    scope,
                    signature,
                    EMPTY_SHA256,
                    sha256(chunk).hexdigest(),
                ]
            )
            signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
            line = f"{len(chunk):x};chunk-signature={signature}\r\n".encode()
            framed.append(line + chunk + b"\r\n")
        return head, framed

    def trailing(self, path: str, framed: bytes, *, declared: int, trailer: str) -> list[bytes]:
        """A PUT with unsigned chunks and a trailer, framed by the caller."""
        head = self.signed(
            "PUT",
            path,
            headers={
                "content-encoding": "aws-chunked",
                "x-amz-decoded-content-length": f"{declared}",
                "x-amz-trailer": trailer,
            },
            payload=STREAMING_TRAILER,
            length=len(framed),
        )
        return [head, framed]


def read_reply(connection: socket.socket, begin: float) -> Reply:
    """The next answer on the connection. TimeoutError if there is neither answer nor end."""
    with contextlib.closing(HTTPResponse(connection)) as response:
        try:
            response.begin()
            body = response.read()
        except (HTTPException, ConnectionError):
            return Reply(seconds=time.monotonic() - begin)
        headers = {name.lower(): value for name, value in response.getheaders()}
        return Reply(response.status, body, headers, time.monotonic() - begin)
