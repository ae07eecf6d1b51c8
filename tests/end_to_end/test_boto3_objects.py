"""boto3 with its default settings: objects in and out, their headers, ranges and conditions."""

import base64
import hashlib
import threading
import zlib
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from benchmarks.cluster import Cluster
from tests.end_to_end.support import STRIPE_BYTES, UNIT_BYTES, all_keys, s3_client, seeded_bytes

SIZES = [
    0,
    1,
    4095,
    UNIT_BYTES - 1,
    UNIT_BYTES,
    UNIT_BYTES + 1,
    STRIPE_BYTES - 1,
    STRIPE_BYTES,
    STRIPE_BYTES + 1,
    3 * STRIPE_BYTES + 777,
]

NASTY_KEYS = [
    "a",
    "a/",
    "a/b",
    "a//b",
    "/leading",
    "//",
    "../x",
    "./x",
    "a/../b",
    "a/./b",
    "trailing.",
    "space in it",
    " leading space",
    "trailing space ",
    "plus+plus",
    "percent%41%2F%",
    "question?x=1&y=2",
    "hash#tag",
    "back\\slash",
    "quote\"'`",
    "<xml>&amp;</xml>",
    "tab\there",
    "new\nline",
    "bell\x07",
    "del\x7f",
    "ümläut-é",
    "e\u0301-decomposed",
    "日本語/キー",
    "🪨🏛️",
    "\U0010ffff",
    "x" * 1024,
    "ü" * 512,
    "s/" * 512,
    "*",
    "..",
    ".",
    "~",
    "!'()*",
    "=;,:@&$",
    "_api/v1/objects",
]


def error_code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return str(caught.value.response["Error"]["Code"])


def status(caught: pytest.ExceptionInfo[ClientError]) -> int:
    return int(caught.value.response["ResponseMetadata"]["HTTPStatusCode"])


@pytest.mark.parametrize("size", SIZES)
def test_what_goes_in_comes_out(s3: Any, bucket: str, size: int) -> None:
    body = seeded_bytes(size)
    put = s3.put_object(Bucket=bucket, Key="k", Body=body)
    assert put["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == body
    assert got["ContentLength"] == size
    assert got["ETag"] == put["ETag"]
    head = s3.head_object(Bucket=bucket, Key="k")
    assert (head["ContentLength"], head["ETag"]) == (size, put["ETag"])


def test_nasty_keys(s3: Any, bucket: str) -> None:
    for number, key in enumerate(NASTY_KEYS):
        s3.put_object(Bucket=bucket, Key=key, Body=f"{number}".encode())
    for number, key in enumerate(NASTY_KEYS):
        assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == f"{number}".encode(), key
    assert all_keys(s3, bucket) == sorted(NASTY_KEYS, key=lambda key: key.encode())
    doomed = [{"Key": key} for key in NASTY_KEYS if key.isprintable()]
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": doomed})
    assert sorted(one["Key"] for one in deleted["Deleted"]) == sorted(one["Key"] for one in doomed)
    for key in NASTY_KEYS:
        s3.delete_object(Bucket=bucket, Key=key)
    assert all_keys(s3, bucket) == []


def test_attributes_come_back_as_they_were_given(s3: Any, bucket: str) -> None:
    given = {
        "ContentType": "text/x-stone; charset=utf-8",
        "CacheControl": "max-age=60, private",
        "ContentDisposition": 'attachment; filename="a b.txt"',
        "ContentEncoding": "gzip",
        "ContentLanguage": "de, en",
        "Metadata": {"colour": "grey", "mixed-case": "KeptAsIs", "empty": ""},
    }
    s3.put_object(Bucket=bucket, Key="k", Body=b"x", **given)
    for answer in (s3.head_object(Bucket=bucket, Key="k"), s3.get_object(Bucket=bucket, Key="k")):
        assert {name: answer[name] for name in given} == given
        assert answer["AcceptRanges"] == "bytes"
    asked = s3.get_object(
        Bucket=bucket,
        Key="k",
        ResponseContentType="application/other",
        ResponseCacheControl="no-store",
    )
    assert asked["ContentType"] == "application/other"
    assert asked["CacheControl"] == "no-store"


def test_overwriting_and_deleting(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"one", Metadata={"n": "1"})
    s3.put_object(Bucket=bucket, Key="k", Body=b"second")
    got = s3.get_object(Bucket=bucket, Key="k")
    assert (got["Body"].read(), got["Metadata"]) == (b"second", {})
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_object(Bucket=bucket, Key="k")
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="k")
    assert error_code(caught) == "NoSuchKey"
    with pytest.raises(ClientError) as caught:
        s3.head_object(Bucket=bucket, Key="k")
    assert status(caught) == 404
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=f"{bucket}-not", Key="k")
    assert error_code(caught) == "NoSuchBucket"


