"""Roles and sessions with boto3's own clients of IAM, STS and S3: made, used, confined, refused."""

import asyncio
import json
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from benchmarks.cluster import Cluster
from metadata import open_sqlite
from tests.end_to_end.support import empty_bucket
from trilith import Client


class Account:
    """A user of the store, and clients of every service with its keys or a session's."""

    def __init__(self, cluster: Cluster, root: Client) -> None:
        self._cluster = cluster
        self._root = root
        self.name = f"account-{secrets.token_hex(6)}"
        pair = root.create_user(self.name)
        self.keys = {
            "aws_access_key_id": pair.access_key,
            "aws_secret_access_key": pair.secret_key,
        }

    def client(self, service: str, credentials: dict[str, Any] | None = None, **keys: Any) -> Any:
        if credentials is not None:
            keys = {
                "aws_access_key_id": credentials["AccessKeyId"],
                "aws_secret_access_key": credentials["SecretAccessKey"],
                "aws_session_token": credentials["SessionToken"],
                **keys,
            }
        return boto3.client(
            service,
            endpoint_url=self._cluster.endpoint,
            region_name="us-east-1",
            **(keys or self.keys),
        )

    def remove(self) -> None:
        self._root.delete_user(self.name)


@pytest.fixture
def accounts(cluster: Cluster) -> Iterator[tuple[Account, Account]]:
    """One that has something, and one that gets at it."""
    with Client(cluster.endpoint, *cluster.credentials) as root:
        owner, guest = Account(cluster, root), Account(cluster, root)
        yield owner, guest
        owner.remove()
        guest.remove()


def allow(action: Any, **more: Any) -> str:
    statement = {"Effect": "Allow", "Action": action, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refused(call: Any, **arguments: Any) -> tuple[int, str]:
    """Status and code that the call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    answer = caught.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def end_now(cluster: Cluster, access_key: str) -> None:
    """Let a session's time be over; it was not used yet, so nobody remembers it."""

    async def change() -> None:
        store = await open_sqlite(cluster.data / "coordinator" / "metadata.db")
        try:
            found = await store.find_access_key(access_key)
            assert found is not None
            await store.delete_access_key(access_key)
            ended = replace(found[1], expires_at_ms=found[1].created_at_ms + 1)
            await store.put_access_key(ended)
        finally:
            await store.close()

    asyncio.run(change())


ROLE = {"RoleName": "reader"}
ASKED = {"RoleSessionName": "work", "ExternalId": "between-us"}
DENIED = (403, "AccessDenied")


@pytest.fixture
def shared(accounts: tuple[Account, Account]) -> Iterator[tuple[Any, str]]:
    """The owner's S3, and a bucket of his with the object `k`. His role "reader" may do everything
    there, and the guest may play it."""
    owner, guest = accounts
    s3, iam, bucket = owner.client("s3"), owner.client("iam"), f"roles-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    trusted = allow(
        "sts:AssumeRole",
        Principal={"AWS": f"arn:aws:iam::{guest.name}:root"},
        Condition={"StringEquals": {"sts:ExternalId": "between-us"}},
    )
    made = iam.create_role(**ROLE, AssumeRolePolicyDocument=trusted)["Role"]
    shown = iam.get_role(**ROLE)["Role"]
    assert shown["AssumeRolePolicyDocument"] == json.loads(trusted)
    assert shown["Arn"] == made["Arn"] == role_arn(owner)
    everything = allow("s3:*", Resource="*")
    iam.put_role_policy(**ROLE, PolicyName="all", PolicyDocument=everything)
    yield s3, bucket
    iam.delete_role_policy(**ROLE, PolicyName="all")
    iam.delete_role(**ROLE)
    empty_bucket(s3, bucket)


def role_arn(owner: Account) -> str:
    return f"arn:aws:iam::{owner.name}:role/reader"


