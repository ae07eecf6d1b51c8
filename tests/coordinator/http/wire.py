"""A connection without a network: a recording transport, and a peer that feeds bytes by hand."""

import asyncio
from collections.abc import Iterable

from uvicorn.server import ServerState

from coordinator.http import App, Limits
from coordinator.http.connection import Connection
from coordinator.http.server import _Config


class RecordingTransport(asyncio.Transport):
    """Keeps every write apart. `stuck` stands for a client that reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.eof_written = False
        self.aborted = False
        self.closed = False
        self.reading = True
        self.stuck = 0
        self.socket = None

    def write(self, data) -> None:
        assert not self.eof_written, "written after write_eof"
        self.writes.append(bytes(data))

    def writelines(self, pieces: Iterable[bytes]) -> None:
        self.write(b"".join(pieces))

    def write_eof(self) -> None:
        self.eof_written = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.closed = self.aborted = True

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def get_write_buffer_size(self) -> int:
        return self.stuck

    def get_extra_info(self, name: str, default=None):
        return self.socket if name == "socket" else default


class Peer:
    """A client's end of one connection to `app`."""

    def __init__(self, app: App, limits: Limits | None = None, transport=None) -> None:
        self.limits = limits or Limits()
        self.transport = transport or RecordingTransport()
        self.state = ServerState()
        self.state.default_headers = [(b"date", b"today")]
        loop = asyncio.get_running_loop()
        self.connection = Connection(_Config(app, self.limits), self.state, {}, loop)
        self.connection.connection_made(self.transport)

    async def send(self, *chunks: bytes) -> None:
        """Deliver the chunks and let the app run as far as it gets."""
        for chunk in chunks:
            self.connection.data_received(chunk)
        await self.settle()

    async def settle(self) -> None:
        """Let everything run that can."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def half_close(self) -> bool:
        """The client stops sending; whether the server keeps its side open."""
        stays = self.connection.eof_received()
        if not stays:
            self.transport.close()
        await self.settle()
        return bool(stays)

    async def vanish(self) -> None:
        """The connection is lost."""
        self.connection.connection_lost(ConnectionResetError())
        await self.settle()

    async def pass_time(self, seconds: float) -> None:
        """What the server's sweep would do after that time."""
        self.connection.sweep(asyncio.get_running_loop().time() + seconds)
        await self.settle()

    @property
    def received(self) -> bytes:
        """All that the client got."""
        return b"".join(self.transport.writes)

    def responses(self) -> list[tuple[int, dict[str, str], bytes]]:
        """What the client got, parsed: status, headers, body by Content-Length."""
        rest, parsed = self.received, []
        while rest:
            head, _, rest = rest.partition(b"\r\n\r\n")
            lines = head.decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines[1:])
            length = int(headers.get("content-length", 0))
            parsed.append((int(lines[0].split()[1]), headers, rest[:length]))
            rest = rest[length:]
        return parsed


async def read_body(receive) -> bytes:
    """The whole body of a request."""
    pieces = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise EOFError(b"".join(pieces))
        pieces.append(message["body"])
        if not message["more_body"]:
            return b"".join(pieces)


async def answer(send, body=b"", status: int = 200, headers=()) -> None:
    """A complete response."""
    headers = [(b"content-length", b"%d" % len(body)), *headers]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def echo(scope, receive, send) -> None:
    """Answers with method, target and body."""
    body = await read_body(receive)
    target = scope["raw_path"] + b"?" + scope["query_string"]
    await answer(send, scope["method"].encode() + b" " + target + b" " + body)
