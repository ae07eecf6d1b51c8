"""What a connection does with requests that are odd, too large, too slow or too many."""

import asyncio
import socket

import pytest

from coordinator.http import Limits
from tests.coordinator.http.wire import Peer, RecordingTransport, answer, echo, read_body


def get(target: str = "/a") -> bytes:
    return f"GET {target} HTTP/1.1\r\nhost: x\r\n\r\n".encode()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /\x01 HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET /a#b HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET http://x/a HTTP/1.1\r\nhost: x\r\n\r\n",
        b"GET a HTTP/1.1\r\nhost: x\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT x:1 HTTP/1.1\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET / HTTP/2.0\r\nhost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost x\r\n\r\n",
        b"GET / HTTP/1.1\r\nhost: x\r\n folded\r\n\r\n",
        b"GET / HTTP/1.1\r\nx: \x00\r\n\r\n",
        b"PUT / HTTP/1.1\r\ncontent-length: -1\r\n\r\n",
        b"PUT / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"PUT / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"PUT / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: 2\r\n\r\nhi",
        b"PUT / HTTP/1.1\r\ncontent-length: 99999999999999999999999\r\n\r\n",
    ],
)
async def test_malformed_requests_get_400_and_a_close(request_bytes, caplog):
    peer = Peer(echo)
    await peer.send(request_bytes)
    ((status, headers, _),) = peer.responses()
    assert (status, headers["connection"]) == (400, "close")
    assert peer.transport.eof_written
    assert not caplog.records


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([get("/" + "a" * 200)], 414),
        ([b"GET / HTTP/1.1\r\n" + b"x: y\r\n" * 20 + b"\r\n"], 431),
        ([b"GET / HTTP/1.1\r\nx: " + b"y" * 2000 + b"\r\n\r\n"], 431),
        ([b"GET / HTTP/1.1\r\nx: ", *[b"y" * 100] * 50], 431),
        ([b"\r\n" * 100] * 20, 431),
    ],
    ids=["target", "count", "value", "endless value", "endless nothing"],
)
async def test_heads_have_limits(chunks, expected):
    peer = Peer(echo, Limits(target_bytes=100, headers=10, head_bytes=1000))
    await peer.send(*chunks)
    ((status, headers, _),) = peer.responses()
    assert (status, headers["connection"]) == (expected, "close")


async def test_trailers_without_end_are_cut_off():
    async def app(scope, receive, send):
        with pytest.raises(EOFError):
            await read_body(receive)
        await answer(send, b"bad trailer", status=400)

    peer = Peer(app, Limits(head_bytes=1000))
    head = b"PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    await peer.send(head + b"1\r\na\r\n0\r\nx: ", *[b"y" * 100] * 50)
    assert peer.responses()[0][::2] == (400, b"bad trailer")


async def test_bad_chunk_framing_ends_the_body_not_the_answer():
    async def app(scope, receive, send):
        with pytest.raises(EOFError):
            await read_body(receive)
        await answer(send, b"bad framing", status=400)

    peer = Peer(app)
    head = b"PUT / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    await peer.send(head + b"1\r\na\r\n", b"zzz\r\n")
    ((status, headers, text),) = peer.responses()
    assert (status, headers["connection"], text) == (400, "close", b"bad framing")


async def test_an_upgrade_is_ignored_but_ends_the_connection():
    peer = Peer(echo)
    await peer.send(b"GET /a HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n", get("/b"))
    ((status, headers, text),) = peer.responses()
    assert (status, headers["connection"], text) == (200, "close", b"GET /a? ")


async def test_the_scope_has_the_bytes_as_they_were_sent():
    seen = {}

    async def app(scope, receive, send):
        seen.update(scope)
        await answer(send)

    peer = Peer(app)
    await peer.send(get("/b/%C3%A9%2F%ff+?prefix=a%20b&x"))
    assert seen["raw_path"] == b"/b/%C3%A9%2F%ff+"
    assert seen["query_string"] == b"prefix=a%20b&x"
    assert seen["path"] == "/b/é/\ufffd+"
    assert seen["headers"] == [(b"host", b"x")]


