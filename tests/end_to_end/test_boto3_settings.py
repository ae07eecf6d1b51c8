"""Settings of buckets, tags, CORS, web sites and access logs, with boto3 on a real cluster."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from benchmarks.cluster import Cluster
from tests.end_to_end.support import all_keys, empty_bucket, s3_client
from tests.trilith.waiting import until

PUBLIC = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}


@pytest.fixture
def log_bucket(s3: Any, bucket: str) -> Iterator[str]:
    """A bucket that lets the log of `bucket` in."""
    name = f"{bucket}-logs"
    s3.create_bucket(Bucket=name)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "logging.s3.amazonaws.com"},
        "Action": "s3:PutObject",
        "Resource": f"arn:aws:s3:::{name}/log/*",
        "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:s3:::{bucket}"}},
    }
    set_policy(s3, name, statement)
    yield name
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={})
    until(lambda: is_emptied(s3, name))


def is_emptied(s3: Any, bucket: str) -> bool:
    """The last of the log may come while the bucket is being emptied."""
    try:
        empty_bucket(s3, bucket)
    except ClientError:
        return False
    return True


def set_policy(s3: Any, bucket: str, statement: dict[str, Any]) -> None:
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket=bucket, Policy=document)


def test_settings_come_back(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=bucket)
    tags = [{"Key": "team", "Value": "ä/b"}]
    s3.put_bucket_tagging(Bucket=bucket, Tagging={"TagSet": tags})
    assert s3.get_bucket_tagging(Bucket=bucket)["TagSet"] == tags
    s3.delete_bucket_tagging(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchTagSet"):
        s3.get_bucket_tagging(Bucket=bucket)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    payment = {"Payer": "Requester"}
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration=payment)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"


def test_tags_of_objects(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"x", Tagging="one=1&two=%C3%A4")
    expected = [{"Key": "one", "Value": "1"}, {"Key": "two", "Value": "ä"}]
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == expected
    assert s3.get_object(Bucket=bucket, Key="a")["TagCount"] == 2
    s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a"})
    assert s3.get_object_tagging(Bucket=bucket, Key="b")["TagSet"] == expected
    upload = s3.create_multipart_upload(Bucket=bucket, Key="c", Tagging="one=1")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="c", UploadId=upload, PartNumber=1, Body=b"x")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(Bucket=bucket, Key="c", UploadId=upload, MultipartUpload=parts)
    assert s3.get_object_tagging(Bucket=bucket, Key="c")["TagSet"] == expected[:1]


def test_a_browser_may_upload_with_a_presigned_url(s3: Any, bucket: str) -> None:
    rule = {"AllowedMethods": ["PUT"], "AllowedOrigins": ["https://app"], "AllowedHeaders": ["*"]}
    s3.put_bucket_cors(Bucket=bucket, CORSConfiguration={"CORSRules": [rule]})
    url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "up"})
    asked = {
        "origin": "https://app",
        "access-control-request-method": "PUT",
        "access-control-request-headers": "content-type",
    }
    preflight = httpx.options(url, headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-headers"] == "content-type"
    put = httpx.put(url, content=b"x", headers={"origin": "https://app"})
    assert (put.status_code, put.headers["access-control-allow-origin"]) == (200, "https://app")


def test_a_web_site(cluster: Cluster, s3: Any, bucket: str) -> None:
    site = {"IndexDocument": {"Suffix": "index.html"}, "ErrorDocument": {"Key": "error.html"}}
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration=site)
    set_policy(s3, bucket, {**PUBLIC, "Resource": f"arn:aws:s3:::{bucket}/*"})
    for key in ("index.html", "error.html", "docs/index.html"):
        s3.put_object(Bucket=bucket, Key=key, Body=key.encode(), ContentType="text/html")
    host = {"host": f"{bucket}.s3-website.localhost"}
    page = httpx.get(f"{cluster.endpoint}/docs/", headers=host)
    assert (page.status_code, page.text) == (200, "docs/index.html")
    assert page.headers["content-type"] == "text/html"
    # Whoever may not list the bucket does not learn what is not there.
    missing = httpx.get(f"{cluster.endpoint}/none", headers=host)
    assert (missing.status_code, missing.text) == (403, "error.html")


def test_an_access_log(cluster: Cluster, s3: Any, bucket: str, log_bucket: str) -> None:
    target = {"TargetBucket": log_bucket, "TargetPrefix": "log/"}
    s3.put_bucket_logging(Bucket=bucket, BucketLoggingStatus={"LoggingEnabled": target})
    v2 = s3_client(cluster, signature_version="s3")
    s3.put_object(Bucket=bucket, Key="noted key", Body=b"x")
    httpx.get(v2.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "none"}))

    def lines() -> list[list[str]]:
        return [
            line.split(" ")
            for key in all_keys(s3, log_bucket)
            for line in s3.get_object(Bucket=log_bucket, Key=key)["Body"]
            .read()
            .decode()
            .split("\n")
            if "OBJECT" in line
        ]

    until(lambda: len(lines()) >= 2)
    put, got = lines()
    assert put[7:9] == ["REST.PUT.OBJECT", "noted%20key"]
    assert got[7:9] == ["REST.GET.OBJECT", "none"]
    assert "NoSuchKey" in got
    assert "SigV2" in got
