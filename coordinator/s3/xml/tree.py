"""How a client's document becomes a tree, and what may be asked of its elements.

Rules: with or without S3's namespace; anything else than the documented form is MalformedXML. No
entities, no DTDs, no external anything (defusedxml); the number of tags is limited before a tree is
built, because it is the tree that takes the memory.
"""

from collections.abc import Iterator, Mapping
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from coordinator.s3.errors import S3Error
from coordinator.s3.xml.markup import NAMESPACE

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""The biggest document that is read at all: 10,000 parts with checksums, or 1,000 long keys."""

MAX_TAGS: Final = 120_000
"""Opening and closing: 10,000 parts with number, ETag and checksum have 80,000."""

BOOLEANS: Final[Mapping[str, bool]] = {
    "true": True, "1": True, "false": False, "0": False, "": False,
}  # fmt: skip

_NAMESPACES: Final = ("", NAMESPACE, "http://doc.s3.amazonaws.com/2006-03-01")
_XSI_TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"


def root(body: bytes, name: str) -> Element:
    """The document's root, which must have this name. Raises S3Error MalformedXML."""
    if len(body) > MAX_BODY_BYTES or body.count(b"<") > MAX_TAGS:
        raise S3Error("MalformedXML")
    try:
        found: Element = fromstring(body, forbid_dtd=True)
    # ValueError and LookupError are for encodings that expat does not know
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise S3Error("MalformedXML") from error
    if local_name(found) != name:
        raise S3Error("MalformedXML")
    return found


def children(node: Element) -> Iterator[tuple[str, Element]]:
    """Names and elements, in their order."""
    for child in node:
        yield local_name(child), child


def fields(node: Element) -> dict[str, str]:
    """The texts of a node's children, none of which may come twice."""
    found: dict[str, str] = {}
    for name, child in children(node):
        if name in found:
            raise S3Error("MalformedXML")
        found[name] = text(child)
    return found


def only(node: Element, *names: str) -> dict[str, Element]:
    """A node's children by name: each of these names at most once, and no other."""
    found: dict[str, Element] = {}
    for name, child in children(node):
        if name in found or name not in names:
            raise S3Error("MalformedXML")
        found[name] = child
    return found


def local_name(node: Element) -> str:
    """The name without its namespace, which must be S3's or none."""
    namespace, brace, name = node.tag.rpartition("}")
    if namespace.removeprefix("{") not in _NAMESPACES:
        raise S3Error("MalformedXML")
    return name if brace else node.tag


def text(node: Element) -> str:
    """The text of an element that must have no children."""
    if len(node):
        raise S3Error("MalformedXML")
    return node.text or ""


def boolean(node: Element) -> bool:
    """Whether the element says true. Raises S3Error MalformedXML."""
    value = BOOLEANS.get(text(node).strip().lower())
    if value is None:
        raise S3Error("MalformedXML")
    return value


def number(node: Element, lowest: int, highest: int) -> int:
    """The integer an element holds. Raises S3Error MalformedXML (no number), InvalidArgument."""
    value = text(node).strip()
    if not (value.isascii() and value.removeprefix("-").isdigit() and len(value) < 20):
        raise S3Error("MalformedXML")
    if not lowest <= int(value) <= highest:
        raise S3Error("InvalidArgument", f"{local_name(node)} must be from {lowest} to {highest}")
    return int(value)


def xsi_type(node: Element) -> str:
    """The `xsi:type` of a Grantee, "" without one."""
    return node.get(_XSI_TYPE, "")