class TestPipelining:
    async def test_answers_come_in_order(self):
        gates = {b"/1": asyncio.Event(), b"/2": asyncio.Event()}

        async def app(scope, receive, send):
            await gates[scope["raw_path"]].wait()
            await echo(scope, receive, send)

        peer = Peer(app)
        await peer.send(get("/1") + get("/2"))
        assert not peer.transport.reading
        gates[b"/2"].set()
        await peer.settle()
        assert not peer.transport.writes
        gates[b"/1"].set()
        await peer.settle()
        assert [text for *_, text in peer.responses()] == [b"GET /1? ", b"GET /2? "]
        assert peer.transport.reading

    async def test_a_body_that_waits_in_line_is_read_in_its_turn(self):
        peer = Peer(echo)
        request = b"PUT /2 HTTP/1.1\r\ncontent-length: 6\r\n\r\n"
        await peer.send(get("/1") + request)
        assert peer.transport.reading
        await peer.send(b"abc", b"def")
        assert [text for *_, text in peer.responses()] == [b"GET /1? ", b"PUT /2? abcdef"]

    async def test_what_waits_is_dropped_with_the_connection(self):
        started = []

        async def app(scope, receive, send):
            started.append(scope["raw_path"])
            await read_body(receive)
            assert (await receive())["type"] == "http.disconnect"

        peer = Peer(app)
        await peer.send(get("/1") + get("/2"))
        await peer.vanish()
        assert started == [b"/1"]
        assert not peer.state.tasks

    async def test_garbage_behind_a_request_does_not_touch_its_answer(self):
        peer = Peer(echo)
        await peer.send(get("/1") + b"\x00\x00\x00")
        ((status, headers, text),) = peer.responses()
        assert (status, headers["connection"], text) == (200, "close", b"GET /1? ")
        assert peer.transport.eof_written

    async def test_close_means_that_nothing_follows(self):
        peer = Peer(echo)
        await peer.send(b"GET /1 HTTP/1.1\r\nconnection: close\r\n\r\n" + get("/2"))
        assert len(peer.responses()) == 1
        assert peer.transport.closed


class TestUnreadBody:
    @staticmethod
    async def refuse(scope, receive, send):
        await answer(send, b"no", status=403)

    async def test_a_short_rest_is_skipped(self):
        peer = Peer(self.refuse)
        await peer.send(b"PUT /a HTTP/1.1\r\ncontent-length: 6\r\n\r\nabc")
        await peer.send(b"def" + get())
        assert [status for status, *_ in peer.responses()] == [403, 403]
        assert not peer.transport.eof_written

    async def test_a_short_rest_that_does_not_come_ends_the_connection(self):
        peer = Peer(self.refuse)
        await peer.send(b"PUT /a HTTP/1.1\r\ncontent-length: 6\r\n\r\nabc")
        await peer.pass_time(peer.limits.body_stall_s + 1)
        assert peer.transport.closed

    @pytest.mark.parametrize("framing", [b"content-length: 100000", b"transfer-encoding: chunked"])
    async def test_a_long_or_unknown_rest_ends_the_connection_gently(self, framing):
        peer = Peer(self.refuse)
        await peer.send(b"PUT /a HTTP/1.1\r\n" + framing + b"\r\n\r\n")
        ((status, headers, _),) = peer.responses()
        assert (status, headers["connection"]) == (403, "close")
        # Half closed and still reading: the client is not reset while it sends.
        assert peer.transport.eof_written
        assert peer.transport.reading
        assert not peer.transport.closed
        await peer.send(b"x" * 50_000)
        assert not peer.transport.closed
        await peer.half_close()
        assert peer.transport.closed
        assert not peer.transport.aborted

    async def test_gentleness_has_limits(self):
        request = b"PUT /a HTTP/1.1\r\ncontent-length: 100000\r\n\r\n"
        slow = Peer(self.refuse)
        await slow.send(request)
        await slow.pass_time(slow.limits.linger_s + 1)
        assert slow.transport.aborted
        big = Peer(self.refuse, Limits(linger_bytes=1000))
        await big.send(request)
        await big.send(b"x" * 1001)
        assert big.transport.aborted


