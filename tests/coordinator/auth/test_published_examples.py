"""The examples in the S3 API Reference, with the signatures that are published there."""

import pytest

from coordinator.auth.canonical import ChunkChain, signing_key
from coordinator.auth.credentials import ChunkSeed, CredentialKind, PayloadMode
from coordinator.auth.dates import parse_amz_date
from coordinator.auth.verify import identify, verify
from tests.coordinator.auth.requests import ACCESS_KEY, SECRET_KEY, request

NOW = float(parse_amz_date("20130524T000000Z") or 0)
HOST = "https://examplebucket.s3.amazonaws.com"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
SCOPE = "20130524/us-east-1/s3/aws4_request"


def authorization(signed_headers: str, signature: str) -> str:
    return (
        f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{SCOPE},"
        f"SignedHeaders={signed_headers},Signature={signature}"
    )


HEADER_EXAMPLES = {
    "get object with a range": (
        "GET",
        f"{HOST}/test.txt",
        {"range": "bytes=0-9", "x-amz-content-sha256": EMPTY},
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    "put object": (
        "PUT",
        f"{HOST}/test$file.text",
        {
            "date": "Fri, 24 May 2013 00:00:00 GMT",
            "x-amz-storage-class": "REDUCED_REDUNDANCY",
            "x-amz-content-sha256": (
                "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072"
            ),
        },
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    "get bucket lifecycle": (
        "GET",
        f"{HOST}/?lifecycle",
        {"x-amz-content-sha256": EMPTY},
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    "list objects": (
        "GET",
        f"{HOST}/?max-keys=2&prefix=J",
        {"x-amz-content-sha256": EMPTY},
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
}


@pytest.mark.parametrize("example", HEADER_EXAMPLES.values(), ids=HEADER_EXAMPLES.keys())
def test_signature_in_the_header(example: tuple[str, str, dict[str, str], str, str]) -> None:
    method, url, headers, signed_headers, signature = example
    headers = {
        **headers,
        "x-amz-date": "20130524T000000Z",
        "authorization": authorization(signed_headers, signature),
    }

    parsed = identify(request(method, url, headers, NOW))
    authentication = verify(parsed, SECRET_KEY)

    assert parsed.kind is CredentialKind.SIGV4_HEADER
    assert parsed.access_key == ACCESS_KEY
    assert authentication.payload is PayloadMode.LITERAL
    assert authentication.payload_sha256 == headers["x-amz-content-sha256"]


def test_presigned_url() -> None:
    url = (
        f"{HOST}/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={ACCESS_KEY}%2F20130524"
        "%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400"
        "&X-Amz-SignedHeaders=host&X-Amz-Signature="
        "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
    )

    parsed = identify(request("GET", url, {}, NOW + 86_399))

    assert parsed.kind is CredentialKind.SIGV4_QUERY
    assert verify(parsed, SECRET_KEY).payload is PayloadMode.UNSIGNED


def test_chunked_upload() -> None:
    headers = {
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "content-length": "66824",
        "authorization": authorization(
            "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
            "x-amz-decoded-content-length;x-amz-storage-class",
            "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        ),
    }
    url = "https://s3.amazonaws.com/examplebucket/chunkObject.txt"

    authentication = verify(identify(request("PUT", url, headers, NOW)), SECRET_KEY)

    assert authentication.payload is PayloadMode.STREAMING_SIGNED
    assert authentication.chunk_seed is not None
    assert authentication.chunk_seed.signature.startswith("4f232c43")


def test_chunk_signatures() -> None:
    """The three chunks of the published upload: 64 KiB of "a", 1 KiB of "a", and nothing."""
    seed = ChunkSeed(
        "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
        signing_key(SECRET_KEY, "20130524", "us-east-1", "s3"),
        "20130524T000000Z",
        SCOPE,
    )
    chain = ChunkChain(seed)

    assert [
        chain.chunk("bf718b6f653bebc184e1479f1935b8da974d701b893afcf49e701f3e2f9f9c5a"),
        chain.chunk("2edc986847e209b4016e141a6dc8716d3207350f416969382d431539bf292e4a"),
        chain.chunk(EMPTY),
    ] == [
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]
