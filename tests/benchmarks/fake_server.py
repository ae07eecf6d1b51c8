"""The smallest S3 server that can be measured: a dict behind asyncio streams."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, unquote, urlsplit


class FakeServer:
    """Keeps objects by path. `spoil` may replace what a GET answers."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: list[str] = []
        self.connections = 0
        self.spoil: Callable[[bytes], bytes] | None = None
        self.hang_up_after: int | None = None
        self.port = 0

    @asynccontextmanager
    async def running(self) -> AsyncIterator["FakeServer"]:
        """Serve on a free port of the loopback."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                method, target, _ = head.split("\r\n")[0].split(" ")
                length = head.lower().partition("content-length: ")[2].partition("\r\n")[0]
                body = await reader.readexactly(int(length or 0))
                self.requests.append(f"{method} {target}")
                if self.hang_up_after is not None and len(self.requests) > self.hang_up_after:
                    return
                status, answer, size = self._answer(method, target, body)
                lines = f"HTTP/1.1 {status} X\r\nContent-Length: {size}\r\n\r\n"
                writer.write(lines.encode() + answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    def _answer(self, method: str, target: str, body: bytes) -> tuple[int, bytes, int]:
        url = urlsplit(target)
        path = unquote(url.path)
        if "list-type" in url.query:
            (prefix,) = parse_qs(url.query).get("prefix", [""])
            prefix = f"{path}/{prefix}"
            keys = sorted(key for key in self.objects if key.startswith(prefix))[:100]
            listing = b"".join(b"<Key>%s</Key>" % key.encode() for key in keys)
            return 200, listing, len(listing)
        if path.count("/") == 1:
            return 200, b"", 0
        if method == "PUT":
            self.objects[path] = body
            return 200, b"", 0
        if method == "DELETE":
            return (204 if self.objects.pop(path, None) is not None else 404), b"", 0
        if path not in self.objects:
            return 404, b"", 0
        found = self.objects[path]
        if self.spoil is not None:
            found = self.spoil(found)
        return 200, (b"" if method == "HEAD" else found), len(found)