@pytest.mark.parametrize(
    ("header", "first", "last"),
    [
        ("bytes=0-0", 0, 0),
        ("bytes=5-9", 5, 9),
        (f"bytes={UNIT_BYTES - 2}-{UNIT_BYTES + 2}", UNIT_BYTES - 2, UNIT_BYTES + 2),
        (f"bytes={STRIPE_BYTES - 1}-{STRIPE_BYTES}", STRIPE_BYTES - 1, STRIPE_BYTES),
        (f"bytes={STRIPE_BYTES}-{2 * STRIPE_BYTES - 1}", STRIPE_BYTES, 2 * STRIPE_BYTES - 1),
        ("bytes=3000000-", 3_000_000, 3 * STRIPE_BYTES + 99),
        ("bytes=3000000-99999999999", 3_000_000, 3 * STRIPE_BYTES + 99),
        ("bytes=-10", 3 * STRIPE_BYTES + 90, 3 * STRIPE_BYTES + 99),
        ("bytes=-99999999999", 0, 3 * STRIPE_BYTES + 99),
    ],
)
def test_ranges(
    s3: Any, shared_object: tuple[str, bytes], header: str, first: int, last: int
) -> None:
    bucket, body = shared_object
    got = s3.get_object(Bucket=bucket, Key="k", Range=header)
    assert got["ContentRange"] == f"bytes {first}-{last}/{len(body)}"
    assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert got["Body"].read() == body[first : last + 1]


def test_a_range_beyond_the_end(s3: Any, shared_object: tuple[str, bytes]) -> None:
    bucket, body = shared_object
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=bucket, Key="k", Range=f"bytes={len(body)}-")
    assert (error_code(caught), status(caught)) == ("InvalidRange", 416)


def test_conditional_reads(s3: Any, shared_object: tuple[str, bytes]) -> None:
    bucket, _ = shared_object
    head = s3.head_object(Bucket=bucket, Key="k")
    etag, modified = head["ETag"], head["LastModified"]
    for read in (s3.get_object, s3.head_object):
        read(Bucket=bucket, Key="k", IfMatch=etag)
        read(Bucket=bucket, Key="k", IfNoneMatch='"other"')
        read(Bucket=bucket, Key="k", IfUnmodifiedSince=modified)
        for refused, expected in [
            ({"IfMatch": '"other"'}, 412),
            ({"IfNoneMatch": etag}, 304),
            ({"IfModifiedSince": modified}, 304),
        ]:
            with pytest.raises(ClientError) as caught:
                read(Bucket=bucket, Key="k", **refused)
            assert status(caught) == expected, refused


def test_one_winner_among_writers_of_an_absent_key(cluster: Cluster, bucket: str) -> None:
    winners = race(cluster, bucket, IfNoneMatch="*")
    assert len(winners) == 1


def test_one_winner_among_writers_over_the_same_etag(
    cluster: Cluster, s3: Any, bucket: str
) -> None:
    etag = s3.put_object(Bucket=bucket, Key="contested", Body=b"before")["ETag"]
    winners = race(cluster, bucket, IfMatch=etag)
    assert len(winners) == 1


