"""boto3's IAM on the same endpoint as its S3, and the commands that do the same for the store."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from benchmarks.cluster import Cluster
from tests.end_to_end.support import PROGRAM_TIMEOUT_S
from trilith import Client

READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


class Account:
    """A user of the store, who is an account of his own."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        self.user_id = f"user-{secrets.token_hex(6)}"
        self.root = Client(cluster.endpoint, *cluster.credentials)
        pair = self.root.create_user(self.user_id)
        self.keys = (pair.access_key, pair.secret_key)
        self.clients: list[Any] = []

    def client(self, service: str, keys: tuple[str, str] | None = None) -> Any:
        """boto3 with its defaults, of the account itself unless told."""
        access_key, secret_key = keys or self.keys
        client = boto3.client(
            service,
            endpoint_url=self.cluster.endpoint,
            region_name="us-east-1",
            aws_access_key_id=access_key,
            aws_secret_access_key=secret_key,
        )
        self.clients.append(client)
        return client

    def close(self) -> None:
        for client in self.clients:
            client.close()
        self.root.delete_user(self.user_id)
        self.root.close()


@pytest.fixture
def account(cluster: Cluster) -> Iterator[Account]:
    made = Account(cluster)
    yield made
    made.close()


def document(action: str | list[str], effect: str = "Allow") -> str:
    statement = {"Effect": effect, "Action": action, "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refused(call: Any, **arguments: Any) -> str:
    """The code that the call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    code: str = caught.value.response["Error"]["Code"]
    return code


def test_an_accounts_user_may_do_what_policies_allow(account: Account) -> None:
    iam, s3 = account.client("iam"), account.client("s3")
    bucket = f"test-{secrets.token_hex(8)}"
    s3.create_bucket(Bucket=bucket)
    s3.put_object(Bucket=bucket, Key="key", Body=b"bytes")
    assert iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{account.user_id}:root"

    user = iam.create_user(UserName="Ann", Path="/staff/", Tags=[{"Key": "a", "Value": "b"}])
    assert user["User"]["Arn"] == f"arn:aws:iam::{account.user_id}:user/staff/Ann"
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName="ann")
    made = iam.create_access_key(UserName="Ann")["AccessKey"]
    keys = (made["AccessKeyId"], made["SecretAccessKey"])
    hers = account.client("s3", keys)
    reading = {"Bucket": bucket, "Key": "key"}
    assert refused(hers.get_object, **reading) == "AccessDenied"

    text = document(["s3:GetObject"])
    iam.put_user_policy(UserName="Ann", PolicyName="read", PolicyDocument=text)
    assert iam.get_user_policy(UserName="Ann", PolicyName="read")["PolicyDocument"] == json.loads(
        text
    )
    assert hers.get_object(**reading)["Body"].read() == b"bytes"
    assert refused(hers.delete_object, **reading) == "AccessDenied"
    iam.delete_user_policy(UserName="Ann", PolicyName="read")
    assert refused(hers.get_object, **reading) == "AccessDenied"

    iam.create_group(GroupName="readers")
    iam.attach_group_policy(GroupName="readers", PolicyArn=READ_ONLY)
    iam.add_user_to_group(GroupName="readers", UserName="Ann")
    assert hers.list_objects_v2(Bucket=bucket)["KeyCount"] == 1
    users = iam.get_group(GroupName="readers")["Users"]
    assert [one["UserName"] for one in users] == ["Ann"]

    iam.update_access_key(UserName="Ann", AccessKeyId=keys[0], Status="Inactive")
    assert refused(hers.get_object, **reading) == "InvalidAccessKeyId"
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_user(UserName="Ann")
    iam.delete_access_key(UserName="Ann", AccessKeyId=keys[0])
    iam.remove_user_from_group(GroupName="readers", UserName="Ann")
    iam.delete_user(UserName="Ann")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_user(UserName="Ann")
    iam.detach_group_policy(GroupName="readers", PolicyArn=READ_ONLY)
    iam.delete_group(GroupName="readers")
    s3.delete_object(**reading)
    s3.delete_bucket(Bucket=bucket)


def test_pages_and_versions(account: Account) -> None:
    iam = account.client("iam")
    for number in range(5):
        iam.create_user(UserName=f"user-{number}")
    pages = iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 2})
    assert [[one["UserName"] for one in page["Users"]] for page in pages] == [
        ["user-0", "user-1"],
        ["user-2", "user-3"],
        ["user-4"],
    ]
    policy = iam.create_policy(PolicyName="p", PolicyDocument=document("s3:*"))["Policy"]
    arn = policy["Arn"]
    iam.attach_user_policy(UserName="user-0", PolicyArn=arn)
    second = iam.create_policy_version(
        PolicyArn=arn, PolicyDocument=document("s3:Get*"), SetAsDefault=True
    )["PolicyVersion"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == second["VersionId"]
    versions = iam.list_policy_versions(PolicyArn=arn)["Versions"]
    assert [one["VersionId"] for one in versions] == ["v2", "v1"]
    assert iam.list_entities_for_policy(PolicyArn=arn)["PolicyUsers"][0]["UserName"] == "user-0"
    summary = iam.get_account_summary()["SummaryMap"]
    assert (summary["Users"], summary["Policies"]) == (5, 1)


def test_root_gives_policies_to_users_of_the_store(account: Account, tmp_path: Path) -> None:
    """The commands, and what they come to."""
    owner = Account(account.cluster)
    bucket, group = f"test-{secrets.token_hex(8)}", f"group-{secrets.token_hex(4)}"
    s3, theirs = owner.client("s3"), account.client("s3")
    s3.create_bucket(Bucket=bucket)
    assert refused(theirs.list_objects_v2, Bucket=bucket) == "AccessDenied"
    file = tmp_path / "policy.json"
    file.write_text(document(["s3:ListBucket"]))
    run = Commands(account.cluster)

    run("user", "policy", "put", account.user_id, "look", str(file))
    assert theirs.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert json.loads(run("user", "policy", "get", account.user_id, "look")) == json.loads(
        file.read_text()
    )
    assert "look" in run("user", "policy", "ls", account.user_id)
    run("user", "policy", "rm", account.user_id, "look")
    assert refused(theirs.list_objects_v2, Bucket=bucket) == "AccessDenied"

    run("policy", "add", group, str(file))
    run("group", "add", group)
    run("group", "policy", "attach", group, group)
    run("group", "join", group, account.user_id)
    assert theirs.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    groups = [json.loads(line) for line in run("group", "ls", "--json").splitlines()]
    (told,) = [one for one in groups if one["name"] == group]
    assert (told["users"], told["attached"]) == ([account.user_id], [group])
    assert run.fails("policy", "rm", group) == 1
    run("group", "leave", group, account.user_id)
    run("group", "policy", "detach", group, group)
    run("group", "rm", group)
    run("policy", "rm", group)
    assert refused(theirs.list_objects_v2, Bucket=bucket) == "AccessDenied"
    s3.delete_bucket(Bucket=bucket)
    owner.close()


class Commands:
    """Runs `trilith` as root of the cluster."""

    def __init__(self, cluster: Cluster) -> None:
        access_key, secret_key = cluster.credentials
        self._environment = {
            **os.environ,
            "TRILITH_ENDPOINT": cluster.endpoint,
            "TRILITH_ACCESS_KEY": access_key,
            "TRILITH_SECRET_KEY": secret_key,
        }

    def __call__(self, *arguments: str) -> str:
        """What a command that succeeds prints."""
        done = self._run(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def fails(self, *arguments: str) -> int:
        """The exit code of one that does not."""
        return self._run(*arguments).returncode

    def _run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "trilith", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=PROGRAM_TIMEOUT_S,
            check=False,
        )
