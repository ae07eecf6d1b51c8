"""The node's side of HTTP: framing, limits, and how a conversation ends. Real sockets."""

import contextlib
import socket
import threading

import pytest

from node.conversation import HEAD_BYTES, Conversation, Limits, Request, Stalled
from node.listener import Listener
from tests.node.listening import GENEROUS_S, listening

QUICK = Limits(silence_s=0.2, head_s=0.1, linger_s=0.2, linger_bytes=1 << 20)


def echo(request: Request) -> None:
    body = request.read_body() if request.body_bytes else b"-"
    request.answer(200, b"%s|%s" % (request.path.encode(), body), "text/plain")


def deaf(request: Request) -> None:
    request.answer(413, b"too large", "text/plain")


class Client:
    """Says exactly what it is told to, and hears whole answers."""

    def __init__(self, url: str) -> None:
        host, port = url.removeprefix("http://").split(":")
        self.socket = socket.create_connection((host, int(port)), GENEROUS_S)
        self.file = self.socket.makefile("rb")

    def say(self, data: bytes) -> None:
        self.socket.sendall(data)

    def hear(self) -> tuple[int, dict[str, str], bytes]:
        status = int(self.file.readline().split()[1])
        headers = {}
        while line := self.file.readline().strip():
            name, _, value = line.decode().partition(": ")
            headers[name] = value
        return status, headers, self.file.read(int(headers.get("content-length", 0)))

    def is_at_end(self) -> bool:
        return self.file.read(1) == b""

    def ask(self, data: bytes) -> tuple[int, bytes]:
        self.say(data)
        status, _, body = self.hear()
        return status, body


@contextlib.contextmanager
def connected(url: str):
    client = Client(url)
    with client.socket, client.file:
        yield client


def request(path: str, body: bytes = b"", *lines: str) -> bytes:
    head = [f"POST {path} HTTP/1.1", "host: x", f"content-length: {len(body)}", *lines]
    return "\r\n".join([*head, "", ""]).encode() + body


def test_one_request_after_the_other_on_one_connection():
    with listening(echo) as url, connected(url) as client:
        assert client.ask(request("/a", b"one")) == (200, b"/a|one")
        assert client.ask(b"GET /b?c=d HTTP/1.1\r\n\r\n") == (200, b"/b|-")
        client.say(request("/c", b"1") + request("/d", b"22") + request("/e"))
        assert [client.hear()[2] for _ in range(3)] == [b"/c|1", b"/d|22", b"/e|-"]


@pytest.mark.parametrize("size", [1, 4096, HEAD_BYTES - 1, HEAD_BYTES, HEAD_BYTES + 1, 3_000_000])
def test_bodies_of_every_size_both_ways(size):
    body = bytes(range(256)) * (size // 256) + b"x" * (size % 256)
    with listening(echo) as url, connected(url) as client:
        for _ in range(2):
            sender = threading.Thread(target=client.say, args=(request("/", body),))
            sender.start()
            assert client.hear()[2] == b"/|" + body
            sender.join()


def test_a_request_may_come_in_any_pieces():
    whole = request("/a", b"body") + request("/b", b"more")
    with listening(echo) as url:
        for cut in range(1, len(whole)):
            with connected(url) as client:
                client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                client.say(whole[:cut])
                client.say(whole[cut:])
                assert [client.hear()[2], client.hear()[2]] == [b"/a|body", b"/b|more"]


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"\0\1\2\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\n\r\n", 400),
        (b"GET x HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\na: 1\r\nA: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\ncontent-length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nx: " + b"y" * HEAD_BYTES, 431),
    ],
)
def test_what_is_no_request_is_refused_and_ends_the_connection(data, status):
    def handle(request: Request) -> None:
        raise AssertionError("not a request")

    with listening(handle, QUICK) as url, connected(url) as client:
        client.say(data)
        answered, headers, _ = client.hear()
        assert (answered, headers["connection"]) == (status, "close")
        assert client.is_at_end()


@pytest.mark.parametrize(
    "data", [request("/", b"x" * 100_000), b"GET / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"]
)
def test_who_is_refused_before_the_body_was_read_hears_the_answer(data):
    with listening(deaf) as url, connected(url) as client:
        client.say(data)
        status, headers, body = client.hear()
        assert (status, headers["connection"], body) == (413, "close", b"too large")
        assert client.is_at_end()


def test_who_wants_to_close_is_hung_up_on():
    with listening(echo) as url:
        for lines in (b"1.1\r\nConnection: close", b"1.0"):
            with connected(url) as client:
                assert client.ask(b"GET / HTTP/" + lines + b"\r\n\r\n") == (200, b"/|-")
                assert client.is_at_end()


