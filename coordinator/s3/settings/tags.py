"""Tags of buckets and objects: names and values, in a document or in a header.

Rules: at most 10 on an object and 50 on a bucket; a name has 1 to 128 characters and a value up to
256, of those that S3 allows; no name twice; `aws:` is nobody's. They are kept sorted by name.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from coordinator.s3.errors import S3Error
from coordinator.s3.xml.markup import document, element
from coordinator.s3.xml.tree import children as children_of
from coordinator.s3.xml.tree import only, root, text

Tags = Mapping[str, str]

MAX_OBJECT_TAGS: Final = 10
MAX_BUCKET_TAGS: Final = 50
MAX_NAME_CHARACTERS: Final = 128
MAX_VALUE_CHARACTERS: Final = 256
_PUNCTUATION: Final = frozenset("_.:/=+-@")


def parse_object_tagging(body: bytes) -> Tags:
    """`<Tagging>` of an object. Raises S3Error MalformedXML, InvalidTag."""
    return _parse(body, MAX_OBJECT_TAGS)


def parse_bucket_tagging(body: bytes) -> Tags:
    """`<Tagging>` of a bucket. Raises S3Error MalformedXML, InvalidTag."""
    return _parse(body, MAX_BUCKET_TAGS)


def render_tagging(tags: Tags) -> bytes:
    """`<Tagging>`."""
    pairs = "".join(
        f"<Tag>{element('Key', name)}{element('Value', value)}</Tag>"
        for name, value in tags.items()
    )
    return document("Tagging", f"<TagSet>{pairs}</TagSet>")


def parse_tag_header(value: str) -> Tags:
    """`a=1&b=2`, percent-encoded UTF-8 (a header: latin-1 as on the wire).

    Raises S3Error InvalidArgument (not of that form), InvalidTag.
    """
    pairs = []
    for piece in value.split("&"):
        if piece:
            name, _, content = piece.partition("=")
            pairs.append((_decode(name), _decode(content)))
    if len({name for name, _ in pairs}) != len(pairs):
        raise _malformed_header()
    return checked(pairs, MAX_OBJECT_TAGS)


def checked(pairs: Iterable[tuple[str, str]], limit: int) -> Tags:
    """The tags, sorted by name. Raises S3Error InvalidTag."""
    tags: dict[str, str] = {}
    for name, value in pairs:
        if name in tags:
            raise S3Error("InvalidTag", "Cannot provide multiple Tags with the same key")
        _check(name, value)
        tags[name] = value
    if len(tags) > limit:
        raise S3Error("InvalidTag", f"Tags cannot be more than {limit}")
    return dict(sorted(tags.items()))


def _parse(body: bytes, limit: int) -> Tags:
    sets = only(root(body, "Tagging"), "TagSet")
    if "TagSet" not in sets:
        raise S3Error("MalformedXML")
    pairs = []
    for name, node in children_of(sets["TagSet"]):
        if name != "Tag":
            raise S3Error("MalformedXML")
        found = only(node, "Key", "Value")
        if found.keys() != {"Key", "Value"}:
            raise S3Error("MalformedXML")
        pairs.append((text(found["Key"]), text(found["Value"])))
    return checked(pairs, limit)


def _check(name: str, value: str) -> None:
    if not 1 <= len(name) <= MAX_NAME_CHARACTERS or not _is_allowed(name):
        raise S3Error("InvalidTag", "The TagKey you have provided is invalid")
    if len(value) > MAX_VALUE_CHARACTERS or not _is_allowed(value):
        raise S3Error(
            "InvalidTag", "The TagValue you have provided is invalid", extra={"TagKey": name}
        )
    if name.lower().startswith("aws:"):
        raise S3Error("InvalidTag", "System tags cannot be added/updated by requester")


def _is_allowed(content: str) -> bool:
    return all(
        character.isalnum()
        or character in _PUNCTUATION
        or unicodedata.category(character).startswith("Z")
        for character in content
    )


def _decode(piece: str) -> str:
    try:
        return unquote_to_bytes(piece.replace("+", " ").encode("latin-1")).decode()
    except UnicodeError as error:
        raise _malformed_header() from error


def _malformed_header() -> S3Error:
    return S3Error(
        "InvalidArgument",
        "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters"
        " without tag name duplicates.",
        extra={"ArgumentName": "x-amz-tagging"},
    )
