"""How documents are written: elements, escaping, times. String building, because a listing page
has thousands of elements and a tree would cost more than finding the keys did.

Rules: everything that came from outside goes through `element` or `escape`. A character that XML
1.0 can't hold is written as a reference, as S3 does (`&#x1;`): strict parsers refuse it, which is
what `encoding-type=url` is for. Only error documents are kept readable for every parser.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from metadata.model import User

NAMESPACE: Final = "http://s3.amazonaws.com/doc/2006-03-01/"
DECLARATION: Final = '<?xml version="1.0" encoding="UTF-8"?>\n'

_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]')
_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_NAMED: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


def escape(text: str) -> str:
    """Text as the content of an element."""
    if _SPECIAL.search(text) is None:
        return text
    return _SPECIAL.sub(_reference, text)


def readable(text: str) -> str:
    """The text with U+FFFD for every character that no XML parser accepts."""
    return _UNREADABLE.sub("\ufffd", text)


def element(name: str, text: str) -> str:
    """`<name>text</name>`."""
    return f"<{name}>{escape(text)}</{name}>"


def document(name: str, content: str) -> bytes:
    """The whole document, its root in S3's namespace."""
    text = f'{DECLARATION}<{name} xmlns="{NAMESPACE}">{content}</{name}>'
    return text.encode("utf-8", "replace")


def encoded(text: str) -> str:
    """Percent-encoded, for `encoding-type=url`; a space is %20, which every decoder reads."""
    return quote(text, safe="/")


def timestamp(at_ms: int) -> str:
    """`2009-10-12T17:50:30.000Z`."""
    return f"{_second(at_ms // 1000)}.{at_ms % 1000:03}Z"


def etag_element(etag: str) -> str:
    """`<ETag>` with the quotes that belong to it; `etag` comes without."""
    return f"<ETag>&quot;{escape(etag)}&quot;</ETag>"


def user_element(name: str, user: User) -> str:
    """Owner, Initiator, or what else names a user."""
    return (
        f"<{name}>{element('ID', user.user_id)}{element('DisplayName', user.display_name)}</{name}>"
    )


def checksum_elements(checksums: Mapping[str, str]) -> str:
    """`<ChecksumCRC32>` and so on; the key `type` gives `<ChecksumType>`."""
    return "".join(
        element("ChecksumType" if name == "type" else f"Checksum{name.upper()}", value)
        for name, value in checksums.items()
    )


def boolean(value: bool) -> str:
    """`true` or `false`."""
    return "true" if value else "false"


def _reference(match: re.Match[str]) -> str:
    character = match[0]
    return _NAMED.get(character) or f"&#x{ord(character):X};"


@lru_cache(maxsize=4096)
def _second(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%dT%H:%M:%S")
