"""One request that must be refused, and how to make such.

Rules: a case makes the pieces to send from a Wire and the path of an object that must not come to
be; `expected` lists status and S3 code (None: the server may answer with a plain HTTP error).
Status 0 is a connection closed without an answer.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tests.end_to_end.wire import HUNG_UP, Wire

BODY = b"a body of some length, to be refused " * 300
HANG_UP = (HUNG_UP, "")
PLAIN_400 = (400, None)

Pieces = Iterable[bytes | Iterable[bytes]]


@dataclass(frozen=True)
class Case:
    """One kind of bad request."""

    name: str
    pieces: Callable[[Wire, str], Pieces]
    expected: tuple[tuple[int, str | None], ...]
    half_close: bool = False

    def accepts(self, status: int, code: str) -> bool:
        """Whether that is a right answer."""
        return any(
            status == one and (wanted is None or wanted == code) for one, wanted in self.expected
        )


def put(wire: Wire, path: str, body: bytes = BODY, **options: object) -> list[bytes]:
    """A good PUT, unless the options of Wire.signed make it another."""
    return [wire.signed("PUT", path, body=body, **options), body]  # type: ignore[arg-type]


def bent(wire: Wire, path: str, old: bytes, new: bytes, **options: object) -> list[bytes]:
    """A signed PUT in which something was replaced after signing."""
    head, body = put(wire, path, **options)
    assert old in head, f"{old!r} is not in the head"
    return [head.replace(old, new), body]
