"""A storage node does nothing for anyone without the cluster's secret."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from benchmarks.cluster import Cluster, wait_until
from tests.end_to_end.support import ask_node

WRONG = [
    {},
    {"authorization": "Bearer x"},
    {"authorization": "Bearer " + "0" * 64},
    {"authorization": "Basic cm9vdDpyb290"},
    {"authorization": "0" * 64},
]
REQUESTS = [
    ("POST", "/v1/append"),
    ("POST", "/v1/read"),
    ("POST", "/v1/delete"),
    ("GET", "/v1/inventory"),
    ("POST", "/v1/scrub"),
    ("GET", "/v1/stats"),
]


@pytest.fixture
def node_url(cluster: Cluster) -> str:
    return str(cluster.processes()["node-1"]["url"])


def stats(cluster: Cluster) -> dict[str, Any]:
    """What the node counts."""
    told = ask_node(cluster, "node-1", "stats")
    return {name: told[name] for name in ("records", "shards", "live_bytes", "dead_bytes")}


def assert_unchanged(cluster: Cluster, ask: Callable[[], None]) -> None:
    """What is asked changes nothing. The cluster's own clearing up may: then once more."""

    def is_unchanged() -> bool:
        before = stats(cluster)
        ask()
        return stats(cluster) == before

    wait_until(is_unchanged, "the node keeps what it has", timeout_s=2)


@pytest.mark.parametrize(("method", "path"), REQUESTS)
@pytest.mark.parametrize("headers", WRONG, ids=range(len(WRONG)))
def test_without_the_secret(
    cluster: Cluster, s3: Any, bucket: str, node_url: str, method: str, path: str, headers: Any
) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"kept" * 5000)
    body = b"\0" * 24 if method == "POST" else None

    def ask() -> None:
        answer = httpx.request(method, f"{node_url}{path}", headers=headers, content=body)
        assert answer.status_code == 401

    assert_unchanged(cluster, ask)


def test_a_huge_body_without_the_secret_is_not_read(cluster: Cluster, node_url: str) -> None:
    def ask() -> None:
        try:
            answer = httpx.post(f"{node_url}/v1/append", content=iter([b"x" * 65536] * 4096))
        except httpx.TransportError:
            return  # it may hang up on us instead
        assert answer.status_code == 401

    assert_unchanged(cluster, ask)
