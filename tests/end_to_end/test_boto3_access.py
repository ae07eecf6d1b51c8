"""Who may do what, as boto3 and a browser without credentials see it."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from benchmarks.cluster import Cluster
from trilith import Client

READ = "s3:GetObject"


@pytest.fixture
def user_id() -> str:
    return f"user-{secrets.token_hex(6)}"


@pytest.fixture
def theirs(cluster: Cluster, user_id: str) -> Iterator[Any]:
    """The S3 of a user who owns nothing yet."""
    with Client(cluster.endpoint, *cluster.credentials) as root:
        pair = root.create_user(user_id)
        client = boto3.client(
            "s3",
            endpoint_url=cluster.endpoint,
            region_name="us-east-1",
            aws_access_key_id=pair.access_key,
            aws_secret_access_key=pair.secret_key,
            config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
        )
        yield client
        client.close()
        root.delete_user(user_id)


def refused(call: Any, **arguments: Any) -> str:
    """The code that the call is refused with."""
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    code: str = caught.value.response["Error"]["Code"]
    return code


def policy(bucket: str, principal: Any, action: str, **more: Any) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": principal,
        "Action": action,
        "Resource": f"arn:aws:s3:::{bucket}/*",
        **more,
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_strangers_and_policies(
    cluster: Cluster, s3: Any, theirs: Any, user_id: str, bucket: str
) -> None:
    url = f"{cluster.endpoint}/{bucket}/k"
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    assert refused(theirs.get_object, Bucket=bucket, Key="k") == "AccessDenied"
    assert httpx.get(url).status_code == 403
    for principal, statuses in (({"AWS": user_id}, (True, 403)), ("*", (True, 200))):
        s3.put_bucket_policy(Bucket=bucket, Policy=policy(bucket, principal, READ))
        can_read, status = statuses
        assert (theirs.get_object(Bucket=bucket, Key="k")["Body"].read() == b"x") is can_read
        assert httpx.get(url).status_code == status
        assert refused(theirs.put_object, Bucket=bucket, Key="k", Body=b"y") == "AccessDenied"
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"]
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={"RestrictPublicBuckets": True}
    )
    assert httpx.get(url).status_code == 403
    assert refused(s3.put_bucket_policy, Bucket=bucket, Policy="{}") == "MalformedPolicy"
    s3.delete_bucket_policy(Bucket=bucket)
    assert refused(theirs.get_object, Bucket=bucket, Key="k") == "AccessDenied"


def test_acls_and_owners(cluster: Cluster, s3: Any, theirs: Any, user_id: str, bucket: str) -> None:
    s3.put_bucket_acl(Bucket=bucket, GrantWrite=f"id={user_id}", GrantFullControl="id=root")
    theirs.put_object(Bucket=bucket, Key="k", Body=b"x", ACL="public-read")
    shown = theirs.get_object_acl(Bucket=bucket, Key="k")
    assert shown["Owner"]["ID"] == user_id
    assert {grant["Permission"] for grant in shown["Grants"]} == {"READ", "FULL_CONTROL"}
    assert httpx.get(f"{cluster.endpoint}/{bucket}/k").content == b"x"
    assert refused(theirs.list_objects_v2, Bucket=bucket) == "AccessDenied"
    rules = {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    code = refused(s3.put_bucket_ownership_controls, Bucket=bucket, OwnershipControls=rules)
    assert code == "InvalidBucketAclWithObjectOwnership"
    s3.put_bucket_acl(Bucket=bucket, ACL="private")
    s3.put_bucket_ownership_controls(Bucket=bucket, OwnershipControls=rules)
    assert httpx.get(f"{cluster.endpoint}/{bucket}/k").status_code == 403
    assert refused(theirs.get_object, Bucket=bucket, Key="k") == "AccessDenied"
