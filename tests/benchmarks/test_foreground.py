"""Clients at a fixed rate against a server whose state can be looked at."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from benchmarks.content import Content
from benchmarks.dialect import S3Dialect
from benchmarks.foreground import SMALL_BYTES, Foreground, Pace
from benchmarks.mttr_rows import Verdict
from benchmarks.signer import Signer
from tests.benchmarks.fake_server import FakeServer

STORED_BYTES = 100_000
PACE = Pace(small_gets=2000, small_puts=500, stored_gets=500)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer().running() as running:
        for size, prefix in ((SMALL_BYTES, "small"), (STORED_BYTES, "stored")):
            content = Content(size)
            for number in range(5):
                key = f"{prefix}/{number}"
                running.objects[f"/bucket/{key}"] = bytes(content.body(key))
        yield running


@asynccontextmanager
async def clients(server: FakeServer, pace: Pace = PACE) -> AsyncIterator[Foreground]:
    made = Foreground(
        ("127.0.0.1", server.port),
        S3Dialect("host", "bucket", Signer("a", "s")),
        [f"small/{number}" for number in range(5)],
        (Content(STORED_BYTES), [f"stored/{number}" for number in range(5)]),
        "meanwhile/",
        random.Random(1),
    )
    stop = asyncio.Event()
    running = asyncio.create_task(made.run(pace, stop))
    yield made
    stop.set()
    async with asyncio.timeout(10):
        await running


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while True:
            if condition():
                return
            await asyncio.sleep(0)


async def until_asked(foreground: Foreground, requests: int) -> None:
    await until(lambda: len(foreground.requests) >= requests)


def verdicts(foreground: Foreground) -> set[Verdict]:
    return {one.verdict for one in foreground.requests}


async def test_it_reads_and_writes_at_its_pace(server: FakeServer) -> None:
    async with clients(server) as foreground:
        await until_asked(foreground, 300)
    assert verdicts(foreground) == {Verdict.RIGHT}
    due = sorted(one.due_s for one in foreground.requests if one.is_timed)
    assert (len(due) - 1) / (due[-1] - due[0]) == pytest.approx(PACE.small_gets, rel=0.01)
    timed = sum(one.is_timed for one in foreground.requests)
    # How many of each were answered by now is the machine's affair, not that they were asked.
    assert 0 < timed < len(foreground.requests)


async def test_what_it_wrote_it_reads_too(server: FakeServer) -> None:
    async with clients(server, Pace(0, 1000, 0)) as foreground:
        await until_asked(foreground, 30)
    written = [key for key in foreground.small_keys if key.startswith("meanwhile/")]
    assert len(written) == len(foreground.requests)
    content = Content(SMALL_BYTES)
    assert all(server.objects[f"/bucket/{key}"] == content.body(key) for key in written)


async def test_wrong_bytes_are_told(server: FakeServer) -> None:
    server.spoil = lambda body: body[:-1] + b"?"
    async with clients(server, Pace(1000, 0, 1000)) as foreground:
        await until_asked(foreground, 30)
    assert verdicts(foreground) == {Verdict.WRONG}


async def test_a_lost_object_is_an_error(server: FakeServer) -> None:
    server.objects.clear()
    async with clients(server, Pace(1000, 0, 0)) as foreground:
        await until_asked(foreground, 30)
    assert verdicts(foreground) == {Verdict.ERROR}


async def test_broken_connections_are_errors_and_not_the_end(server: FakeServer) -> None:
    async with clients(server) as foreground:
        await until_asked(foreground, 50)
        server.hang_up_after = len(server.requests)
        known = len(foreground.small_keys)
        await until_asked(foreground, len(foreground.requests) + 200)
        server.hang_up_after = None
        await until(lambda: foreground.requests[-1].verdict is Verdict.RIGHT)
        assert len(foreground.small_keys) >= known
    assert verdicts(foreground) == {Verdict.RIGHT, Verdict.ERROR}
    # An unanswered PUT may have been done or not: it is never asked for.
    told = sum(one.verdict is Verdict.RIGHT for one in foreground.requests)
    assert len(foreground.small_keys) - 5 <= told


async def test_a_stall_counts_for_every_request_it_held_up(server: FakeServer) -> None:
    """A pace that the server cannot keep: what is late counts from when it was due."""
    async with clients(server, Pace(1e6, 0, 0)) as foreground:
        await until_asked(foreground, 2000)
    latencies = [one.latency_ms for one in foreground.requests]
    assert latencies[-1] > 10 * latencies[0]