@pytest.mark.parametrize("data", [b"", b"POST / HT", request("/")])
def test_silence_between_requests_ends_the_connection(data):
    with listening(echo, QUICK) as url, connected(url) as client:
        client.say(data)
        if data.endswith(b"\r\n\r\n"):
            assert client.hear()[0] == 200
        assert client.is_at_end()


def test_a_head_that_trickles_ends_the_connection():
    limits = Limits(silence_s=GENEROUS_S, head_s=0.0)
    with listening(echo, limits) as url, connected(url) as client:
        client.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with contextlib.suppress(ConnectionError):
            for byte in request("/" * 10_000):
                client.say(bytes([byte]))
            raise AssertionError("it went on")


@pytest.mark.parametrize("sent", [0, 1, 5000])
def test_a_body_that_stops_coming_stalls(sent):
    stalled = threading.Event()

    def handle(request: Request) -> None:
        with pytest.raises(Stalled):
            request.read_body()
        stalled.set()
        request.answer(408, b"stalled", "text/plain")

    with listening(handle, QUICK) as url, connected(url) as client:
        client.say(request("/", b"x" * 10_000)[: -10_000 + sent or None])
        status, headers, _ = client.hear()
        assert (status, headers["connection"]) == (408, "close")
        assert stalled.is_set()


def test_a_client_that_leaves_within_its_body_changes_nothing():
    left = threading.Event()

    def handle(request: Request) -> None:
        try:
            request.read_body()
        except ConnectionError:
            left.set()
            raise

    with listening(handle) as url:
        with connected(url) as client:
            client.say(request("/", b"x" * 10_000)[:-1])
        assert left.wait(GENEROUS_S)


def test_a_client_that_takes_nothing_does_not_hold_a_thread_for_ever():
    failed = threading.Event()

    def handle(request: Request) -> None:
        try:
            request.answer(200, bytes(64 << 20), "text/plain")
        except OSError:
            failed.set()
            raise

    with listening(handle, QUICK) as url, connected(url) as client:
        client.say(request("/"))
        assert failed.wait(GENEROUS_S)


def test_a_handler_that_fails_is_answered_for(caplog):
    def handle(request: Request) -> None:
        if request.path == "/fails":
            raise RuntimeError("a bug")
        echo(request)

    with listening(handle) as url, connected(url) as client:
        assert client.ask(request("/fails", b"body"))[0] == 500
        assert client.is_at_end()  # its body was not read
    assert "a bug" in caplog.text


def test_the_end_waits_for_requests_under_way_and_for_no_others():
    began, go_on = threading.Event(), threading.Event()

    def handle(request: Request) -> None:
        began.set()
        go_on.wait(GENEROUS_S)
        echo(request)

    listener = Listener("127.0.0.1", 0, handle)
    thread = threading.Thread(target=listener.run)
    thread.start()
    with connected(listener.url) as idle, connected(listener.url) as busy:
        busy.say(request("/busy"))
        assert began.wait(GENEROUS_S)
        listener.stop()
        assert idle.is_at_end()
        assert thread.is_alive()
        go_on.set()
        assert busy.hear()[2] == b"/busy|-"
        assert busy.is_at_end()
    thread.join(GENEROUS_S)
    assert not thread.is_alive()
    with pytest.raises(ConnectionRefusedError):
        Client(listener.url)


def test_leaving_is_seen_between_two_requests():
    ours, theirs = socket.socketpair()
    with ours, theirs:
        conversation = Conversation(ours, Limits())
        theirs.sendall(request("/a") + request("/b"))
        seen = []

        def handle(request: Request) -> None:
            seen.append(request.path)
            conversation.leave()
            request.answer(204)

        conversation.run(handle)
        assert seen == ["/a"]


def test_a_node_that_gets_no_thread_goes_on(monkeypatch, caplog):
    with listening(echo) as url:
        start = threading.Thread.start

        def refuse(thread: threading.Thread) -> None:
            monkeypatch.setattr(threading.Thread, "start", start)
            raise RuntimeError("can't start new thread")

        monkeypatch.setattr(threading.Thread, "start", refuse)
        with connected(url) as refused:
            assert refused.is_at_end()
        with connected(url) as client:
            assert client.ask(request("/a")) == (200, b"/a|-")
    assert "no thread for a connection" in caplog.text


def test_a_port_that_is_taken_is_an_error():
    with listening(echo) as url, pytest.raises(OSError, match="in use"):
        Listener("127.0.0.1", int(url.rpartition(":")[2]), echo)
