"""The relay between two real ends in this process: slow, cut, and as it ends with others."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from benchmarks.process import Process
from benchmarks.relay import READY, Relay, Way

BODY = os.urandom(3_000_000)


@asynccontextmanager
async def echoing() -> AsyncIterator[int]:
    """A server that sends back what it gets; its port."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(65536):
            writer.write(piece)
            await writer.drain()
        writer.close()

    server = await asyncio.start_server(echo, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


class Waits:
    """Notes what was waited for instead of waiting."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await asyncio.sleep(0)


@asynccontextmanager
async def relayed(way: Way, waits: Waits) -> AsyncIterator[int]:
    async with echoing() as port:
        relay = Relay(("127.0.0.1", port), way, waits)
        try:
            yield await relay.listen("127.0.0.1", 0)
        finally:
            await relay.close()


async def send_and_receive(port: int, body: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(body)
    writer.write_eof()
    answer = await reader.read(-1)
    writer.close()
    return answer


async def test_everything_arrives_in_order_and_late() -> None:
    waits = Waits()
    async with relayed(Way(delay_s=5.0, seed=3), waits) as port:
        several = await asyncio.gather(*(send_and_receive(port, BODY) for _ in range(3)))
    assert all(answer == BODY for answer in several)
    assert waits.seconds
    assert max(waits.seconds) <= 10.0
    assert len(set(waits.seconds)) > 10


async def test_without_delay_nothing_waits() -> None:
    waits = Waits()
    async with relayed(Way(), waits) as port:
        assert await send_and_receive(port, BODY) == BODY
    assert waits.seconds == []


async def test_a_cut_way_takes_connections_and_keeps_silent() -> None:
    async with relayed(Way(is_cut=True), Waits()) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"anybody there?")
        await writer.drain()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.read(1), 0.05)
    assert await reader.read(1) == b"", "closed with the relay"
    writer.close()


async def test_nobody_behind_it_is_a_connection_closed() -> None:
    async with echoing() as port:
        pass
    relay = Relay(("127.0.0.1", port), Way())
    there = await relay.listen("127.0.0.1", 0)
    reader, writer = await asyncio.open_connection("127.0.0.1", there)
    assert await reader.read(1) == b""
    writer.close()
    await relay.close()


async def test_the_program_ends_with_the_process_it_watches() -> None:
    watched = await asyncio.create_subprocess_exec(
        *(sys.executable, "-S", "-c", "input()"), stdin=asyncio.subprocess.PIPE
    )
    async with echoing() as port:
        relay = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "benchmarks.relay", "--listen", "127.0.0.1:0"),
            *("--to", f"127.0.0.1:{port}", "--while-runs", str(watched.pid)),
            stdout=asyncio.subprocess.PIPE,
        )
        assert relay.stdout is not None
        assert (await relay.stdout.readline()).decode().strip() == READY
        found = Process.of(watched.pid)
        assert found is not None
        assert found.send(signal.SIGKILL)
        await watched.communicate()
        async with asyncio.timeout(10):
            assert await relay.wait() == 0
        assert not found.is_running()
        assert not found.send(signal.SIGKILL)
