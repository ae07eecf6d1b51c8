"""The aws-chunked decoder: framings as clients send them, cut anywhere, and framings that lie."""

import base64
import hashlib
import io
import time
import zlib
from itertools import pairwise

import pytest
from botocore.httpchecksum import AwsChunkedWrapper, Crc32Checksum
from hypothesis import given, settings
from hypothesis import strategies as st

from coordinator.auth.canonical import ChunkChain, signing_key
from coordinator.auth.credentials import Authentication, ChunkSeed, CredentialKind, PayloadMode
from coordinator.s3.chunked import MAX_LINE_BYTES, ChunkedDecoder, decoded_length
from coordinator.s3.errors import S3Error

SEED = ChunkSeed(
    "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
    signing_key("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524", "us-east-1", "s3"),
    "20130524T000000Z",
    "20130524/us-east-1/s3/aws4_request",
)
UNSIGNED = PayloadMode.STREAMING_UNSIGNED_TRAILER
SIGNED = PayloadMode.STREAMING_SIGNED
SIGNED_TRAILER = PayloadMode.STREAMING_SIGNED_TRAILER
MODES = [UNSIGNED, SIGNED, SIGNED_TRAILER]
TRAILERS = {"x-amz-checksum-crc32": "AAAAAA=="}


def decoder(mode: PayloadMode, length: int | None = None) -> ChunkedDecoder:
    seed = None if mode is UNSIGNED else SEED
    authentication = Authentication(CredentialKind.SIGV4_HEADER, "key", mode, "", seed)
    return ChunkedDecoder(authentication, decoded_length=length)


def encode(mode: PayloadMode, chunks: list[bytes], trailers: dict[str, str] | None = None) -> bytes:
    """The framing that a client would make."""
    chain = ChunkChain(SEED)
    body = b""
    for chunk in [*chunks, b""]:
        body += b"%x" % len(chunk)
        if mode is not UNSIGNED:
            body += b";chunk-signature=" + chain.chunk(hashlib.sha256(chunk).hexdigest()).encode()
        body += b"\r\n" + chunk + (b"\r\n" if chunk else b"")
    if mode is not SIGNED:
        lines = [f"{name}:{value}" for name, value in (trailers or {}).items()]
        body += "".join(f"{line}\r\n" for line in lines).encode()
        if mode is SIGNED_TRAILER:
            text = "".join(f"{line}\n" for line in lines).encode()
            body += b"x-amz-trailer-signature:" + chain.trailer(text).encode() + b"\r\n"
    return body + b"\r\n"


def decode(mode: PayloadMode, body: bytes, length: int | None = None) -> tuple[bytes, dict]:
    one = decoder(mode, length)
    payload = b"".join(one.feed(body))
    return payload, dict(one.finish())


def code_of(mode: PayloadMode, body: bytes, length: int | None = None) -> str:
    with pytest.raises(S3Error) as caught:
        decode(mode, body, length)
    return caught.value.code


def test_the_published_example() -> None:
    """64 KiB and 1 KiB of "a", with the signatures of the S3 API Reference."""
    body = (
        b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"
        b"\r\n" + b"a" * 65536 + b"\r\n"
        b"400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"
        b"\r\n" + b"a" * 1024 + b"\r\n"
        b"0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"
        b"\r\n\r\n"
    )
    assert len(body) == 66824
    assert decode(SIGNED, body, 66560) == (b"a" * 66560, {})


@settings(max_examples=150, deadline=None)
@given(
    mode=st.sampled_from(MODES),
    chunks=st.lists(st.binary(min_size=1, max_size=50), max_size=5),
    cuts=st.lists(st.integers(0, 1500), max_size=8),
    declares=st.booleans(),
)
def test_bodies_cut_anywhere(
    mode: PayloadMode, chunks: list[bytes], cuts: list[int], declares: bool
) -> None:
    trailers = {} if mode is SIGNED else TRAILERS
    body = encode(mode, chunks, trailers)
    edges = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    one = decoder(mode, len(b"".join(chunks)) if declares else None)

    payload = b""
    for start, end in pairwise(edges):
        payload += b"".join(one.feed(memoryview(body)[start:end]))

    assert payload == b"".join(chunks)
    assert one.finish() == trailers


