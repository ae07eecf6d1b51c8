"""Which objects a lifecycle rule is about: the Filter of its document.

Rules: all that is named must hold, wherever in the Filter it stands; several conditions are given
back in And, which is where S3 has them.
"""

from typing import Final
from xml.etree.ElementTree import Element

from coordinator.lifecycle.rules import Filter
from coordinator.s3.errors import S3Error
from coordinator.s3.settings.tags import MAX_OBJECT_TAGS, checked
from coordinator.s3.xml.markup import element
from coordinator.s3.xml.tree import children, number, only, text

MAX_PREFIX_BYTES: Final = 1024
MAX_SIZE_BYTES: Final = 2**63 - 1


def parse_filter(node: Element) -> Filter:
    """`<Filter>`. Raises S3Error MalformedXML, InvalidArgument, InvalidRequest, InvalidTag."""
    found = only(node, "And", "Prefix", "Tag", "ObjectSizeGreaterThan", "ObjectSizeLessThan")
    conditions = [(name, child) for name, child in found.items() if name != "And"]
    if "And" in found:
        conditions += children(found["And"])
    prefix: str | None = None
    tags: list[tuple[str, str]] = []
    sizes: dict[str, int] = {}
    for name, child in conditions:
        if name == "Prefix":
            prefix = _narrower(prefix, parse_prefix(child))
        elif name == "Tag":
            parts = only(child, "Key", "Value")
            if len(parts) != 2:
                raise S3Error("MalformedXML")
            tags.append((text(parts["Key"]), text(parts["Value"])))
        elif name in ("ObjectSizeGreaterThan", "ObjectSizeLessThan") and name not in sizes:
            sizes[name] = number(child, 0, MAX_SIZE_BYTES)
        else:
            raise S3Error("MalformedXML")
    larger, smaller = sizes.get("ObjectSizeGreaterThan"), sizes.get("ObjectSizeLessThan")
    if larger is not None and smaller is not None and smaller <= larger:
        raise S3Error(
            "InvalidRequest",
            "'ObjectSizeLessThan' has to be a value greater than 'ObjectSizeGreaterThan'",
        )
    return Filter(prefix, tuple(checked(tags, MAX_OBJECT_TAGS).items()), larger, smaller)


def render_filter(chosen: Filter) -> str:
    """`<Filter>`."""
    pieces = [] if chosen.prefix is None else [element("Prefix", chosen.prefix)]
    pieces += [group("Tag", ("Key", name), ("Value", value)) for name, value in chosen.tags]
    for name, size in (
        ("ObjectSizeGreaterThan", chosen.larger_than_bytes),
        ("ObjectSizeLessThan", chosen.smaller_than_bytes),
    ):
        if size is not None:
            pieces.append(element(name, str(size)))
    content = "".join(pieces)
    return (
        f"<Filter><And>{content}</And></Filter>"
        if len(pieces) > 1
        else (f"<Filter>{content}</Filter>")
    )


def parse_prefix(node: Element) -> str:
    """What keys begin with. Raises S3Error MalformedXML, InvalidRequest."""
    prefix = text(node)
    if len(prefix.encode("utf-8", "replace")) > MAX_PREFIX_BYTES:
        raise S3Error("InvalidRequest", f"The maximum size of a prefix is {MAX_PREFIX_BYTES}.")
    return prefix


def _narrower(former: str | None, prefix: str) -> str:
    """One prefix that says what both say."""
    if former is None or prefix.startswith(former):
        return prefix
    if former.startswith(prefix):
        return former
    raise S3Error("InvalidRequest", "A Filter has two prefixes that no key has both")


def group(name: str, *parts: tuple[str, int | str | None]) -> str:
    """An element of those parts that are there; nothing if none is."""
    content = "".join(element(part, str(value)) for part, value in parts if value is not None)
    return f"<{name}>{content}</{name}>" if content else ""
