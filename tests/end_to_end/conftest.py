"""The clusters that end-to-end tests talk to: real processes, ended by their pids.

Rules: `cluster` is shared and nobody hurts it; `fragile` is the one to kill and hold down, and a
test that takes it finds and leaves all its processes up. Every test has a bucket of its own.
"""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cluster import Cluster
from tests.end_to_end.support import empty_bucket, s3_client

ENVIRONMENT = {"TRILITH_BODY_STALL_S": "2", "TRILITH_ACCESS_LOG_ROLL_S": "1"}
"""Half-way requests end sooner than by default, and access logs are delivered sooner, so that tests
need not wait for it."""


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running cluster, three nodes, 2+1. Not to be hurt."""
    with Cluster(tmp_path_factory.mktemp("cluster"), environment=ENVIRONMENT) as running:
        yield running


@pytest.fixture(scope="session")
def _fragile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("fragile"), environment=ENVIRONMENT) as running:
        yield running


@pytest.fixture
def fragile(_fragile: Cluster) -> Iterator[Cluster]:
    """A running cluster to hurt; afterwards everything is brought up again."""
    yield _fragile
    for node_id in _fragile.node_ids():
        _fragile.release(node_id)
    _fragile.wait_until_whole()


@pytest.fixture(scope="session")
def s3(cluster: Cluster) -> Iterator[Any]:
    """boto3 with its defaults, on the shared cluster."""
    client = s3_client(cluster)
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any) -> Iterator[str]:
    """A fresh bucket of the shared cluster."""
    name = f"test-{secrets.token_hex(8)}"
    s3.create_bucket(Bucket=name)
    yield name
    empty_bucket(s3, name)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home directory for programs that keep configuration or caches."""
    folder = tmp_path / "home"
    folder.mkdir()
    return folder
