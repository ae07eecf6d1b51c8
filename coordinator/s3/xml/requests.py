"""Documents that clients send.

Rules: the form is checked as `tree` has it, and what is documented but not done here is
NotImplemented.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from xml.etree.ElementTree import Element

from coordinator.s3.errors import S3Error
from coordinator.s3.hashers import ALGORITHMS
from coordinator.s3.xml.tree import BOOLEANS, children, fields, root, text

MAX_DELETES: Final = 1000
MAX_PARTS: Final = 10_000

_DELETE_FIELDS: Final = frozenset({"Key", "VersionId", "ETag", "LastModifiedTime", "Size"})
_CHECKSUMS: Final = {f"Checksum{name.upper()}": name for name in ALGORITHMS}


@dataclass(frozen=True, slots=True)
class DeleteItem:
    """One key of a DeleteObjects request. `etag` (without quotes), `modified` and `size` are its
    conditions as they were sent, None where there is none."""

    key: str
    version_id: str = ""
    etag: str | None = None
    modified: str | None = None
    size: str | None = None

    @property
    def is_conditional(self) -> bool:
        """Whether it has any condition."""
        return any(text is not None for text in (self.etag, self.modified, self.size))


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
    for name, child in children(root(body, "CreateBucketConfiguration")):
        if name == "LocationConstraint":
            location = text(child).strip()
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
    for name, child in children(root(body, "Delete")):
        if name == "Object":
            items.append(_delete_item(child))
        elif name == "Quiet" and text(child).strip().lower() in BOOLEANS:
            quiet = BOOLEANS[text(child).strip().lower()]
        else:
            raise S3Error("MalformedXML")
    if not 1 <= len(items) <= MAX_DELETES:
        raise S3Error("MalformedXML")
    return DeleteRequest(tuple(items), quiet)


def parse_complete_multipart_upload(body: bytes) -> tuple[CompletedPart, ...]:
    """At least one part, in strictly ascending order. A part named again right away counts as it
    was named last: so do clients that resent a part list it. Raises S3Error MalformedXML,
    InvalidPartOrder, InvalidArgument."""
    parts: list[CompletedPart] = []
    for name, child in children(root(body, "CompleteMultipartUpload")):
        if name != "Part":
            raise S3Error("MalformedXML")
        part = _completed_part(child)
        if parts and part.number < parts[-1].number:
            raise S3Error("InvalidPartOrder")
        if parts and part.number == parts[-1].number:
            parts.pop()
        parts.append(part)
    if not parts:
        raise S3Error("MalformedXML")
    return tuple(parts)


def _delete_item(node: Element) -> DeleteItem:
    found = fields(node)
    if "Key" not in found or found.keys() - _DELETE_FIELDS:
        raise S3Error("MalformedXML")
    # an empty ETag is no condition: some clients always write the element
    etag = found.get("ETag", "").strip().strip('"')
    return DeleteItem(
        found["Key"],
        found.get("VersionId", "").strip(),
        etag or None,
        found.get("LastModifiedTime"),
        found.get("Size"),
    )


def _completed_part(node: Element) -> CompletedPart:
    found = fields(node)
    number = found.pop("PartNumber", "").strip()
    etag = found.pop("ETag", "").strip().strip('"')
    if not etag or not (number.isascii() and number.isdigit()) or found.keys() - _CHECKSUMS.keys():
        raise S3Error("MalformedXML")
    if len(number) > 9 or not 1 <= int(number) <= MAX_PARTS:
        raise S3Error(
            "InvalidArgument",
            f"Part number must be an integer between 1 and {MAX_PARTS}, inclusive",
            extra={"ArgumentName": "partNumber", "ArgumentValue": number},
        )
    checksums = {_CHECKSUMS[name]: value.strip() for name, value in found.items()}
    return CompletedPart(int(number), etag, checksums)
