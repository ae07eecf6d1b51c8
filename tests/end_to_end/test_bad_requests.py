"""Bad input over raw sockets: each gets its own refusal, and none leaves a trace."""

import contextlib
import secrets
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest

from benchmarks.cluster import Cluster, wait_until
from tests.end_to_end import bad_bodies, bad_documents, bad_heads
from tests.end_to_end.bad_case import BODY, Case
from tests.end_to_end.conftest import ENVIRONMENT
from tests.end_to_end.support import all_keys, open_files, resident_kib, s3_client, thread_count
from tests.end_to_end.wire import HUNG_UP, Reply, Wire, read_reply

CASES = [
    *(*bad_heads.SIGNATURES, *bad_heads.HEADS, *bad_heads.NAMES),
    *(*bad_bodies.BODIES, *bad_bodies.FRAMING),
    *bad_documents.DOCUMENTS,
]
STALL_S = float(ENVIRONMENT["TRILITH_BODY_STALL_S"])
GRACE_S = 8.0
"""How much later than its limit a time-out may come on a busy machine."""

SLOW_LIMIT_S = 30.0
"""By then the server must have lost its patience with a client that is not getting on."""

TRICKLE_S = 0.1

GROWTH_KIB = 24 * 1024
ROUNDS = 8


@pytest.fixture(scope="module")
def wire(cluster: Cluster) -> Wire:
    return Wire(cluster)


def assert_empty(s3: Any, bucket: str) -> None:
    assert all_keys(s3, bucket) == []
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_refused(wire: Wire, s3: Any, bucket: str, case: Case) -> None:
    reply = wire.send(*case.pieces(wire, f"/{bucket}/k"), half_close=case.half_close)
    assert case.accepts(reply.status, reply.code), (reply.status, reply.code, reply.body[:500])
    assert_empty(s3, bucket)
    if reply.code:
        assert reply.headers["x-amz-request-id"].encode() in reply.body
        assert wire.secret_key.encode() not in reply.body


def test_the_request_id_is_in_the_log(cluster: Cluster, wire: Wire, bucket: str) -> None:
    reply = wire.send(wire.signed("GET", f"/{bucket}/missing"))
    assert (reply.status, reply.code) == (404, "NoSuchKey")
    log = cluster.data / "logs" / "coordinator.log"
    request_id = reply.headers["x-amz-request-id"]
    wait_until(lambda: request_id in log.read_text(), "the log names the request", timeout_s=5)


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("bytes=0-0", 206),
        ("bytes=5-2", 200),
        ("bytes=abc", 200),
        ("bytes=", 200),
        ("bytes=-", 200),
        ("lines=1-2", 200),
        ("bytes=99999-", 416),
        ("bytes=99999999999999999999999999999-", 416),
        ("bytes=-0", 416),
    ],
)
def test_ranges(wire: Wire, s3: Any, bucket: str, header: str, status: int) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=BODY)
    reply = wire.send(wire.signed("GET", f"/{bucket}/k", headers={"range": header}))
    assert reply.status == status
    if status == 200:
        assert reply.body == BODY
    elif status == 416:
        assert reply.code == "InvalidRange"