@pytest.mark.parametrize("mode", MODES)
def test_byte_by_byte(mode: PayloadMode) -> None:
    one = decoder(mode, 11)
    body = encode(mode, [b"hello ", b"world"])
    payload = [piece for byte in body for piece in one.feed(bytes([byte]))]
    assert b"".join(payload) == b"hello world"
    one.finish()


@pytest.mark.parametrize("mode", MODES)
def test_an_empty_body(mode: PayloadMode) -> None:
    assert decode(mode, encode(mode, []), 0) == (b"", {})


@pytest.mark.parametrize("mode", MODES)
def test_a_body_cut_short(mode: PayloadMode) -> None:
    body = encode(mode, [b"hello", b"world"], {} if mode is SIGNED else TRAILERS)
    whole = {len(body), len(body) - 2}  # the last CRLF may be missing
    if mode is UNSIGNED:
        whole.add(body.index(b"0\r\nx-amz") + 3)  # a missing trailer is found by the checksums
    for length in range(len(body)):
        if length in whole:
            decode(mode, body[:length])
        else:
            assert code_of(mode, body[:length]) == "IncompleteBody"


@pytest.mark.parametrize("length", [0, 9, 11, 2**63])
@pytest.mark.parametrize("mode", MODES)
def test_another_length_than_declared(mode: PayloadMode, length: int) -> None:
    assert code_of(mode, encode(mode, [b"hello", b"world"]), length) == "IncompleteBody"


@pytest.mark.parametrize("mode", [SIGNED, SIGNED_TRAILER])
def test_signed_chunks_notice_every_change(mode: PayloadMode) -> None:
    body = encode(mode, [b"hello", b"world"], {} if mode is SIGNED else TRAILERS)
    for position in range(len(body)):
        forged = bytearray(body)
        forged[position] ^= 1
        with pytest.raises(S3Error):
            decode(mode, bytes(forged), 10)


@pytest.mark.parametrize("mode", [SIGNED, SIGNED_TRAILER])
def test_signed_chunks_can_not_be_dropped_swapped_or_added(mode: PayloadMode) -> None:
    first, second = encode(mode, [b"hello"]), encode(mode, [b"hello", b"world"])
    chunk = first[: first.index(b"hello") + 7]
    assert code_of(mode, chunk + chunk + second[len(chunk) :]) == "SignatureDoesNotMatch"
    assert code_of(mode, second[len(chunk) :]) == "SignatureDoesNotMatch"