class TestTime:
    async def test_a_connection_that_says_nothing_is_closed(self):
        peer = Peer(echo)
        await peer.pass_time(peer.limits.head_timeout_s - 1)
        assert not peer.transport.closed
        await peer.pass_time(peer.limits.head_timeout_s + 1)
        assert peer.transport.closed

    async def test_a_trickled_head_gains_no_time(self):
        peer = Peer(echo)
        await peer.send(b"GET / HTTP/1.1\r\n")
        before = peer.connection.deadline
        await peer.send(b"x: y\r\n", b"z", b": y\r\n")
        assert peer.connection.deadline == before
        await peer.pass_time(peer.limits.head_timeout_s + 1)
        assert peer.transport.closed

    async def test_an_idle_connection_is_closed_later(self):
        peer = Peer(echo)
        await peer.send(get())
        await peer.pass_time(peer.limits.keep_alive_s - 1)
        assert not peer.transport.closed
        await peer.send(get())
        await peer.pass_time(peer.limits.keep_alive_s + 1)
        assert len(peer.responses()) == 2
        assert peer.transport.closed

    async def test_a_handler_may_take_as_long_as_it_likes(self):
        gate = asyncio.Event()

        async def app(scope, receive, send):
            await gate.wait()
            await echo(scope, receive, send)

        peer = Peer(app)
        await peer.send(get() + b"GET /half HTTP")  # a deadline of the next one does not count
        await peer.pass_time(10_000)
        gate.set()
        await peer.settle()
        assert len(peer.responses()) == 1
        await peer.pass_time(peer.limits.head_timeout_s + 1)
        assert peer.transport.closed

    async def test_a_client_that_takes_nothing_is_cut_off(self):
        async def app(scope, receive, send):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            while True:
                peer.transport.stuck = 100_000
                peer.connection.pause_writing()
                message = {"type": "http.response.body", "body": b"x" * 1000, "more_body": True}
                await send(message)

        peer = Peer(app)
        await peer.send(get())
        await peer.pass_time(0)
        await peer.pass_time(peer.limits.write_stall_s - 1)
        assert not peer.transport.aborted
        peer.transport.stuck -= 1  # it took one byte
        await peer.pass_time(peer.limits.write_stall_s + 1)
        assert not peer.transport.aborted
        await peer.pass_time(2 * peer.limits.write_stall_s + 2)
        assert peer.transport.aborted
        await peer.vanish()
        assert not peer.state.tasks

    async def test_also_after_its_response_was_complete(self):
        peer = Peer(echo)
        await peer.send(get())
        peer.transport.stuck = 10
        await peer.pass_time(0)
        await peer.pass_time(peer.limits.write_stall_s + 1)
        assert peer.transport.aborted


async def test_small_writes_are_not_held_back():
    transport = RecordingTransport()
    with socket.socket(socket.AF_INET) as transport.socket:
        Peer(echo, transport=transport)
        assert transport.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_too_many_connections_get_503():
    peer = Peer(echo, Limits(connections=1))
    peer.state.connections.add(object())
    await peer.send(get())
    ((status, headers, _),) = peer.responses()
    assert (status, headers["connection"]) == (503, "close")


async def test_shutdown_lets_a_response_finish():
    gate = asyncio.Event()

    async def app(scope, receive, send):
        await gate.wait()
        await echo(scope, receive, send)

    busy, idle = Peer(app), Peer(app)
    await busy.send(get())
    busy.connection.shutdown()
    idle.connection.shutdown()
    assert idle.transport.closed
    assert not busy.transport.closed
    gate.set()
    await busy.settle()
    assert busy.responses()[0][1]["connection"] == "close"
    assert busy.transport.closed
