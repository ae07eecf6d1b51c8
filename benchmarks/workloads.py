"""What `latency` and `throughput` do, phase by phase.

Rules: each phase is preceded by a short unrecorded one of the same operation, so that connections,
caches and the interpreters are warm; what a run has written it also removes.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.connection import RequestFailed
from benchmarks.content import Content
from benchmarks.dialect import Dialect, Op
from benchmarks.load import MAX_OPERATIONS, Load, Outcome, Phase, Row
from benchmarks.target import Target

KIB = 1024
MIB = 1024 * KIB
LATENCY_SIZES = (4 * KIB, 64 * KIB, MIB)
THROUGHPUT_SMALL_SIZE = 4 * KIB
THROUGHPUT_LARGE_SIZE = 64 * MIB
THROUGHPUT_SMALL_CONCURRENCY = (1, 16, 64)
THROUGHPUT_LARGE_CONCURRENCY = (1, 4)
_WARM_UP_S = 0.5
_WARM_UP_OPERATIONS = 200
_CLEAN_UP_CONCURRENCY = 16

Say = Callable[[str], None]


@dataclass(frozen=True)
class Budget:
    """How long a phase lasts: seconds or operations, what ends first."""

    seconds: float
    operations: int = MAX_OPERATIONS


async def measure_latency(load: Load, sizes: Sequence[int], budget: Budget, say: Say) -> list[Row]:
    """PUT, GET, HEAD, LIST and DELETE, one at a time, at each size."""
    rows: list[Row] = []
    for size in sizes:
        ops = (Op.PUT, Op.GET, Op.HEAD, Op.LIST, Op.DELETE)
        rows += await _measure(load, Content(size), 1, ops, budget, say)
    return rows


async def measure_throughput(
    load: Load, sizes: Sequence[tuple[int, Sequence[int]]], budget: Budget, say: Say
) -> list[Row]:
    """PUT and GET at each size with each of the concurrencies that stand beside it."""
    rows: list[Row] = []
    for size, concurrencies in sizes:
        content = Content(size)
        for concurrency in concurrencies:
            rows += await _measure(load, content, concurrency, (Op.PUT, Op.GET), budget, say)
    return rows


async def _measure(
    load: Load, content: Content, concurrency: int, ops: Sequence[Op], budget: Budget, say: Say
) -> list[Row]:
    content.warm_up()
    prefix = f"{content.size_bytes}/{concurrency}/"
    rows: list[Row] = []

    def phase(op: Op, keys_below: str, seconds: float, operations: int) -> Phase:
        return Phase(op, content, concurrency, keys_below, seconds, operations)

    async def warm_up(op: Op, below: str, keys: list[str]) -> Outcome:
        # Large objects take long: as many as there are connections will do.
        count = _WARM_UP_OPERATIONS if content.size_bytes <= MIB else concurrency
        return await load.run(phase(op, below, _WARM_UP_S, count), keys)

    say(f"{content.size_bytes} bytes, {concurrency} at once: warming up")
    warmed = await warm_up(Op.PUT, f"warm-up/{prefix}", [])
    left_over = warmed.written + warmed.doubtful
    written: list[str] = []
    for op in ops:
        say(f"{content.size_bytes} bytes, {concurrency} at once: {op}")
        if op is Op.DELETE:
            await _delete(load, content, left_over)
            left_over = []
        elif op is not Op.PUT:
            await warm_up(op, prefix if op is Op.LIST else "", written)
        measured = await load.run(phase(op, prefix, budget.seconds, budget.operations), written)
        written += measured.written
        left_over += measured.doubtful
        rows += measured.rows
    say(f"{content.size_bytes} bytes, {concurrency} at once: cleaning up")
    await _delete(load, content, left_over + written)
    return rows


async def _delete(load: Load, content: Content, keys: list[str]) -> None:
    await load.run(Phase(Op.DELETE, content, _CLEAN_UP_CONCURRENCY, "", float("inf")), keys)


@asynccontextmanager
async def open_load(target: Target, dialect: Dialect, say: Say) -> AsyncIterator[Load]:
    """A load generator with a fresh bucket, which is removed afterwards."""
    load = Load(target.host, target.port, dialect)
    await load.create_bucket()
    try:
        yield load
        try:
            await load.delete_bucket()
        except RequestFailed as error:
            # What was measured is worth more than a clean server.
            say(f"the bucket could not be removed: {error}")
    finally:
        load.close()
