"""URLs that boto3 presigns, version 2 (its default here) and 4, used by a plain HTTP client; and
virtual-host addressing."""

import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import boto3
import httpx
import pytest
from botocore.config import Config

from benchmarks.cluster import Cluster, wait_until
from tests.end_to_end.support import all_keys, s3_client

NASTY = "a folder/ü+%41&x=y?"


@pytest.fixture(params=["default", "s3", "s3v4"])
def signing(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Clients that sign URLs by boto3's default, by version 2 and by version 4."""
    config = {} if request.param == "default" else {"signature_version": request.param}
    client = s3_client(cluster, **config)
    yield client
    client.close()


def test_presigned_get_and_put(signing: Any, s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": NASTY}
    put_url = signing.generate_presigned_url("put_object", Params=named)
    with httpx.Client() as http:
        assert http.put(put_url, content=b"by url").status_code == 200
        assert s3.get_object(**named)["Body"].read() == b"by url"
        get_url = signing.generate_presigned_url(
            "get_object", Params={**named, "ResponseContentType": "text/by+url; x=ü"}
        )
        got = http.get(get_url, headers={"range": "bytes=3-"})
        assert (got.status_code, got.content) == (206, b"url")
        assert http.get(get_url).headers["content-type"].startswith("text/by+url")
        head_url = signing.generate_presigned_url("head_object", Params=named)
        assert http.head(head_url).headers["content-length"] == "6"
        delete_url = signing.generate_presigned_url("delete_object", Params=named)
        assert http.delete(delete_url).status_code == 204
    assert all_keys(s3, bucket) == []


def test_a_url_is_good_for_nothing_else(signing: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="mine", Body=b"mine")
    s3.put_object(Bucket=bucket, Key="other", Body=b"other")
    url = signing.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "mine"})
    parts = urlsplit(url)
    with httpx.Client() as http:
        elsewhere = urlunsplit(parts._replace(path=parts.path.replace("mine", "other")))
        assert http.get(elsewhere).status_code == 403
        assert http.put(url, content=b"overwritten").status_code == 403
        assert http.get(f"{url}&response-content-type=text/evil").status_code == 403
        assert "<Code>SignatureDoesNotMatch</Code>" in http.get(elsewhere).text
        later = url.replace("Expires=3600", "Expires=7200")
        if later != url:
            assert http.get(later).status_code == 403
    assert s3.get_object(Bucket=bucket, Key="mine")["Body"].read() == b"mine"


def test_an_expired_url(signing: Any, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    url = signing.generate_presigned_url(
        "get_object", Params={"Bucket": bucket, "Key": "k"}, ExpiresIn=1
    )
    with httpx.Client() as http:
        wait_until(lambda: http.get(url).status_code == 403, "the URL expires", timeout_s=5)
        assert "<Code>AccessDenied</Code>" in http.get(url).text


def test_virtual_host_style(
    cluster: Cluster, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_localhost(monkeypatch)
    port = urlsplit(cluster.endpoint).port
    access_key, secret_key = cluster.credentials
    client = boto3.client(
        "s3",
        endpoint_url=f"http://localhost:{port}",
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "virtual"}),
    )
    client.put_object(Bucket=bucket, Key="a/k", Body=b"by host name")
    assert client.get_object(Bucket=bucket, Key="a/k")["Body"].read() == b"by host name"
    assert all_keys(client, bucket) == ["a/k"]
    url = client.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a/k"})
    assert urlsplit(url).hostname == f"{bucket}.localhost"
    with httpx.Client() as http:
        assert http.get(url).content == b"by host name"
    client.close()
    assert s3.get_object(Bucket=bucket, Key="a/k")["Body"].read() == b"by host name"


def resolve_localhost(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have names under .localhost lead to this machine, as RFC 6761 asks of every resolver and
    the C library's alone does not."""
    resolve = socket.getaddrinfo

    def with_localhost(host: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(host, str) and host.endswith(".localhost"):
            host = "localhost"
        return resolve(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", with_localhost)
