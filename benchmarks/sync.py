"""Copies a tree of files to a bucket and back, with a program people use for it.

Rules: rclone if it is installed, else awscli, else boto3's transfer functions; each with its
default settings, configured by environment variables alone.
"""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

from benchmarks.target import Target

BOTO3_CONCURRENCY = 8


class SyncError(Exception):
    """The program did not succeed; what it printed."""


class Sync(Protocol):
    """One way to copy trees."""

    name: str

    def upload(self, tree: Path, bucket: str) -> None:
        """Make the bucket hold what the tree holds. Raises SyncError."""
        ...

    def download(self, bucket: str, tree: Path) -> None:
        """Make the tree hold what the bucket holds. Raises SyncError."""
        ...


def pick_sync(target: Target) -> Sync:
    """The best that this machine has."""
    for program in (RcloneSync, AwscliSync):
        path = shutil.which(program.program, path=f"/usr/bin:{os.environ.get('PATH', '')}")
        if path is not None:
            return program(path, target)
    return Boto3Sync(target)


class RcloneSync:
    """rclone, with a remote that exists in its environment only."""

    program = "rclone"

    def __init__(self, path: str, target: Target) -> None:
        self.name = "rclone sync"
        self._path = path
        self._environment = {
            "RCLONE_CONFIG": os.devnull,
            "RCLONE_CONFIG_TRILITH_TYPE": "s3",
            "RCLONE_CONFIG_TRILITH_PROVIDER": "Other",
            "RCLONE_CONFIG_TRILITH_ENDPOINT": f"http://{target.authority}",
            "RCLONE_CONFIG_TRILITH_ACCESS_KEY_ID": target.access_key,
            "RCLONE_CONFIG_TRILITH_SECRET_ACCESS_KEY": target.secret_key,
        }

    def upload(self, tree: Path, bucket: str) -> None:
        _run([self._path, "sync", str(tree), f"trilith:{bucket}"], self._environment)

    def download(self, bucket: str, tree: Path) -> None:
        _run([self._path, "sync", f"trilith:{bucket}", str(tree)], self._environment)


class AwscliSync:
    """aws s3 sync."""

    program = "aws"

    def __init__(self, path: str, target: Target) -> None:
        self.name = "aws s3 sync"
        endpoint = f"http://{target.authority}"
        self._command = [path, "--endpoint-url", endpoint, "s3", "sync", "--only-show-errors"]
        self._environment = {
            "AWS_ACCESS_KEY_ID": target.access_key,
            "AWS_SECRET_ACCESS_KEY": target.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def upload(self, tree: Path, bucket: str) -> None:
        _run([*self._command, str(tree), f"s3://{bucket}"], self._environment)

    def download(self, bucket: str, tree: Path) -> None:
        _run([*self._command, f"s3://{bucket}", str(tree)], self._environment)


class Boto3Sync:
    """boto3, a few files at a time."""

    def __init__(self, target: Target) -> None:
        import boto3

        self.name = "boto3"
        self._s3: Any = boto3.client(
            "s3",
            endpoint_url=f"http://{target.authority}",
            aws_access_key_id=target.access_key,
            aws_secret_access_key=target.secret_key,
            region_name="us-east-1",
        )

    def upload(self, tree: Path, bucket: str) -> None:
        self._s3.create_bucket(Bucket=bucket)
        files = [path for path in tree.rglob("*") if path.is_file()]

        def one(path: Path) -> None:
            self._s3.upload_file(str(path), bucket, path.relative_to(tree).as_posix())

        _each(one, files)

    def download(self, bucket: str, tree: Path) -> None:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
        keys = [entry["Key"] for page in pages for entry in page.get("Contents", [])]

        def one(key: str) -> None:
            path = tree / key
            path.parent.mkdir(parents=True, exist_ok=True)
            self._s3.download_file(bucket, key, str(path))

        _each(one, keys)


def _each(action: Callable[[Any], None], items: Iterable[Any]) -> None:
    with ThreadPoolExecutor(BOTO3_CONCURRENCY) as pool:
        for _ in pool.map(action, items):
            pass


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    # What the user's shell says about another S3 must not reach the program.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    done = subprocess.run(
        command,
        env={**plain, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise SyncError(f"{command[0]} failed:\n{done.stderr[-2000:]}")