def test_a_role_is_assumed_and_used(
    accounts: tuple[Account, Account], shared: tuple[Any, str]
) -> None:
    (owner, guest), (s3, bucket) = accounts, shared
    sts = guest.client("sts")
    unasked = {"RoleArn": role_arn(owner), "RoleSessionName": "work"}
    assert refused(sts.assume_role, **unasked) == DENIED
    assumed = sts.assume_role(RoleArn=role_arn(owner), **ASKED)
    theirs = guest.client("s3", assumed["Credentials"])
    assert theirs.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    theirs.put_object(Bucket=bucket, Key="k2", Body=b"y")
    assert s3.get_object_acl(Bucket=bucket, Key="k2")["Owner"]["ID"] == owner.name
    who = guest.client("sts", assumed["Credentials"]).get_caller_identity()
    assert who["Arn"] == assumed["AssumedRoleUser"]["Arn"]
    assert who["UserId"] == assumed["AssumedRoleUser"]["AssumedRoleId"]
    assert who["Account"] == owner.name

    # The token travels in the query of a presigned URL, and among the fields of a form.
    url = theirs.generate_presigned_url("get_object", {"Bucket": bucket, "Key": "k"})
    assert httpx.get(url).content == b"x"
    form = theirs.generate_presigned_post(bucket, "posted")
    assert "x-amz-security-token" in form["fields"]
    assert httpx.post(form["url"], data=form["fields"], files={"file": b"z"}).status_code == 204
    del form["fields"]["x-amz-security-token"]
    assert httpx.post(form["url"], data=form["fields"], files={"file": b"z"}).status_code == 403


def test_a_session_policy_confines(
    accounts: tuple[Account, Account], shared: tuple[Any, str]
) -> None:
    (owner, guest), (s3, bucket) = accounts, shared
    s3.put_object(Bucket=bucket, Key="k2", Body=b"y")
    confined = guest.client("sts").assume_role(
        RoleArn=role_arn(owner),
        **ASKED,
        Policy=allow("s3:GetObject", Resource=f"arn:aws:s3:::{bucket}/k"),
    )
    assert 0 < confined["PackedPolicySize"] < 100
    reading = guest.client("s3", confined["Credentials"])
    assert reading.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x"
    assert refused(reading.get_object, Bucket=bucket, Key="k2") == DENIED
    assert refused(reading.put_object, Bucket=bucket, Key="k", Body=b"!") == DENIED
    owner.client("iam").delete_role_policy(**ROLE, PolicyName="all")
    assert refused(reading.get_object, Bucket=bucket, Key="k") == DENIED
    nothing = allow("s3:*", Resource="arn:aws:s3:::none")
    owner.client("iam").put_role_policy(**ROLE, PolicyName="all", PolicyDocument=nothing)


def test_tokens_are_not_forged_swapped_left_out_or_used_too_late(
    cluster: Cluster, accounts: tuple[Account, Account], shared: tuple[Any, str]
) -> None:
    (owner, guest), (_, bucket) = accounts, shared
    sts = guest.client("sts")
    one, other, old = (
        sts.assume_role(RoleArn=role_arn(owner), **ASKED, DurationSeconds=900)["Credentials"]
        for _ in range(3)
    )
    for token, code in (
        ("forged", (400, "InvalidToken")),
        (other["SessionToken"], (400, "InvalidToken")),
        (None, (403, "InvalidAccessKeyId")),
    ):
        forged = guest.client("s3", one, aws_session_token=token)
        assert refused(forged.get_object, Bucket=bucket, Key="k") == code
        forged = guest.client("sts", one, aws_session_token=token)
        assert refused(forged.get_caller_identity) == (403, "InvalidClientTokenId")
    end_now(cluster, old["AccessKeyId"])
    ended = guest.client("s3", old)
    assert refused(ended.get_object, Bucket=bucket, Key="k") == (400, "ExpiredToken")
    logs = "".join(path.read_text() for path in (cluster.data / "logs").iterdir())
    for credentials in (one, other, old):
        assert credentials["SessionToken"] not in logs
        assert credentials["SecretAccessKey"] not in logs


def test_a_session_token_stands_for_its_user(accounts: tuple[Account, Account]) -> None:
    owner, _ = accounts
    credentials = owner.client("sts").get_session_token(DurationSeconds=900)["Credentials"]
    s3 = owner.client("s3", credentials)
    bucket = f"token-{secrets.token_hex(6)}"
    s3.create_bucket(Bucket=bucket)
    assert [found["Name"] for found in owner.client("s3").list_buckets()["Buckets"]] == [bucket]
    s3.delete_bucket(Bucket=bucket)
    create = owner.client("iam", credentials).create_access_key
    assert refused(create) == DENIED
    assert refused(owner.client("sts", credentials).get_session_token) == DENIED
