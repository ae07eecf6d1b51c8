"""The load generator's HTTP connection against a real socket."""

import asyncio

import pytest

from benchmarks.connection import RequestFailed, connect
from tests.benchmarks.fake_server import FakeServer


async def test_one_connection_serves_many_requests() -> None:
    async with FakeServer().running() as server:
        connection = await connect("127.0.0.1", server.port)
        for size in (0, 10, 200_000):
            body = bytes(range(256)) * (size // 256)
            head = f"PUT /b/k HTTP/1.1\r\ncontent-length: {len(body)}\r\n\r\n".encode()
            assert (await connection.request(head, memoryview(body), None)).status == 200
            got: list[bytes] = []
            response = await connection.request(b"GET /b/k HTTP/1.1\r\n\r\n", None, got.append)
            assert (response.status, b"".join(got)) == (200, body)
            assert response.body_bytes == len(body)
            head_response = await connection.request(b"HEAD /b/k HTTP/1.1\r\n\r\n", None, None)
            assert head_response.headers[b"content-length"] == str(len(body)).encode()
            assert head_response.body_bytes == 0
        assert server.connections == 1
        connection.close()


async def test_a_server_that_hangs_up() -> None:
    async with FakeServer().running() as server:
        server.hang_up_after = 0
        connection = await connect("127.0.0.1", server.port)
        with pytest.raises(RequestFailed, match="connection lost"):
            await connection.request(b"GET /b/k HTTP/1.1\r\n\r\n", None, None)
        assert not connection.is_open
        with pytest.raises(RequestFailed, match="closed"):
            await connection.request(b"GET /b/k HTTP/1.1\r\n\r\n", None, None)


@pytest.mark.parametrize(
    ("answer", "failure"),
    [
        (b"", "within"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc", "within"),
        (b"nonsense\r\n\r\n", "not HTTP"),
    ],
)
async def test_answers_that_never_end_or_begin(answer: bytes, failure: str) -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await reader.read()
        writer.close()
        gone.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    connection = await connect("127.0.0.1", port, timeout_s=0.05)
    with pytest.raises(RequestFailed, match=failure):
        await connection.request(b"GET / HTTP/1.1\r\n\r\n", None, None)
    await gone.wait()
    server.close()


async def test_nobody_there() -> None:
    async with FakeServer().running() as server:
        port = server.port
    with pytest.raises(RequestFailed, match="cannot connect"):
        await connect("127.0.0.1", port)
