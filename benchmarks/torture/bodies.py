"""What torture's objects contain: which write made them, and then bytes that follow from that.

    b"key number size\\n" + random bytes, of which every single one is known

Rules: any body, whole or cut, tells which write it is of, and whether all of it is right. Nothing
is kept of what was written: a body is made anew to be compared.
"""

import random
from hashlib import md5

POOL_BYTES = 8 << 20
MAX_SIZE_BYTES = 6 << 20
MAX_TITLE_BYTES = 200
_STRIDE_BYTES = 61


class WrongBytes(Exception):
    """A body that no write has made."""


class Bodies:
    """All bodies of one run. The same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._pool = random.Random(seed).randbytes(POOL_BYTES)

    def make(self, key: str, number: int, size: int) -> bytes:
        """The body of write `number`; a size too small for the title makes it as long as that."""
        title = f"{key} {number} {size}\n".encode()
        assert len(title) <= MAX_TITLE_BYTES, "keys are short"
        rest = max(0, min(size, MAX_SIZE_BYTES) - len(title))
        start = number * _STRIDE_BYTES % (POOL_BYTES - MAX_SIZE_BYTES)
        return title + self._pool[start : start + rest]

    def number_of(self, key: str, body: bytes) -> int:
        """Which write made it. Raises WrongBytes."""
        number, made = self._whole(key, body)
        if made != body:
            raise WrongBytes(f"{key}: {_difference(made, body)} of write {number}")
        return number

    def check_start(self, key: str, body: bytes) -> None:
        """Whether what came before an answer was cut is right. Raises WrongBytes."""
        if b"\n" not in body[:MAX_TITLE_BYTES]:
            return  # too little to tell
        number, made = self._whole(key, body)
        if not made.startswith(body):
            raise WrongBytes(f"{key}: {_difference(made, body)} of write {number}, which was cut")

    def _whole(self, key: str, body: bytes) -> tuple[int, bytes]:
        title, _, _ = body[:MAX_TITLE_BYTES].partition(b"\n")
        try:
            name, number, size = title.decode("ascii").split(" ")
            made = self.make(key, int(number), int(size))
        except ValueError:
            raise WrongBytes(f"{key}: no body of ours: {body[:40]!r}") from None
        if name != key:
            raise WrongBytes(f"{key}: the body of {name!r}")
        return int(number), made


def etag_of(body: bytes) -> str:
    """As S3 quotes it in a listing."""
    return f'"{md5(body, usedforsecurity=False).hexdigest()}"'


def _difference(expected: bytes, found: bytes) -> str:
    for at, (one, other) in enumerate(zip(expected, found, strict=False)):
        if one != other:
            return f"byte {at} of {len(expected)} is wrong in the body"
    return f"{len(found)} bytes instead of {len(expected)} in the body"