def race(cluster: Cluster, bucket: str, **condition: str) -> list[int]:
    """Sixteen writers at once; those that succeeded. The object is then the winner's."""
    writers = 16
    start = threading.Barrier(writers)
    client = s3_client(cluster, max_pool_connections=writers)

    def write(number: int) -> str:
        start.wait()
        try:
            client.put_object(Bucket=bucket, Key="contested", Body=f"{number}" * 9, **condition)
        except ClientError as error:
            return str(error.response["Error"]["Code"])
        return "won"

    with ThreadPoolExecutor(writers) as pool:
        outcomes = list(pool.map(write, range(writers)))
    winners = [number for number, outcome in enumerate(outcomes) if outcome == "won"]
    assert set(outcomes) <= {"won", "PreconditionFailed", "ConditionalRequestConflict"}
    body = client.get_object(Bucket=bucket, Key="contested")["Body"].read()
    client.close()
    assert [body] == [f"{number}".encode() * 9 for number in winners]
    return winners


def test_a_conditional_write_over_nothing(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.put_object(
            Bucket=bucket, Key="k", Body=b"x", IfMatch='"d41d8cd98f00b204e9800998ecf8427e"'
        )
    assert error_code(caught) == "NoSuchKey"
    assert all_keys(s3, bucket) == []


@pytest.mark.parametrize(
    ("algorithm", "digest"),
    [
        ("CRC32", lambda body: zlib.crc32(body).to_bytes(4, "big")),
        ("CRC32C", None),
        ("CRC64NVME", None),
        ("SHA1", lambda body: hashlib.sha1(body).digest()),
        ("SHA256", lambda body: hashlib.sha256(body).digest()),
    ],
)
def test_checksums(s3: Any, bucket: str, algorithm: str, digest: Any) -> None:
    body = seeded_bytes(100_000)
    field = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=body, ChecksumAlgorithm=algorithm)
    if digest is not None:
        assert base64.b64decode(put[field]) == digest(body)
    # boto3 checks the body against the checksum header while it reads.
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got["Body"].read() == body
    assert got[field] == put[field]
    head = s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert head[field] == put[field]


def test_a_wrong_checksum_is_refused(s3: Any, bucket: str) -> None:
    wrong = base64.b64encode(b"\0\0\0\0").decode()
    with pytest.raises(ClientError) as caught:
        s3.put_object(Bucket=bucket, Key="k", Body=b"body", ChecksumCRC32=wrong)
    assert error_code(caught) in ("BadDigest", "InvalidRequest")
    assert all_keys(s3, bucket) == []


def test_copying(s3: Any, bucket: str) -> None:
    body = seeded_bytes(STRIPE_BYTES + 5)
    source = {"Bucket": bucket, "Key": "from here/ü+%"}
    s3.put_object(**source, Body=body, Metadata={"a": "1"}, ContentType="text/one")
    copied = s3.copy_object(Bucket=bucket, Key="to", CopySource=source)
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(body).hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key="to")
    assert got["Body"].read() == body
    assert (got["Metadata"], got["ContentType"]) == ({"a": "1"}, "text/one")
    s3.copy_object(
        Bucket=bucket,
        Key="to",
        CopySource={"Bucket": bucket, "Key": "to"},
        MetadataDirective="REPLACE",
        Metadata={"b": "2"},
        ContentType="text/two",
    )
    s3.delete_object(**source)
    got = s3.get_object(Bucket=bucket, Key="to")
    assert got["Body"].read() == body
    assert (got["Metadata"], got["ContentType"]) == ({"b": "2"}, "text/two")


def test_copying_onto_itself_unchanged_is_refused(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"x")
    with pytest.raises(ClientError) as caught:
        s3.copy_object(Bucket=bucket, Key="k", CopySource={"Bucket": bucket, "Key": "k"})
    assert error_code(caught) == "InvalidRequest"


def test_what_is_not_supported_says_so(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError) as caught:
        s3.get_object_torrent(Bucket=bucket, Key="k")
    assert (error_code(caught), status(caught)) == ("NotImplemented", 501)


@pytest.fixture(scope="module")
def shared_object(cluster: Cluster) -> Any:
    """A bucket with one object `k` of a little over three stripes, for tests that only read."""
    client = s3_client(cluster)
    body = seeded_bytes(3 * STRIPE_BYTES + 100)
    client.create_bucket(Bucket="shared-object")
    client.put_object(Bucket="shared-object", Key="k", Body=body)
    yield "shared-object", body
    client.delete_object(Bucket="shared-object", Key="k")
    client.delete_bucket(Bucket="shared-object")
    client.close()
