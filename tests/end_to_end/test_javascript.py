"""JavaScript clients with their default settings: @aws-sdk/client-s3 v3 and minio-js.

Rules: the tests themselves are JavaScript, javascript/*.mjs, and run once for each client in one
process; every `test(...)` of theirs is a test here. What is not installed is skipped by name.
"""

import functools
import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from benchmarks.cluster import Cluster
from tests.end_to_end.support import aws_environment

FOLDER = Path(__file__).with_name("javascript")
PACKAGES = {"aws_sdk": "@aws-sdk/client-s3", "minio": "minio"}
LEAST_NODE = 20
TIMEOUT_S = 120

_TEST = re.compile(r'^test\("([^"]+)"', re.MULTILINE)
CASES = [
    (client, name)
    for client in PACKAGES
    for name in _TEST.findall((FOLDER / f"{client}.mjs").read_text())
]

Outcomes = Mapping[str, str]
"""What is wrong, by test; empty where nothing is."""


def node_or_skip(package: str) -> str:
    """The path of a node that can run the package."""
    node = shutil.which("node")
    told = node and subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    found = re.match(r"v(\d+)\.", told.stdout) if told else None
    if node is None or found is None or int(found[1]) < LEAST_NODE:
        pytest.skip(f"node {LEAST_NODE} is not installed (Debian package: nodejs)")
    if not (FOLDER / "node_modules" / package).is_dir():
        pytest.skip(f"{package} is not installed (npm package: {package}; `make clients`)")
    return node


@pytest.fixture(scope="module")
def outcomes(
    cluster: Cluster, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Outcomes]:
    """Runs a client's tests when the first of them is asked for."""

    @functools.cache
    def run(client: str) -> Outcomes:
        node = node_or_skip(PACKAGES[client])
        done = subprocess.run(
            [node, "--test-reporter=./reporter.mjs", f"{client}.mjs"],
            cwd=FOLDER,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(tmp_path_factory.mktemp("home")),
                "AWS_ENDPOINT_URL": cluster.endpoint,
                "AWS_REGION": "us-east-1",
                **aws_environment(cluster),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
        told = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        assert told, done.stdout[-3000:] + done.stderr[-3000:]
        return {one["name"]: one["failure"] for one in told}

    return run


@pytest.mark.parametrize(("client", "name"), CASES)
def test_client(outcomes: Callable[[str], Outcomes], client: str, name: str) -> None:
    failure = outcomes(client)[name]
    assert not failure, failure
