"""The server over real sockets, on the event loop that it runs on in production."""

import asyncio
import io
import os
import shutil
import signal
import subprocess
import sys

import aiohttp
import pytest
import uvloop

from coordinator.http import Limits, running
from tests.coordinator.http.wire import answer, echo, read_body

QUICK = Limits(
    head_timeout_s=0.2, body_stall_s=0.2, write_stall_s=0.3, linger_s=5, sweep_interval_s=0.1
)

SERVE = """
import sys, uvloop
from coordinator.http import serve

async def app(scope, receive, send):
    await send({"type": "http.response.start", "status": 200, "headers": [(b"x-a", b"b")]})
    await send({"type": "http.response.body", "body": b"x" * 4096})

uvloop.run(serve(app, on_listening=lambda server: print(server.port, flush=True)))
print("closed", flush=True)
"""


def on_uvloop(scenario):
    """Runs an async test on uvloop."""

    def test():
        uvloop.run(asyncio.wait_for(scenario(), 20))

    test.__name__ = scenario.__name__
    return test


async def connect(server):
    return await asyncio.open_connection(server.host, server.port)


@on_uvloop
async def test_a_real_client_gets_through_everything():
    async with running(echo) as server, aiohttp.ClientSession() as session:
        big = os.urandom(3_000_000)

        async def pieces():
            yield big[:1_000_000]
            yield big[1_000_000:]

        for data in (b"", b"small", io.BytesIO(big), pieces()):
            async with session.put(f"{server.url}/a?b", data=data, expect100=True) as response:
                text = await response.read()
                assert text.startswith(b"PUT /a?b ")
                assert text[9:] == (data if isinstance(data, bytes) else big)


@on_uvloop
async def test_a_large_response_waits_for_its_reader():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(64):
            sent.append(1)
            chunk = memoryview(bytes(1 << 20))
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    sent = []
    async with running(app) as server, aiohttp.ClientSession() as session:
        async with session.get(server.url) as response:
            await response.content.readexactly(1)
            assert len(sent) < 32
            rest = await response.read()
        assert len(rest) == (64 << 20) - 1


@on_uvloop
async def test_an_early_refusal_reaches_a_client_that_is_still_sending():
    async def app(scope, receive, send):
        await answer(send, b"refused", status=403)

    async with running(app) as server:
        reader, writer = await connect(server)
        writer.write(b"PUT /a HTTP/1.1\r\nhost: x\r\ncontent-length: 20000000\r\n\r\n")
        for _ in range(20):
            writer.write(bytes(1_000_000))
            await writer.drain()
        assert (await reader.read()).endswith(b"refused")
        writer.close()
        await writer.wait_closed()


@on_uvloop
async def test_slow_clients_are_ended():
    ended = asyncio.Event()

    async def app(scope, receive, send):
        try:
            await read_body(receive)
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                message = {"type": "http.response.body", "body": bytes(1 << 20), "more_body": True}
                await send(message)
        finally:
            ended.set()

    async with running(app, limits=QUICK) as server:
        silent, silent_writer = await connect(server)
        assert await silent.read() == b""
        halting, halting_writer = await connect(server)
        halting_writer.write(b"PUT / HTTP/1.1\r\ncontent-length: 9\r\n\r\nabc")
        assert b" 408 " in await halting.read()
        ended.clear()
        _, deaf_writer = await connect(server)
        deaf_writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await ended.wait()
        for writer in (silent_writer, halting_writer, deaf_writer):
            writer.transport.abort()


@on_uvloop
async def test_stopping_is_bounded():
    async def app(scope, receive, send):
        started.set()
        await asyncio.Event().wait()

    started = asyncio.Event()
    async with running(app, limits=Limits(shutdown_s=0.1)) as server:
        reader, writer = await connect(server)
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        await started.wait()
    assert await reader.read() == b""
    writer.close()


@on_uvloop
async def test_a_taken_port_is_an_error():
    async with running(echo) as server:
        with pytest.raises(OSError, match="in use"):
            async with running(echo, port=server.port):
                pass


@pytest.fixture
def process():
    """A server process, with its port as its first line."""
    with subprocess.Popen([sys.executable, "-c", SERVE], stdout=subprocess.PIPE, text=True) as it:
        yield it
        it.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_signals_end_it_so_that_what_follows_serve_still_runs(process, number):
    assert int(process.stdout.readline()) > 0
    process.send_signal(number)
    assert process.stdout.readline() == "closed\n"
    assert process.wait(10) == 0


def test_one_system_call_sends_a_small_response(process, tmp_path):
    strace = shutil.which("strace")
    if strace is None:
        pytest.skip("strace is not installed")
    port = int(process.stdout.readline())
    trace = tmp_path / "trace"
    command = [strace, "-f", "-e", "trace=write,writev,sendto,sendmsg", "-o", trace]
    with subprocess.Popen([*command, "-p", str(process.pid)], stderr=subprocess.PIPE) as tracer:
        if b"attached" not in tracer.stderr.readline():
            pytest.skip("strace may not attach here")
        fetch = ["-c", f"import urllib.request as u; u.urlopen('http://127.0.0.1:{port}').read()"]
        subprocess.run([sys.executable, *fetch], check=True)
        tracer.send_signal(signal.SIGINT)
    calls = [line for line in trace.read_text().splitlines() if "HTTP/1.1 200" in line]
    assert len(calls) == 1
    assert int(calls[0].rsplit("=", 1)[1]) > 4096
    assert trace.read_text().count("xxxxx") == calls[0].count("xxxxx")
