"""Checksums: values from botocore and from the whole bytes, and every way of not agreeing."""

import base64
import hashlib
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.s3.checksums import (
    Digest,
    Digested,
    Expected,
    UploadChecksum,
    check_complete,
    multipart_checksum,
    parse_expected,
    parse_upload_checksum,
)
from coordinator.s3.errors import S3Error
from coordinator.s3.hashers import (
    ALGORITHMS,
    COMBINABLE,
    combine_crcs,
    digest_size,
    encode_checksum,
    new_hasher,
)

BODY = b"123456789"
KNOWN = {
    "crc32": "cbf43926",
    "crc32c": "e3069283",
    "crc64nvme": "ae8b14860a799888",
    "sha1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "md5": "25f9e794323b453885f5181f1b624d0b",
    "xxhash64": "8cb841db40e6ae83",
}
"""The check values of the catalogues: every algorithm over the digits 1 to 9."""


def checksum(algorithm: str, body: bytes = BODY) -> str:
    hasher = new_hasher(algorithm)
    hasher.update(body)
    return encode_checksum(hasher.digest())


def digested(
    headers: dict[str, str],
    body: bytes = BODY,
    trailers: dict[str, str] | None = None,
    **options: str,
) -> Digested:
    digest = Digest(parse_expected(headers, **options))
    digest.update(body[:4])
    digest.update(memoryview(body)[4:])
    return digest.finish(trailers)


def code_of(headers: dict[str, str], **options: object) -> str:
    with pytest.raises(S3Error) as caught:
        digested(headers, **options)
    return caught.value.code


@pytest.mark.parametrize(("algorithm", "value"), KNOWN.items())
def test_known_values(algorithm: str, value: str) -> None:
    assert base64.b64decode(checksum(algorithm)).hex() == value


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_sizes(algorithm: str) -> None:
    assert len(base64.b64decode(checksum(algorithm))) == digest_size(algorithm)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_value_in_a_header(algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm}"
    headers = {name: checksum(algorithm), "x-amz-sdk-checksum-algorithm": algorithm.upper()}

    found = digested(headers)

    assert found.etag == hashlib.md5(BODY).hexdigest()
    assert found.checksums == {algorithm: checksum(algorithm)}
    assert code_of({name: checksum(algorithm, b"other")}) == "BadDigest"
    assert code_of({name: checksum(algorithm)[:-4]}) == "BadDigest"
    assert code_of({name: "!" + checksum(algorithm)[1:]}) == "BadDigest"
    assert code_of({name: ""}) == "BadDigest"


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_value_in_a_trailer(algorithm: str) -> None:
    name = f"x-amz-checksum-{algorithm}"
    headers = {"x-amz-trailer": name, "x-amz-sdk-checksum-algorithm": algorithm.upper()}

    assert digested(headers, trailers={name: checksum(algorithm)}).checksums == {
        algorithm: checksum(algorithm)
    }
    assert code_of(headers, trailers={name: checksum(algorithm, b"")}) == "BadDigest"
    assert code_of(headers, trailers={name: "abc"}) == "BadDigest"
    assert code_of(headers, trailers={}) == "MalformedTrailerError"
    assert code_of(headers) == "MalformedTrailerError"


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({}, {}),
        ({"x-amz-sdk-checksum-algorithm": "CRC32"}, {"crc32": checksum("crc32")}),
        ({"content-md5": checksum("md5")}, {}),
    ],
)
def test_what_is_computed(headers: dict[str, str], found: dict[str, str]) -> None:
    assert digested(headers).checksums == found


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"content-md5": checksum("md5", b"other")}, "BadDigest"),
        ({"content-md5": "YWJj"}, "InvalidDigest"),
        ({"content-md5": "AWS HAHAHA"}, "InvalidDigest"),
        ({"content-md5": ""}, "InvalidDigest"),
        ({"content-md5": "\xff"}, "InvalidDigest"),
        (
            {
                "x-amz-checksum-crc32": checksum("crc32"),
                "x-amz-checksum-sha256": checksum("sha256"),
            },
            "InvalidRequest",
        ),
        (
            {
                "x-amz-checksum-crc32": checksum("crc32"),
                "x-amz-trailer": "x-amz-checksum-crc32",
            },
            "InvalidRequest",
        ),
        ({"x-amz-trailer": "x-amz-checksum-crc32,x-amz-checksum-sha1"}, "InvalidRequest"),
        ({"x-amz-trailer": "x-amz-meta-a"}, "InvalidRequest"),
        ({"x-amz-sdk-checksum-algorithm": "CRC16"}, "InvalidRequest"),
        (
            {
                "x-amz-sdk-checksum-algorithm": "CRC32",
                "x-amz-checksum-sha1": checksum("sha1"),
            },
            "InvalidRequest",
        ),
    ],
)
def test_refusals(headers: dict[str, str], code: str) -> None:
    assert code_of(headers) == code


