"""boto3 with its default settings: versions, object lock, and clients who compete for one key.

The competing clients' answers are held against a model of the key: one order must explain them all,
whatever the processes did at the same time.
"""

import random
import secrets
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.cluster import Cluster
from tests.coordinator.s3.history.checker import Recorded, explain
from tests.coordinator.s3.history.model import (
    ANYWAY,
    NULL,
    Conditions,
    Delete,
    Entry,
    Get,
    Keeping,
    Operation,
    Put,
    Versions,
)
from tests.end_to_end.support import s3_client

CLIENTS = 5
REQUESTS = 12
KEY = "key"


@pytest.fixture
def versioned(s3: Any) -> Iterator[str]:
    """A bucket that keeps versions."""
    name = f"test-{secrets.token_hex(8)}"
    s3.create_bucket(Bucket=name)
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    yield name
    remove(s3, name)


@pytest.fixture
def locked(s3: Any) -> Iterator[str]:
    """A bucket with object lock; what a test locks it makes free again."""
    name = f"test-{secrets.token_hex(8)}"
    s3.create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    yield name
    remove(s3, name)


def remove(s3: Any, bucket: str) -> None:
    """The bucket with every version and delete marker in it."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        entries = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        objects = [{"Key": entry["Key"], "VersionId": entry["VersionId"]} for entry in entries]
        if objects:
            gone = s3.delete_objects(
                Bucket=bucket, Delete={"Objects": objects}, BypassGovernanceRetention=True
            )
            assert not gone.get("Errors"), gone
    s3.delete_bucket(Bucket=bucket)


def refusal(call: Any, **parameters: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_versions_come_and_go(s3: Any, versioned: str) -> None:
    at = {"Bucket": versioned, "Key": KEY}
    first = s3.put_object(**at, Body=b"one")["VersionId"]
    second = s3.put_object(**at, Body=b"two")["VersionId"]
    marker = s3.delete_object(**at)
    assert marker["DeleteMarker"] is True
    assert refusal(s3.get_object, **at) == (404, "NoSuchKey")
    assert refusal(s3.get_object, **at, VersionId=marker["VersionId"]) == (405, "MethodNotAllowed")
    assert s3.get_object(**at, VersionId=first)["Body"].read() == b"one"
    listing = s3.list_object_versions(Bucket=versioned)
    assert [entry["VersionId"] for entry in listing["Versions"]] == [second, first]
    assert [entry["IsLatest"] for entry in listing["DeleteMarkers"]] == [True]
    source = {**at, "VersionId": first}
    copied = s3.copy_object(**at, CopySource=source)
    assert copied["CopySourceVersionId"] == first
    assert s3.get_object(**at)["Body"].read() == b"one"


def test_pages_of_versions(s3: Any, versioned: str) -> None:
    made = []
    for number in range(7):
        written = s3.put_object(Bucket=versioned, Key=f"k{number // 3}", Body=b"x")
        made.append((f"k{number // 3}", written["VersionId"]))
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket=versioned, PaginationConfig={"PageSize": 2}
    )
    found = [(one["Key"], one["VersionId"]) for page in pages for one in page["Versions"]]
    made.reverse()
    assert found == sorted(made, key=lambda entry: entry[0]), "by key, and newest first"


def test_locked_versions_stay(s3: Any, locked: str) -> None:
    at = {"Bucket": locked, "Key": KEY}
    until = datetime.now(UTC) + timedelta(days=1)
    version_id = s3.put_object(
        **at,
        Body=b"one",
        ObjectLockMode="GOVERNANCE",
        ObjectLockRetainUntilDate=until,
        ObjectLockLegalHoldStatus="ON",
    )["VersionId"]
    head = s3.head_object(**at)
    assert (head["ObjectLockMode"], head["ObjectLockLegalHoldStatus"]) == ("GOVERNANCE", "ON")
    assert abs(head["ObjectLockRetainUntilDate"] - until) < timedelta(seconds=1)
    named = {**at, "VersionId": version_id}
    denied = (403, "AccessDenied")
    assert refusal(s3.delete_object, **named, BypassGovernanceRetention=True) == denied
    s3.put_object_legal_hold(**at, LegalHold={"Status": "OFF"})
    assert refusal(s3.delete_object, **named) == denied
    s3.delete_object(**named, BypassGovernanceRetention=True)
    assert refusal(s3.get_object, **at) == (404, "NoSuchKey")


def test_nobody_shortens_compliance(s3: Any, locked: str) -> None:
    at = {"Bucket": locked, "Key": KEY}
    # Whole seconds: boto3 sends no fraction.
    until = (datetime.now(UTC) + timedelta(seconds=3)).replace(microsecond=0)
    version_id = s3.put_object(
        **at, Body=b"one", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until
    )["VersionId"]
    named = {**at, "VersionId": version_id}
    # root asks, and in vain
    while datetime.now(UTC) < until - timedelta(milliseconds=200):
        answer = refusal(s3.delete_object, **named, BypassGovernanceRetention=True)
        assert answer == (403, "AccessDenied")
    waiting_until = until + timedelta(seconds=10)
    while not was_deleted(s3, named):
        assert datetime.now(UTC) < waiting_until, "the retention has ended, and still it holds"


def was_deleted(s3: Any, named: dict[str, str]) -> bool:
    """Whether the version could be removed; False while it is locked."""
    try:
        s3.delete_object(**named)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True


class Competitor:
    """A client in a thread of its own; records what it asked and what it was told."""

    def __init__(self, s3: Any, bucket: str, seed: int, ticks: "count[int]") -> None:
        self.history: list[Recorded[Operation]] = []
        self._s3 = s3
        self._at = {"Bucket": bucket, "Key": KEY}
        self._rng = random.Random(seed)
        self._ticks = ticks
        self._seed = seed
        self._newest: str | None = None

    def run(self) -> None:
        for number in range(REQUESTS):
            ask = self._rng.choice([self._put, self._put, self._get, self._get, self._delete])
            body = f"{self._seed}.{number}".encode()
            began = next(self._ticks)
            operation = ask(body)
            self.history.append(Recorded(operation, began, next(self._ticks)))

    def _put(self, body: bytes) -> Operation:
        if self._rng.random() < 0.3:
            conditions, options = ANYWAY, {}
        elif self._newest is None:
            conditions, options = Conditions(none_match="*"), {"IfNoneMatch": "*"}
        else:
            conditions, options = Conditions(match=self._newest), {"IfMatch": self._newest}
        try:
            written = self._s3.put_object(**self._at, Body=body, **options)
        except ClientError as error:
            self._newest = None
            return Put(conditions, error.response["Error"]["Code"])
        self._newest = written["ETag"].strip('"')
        return Put(conditions, Entry(written.get("VersionId", NULL), self._newest))

    def _get(self, _: bytes) -> Operation:
        try:
            found = self._s3.get_object(**self._at)
        except ClientError as error:
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
            marker_id = headers.get("x-amz-version-id")
            self._newest = None
            return Get("", None if marker_id is None else Entry(marker_id, None))
        found["Body"].read()
        self._newest = found["ETag"].strip('"')
        return Get("", Entry(found.get("VersionId", NULL), self._newest))

    def _delete(self, _: bytes) -> Operation:
        return Delete(ANYWAY, self._s3.delete_object(**self._at).get("VersionId", ""))


@pytest.mark.parametrize("keeping", [Keeping.OFF, Keeping.ENABLED])
def test_one_order_explains_what_competitors_saw(
    cluster: Cluster, bucket: str, versioned: str, keeping: Keeping
) -> None:
    name = bucket if keeping is Keeping.OFF else versioned
    ticks = count()
    clients = [s3_client(cluster) for _ in range(CLIENTS)]
    competitors = [Competitor(client, name, seed, ticks) for seed, client in enumerate(clients)]
    with ThreadPoolExecutor(CLIENTS) as pool:
        for running in [pool.submit(one.run) for one in competitors]:
            running.result()
    for client in clients:
        client.close()
    history = [recorded for one in competitors for recorded in one.history]
    first: Versions = ()
    order = explain(history, first, lambda state, one: one.apply(state, keeping))
    assert order is not None, history
