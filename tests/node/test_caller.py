"""Requests and connections against a server that answers byte by byte as it is told."""

import asyncio
import contextlib
from collections.abc import Iterable
from itertools import chain, repeat

import pytest
import uvloop

from node.caller import CONNECTIONS, Caller, Request
from node.connection import HEAD_BYTES, Patience
from node.errors import NodeFailed, NodeUnreachable

PATIENT = Patience(connect_s=5, stall_s=60, total_s=60)
OK = b"HTTP/1.1 200 OK\r\ncontent-type: a/b\r\ncontent-length: 3\r\n\r\nabc"


class Script:
    """A server whose `answers` leave one per request; None: no answer, not yet."""

    def __init__(self) -> None:
        self.answers: list[Iterable[bytes] | None] = []
        self.connections = 0
        self.requests = 0
        self.tasks: list[asyncio.Task] = []
        self.arrived = asyncio.Semaphore(0)
        self.go_on = asyncio.Event()

    async def expect(self, requests: int) -> None:
        """Wait until so many more have arrived."""
        for _ in range(requests):
            await self.arrived.acquire()

    async def serve(self, reader, writer) -> None:
        self.connections += 1
        self.tasks.append(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while await reader.readuntil(b"\r\n\r\n"):
                answer = self.answers[self.requests] if self.requests < len(self.answers) else [OK]
                self.requests += 1
                self.arrived.release()
                if answer is None:
                    await self.go_on.wait()
                for piece in answer or []:
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0)
                if answer == []:
                    break
        writer.close()


@contextlib.asynccontextmanager
async def calling(*answers):
    script = Script()
    script.answers = list(answers)
    server = await asyncio.start_server(script.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    caller = Caller("node-1", f"http://127.0.0.1:{port}", "secret", "c")
    try:
        async with asyncio.timeout(20):
            yield script, caller
    finally:
        script.go_on.set()
        caller.close()
        server.close()
        await asyncio.gather(*script.tasks)


def ask(caller, patience=PATIENT):
    return caller.call(Request("GET", "/v1/health", patience, (), bytes))


async def test_one_connection_serves_one_request_after_the_other():
    async with calling() as (script, caller):
        assert [await ask(caller) for _ in range(5)] == [b"abc"] * 5
        assert script.connections == 1


async def test_answers_may_come_in_any_pieces():
    pieces = [OK[at : at + 1] for at in range(len(OK))]
    halves = [OK[:-3], OK[-3:]]
    async with calling(pieces, halves, [OK]) as (_, caller):
        assert [await ask(caller) for _ in range(3)] == [b"abc"] * 3


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"SSH-2.0-x\r\n\r\n", "not an HTTP/1.1 answer"),
        (b"HTTP/1.1 abc\r\n\r\n", "not an HTTP/1.1 answer"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", "content-length"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n", "invalid literal"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n", "more than"),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\nab", "longer"),
        (b"x" * HEAD_BYTES, "does not end"),
    ],
)
async def test_what_no_node_says_is_a_failure_each_time(answer, reason):
    async with calling([answer], [answer]) as (script, caller):
        for _ in range(2):
            with pytest.raises(NodeFailed, match=f"node-1.*{reason}"):
                await ask(caller)
        assert script.connections == 2


async def test_what_cannot_be_written_harms_no_other_request():
    async with calling() as (script, caller):
        await ask(caller)
        for _ in range(2):
            with pytest.raises(TypeError):
                await caller.call(Request("POST", "/", PATIENT, ["no bytes"], bytes))
        assert await ask(caller) == b"abc"
        assert script.requests == 2


async def test_a_connection_that_is_not_kept_is_not_used_again():
    closing = OK.replace(b"\r\n", b"\r\nConnection: Close\r\n", 1)
    async with calling([closing], [closing]) as (script, caller):
        assert [await ask(caller) for _ in range(3)] == [b"abc"] * 3
        assert script.connections == 3


@pytest.mark.parametrize("answer", [None, [OK[:20]], [OK[:-1]]])
@pytest.mark.parametrize("before", [60, 0.05])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run])
def test_silence_is_noticed_whatever_the_request_before_it_allowed(run, before, answer):
    async def use() -> None:
        async with calling([OK], None if answer is None else [*answer]) as (script, caller):
            await ask(caller, Patience(5, before, 60))
            with pytest.raises(NodeUnreachable, match=r"no answer for 0\.[23]"):
                await ask(caller, Patience(5, 0.2, 60))
            assert await ask(caller) == b"abc"
            assert script.connections == 2

    run(use())


async def test_an_answer_that_never_ends_is_noticed_too():
    head = b"HTTP/1.1 200 OK\r\ncontent-length: 10000000\r\n\r\n"
    async with calling(chain([head], repeat(b"x"))) as (_, caller):
        with pytest.raises(NodeUnreachable, match=r"no answer for 0\.0"):
            await ask(caller, Patience(5, 0.2, 0.3))


async def test_nobody_gets_the_answer_of_who_was_cancelled():
    other = OK.replace(b"abc", b"xyz")
    async with calling([OK], None, [other]) as (script, caller):
        await ask(caller)
        cancelled = asyncio.create_task(ask(caller))
        await script.expect(2)
        cancelled.cancel()
        assert await ask(caller) == b"xyz"
        assert script.connections == 2
        with pytest.raises(asyncio.CancelledError):
            await cancelled


async def test_connections_have_a_limit_and_calls_wait_for_one():
    async with calling(*[None] * CONNECTIONS) as (script, caller):
        calls = [asyncio.create_task(ask(caller)) for _ in range(CONNECTIONS + 5)]
        await script.expect(CONNECTIONS)
        calls[0].cancel()  # its place goes to the next
        calls[-1].cancel()  # it had none
        await script.expect(4)
        await asyncio.gather(*calls[CONNECTIONS:-1])
        assert script.connections == CONNECTIONS + 1  # for the cancelled one's was closed
        script.go_on.set()
        caller.close()
        answers = await asyncio.gather(*calls, return_exceptions=True)
        assert [type(answer) for answer in answers] == [
            asyncio.CancelledError,
            *[NodeUnreachable] * (CONNECTIONS - 1),
            *[bytes] * 4,
            asyncio.CancelledError,
        ]


async def test_closing_fails_what_waits_connects_or_is_under_way():
    async with calling(*[None] * CONNECTIONS) as (script, caller):
        calls = [asyncio.create_task(ask(caller)) for _ in range(CONNECTIONS + 3)]
        await script.expect(1)
        caller.close()
        for answer in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(answer, NodeUnreachable)
            assert "the client is closed" in str(answer)
        with pytest.raises(NodeUnreachable, match="the client is closed"):
            await ask(caller)


async def test_what_dies_unanswered_is_sent_once_more_by_a_new_connection():
    async with calling([OK], [], [OK], [OK[:10], b""], [], []) as (script, caller):
        await ask(caller)
        assert await ask(caller) == b"abc"
        assert (script.connections, script.requests) == (2, 3)
