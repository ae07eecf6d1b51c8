"""Encrypted objects on a real cluster: boto3, minio-py and our own client, and the files left."""

import base64
import hashlib
import io
import stat
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from minio import Minio
from minio.sse import SseKMS, SseS3

from benchmarks.cluster import Cluster
from tests.end_to_end.support import seeded_bytes
from trilith import Client, errors

MIB = 1024 * 1024
SECRET = bytes(range(32))
KEY_ID = "end-to-end"
CUSTOMER = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": SECRET}
STORE = {"ServerSideEncryption": "AES256"}
NAMED = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": KEY_ID}


@pytest.fixture(scope="module", autouse=True)
def client(cluster: Cluster) -> Any:
    """Our own client, of root; the named key is made."""
    with Client(cluster.endpoint, *cluster.credentials) as made:
        made.create_encryption_key(KEY_ID)
        assert [key.key_id for key in made.encryption_keys()] == [KEY_ID]
        yield made


@pytest.mark.parametrize("mode", [CUSTOMER, STORE, NAMED], ids=["customer", "store", "named"])
def test_the_transfer_manager(s3: Any, bucket: str, mode: dict[str, Any]) -> None:
    body = seeded_bytes(20 * MIB + 1)
    reading = CUSTOMER if mode is CUSTOMER else {}
    s3.upload_fileobj(io.BytesIO(body), bucket, "k", ExtraArgs=mode)
    into = io.BytesIO()
    s3.download_fileobj(bucket, "k", into, ExtraArgs=reading)
    assert into.getvalue() == body
    across = s3.get_object(
        Bucket=bucket, Key="k", Range=f"bytes={8 * MIB - 5}-{8 * MIB + 70_000}", **reading
    )
    assert across["Body"].read() == body[8 * MIB - 5 : 8 * MIB + 70_001]
    for name in ("ServerSideEncryption", "SSEKMSKeyId"):
        assert across.get(name) == mode.get(name)


def test_a_customers_key(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"mine", **CUSTOMER)
    with pytest.raises(ClientError, match="400"):
        s3.head_object(Bucket=bucket, Key="k")
    other = {**CUSTOMER, "SSECustomerKey": bytes(32)}
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.get_object(Bucket=bucket, Key="k", **other)
    source = {f"CopySource{name}": value for name, value in CUSTOMER.items()}
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/k", **source, **STORE)
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"mine"


def test_minio(cluster: Cluster, bucket: str) -> None:
    access_key, secret_key = cluster.credentials
    host = cluster.endpoint.removeprefix("http://")
    # A customer's key it sends over TLS only, which there is none of here.
    minio = Minio(host, access_key=access_key, secret_key=secret_key, secure=False)
    body = seeded_bytes(11 * MIB)
    for key, sse in {"store": SseS3(), "named": SseKMS(KEY_ID, {"a": "b"})}.items():
        minio.put_object(
            bucket_name=bucket,
            object_name=key,
            data=io.BytesIO(body),
            length=-1,
            part_size=5 * MIB,
            sse=sse,
        )
        answer = minio.get_object(bucket_name=bucket, object_name=key)
        assert answer.read() == body
        answer.close()
        answer.release_conn()


def test_our_client(client: Client, s3: Any, bucket: str) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": KEY_ID}
    }
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    body = seeded_bytes(3 * MIB)
    entry = client.put(bucket, "k", body)
    assert entry.encryption == "aws:kms"
    assert entry.etag != hashlib.md5(body).hexdigest()
    assert client.get(bucket, "k") == body
    s3.put_object(Bucket=bucket, Key="secret", Body=b"mine", **CUSTOMER)
    with pytest.raises(errors.InvalidRequest, match="by S3"):
        client.get(bucket, "secret")


def test_what_lies_on_disk(s3: Any, bucket: str, cluster: Cluster) -> None:
    marker = b"the plain text of an object " * 3000
    for number, mode in enumerate((CUSTOMER, STORE, NAMED)):
        s3.put_object(Bucket=bucket, Key=f"k{number}", Body=marker, **mode)
    (key_file,) = cluster.data.rglob("keys.json")
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    secret = base64.b64encode(SECRET)
    for path in _files(cluster.data):
        found = path.read_bytes()
        assert marker[:200] not in found, path
        assert secret not in found, path
        assert SECRET not in found, path


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