def test_the_signed_payload_hash() -> None:
    sha256 = hashlib.sha256(BODY).hexdigest()
    assert digested({}, payload_sha256=sha256).checksums == {}
    both = {"x-amz-checksum-sha256": checksum("sha256")}
    assert digested(both, payload_sha256=sha256).checksums == {"sha256": checksum("sha256")}
    assert code_of({}, payload_sha256="0" * 64) == "XAmzContentSHA256Mismatch"


def test_a_part_is_summed_as_its_upload_asked_for() -> None:
    assert digested({}, required="crc32c").checksums == {"crc32c": checksum("crc32c")}
    headers = {"x-amz-checksum-crc32": checksum("crc32")}
    assert code_of(headers, required="crc32c") == "InvalidRequest"


def test_nothing_expected() -> None:
    assert Digest().finish() == Digested(hashlib.md5(b"").hexdigest())
    assert Digest(Expected(algorithm="crc32")).finish().checksums == {"crc32": "AAAAAA=="}


@pytest.mark.parametrize(
    ("headers", "wanted"),
    [
        ({}, None),
        ({"x-amz-checksum-algorithm": "CRC32"}, UploadChecksum("crc32", "COMPOSITE")),
        ({"x-amz-checksum-algorithm": "sha256"}, UploadChecksum("sha256", "COMPOSITE")),
        ({"x-amz-checksum-algorithm": "CRC64NVME"}, UploadChecksum("crc64nvme", "FULL_OBJECT")),
        (
            {"x-amz-checksum-algorithm": "CRC32C", "x-amz-checksum-type": "FULL_OBJECT"},
            UploadChecksum("crc32c", "FULL_OBJECT"),
        ),
    ],
)
def test_upload_checksums(headers: dict[str, str], wanted: UploadChecksum | None) -> None:
    assert parse_upload_checksum(headers) == wanted


@pytest.mark.parametrize(
    ("algorithm", "kind"),
    [
        ("", "COMPOSITE"),
        ("CRC16", ""),
        ("CRC32", "HALF_OBJECT"),
        ("SHA256", "FULL_OBJECT"),
        ("CRC64NVME", "COMPOSITE"),
    ],
)
def test_impossible_upload_checksums(algorithm: str, kind: str) -> None:
    headers = {"x-amz-checksum-algorithm": algorithm, "x-amz-checksum-type": kind}
    with pytest.raises(S3Error, match="InvalidRequest"):
        parse_upload_checksum(headers)


@settings(max_examples=100, deadline=None)
@given(
    algorithm=st.sampled_from(COMBINABLE),
    parts=st.lists(st.binary(max_size=300), min_size=1, max_size=5),
)
def test_crcs_of_parts_combine_to_that_of_the_whole(algorithm: str, parts: list[bytes]) -> None:
    wanted = UploadChecksum(algorithm, "FULL_OBJECT")
    summed = [(checksum(algorithm, part), len(part)) for part in parts]
    assert multipart_checksum(wanted, summed) == checksum(algorithm, b"".join(parts))


def test_crcs_of_big_parts_combine() -> None:
    first, second = b"a" * 5_000_011, bytes(8_388_608)
    combined = combine_crcs(
        "crc32",
        zlib.crc32(first).to_bytes(4, "big"),
        zlib.crc32(second).to_bytes(4, "big"),
        len(second),
    )
    assert int.from_bytes(combined, "big") == zlib.crc32(first + second)


@pytest.mark.parametrize("algorithm", ["crc32", "crc32c", "sha1", "sha256"])
def test_composite_checksums(algorithm: str) -> None:
    parts = [b"one", b"two", b"three"]
    digests = b"".join(base64.b64decode(checksum(algorithm, part)) for part in parts)
    found = multipart_checksum(
        UploadChecksum(algorithm, "COMPOSITE"),
        [(checksum(algorithm, part), len(part)) for part in parts],
    )
    assert found == checksum(algorithm, digests) + "-3"


COMPOSITE = UploadChecksum("crc32", "COMPOSITE")


@pytest.mark.parametrize(
    ("headers", "wanted", "code"),
    [
        ({}, COMPOSITE, None),
        ({}, None, None),
        ({"x-amz-checksum-crc32": "AAAAAA==-2"}, COMPOSITE, None),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, COMPOSITE, None),
        ({"x-amz-checksum-type": "COMPOSITE"}, COMPOSITE, None),
        ({"x-amz-checksum-crc32": "AAAAAQ==-2"}, COMPOSITE, "BadDigest"),
        ({"x-amz-checksum-crc32": "AAAAAA==-3"}, COMPOSITE, "BadDigest"),
        ({"x-amz-checksum-sha1": "AAAAAA=="}, COMPOSITE, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "AAAAAA=="}, None, "InvalidRequest"),
        ({"x-amz-checksum-type": "FULL_OBJECT"}, COMPOSITE, "InvalidRequest"),
    ],
)
def test_what_a_completion_says(
    headers: dict[str, str], wanted: UploadChecksum | None, code: str | None
) -> None:
    if code is None:
        check_complete(headers, wanted, "AAAAAA==-2")
    else:
        with pytest.raises(S3Error, match=code):
            check_complete(headers, wanted, "AAAAAA==-2")
