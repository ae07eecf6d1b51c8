"""Requests and responses over a recording transport: what is written, in how many writes."""

import asyncio

import pytest

from coordinator.http import ClientGone, Limits, RequestStalled
from tests.coordinator.http.wire import Peer, answer, echo, read_body

GET = b"GET /a HTTP/1.1\r\nhost: x\r\n\r\n"
HEAD = b"HEAD /a HTTP/1.1\r\nhost: x\r\n\r\n"


def put(body: bytes = b"", *headers: bytes, length: int | None = None) -> bytes:
    length = len(body) if length is None else length
    lines = [b"PUT /a HTTP/1.1", b"host: x", b"content-length: %d" % length, *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def sends(*messages):
    async def app(scope, receive, send):
        for message in messages:
            await send(message)

    return app


def start(*headers, status=200):
    return {"type": "http.response.start", "status": status, "headers": list(headers)}


def body(data, more=False):
    return {"type": "http.response.body", "body": data, "more_body": more}


@pytest.mark.parametrize("data", [b"hello", bytearray(b"hello"), memoryview(b"hello")])
async def test_a_small_response_leaves_in_one_write(data):
    peer = Peer(sends(start((b"content-length", b"5")), body(data)))
    await peer.send(GET)
    expected = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ndate: today\r\n\r\nhello"
    assert peer.transport.writes == [expected]


async def test_so_does_the_start_of_a_stream():
    peer = Peer(
        sends(start((b"content-length", b"4")), body(b"", True), body(b"ab", True), body(b"cd"))
    )
    await peer.send(GET)
    first, second = peer.transport.writes
    assert first.endswith(b"\r\n\r\nab")
    assert second == b"cd"


async def test_a_large_body_is_not_copied_behind_the_head():
    seen = []
    peer = Peer(sends(start(), body(memoryview(bytes(100_000)))))
    peer.transport.writelines = seen.append
    await peer.send(GET)
    ((head, data),) = seen
    assert b"content-length: 100000\r\n" in head
    assert isinstance(data, memoryview)


async def test_length_is_added_when_the_whole_body_is_known():
    peer = Peer(sends(start(), body(b"abc")))
    await peer.send(GET)
    assert b"content-length: 3" in peer.received
    assert b"chunked" not in peer.received


async def test_a_stream_of_unknown_length_is_chunked():
    peer = Peer(sends(start(), body(b"abc", True), body(b"", True), body(b"defg"), body(b"")))
    await peer.send(GET)
    _, _, framed = peer.received.partition(b"\r\n\r\n")
    assert b"transfer-encoding: chunked" in peer.received
    assert framed == b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n"


async def test_but_not_for_http_1_0_which_reads_to_the_end():
    peer = Peer(sends(start(), body(b"abc", True), body(b"def")))
    await peer.send(b"GET / HTTP/1.0\r\n\r\n")
    assert peer.received.endswith(b"connection: close\r\n\r\nabcdef")
    assert peer.transport.closed


async def test_head_carries_the_length_without_the_body():
    peer = Peer(sends(start((b"content-length", b"5")), body(b"hello")))
    await peer.send(HEAD, HEAD)
    assert peer.received.endswith(b"\r\n\r\n")
    assert peer.received.count(b"content-length: 5\r\n") == 2


@pytest.mark.parametrize("status", [204, 304])
async def test_statuses_without_a_body(status):
    peer = Peer(sends(start(status=status), body(b"")))
    await peer.send(GET)
    assert b"content-length" not in peer.received
    assert b"chunked" not in peer.received
    assert not peer.transport.closed


@pytest.mark.parametrize(
    "messages",
    [
        (start((b"content-length", b"9")), body(b"short")),
        (start((b"content-length", b"1")), body(b"long")),
        (start((b"x", b"a\r\nb")), body(b"")),
        (start((b"content-length", b"3"), (b"transfer-encoding", b"chunked")), body(b"abc")),
        (start(),),
        (body(b"x"),),
        (start(), start()),
        ({"type": "http.response.push"},),
        (),
    ],
)
async def test_a_wrong_response_becomes_a_500(messages, caplog):
    peer = Peer(sends(*messages))
    await peer.send(GET)
    ((status, headers, _),) = peer.responses()
    assert status == 500
    assert headers["connection"] == "close"
    assert peer.transport.closed


async def test_an_app_that_fails_gets_logged_and_answered(caplog):
    async def app(scope, receive, send):
        await send(start())
        raise LookupError("here")

    peer = Peer(app)
    await peer.send(GET)
    assert [status for status, *_ in peer.responses()] == [500]
    assert "LookupError: here" in caplog.text


async def test_a_response_that_ends_early_is_cut_so_that_the_client_notices():
    peer = Peer(sends(start((b"content-length", b"9")), body(b"abc", True)))
    await peer.send(GET)
    assert peer.received.endswith(b"\r\n\r\nabc")
    assert peer.transport.closed


class TestBody:
    async def test_arrives_whole_whatever_the_chunks(self):
        peer = Peer(echo)
        request = put(b"0123456789")
        await peer.send(*[request[i : i + 1] for i in range(len(request))])
        assert peer.responses()[0][2] == b"PUT /a? 0123456789"

    async def test_may_be_chunked_and_its_trailers_are_no_headers(self):
        seen = []

        async def app(scope, receive, send):
            await read_body(receive)
            seen.extend(scope["headers"])
            await echo(scope, receive, send)

        peer = Peer(app)
        head = b"PUT /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
        await peer.send(head + b"3\r\nabc\r\n", b"2;x=y\r\nde\r\n0\r\nhost: evil\r\n\r\n")
        assert seen == [(b"host", b"x"), (b"transfer-encoding", b"chunked")]

    async def test_waits_in_bounded_memory(self):
        gate = asyncio.Event()
        sizes = []

        async def app(scope, receive, send):
            await gate.wait()
            while True:
                message = await receive()
                sizes.append(len(message["body"]))
                if not message["more_body"]:
                    break
            await answer(send)

        peer = Peer(app, Limits(receive_bytes=1000))
        await peer.send(put(b"x" * 400, length=1500), b"x" * 400)
        assert peer.transport.reading
        await peer.send(b"x" * 400)
        assert not peer.transport.reading
        gate.set()
        await peer.settle()
        assert peer.transport.reading
        assert sizes == [800, 400]  # joined, but not beyond the limit
        await peer.send(b"x" * 300)
        assert sizes == [800, 400, 300]

    async def test_many_small_chunks_take_linear_time(self):
        peer = Peer(echo)
        await peer.send(put(length=200_000), *[b"x"] * 200_000)
        assert len(peer.responses()[0][2]) == 200_000 + len("PUT /a? ")

    async def test_that_stalls_raises_and_can_still_be_answered(self):
        async def app(scope, receive, send):
            try:
                await read_body(receive)
            except RequestStalled:
                await answer(send, b"slow", status=400)

        peer = Peer(app)
        await peer.send(put(b"abc", length=9))
        await peer.pass_time(peer.limits.body_stall_s - 1)
        assert not peer.transport.writes
        await peer.pass_time(peer.limits.body_stall_s + 1)
        ((status, headers, text),) = peer.responses()
        assert (status, headers["connection"], text) == (400, "close", b"slow")
        assert peer.transport.eof_written

    async def test_that_stalls_is_408_if_the_app_does_not_care(self, caplog):
        peer = Peer(echo)
        await peer.send(put(b"abc", length=9))
        await peer.pass_time(peer.limits.body_stall_s + 1)
        assert [status for status, *_ in peer.responses()] == [408]
        assert "Traceback" not in caplog.text

    async def test_of_a_slow_app_does_not_stall(self):
        gate = asyncio.Event()

        async def app(scope, receive, send):
            await gate.wait()
            await echo(scope, receive, send)

        peer = Peer(app)
        await peer.send(put(b"abc", length=6))
        await peer.pass_time(1000)
        gate.set()
        await peer.send(b"def")
        assert peer.responses()[0][2] == b"PUT /a? abcdef"


class TestExpectContinue:
    EXPECT = b"Expect: 100-continue"
    CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

    async def test_is_answered_when_the_app_asks(self):
        peer = Peer(echo)
        await peer.send(put(b"", self.EXPECT, length=3))
        assert peer.transport.writes == [self.CONTINUE]
        await peer.send(b"abc")
        assert peer.transport.writes[1].endswith(b"PUT /a? abc")
        assert not peer.transport.closed

    async def test_refusal_without_reading_ends_the_connection(self):
        async def app(scope, receive, send):
            await answer(send, b"no", status=403)

        peer = Peer(app)
        await peer.send(put(b"", self.EXPECT, length=3))
        ((status, headers, _),) = peer.responses()
        assert (status, headers["connection"]) == (403, "close")
        assert peer.transport.eof_written
        await peer.send(b"abcGET / HTTP/1.1\r\n\r\n")
        assert len(peer.transport.writes) == 1

    async def test_with_no_body_still_gets_its_100(self):
        async def app(scope, receive, send):
            await answer(send, b"ok")

        peer = Peer(app)
        await peer.send(put(b"", self.EXPECT))
        assert peer.received.startswith(self.CONTINUE + b"HTTP/1.1 200 OK\r\n")
        assert b"connection: close" not in peer.received

    async def test_with_no_body_gets_only_one(self):
        peer = Peer(echo)
        await peer.send(put(b"", self.EXPECT))
        assert peer.received.count(self.CONTINUE) == 1

    async def test_is_not_said_to_a_client_that_did_not_wait(self):
        peer = Peer(echo)
        await peer.send(put(b"abc", self.EXPECT))
        assert self.CONTINUE not in peer.received


class TestLostClient:
    async def test_receive_says_so(self):
        ended = []

        async def app(scope, receive, send):
            try:
                await read_body(receive)
            except EOFError:
                ended.append("receive")
                with pytest.raises(ClientGone):
                    await answer(send)
                ended.append("send")

        peer = Peer(app)
        await peer.send(put(b"abc", length=9))
        await peer.vanish()
        assert ended == ["receive", "send"]

    async def test_send_that_waits_for_room_raises(self, caplog):
        async def app(scope, receive, send):
            await send(start())
            while True:
                await send(body(b"x" * 1000, True))

        peer = Peer(app)
        peer.connection.pause_writing()
        await peer.send(GET)
        assert peer.state.tasks
        await peer.vanish()
        assert not peer.state.tasks
        assert not caplog.records

    async def test_a_long_handler_notices(self):
        noticed = []

        async def app(scope, receive, send):
            await read_body(receive)
            noticed.append(await receive())

        peer = Peer(app)
        await peer.send(put(b"abc"))
        assert noticed == []
        await peer.vanish()
        assert noticed == [{"type": "http.disconnect"}]

    async def test_half_closed_it_still_gets_its_answer(self):
        gate = asyncio.Event()

        async def app(scope, receive, send):
            await gate.wait()
            await echo(scope, receive, send)

        peer = Peer(app)
        await peer.send(put(b"abc"))
        assert await peer.half_close()
        gate.set()
        await peer.settle()
        assert peer.responses()[0][2] == b"PUT /a? abc"
        assert peer.transport.closed

    async def test_half_closed_it_can_be_noticed(self):
        noticed = []

        async def app(scope, receive, send):
            await read_body(receive)
            noticed.append(await receive())
            await answer(send)

        peer = Peer(app)
        await peer.send(put(b"abc"))
        await peer.half_close()
        assert noticed == [{"type": "http.disconnect"}]

    async def test_half_closed_within_the_body_it_is_told_so(self):
        async def app(scope, receive, send):
            with pytest.raises(EOFError):
                await read_body(receive)
            await answer(send, b"incomplete", status=400)

        peer = Peer(app)
        await peer.send(put(b"abc", length=9))
        assert await peer.half_close()
        assert peer.responses()[0][0] == 400
        assert peer.transport.closed

    async def test_what_a_handler_makes_of_it_is_no_traceback(self, caplog):
        async def app(scope, receive, send):
            try:
                await read_body(receive)
            except EOFError as error:
                raise LookupError("wrapped") from error

        peer = Peer(app)
        await peer.send(put(b"abc", length=9))
        await peer.vanish()
        assert "Traceback" not in caplog.text
