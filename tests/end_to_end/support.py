"""What the end-to-end tests share: clients, trees of files, programs, and where to look.

Rules: a client has its default settings unless a test is about another one; a program that is not
installed skips its test with the name of the Debian package that has it.
"""

import json
import os
import random
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config

from benchmarks.cluster import Cluster

UNIT_BYTES = 512 * 1024
STRIPE_BYTES = 2 * UNIT_BYTES
PROGRAM_TIMEOUT_S = 50  # under the 60 s that awscli waits for an answer it misread


def s3_client(cluster: Cluster, **config: Any) -> Any:
    """A boto3 client of the cluster; with no `config`, one with boto3's defaults."""
    access_key, secret_key = cluster.credentials
    return boto3.client(
        "s3",
        endpoint_url=cluster.endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
        config=Config(**config) if config else None,
    )


def seeded_bytes(size: int, seed: object = 0) -> bytes:
    """Reproducible bytes that do not compress."""
    return random.Random(repr(seed)).randbytes(size)


def empty_bucket(s3: Any, bucket: str) -> None:
    """Remove the bucket with all that is in it."""
    for page in s3.get_paginator("list_multipart_uploads").paginate(Bucket=bucket):
        for upload in page.get("Uploads", []):
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for entry in page.get("Contents", []):
            s3.delete_object(Bucket=bucket, Key=entry["Key"])
    s3.delete_bucket(Bucket=bucket)


def all_keys(s3: Any, bucket: str, **options: Any) -> list[str]:
    """Every key of the bucket, page by page, in the listing's order."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, **options)
    return [entry["Key"] for page in pages for entry in page.get("Contents", [])]


# trees -----------------------------------------------------------------------------
def plant_tree(root: Path, seed: int = 7) -> None:
    """A small tree with what makes trees hard: odd sizes, odd names, depth, many small files."""
    rng = random.Random(seed)
    sizes = {
        "empty": 0,
        "one": 1,
        "sub/unit-less-one": UNIT_BYTES - 1,
        "sub/unit": UNIT_BYTES,
        "sub/stripe-and-one": STRIPE_BYTES + 1,
        "sub/deep/er/and/deeper/five-stripes": 5 * STRIPE_BYTES + 12_345,
        "multi part.bin": 17 * 1024 * 1024 + 3,
        "names/with space": 10,
        "names/plus+and&and=and%25": 20,
        "names/Größe-日本語-🪨": 30,
        "names/quote'and\"double": 40,
        "names/(brackets)[too]{here}": 50,
        "names/semi;colon,comma~tilde": 60,
    }
    sizes |= {f"many/{n % 10}/file-{n:03d}.txt": rng.randrange(8000) for n in range(150)}
    for name, size in sizes.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(rng.randbytes(size))


def assert_same_tree(one: Path, other: Path) -> None:
    """`diff -r` finds nothing, and there was something to compare."""
    assert any(path.is_file() for path in other.rglob("*")), f"{other} is empty"
    found = subprocess.run(["diff", "-r", one, other], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[:2000] + found.stderr[:2000]


# programs --------------------------------------------------------------------------
@dataclass(frozen=True)
class Program:
    """An installed S3 program, run with an environment and a home of its own."""

    path: str
    environment: Mapping[str, str]

    def __call__(self, *arguments: str | Path, cwd: Path | None = None) -> str:
        """Run it and return what it printed; fails the test when it does."""
        done = subprocess.run(
            [self.path, *map(str, arguments)],
            env=dict(self.environment),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PROGRAM_TIMEOUT_S,
            check=False,
        )
        command = " ".join(map(str, arguments))
        assert done.returncode == 0, (
            f"{self.path} {command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        )
        return done.stdout


def program(name: str, package: str, home: Path, environment: Mapping[str, str]) -> Program:
    """The program, Debian's first; skips the test when there is none."""
    path = shutil.which(name, path=f"/usr/bin:{os.environ.get('PATH', '')}")
    if path is None:
        pytest.skip(f"{name} is not installed (Debian package: {package})")
    base = {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
    return Program(path, {**base, **environment})


def aws_environment(cluster: Cluster) -> dict[str, str]:
    """The variables by which awscli, rclone and restic learn their keys."""
    access_key, secret_key = cluster.credentials
    return {
        "AWS_ACCESS_KEY_ID": access_key,
        "AWS_SECRET_ACCESS_KEY": secret_key,
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }


def rclone_environment(cluster: Cluster) -> dict[str, str]:
    """A remote named `trilith`, configured by the environment alone."""
    access_key, secret_key = cluster.credentials
    return {
        "RCLONE_CONFIG_TRILITH_TYPE": "s3",
        "RCLONE_CONFIG_TRILITH_PROVIDER": "Other",
        "RCLONE_CONFIG_TRILITH_ENDPOINT": cluster.endpoint,
        "RCLONE_CONFIG_TRILITH_ACCESS_KEY_ID": access_key,
        "RCLONE_CONFIG_TRILITH_SECRET_ACCESS_KEY": secret_key,
    }


def s3cmd_options(cluster: Cluster) -> Sequence[str]:
    """What `s3cmd --configure` would have asked for."""
    access_key, secret_key = cluster.credentials
    host = cluster.endpoint.removeprefix("http://")
    return [
        f"--access_key={access_key}",
        f"--secret_key={secret_key}",
        f"--host={host}",
        f"--host-bucket={host}",
        "--no-ssl",
        "--no-progress",
    ]


# processes -------------------------------------------------------------------------
def resident_kib(pid: int) -> int:
    """How much of the process is in memory now."""
    return _status_number(pid, "VmRSS")


def thread_count(pid: int) -> int:
    """How many threads the process has."""
    return _status_number(pid, "Threads")


def open_files(pid: int) -> int:
    """How many file descriptors the process has open."""
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


def ask_node(cluster: Cluster, node_id: str, what: str) -> dict[str, Any]:
    """Its "health" or "stats", asked as the coordinator would."""
    secret = (cluster.data / "cluster-secret").read_text().strip()
    identity = json.loads((cluster.data / node_id / "identity.json").read_text())
    headers = {
        "authorization": f"Bearer {secret}",
        "x-trilith-cluster": identity["cluster_id"],
        "x-trilith-node": identity["node_id"],
    }
    answer = httpx.get(f"{cluster.processes()[node_id]['url']}/v1/{what}", headers=headers)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def _status_number(pid: int, field: str) -> int:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise AssertionError(f"no {field} in the status of {pid}")
