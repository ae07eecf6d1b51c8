"""minio-py with its default settings."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from minio import Minio
from minio.commonconfig import ComposeSource, CopySource
from minio.deleteobjects import DeleteObject
from minio.error import S3Error

from benchmarks.cluster import Cluster
from tests.end_to_end.support import seeded_bytes

MIB = 1024 * 1024


@pytest.fixture
def client(cluster: Cluster) -> Minio:
    access_key, secret_key = cluster.credentials
    host = cluster.endpoint.removeprefix("http://")
    return Minio(host, access_key=access_key, secret_key=secret_key, secure=False)


def read(client: Minio, bucket: str, key: str, **options: Any) -> bytes:
    answer = client.get_object(bucket_name=bucket, object_name=key, **options)
    try:
        return bytes(answer.read())
    finally:
        answer.close()
        answer.release_conn()


def test_objects(client: Minio, bucket: str) -> None:
    body = seeded_bytes(300_000)
    assert client.bucket_exists(bucket_name=bucket)
    client.put_object(
        bucket_name=bucket,
        object_name="folder/ü",
        data=io.BytesIO(body),
        length=len(body),
        content_type="text/stone",
        metadata={"colour": "grey"},
    )
    assert read(client, bucket, "folder/ü") == body
    assert read(client, bucket, "folder/ü", offset=1000, length=50) == body[1000:1050]
    stat = client.stat_object(bucket_name=bucket, object_name="folder/ü")
    assert (stat.size, stat.content_type) == (len(body), "text/stone")
    assert stat.metadata["x-amz-meta-colour"] == "grey"
    listed = [one.object_name for one in client.list_objects(bucket_name=bucket)]
    assert listed == ["folder/"]
    listed = [one.object_name for one in client.list_objects(bucket_name=bucket, recursive=True)]
    assert listed == ["folder/ü"]
    client.remove_object(bucket_name=bucket, object_name="folder/ü")
    with pytest.raises(S3Error) as caught:
        client.stat_object(bucket_name=bucket, object_name="folder/ü")
    assert caught.value.code == "NoSuchKey"


def test_multipart_of_unknown_length(client: Minio, bucket: str) -> None:
    body = seeded_bytes(12 * MIB + 5)
    client.put_object(
        bucket_name=bucket,
        object_name="k",
        data=io.BytesIO(body),
        length=-1,
        part_size=5 * MIB,
    )
    assert read(client, bucket, "k") == body


def test_files(client: Minio, bucket: str, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(seeded_bytes(6 * MIB))
    client.fput_object(bucket_name=bucket, object_name="k", file_path=str(source))
    client.fget_object(bucket_name=bucket, object_name="k", file_path=str(target))
    assert target.read_bytes() == source.read_bytes()


def test_copy_and_compose(client: Minio, bucket: str) -> None:
    body = seeded_bytes(5 * MIB)
    client.put_object(bucket_name=bucket, object_name="a", data=io.BytesIO(body), length=len(body))
    client.copy_object(
        bucket_name=bucket,
        object_name="b",
        source=CopySource(bucket_name=bucket, object_name="a"),
    )
    assert read(client, bucket, "b") == body
    client.compose_object(
        bucket_name=bucket,
        object_name="c",
        sources=[ComposeSource(bucket_name=bucket, object_name=name) for name in "ab"],
    )
    assert read(client, bucket, "c") == body + body


def test_removing_many(client: Minio, bucket: str) -> None:
    for n in range(5):
        client.put_object(bucket_name=bucket, object_name=f"{n}", data=io.BytesIO(b"x"), length=1)
    doomed = [DeleteObject(name=f"{n}") for n in range(5)]
    errors = client.remove_objects(bucket_name=bucket, delete_object_list=doomed)
    assert list(errors) == []
    assert list(client.list_objects(bucket_name=bucket)) == []


def test_presigned(client: Minio, bucket: str) -> None:
    soon = timedelta(minutes=1)
    with httpx.Client() as http:
        put_url = client.presigned_put_object(bucket_name=bucket, object_name="k ü", expires=soon)
        assert http.put(put_url, content=b"by url").status_code == 200
        get_url = client.presigned_get_object(bucket_name=bucket, object_name="k ü", expires=soon)
        assert http.get(get_url).content == b"by url"
