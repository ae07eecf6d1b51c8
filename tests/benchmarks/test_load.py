"""Phases against a server whose state can be looked at."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from benchmarks.content import Content
from benchmarks.dialect import Op, S3Dialect
from benchmarks.load import Load, Phase
from benchmarks.signer import Signer
from benchmarks.workloads import Budget, measure_latency, measure_throughput
from tests.benchmarks.fake_server import FakeServer

FOREVER_S = 60.0


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer().running() as running:
        yield running


@pytest.fixture
async def load(server: FakeServer) -> AsyncIterator[Load]:
    made = Load("127.0.0.1", server.port, S3Dialect("host", "bucket", Signer("a", "s")))
    await made.create_bucket()
    yield made
    made.close()


async def test_what_is_written_is_read_verified_and_removed(server: FakeServer, load: Load) -> None:
    content = Content(4096)
    rows, keys, _ = await load.run(Phase(Op.PUT, content, 4, "p/", FOREVER_S, 20), [])
    assert sorted(keys) == [f"p/{n:08d}" for n in range(20)]
    assert server.objects == {f"/bucket/{key}": bytes(content.body(key)) for key in keys}
    assert [row.status for row in rows] == [200] * 20
    assert {(row.op, row.size_bytes, row.concurrency, row.bytes) for row in rows} == {
        ("PUT", 4096, 4, 4096)
    }
    for op, count, moved in [(Op.GET, 50, 4096), (Op.HEAD, 30, 0), (Op.LIST, 5, None)]:
        rows, *_ = await load.run(Phase(op, content, 3, "p/", FOREVER_S, count), keys)
        assert len(rows) == count
        assert all(row.verified for row in rows)
        assert moved is None or {row.bytes for row in rows} == {moved}
    rows, *_ = await load.run(Phase(Op.DELETE, content, 3, "", FOREVER_S), keys)
    assert len(rows) == 20
    assert server.objects == {}
    assert server.connections <= 5


async def test_wrong_bytes_are_errors(server: FakeServer, load: Load) -> None:
    content = Content(4096)
    _, keys, _ = await load.run(Phase(Op.PUT, content, 1, "p/", FOREVER_S, 3), [])
    server.spoil = lambda body: body[:-1] + b"?"
    rows, *_ = await load.run(Phase(Op.GET, content, 1, "p/", FOREVER_S, 3), keys)
    assert [(row.status, row.verified) for row in rows] == [(200, False)] * 3
    server.spoil = lambda body: body[:-1]
    rows, *_ = await load.run(Phase(Op.HEAD, content, 1, "p/", FOREVER_S, 3), keys)
    assert not any(row.verified for row in rows)
    server.objects.clear()
    rows, *_ = await load.run(Phase(Op.LIST, content, 1, "p/", FOREVER_S, 3), keys)
    assert not any(row.verified for row in rows)


async def test_a_broken_connection_is_a_row_and_not_the_end(server: FakeServer, load: Load) -> None:
    content = Content(10)
    server.hang_up_after = len(server.requests) + 2
    outcome = await load.run(Phase(Op.PUT, content, 1, "p/", FOREVER_S, 5), [])
    assert [row.status for row in outcome.rows] == [200, 200, 0, 0, 0]
    assert outcome.written == ["p/00000000", "p/00000001"]
    assert outcome.doubtful == ["p/00000002", "p/00000003", "p/00000004"]


async def test_a_phase_ends_with_its_time(load: Load) -> None:
    async with asyncio.timeout(10):
        rows, *_ = await load.run(Phase(Op.PUT, Content(10), 2, "p/", 0.05), [])
    assert rows


async def test_the_workloads_clean_up(server: FakeServer, load: Load) -> None:
    said: list[str] = []
    rows = await measure_latency(load, [100], Budget(FOREVER_S, 5), said.append)
    assert [row.op for row in rows] == [
        op for op in ("PUT", "GET", "HEAD", "LIST", "DELETE") for _ in range(5)
    ]
    assert all(row.verified for row in rows)
    plan = [(100, (1, 2)), (2 * 1024 * 1024, (2,))]
    rows = await measure_throughput(load, plan, Budget(FOREVER_S, 4), said.append)
    assert {(row.op, row.size_bytes, row.concurrency) for row in rows} == {
        (op, size, concurrency)
        for op in ("PUT", "GET")
        for size, concurrencies in plan
        for concurrency in concurrencies
    }
    assert all(row.verified for row in rows)
    assert server.objects == {}
    assert said