@pytest.mark.parametrize("size", [0, 1, 1_048_576, 1_048_577, 3_000_000])
def test_what_botocore_frames(size: int) -> None:
    payload = bytes(range(256)) * (size // 256) + bytes(size % 256)
    framed = AwsChunkedWrapper(
        io.BytesIO(payload), checksum_cls=Crc32Checksum, checksum_name="x-amz-checksum-crc32"
    ).read()
    found, trailers = decode(UNSIGNED, framed, size)
    assert found == payload
    expected = base64.b64encode(zlib.crc32(payload).to_bytes(4, "big")).decode()
    assert trailers == {"x-amz-checksum-crc32": expected}


def test_a_forged_chunk_is_noticed_at_its_end() -> None:
    body = encode(SIGNED, [b"hello"]).replace(b"hello", b"jello")
    assert code_of(SIGNED, body) == "SignatureDoesNotMatch"


def test_forged_trailers() -> None:
    body = encode(SIGNED_TRAILER, [b"hello"], TRAILERS)
    assert code_of(SIGNED_TRAILER, body.replace(b"AAAAAA", b"AAAAAB")) == "SignatureDoesNotMatch"
    unsigned = body[: body.index(b"x-amz-trailer-signature")] + b"\r\n"
    assert code_of(SIGNED_TRAILER, unsigned) == "IncompleteBody"
    late = body[:-2] + b"x-amz-checksum-sha1:abc\r\n\r\n"
    assert code_of(SIGNED_TRAILER, late) == "MalformedTrailerError"


def test_the_documented_form_of_signed_trailers() -> None:
    """The reference writes the trailer with "\\n\\r\\n" before its signature."""
    body = encode(SIGNED_TRAILER, [b"hello"], TRAILERS)
    body = body.replace(b"AAAAAA==\r\n", b"AAAAAA==\n\r\n")
    assert decode(SIGNED_TRAILER, body, 5) == (b"hello", TRAILERS)


def test_names_of_trailers_are_lower_cased_and_values_trimmed() -> None:
    body = b"0\r\nX-Amz-Checksum-CRC32 :  AAAAAA==\t\r\n\r\n"
    assert decode(UNSIGNED, body) == (b"", TRAILERS)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"\r\n", "InvalidRequest"),
        (b"g\r\n", "InvalidRequest"),
        (b"-1\r\n", "InvalidRequest"),
        (b"0x5\r\nhello\r\n0\r\n\r\n", "InvalidRequest"),
        (b" 5\r\nhello\r\n0\r\n\r\n", "InvalidRequest"),
        (b"5\nhello\r\n0\r\n\r\n", "InvalidRequest"),
        (b"5\r\nhello!\r\n0\r\n\r\n", "InvalidRequest"),
        (b"5\r\nhello0\r\n\r\n", "InvalidRequest"),
        (b"1" * 17 + b"\r\n", "InvalidRequest"),
        (b"5" + b";" + b"a" * MAX_LINE_BYTES, "InvalidRequest"),
        (b"0\r\n\r\n\r\n", "InvalidRequest"),
        (b"0\r\n\r\n5\r\nhello\r\n", "InvalidRequest"),
        (b"0\r\nno colon\r\n\r\n", "MalformedTrailerError"),
        (b"0\r\n:value\r\n\r\n", "MalformedTrailerError"),
        (b"0\r\na:1\r\na:2\r\n\r\n", "MalformedTrailerError"),
        (b"0\r\n" + b"".join(b"t%d:1\r\n" % n for n in range(17)), "MalformedTrailerError"),
        (b"", "IncompleteBody"),
        (b"5", "IncompleteBody"),
        (b"5\r\nhell", "IncompleteBody"),
        (b"5\r\nhello", "IncompleteBody"),
    ],
)
def test_framings_that_lie(body: bytes, code: str) -> None:
    assert code_of(UNSIGNED, body) == code


def test_signed_mode_needs_signatures_and_knows_no_trailers() -> None:
    assert code_of(SIGNED, b"5\r\nhello\r\n0\r\n\r\n") == "InvalidRequest"
    body = encode(SIGNED, [b"hello"])[:-2] + b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    assert code_of(SIGNED, body) == "MalformedTrailerError"


@settings(max_examples=200, deadline=None)
@given(
    mode=st.sampled_from(MODES),
    pieces=st.lists(
        st.binary(max_size=20)
        | st.sampled_from([b"5\r\nhello\r\n", b"0\r\n", b"\r\n", b";chunk-signature=", b"a:b\r\n"]),
        max_size=10,
    ),
    length=st.none() | st.integers(0, 20),
)
def test_nonsense_raises_our_error_only(
    mode: PayloadMode, pieces: list[bytes], length: int | None
) -> None:
    one = decoder(mode, length)
    try:
        for piece in pieces:
            one.feed(piece)
        one.finish()
    except S3Error:
        pass


def test_payload_is_not_copied() -> None:
    body = b"100000\r\n" + bytes(0x100000) + b"\r\n0\r\n\r\n"
    (piece,) = decoder(UNSIGNED).feed(body)
    assert piece.obj is body
    assert len(piece) == 0x100000


def test_many_small_feeds_of_a_big_chunk_take_linear_time() -> None:
    piece = bytes(16)
    one = decoder(UNSIGNED)
    one.feed(b"%x\r\n" % (16 * 20_000))
    started = time.perf_counter()
    for _ in range(20_000):
        one.feed(piece)
    assert time.perf_counter() - started < 2


@pytest.mark.parametrize(
    ("headers", "length"),
    [
        ({}, None),
        ({"x-amz-decoded-content-length": "0"}, 0),
        ({"x-amz-decoded-content-length": "66560"}, 66560),
    ],
)
def test_decoded_length(headers: dict[str, str], length: int | None) -> None:
    assert decoded_length(headers) == length


@pytest.mark.parametrize("text", ["", "-1", "1.5", "a", "1" * 17, "\xb2"])
def test_malformed_decoded_length(text: str) -> None:
    with pytest.raises(S3Error, match="InvalidArgument"):
        decoded_length({"x-amz-decoded-content-length": text})
