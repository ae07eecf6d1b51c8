"""How answers leave: a small one in a single write, without waiting for acknowledgements."""

import socket
import statistics
import time
from typing import Any

from benchmarks.cluster import Cluster
from tests.end_to_end.support import seeded_bytes
from tests.end_to_end.wire import Wire


def test_a_small_answer_is_one_write(cluster: Cluster, s3: Any, bucket: str) -> None:
    """Head and body come together in the first segment, every time."""
    body = seeded_bytes(4096)
    s3.put_object(Bucket=bucket, Key="k", Body=body)
    wire = Wire(cluster)
    with wire.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for _ in range(20):
            connection.sendall(wire.signed("GET", f"/{bucket}/k"))
            got = connection.recv(65536)
            assert got.startswith(b"HTTP/1.1 200 ")
            assert got.endswith(b"\r\n\r\n" + body)


def test_requests_on_one_connection_do_not_stall(cluster: Cluster, s3: Any, bucket: str) -> None:
    """Nagle's algorithm against delayed acknowledgements would cost 40 ms a request."""
    wire = Wire(cluster)
    body = seeded_bytes(4096)
    seconds = []
    with wire.connect() as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(30):
            begin = time.perf_counter()
            # Head and body apart, as boto3 sends them.
            connection.sendall(wire.signed("PUT", f"/{bucket}/{number}", body=body))
            connection.sendall(body)
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            seconds.append(time.perf_counter() - begin)
    assert statistics.median(seconds) < 0.030
