"""The bytes of a response head, from a status and header pairs.

Rules: names are lower-cased and checked once, then remembered; values are checked all at once over
the finished head. A value with CR, LF or another control character never reaches the wire.
"""

import re
from collections.abc import Iterable
from enum import IntEnum
from http import HTTPStatus
from typing import Final

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_CONTROLS: Final = bytes({*range(32), 127} - {*b"\t"})
_KNOWN_NAMES_LIMIT: Final = 1024

CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class Role(IntEnum):
    """Which headers mean something to the connection itself."""

    PLAIN = 0
    CONTENT_LENGTH = 1
    TRANSFER_ENCODING = 2
    CONNECTION = 3
    DATE = 4


_ROLES: Final = {
    b"content-length": Role.CONTENT_LENGTH,
    b"transfer-encoding": Role.TRANSFER_ENCODING,
    b"connection": Role.CONNECTION,
    b"date": Role.DATE,
}


class _KnownNames(dict[bytes, tuple[bytes, Role]]):
    """Name, as the app writes it, to how its line begins and what it means."""

    def __missing__(self, name: bytes) -> tuple[bytes, Role]:
        if not _TOKEN.fullmatch(name):
            raise ValueError(f"invalid header name {name!r}")
        lower = name.lower()
        known = (lower + b": ", _ROLES.get(lower, Role.PLAIN))
        # Names of user metadata are the client's choice; they must not fill the memory.
        if len(self) < _KNOWN_NAMES_LIMIT:
            self[name] = known
        return known


_known_names: Final = _KnownNames()


def _status_line(status: int) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = ""
    return f"HTTP/1.1 {status} {phrase}".encode()


_STATUS_LINES: Final = {status: _status_line(status) for status in range(200, 600)}


def render(
    status: int, headers: Iterable[tuple[bytes, bytes]], date: bytes
) -> tuple[list[bytes], int | None, bool, bool]:
    """The lines of the head, and what they say about body and connection: the content-length,
    whether it is chunked, and whether the connection closes. Raises ValueError.

    Framing (transfer-encoding, connection) is left out of the lines: the exchange decides it, adds
    its own and passes all to `seal`.
    """
    try:
        lines = [_STATUS_LINES[status]]
    except KeyError:
        raise ValueError(f"{status} is not the status of a final response") from None
    content_length: int | None = None
    is_chunked = closes = False
    for name, value in headers:
        prefix, role = _known_names[name]
        if role:
            if role is Role.CONTENT_LENGTH:
                if content_length is not None or not value.isdigit():
                    raise ValueError(f"bad content-length {value!r}")
                content_length = int(value)
            elif role is Role.TRANSFER_ENCODING:
                if value.lower() != b"chunked":
                    raise ValueError(f"transfer-encoding {value!r} is not supported")
                is_chunked = True
                continue
            elif role is Role.CONNECTION:
                closes = closes or b"close" in value.lower()
                continue
            else:
                date = b""
        lines.append(prefix + value)
    if date:
        lines.append(b"date: " + date)
    return lines, content_length, is_chunked, closes


def seal(lines: list[bytes]) -> bytes:
    """The whole head. Raises ValueError if a header value is more than one line of text."""
    head = b"\r\n".join(lines) + b"\r\n\r\n"
    ends = len(lines) + 1
    if len(head) - len(head.translate(None, _CONTROLS)) != 2 * ends:
        raise ValueError("a header value contains a control character")
    return head
