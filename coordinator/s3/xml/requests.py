"""Documents that clients send.

Rules: with or without S3's namespace; anything else than the documented form is MalformedXML, and
what is documented but not done here is NotImplemented. No entities, no DTDs, no external anything
(defusedxml); the number of tags is limited before a tree is built.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from coordinator.s3.errors import S3Error
from coordinator.s3.hashers import ALGORITHMS
from coordinator.s3.xml.markup import NAMESPACE

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""The biggest document that is read at all: 10,000 parts with checksums, or 1,000 long keys."""

MAX_TAGS: Final = 120_000
"""Opening and closing: 10,000 parts with number, ETag and checksum have 80,000."""

MAX_DELETES: Final = 1000
MAX_PARTS: Final = 10_000

_NAMESPACES: Final = ("", NAMESPACE, "http://doc.s3.amazonaws.com/2006-03-01")
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False, "": False}
_CHECKSUMS: Final = {f"Checksum{name.upper()}": name for name in ALGORITHMS}


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """One key of a DeleteObjects request. `etag` without quotes, "" if unconditional."""

    key: str
    version_id: str = ""
    etag: str = ""


@dataclass(frozen=True, slots=True)
class DeleteRequest:
    """`<Delete>`: at least one and at most 1,000 items."""

    items: tuple[DeleteItem, ...]
    quiet: bool


@dataclass(frozen=True, slots=True)
class CompletedPart:
    """One part named by CompleteMultipartUpload. `etag` without quotes; `checksums` as in Part."""

    number: int
    etag: str
    checksums: Mapping[str, str] = field(default_factory=dict)


def parse_create_bucket(body: bytes) -> str:
    """The location constraint, "" if there is none (or no body). Raises S3Error MalformedXML,
    NotImplemented."""
    if not body.strip():
        return ""
    location = ""
    for name, child in _children(_root(body, "CreateBucketConfiguration")):
        if name == "LocationConstraint":
            location = _text(child).strip()
        elif name in ("Bucket", "Location", "Tags"):
            raise S3Error("NotImplemented", f"{name} in CreateBucketConfiguration")
        else:
            raise S3Error("MalformedXML")
    return location


def parse_delete(body: bytes) -> DeleteRequest:
    """Raises S3Error MalformedXML (also for more than 1,000 keys), NotImplemented. Keys are not
    checked."""
    items = []
    quiet = False
    for name, child in _children(_root(body, "Delete")):
        if name == "Object":
            items.append(_delete_item(child))
        elif name == "Quiet" and _text(child).strip().lower() in _BOOLEANS:
            quiet = _BOOLEANS[_text(child).strip().lower()]
        else:
            raise S3Error("MalformedXML")
    if not 1 <= len(items) <= MAX_DELETES:
        raise S3Error("MalformedXML")
    return DeleteRequest(tuple(items), quiet)


def parse_complete_multipart_upload(body: bytes) -> tuple[CompletedPart, ...]:
    """At least one part, in strictly ascending order. Raises S3Error MalformedXML,
    InvalidPartOrder, InvalidArgument."""
    parts: list[CompletedPart] = []
    for name, child in _children(_root(body, "CompleteMultipartUpload")):
        if name != "Part":
            raise S3Error("MalformedXML")
        part = _completed_part(child)
        if parts and part.number <= parts[-1].number:
            raise S3Error("InvalidPartOrder")
        parts.append(part)
    if not parts:
        raise S3Error("MalformedXML")
    return tuple(parts)


def _delete_item(node: Element) -> DeleteItem:
    fields = _fields(node)
    if "LastModifiedTime" in fields or "Size" in fields:
        raise S3Error("NotImplemented", "Conditions on Size and LastModifiedTime of a delete")
    if "Key" not in fields or fields.keys() - {"Key", "VersionId", "ETag"}:
        raise S3Error("MalformedXML")
    return DeleteItem(
        fields["Key"],
        fields.get("VersionId", "").strip(),
        fields.get("ETag", "").strip().strip('"'),
    )


def _completed_part(node: Element) -> CompletedPart:
    fields = _fields(node)
    number = fields.pop("PartNumber", "").strip()
    etag = fields.pop("ETag", "").strip().strip('"')
    if not etag or not (number.isascii() and number.isdigit()) or fields.keys() - _CHECKSUMS.keys():
        raise S3Error("MalformedXML")
    if len(number) > 9 or not 1 <= int(number) <= MAX_PARTS:
        raise S3Error(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive",
            extra={"ArgumentName": "partNumber", "ArgumentValue": number},
        )
    checksums = {_CHECKSUMS[name]: value.strip() for name, value in fields.items()}
    return CompletedPart(int(number), etag, checksums)


def _root(body: bytes, name: str) -> Element:
    # Before the tree, because it is the tree that takes the memory
    if len(body) > MAX_BODY_BYTES or body.count(b"<") > MAX_TAGS:
        raise S3Error("MalformedXML")
    try:
        root: Element = fromstring(body, forbid_dtd=True)
    # ValueError and LookupError are for encodings that expat does not know
    except (ParseError, DefusedXmlException, ValueError, LookupError) as error:
        raise S3Error("MalformedXML") from error
    if _name(root) != name:
        raise S3Error("MalformedXML")
    return root


def _children(node: Element) -> Iterator[tuple[str, Element]]:
    for child in node:
        yield _name(child), child


def _fields(node: Element) -> dict[str, str]:
    """The texts of a node's children, none of which may come twice."""
    fields: dict[str, str] = {}
    for name, child in _children(node):
        if name in fields:
            raise S3Error("MalformedXML")
        fields[name] = _text(child)
    return fields


def _name(node: Element) -> str:
    """The name without its namespace, which must be S3's or none."""
    namespace, brace, name = node.tag.rpartition("}")
    if namespace.removeprefix("{") not in _NAMESPACES:
        raise S3Error("MalformedXML")
    return name if brace else node.tag


def _text(node: Element) -> str:
    """The text of an element that must have no children."""
    if len(node):
        raise S3Error("MalformedXML")
    return node.text or ""