def stopping_half_way(wire: Wire, path: str) -> dict[str, list[bytes]]:
    """What is sent before the client falls silent."""
    head = wire.signed("PUT", path, body=BODY)
    chunk_head, chunks = wire.signed_chunks(path, [BODY])
    return {
        "nothing at all": [],
        "half a head": [head[: len(head) // 2]],
        "a head only": [head],
        "half a body": [head, BODY[: len(BODY) // 2]],
        "half a chunk": [chunk_head, chunks[0][: len(chunks[0]) // 2]],
        "half a large body": [
            wire.signed("PUT", path, payload="UNSIGNED-PAYLOAD", length=32 * 1024**2),
            b"x" * 5 * 1024**2,
        ],
    }


def trickle(wire: Wire, at_once: bytes, slowly: bytes) -> Reply:
    """Send a byte now and then until the server has had enough."""
    begin = time.monotonic()
    pause = threading.Event()
    with wire.connect() as connection:
        connection.sendall(at_once)
        for byte in slowly:
            if time.monotonic() - begin > SLOW_LIMIT_S:
                break
            connection.settimeout(TRICKLE_S)
            with contextlib.suppress(TimeoutError):
                try:
                    connection.sendall(bytes([byte]))
                    connection.recv(1, socket.MSG_PEEK)
                    break
                except ConnectionError:
                    break
            pause.wait(TRICKLE_S)
        connection.settimeout(1)
        return read_reply(connection, begin)


def stop_half_way(wire: Wire, pieces: list[bytes]) -> Reply:
    """Send what there is, and then nothing."""
    begin = time.monotonic()
    with wire.connect() as connection:
        connection.settimeout(SLOW_LIMIT_S)
        for piece in pieces:
            connection.sendall(piece)
        return read_reply(connection, begin)


def test_requests_that_stop_half_way_or_trickle(wire: Wire, s3: Any, bucket: str) -> None:
    """All at once, because each takes its time: a time-out or a closed connection, no object."""
    path = f"/{bucket}/k"
    head = wire.signed("PUT", path, body=BODY)
    jobs: dict[str, Callable[[], Reply]] = {
        kind: partial(stop_half_way, wire, pieces)
        for kind, pieces in stopping_half_way(wire, path).items()
        if pieces  # an idle connection may stay for long: it costs next to nothing
    }
    jobs["a trickling head"] = partial(trickle, wire, b"", head)
    jobs["a trickling body"] = partial(trickle, wire, head, BODY)
    with ThreadPoolExecutor(len(jobs)) as pool:
        replies = {kind: pool.submit(job) for kind, job in jobs.items()}
    for kind, future in replies.items():
        reply = future.result()
        right = [(400, "RequestTimeout"), (408, ""), (HUNG_UP, "")]
        assert (reply.status, reply.code) in right, (kind, reply)
        assert reply.seconds < SLOW_LIMIT_S, kind
    assert_empty(s3, bucket)


def test_clients_that_go_away(wire: Wire, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="large", Body=b"x" * 20 * 1024**2)
    for pieces in stopping_half_way(wire, f"/{bucket}/k").values():
        with wire.connect() as connection:
            for piece in pieces:
                connection.sendall(piece)
    for _ in range(5):
        with wire.connect() as connection:
            connection.sendall(wire.signed("GET", f"/{bucket}/large"))
            connection.recv(1000)
    assert all_keys(s3, bucket) == ["large"]


def test_an_unauthorized_body_is_not_waited_for(wire: Wire, s3: Any, bucket: str) -> None:
    head = wire.signed(
        "PUT",
        f"/{bucket}/k",
        payload="UNSIGNED-PAYLOAD",
        length=1024**3,
        secret_key="wrong",
        headers={"expect": "100-continue"},
    )
    reply = wire.send(head)
    assert (reply.status, reply.code) == (403, "SignatureDoesNotMatch")
    assert reply.headers.get("connection") == "close"
    assert reply.seconds < GRACE_S


def test_continue_is_answered_even_for_an_empty_body(wire: Wire, s3: Any, bucket: str) -> None:
    """awscli 2.9 waits a minute when it asked for 100 and a bare final answer follows."""
    head = wire.signed("PUT", f"/{bucket}/k", length=0, headers={"expect": "100-continue"})
    with wire.connect() as connection:
        connection.sendall(head)
        first = b""
        while b"\r\n\r\n" not in first:
            first += connection.recv(65536)
        continued = first.startswith(b"HTTP/1.1 100 ")
        assert continued or b"connection: close" in first.lower()
        # The object must be there before the bucket is emptied.
        while b"HTTP/1.1 200 " not in first:
            more = connection.recv(65536)
            assert more, first
            first += more


def test_nothing_grows(cluster: Cluster, wire: Wire) -> None:
    """Memory, open files and threads of every process are afterwards what they were before."""
    client = s3_client(cluster)
    bucket = f"abused-{secrets.token_hex(6)}"
    client.create_bucket(Bucket=bucket)
    path = f"/{bucket}/k"

    def abuse() -> None:
        for case in CASES:
            wire.send(*case.pieces(wire, path), half_close=case.half_close)
        for pieces in stopping_half_way(wire, path).values():
            with wire.connect() as connection:
                for piece in pieces:
                    connection.sendall(piece)

    def measure(what: Callable[[int], int]) -> dict[str, int]:
        return {name: what(pid) for name, pid in cluster.pids().items()}

    for _ in range(2):
        abuse()
    resident = measure(resident_kib)
    files, threads = measure(open_files), measure(thread_count)
    for _ in range(ROUNDS):
        abuse()
    wait_until(
        lambda: all(now <= files[name] + 4 for name, now in measure(open_files).items()),
        "the abandoned connections are closed",
        timeout_s=STALL_S + GRACE_S,
    )
    for name, now in measure(resident_kib).items():
        assert now < resident[name] + GROWTH_KIB, (name, resident[name], now)
    for name, now in measure(thread_count).items():
        assert now <= threads[name] + 8, name
    assert_empty(client, bucket)
    client.delete_bucket(Bucket=bucket)
    client.close()
