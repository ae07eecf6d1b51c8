"""Objects follow from their keys, and what differs in any way is noticed."""

import hashlib
from collections.abc import Callable

import pytest

from benchmarks.content import Content

SIZES = [0, 1, 4096, 300_000, 2_000_000]


@pytest.mark.parametrize("size", SIZES)
def test_the_right_bytes_pass_however_they_are_cut(size: int) -> None:
    content = Content(size)
    body = bytes(content.body("key"))
    assert len(body) == size
    assert body == bytes(Content(size).body("key"))
    assert content.sha256("key") == hashlib.sha256(body).hexdigest()
    for cut in (1 + size // 3, size + 1):
        check = content.check("key")
        for start in range(0, size, cut):
            check.feed(body[start : start + cut])
        assert check.passed()


@pytest.mark.parametrize(
    "spoil",
    [
        lambda body: body[:-1],
        lambda body: body + b"x",
        lambda body: body[1:] + body[:1],
        lambda body: body[:-1] + bytes([body[-1] ^ 1]),
        lambda body: bytes(len(body)),
        lambda body: b"",
    ],
)
@pytest.mark.parametrize("size", [4096, 300_000])
def test_wrong_bytes_do_not_pass(size: int, spoil: Callable[[bytes], bytes]) -> None:
    content = Content(size)
    check = content.check("key")
    check.feed(spoil(bytes(content.body("key"))))
    assert not check.passed()


def test_other_keys_have_other_bytes() -> None:
    content = Content(4096)
    assert len({bytes(content.body(f"{n:08d}")) for n in range(200)}) > 190
