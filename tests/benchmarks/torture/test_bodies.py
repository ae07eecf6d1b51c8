"""Bodies that tell what they are: whole, cut, mixed up, flipped."""

import pytest

from benchmarks.torture.bodies import MAX_SIZE_BYTES, Bodies, WrongBytes, etag_of

BODIES = Bodies(3)
BODY = BODIES.make("a/001", 7, 5000)


def test_a_body_is_as_long_as_asked_for_and_tells_its_write() -> None:
    assert len(BODY) == 5000
    assert BODIES.number_of("a/001", BODY) == 7
    assert Bodies(3).make("a/001", 7, 5000) == BODY
    assert Bodies(4).make("a/001", 7, 5000) != BODY


@pytest.mark.parametrize("size", [0, 1, 16, 17, 100_000, MAX_SIZE_BYTES])
def test_all_sizes(size: int) -> None:
    body = BODIES.make("k", 12, size)
    assert len(body) == max(size, len(f"k 12 {size}\n"))
    assert BODIES.number_of("k", body) == 12


def flipped(at: int) -> bytes:
    return BODY[:at] + bytes([BODY[at] ^ 4]) + BODY[at + 1 :]


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (flipped(1234), "byte 1234 of 5000 is wrong"),
        (flipped(0), "the body of"),
        (flipped(8), "instead of 1000"),
        (BODY[:-1], "4999 bytes instead of 5000"),
        (BODY + b"x", "5001 bytes instead of 5000"),
        (b"", "no body of ours"),
        (b"k\n", "no body of ours"),
        (BODIES.make("a/002", 7, 5000), "the body of 'a/002'"),
    ],
)
def test_wrong_bodies(body: bytes, told: str) -> None:
    with pytest.raises(WrongBytes, match=told):
        BODIES.number_of("a/001", body)


def test_a_cut_body_is_right_as_far_as_it_goes() -> None:
    for end in (0, 5, 13, 14, 4999, 5000):
        BODIES.check_start("a/001", BODY[:end])
    with pytest.raises(WrongBytes, match="byte 1234"):
        BODIES.check_start("a/001", flipped(1234)[:2000])


def test_the_etag_is_the_quoted_md5() -> None:
    assert etag_of(b"") == '"d41d8cd98f00b204e9800998ecf8427e"'
