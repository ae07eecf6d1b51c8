"""Documents about one object: what a form made of it, and its attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from coordinator.s3.xml.markup import (
    DECLARATION,
    boolean,
    checksum_elements,
    document,
    element,
    etag_element,
)
from metadata.model import Part


def post_response(location: str, bucket: str, key: str, etag: str) -> bytes:
    """`<PostResponse>`, without a namespace as S3 sends it."""
    content = (
        element("Location", location)
        + element("Bucket", bucket)
        + element("Key", key)
        + etag_element(etag)
    )
    return f"{DECLARATION}<PostResponse>{content}</PostResponse>".encode()


@dataclass(frozen=True, slots=True)
class PartsPage:
    """Some of an object's parts; `total` counts all of them."""

    parts: Sequence[Part]
    total: int
    marker: int
    limit: int
    is_truncated: bool


def object_attributes(
    *,
    etag: str | None = None,
    checksums: Mapping[str, str] | None = None,
    page: PartsPage | None = None,
    storage_class: str | None = None,
    size: int | None = None,
) -> bytes:
    """`<GetObjectAttributesResponse>` of what is given; here the ETag has no quotes."""
    content = []
    if etag is not None:
        content.append(element("ETag", etag))
    if checksums:
        content.append(f"<Checksum>{checksum_elements(checksums)}</Checksum>")
    if page is not None:
        content.append(_object_parts(page))
    if storage_class is not None:
        content.append(element("StorageClass", storage_class))
    if size is not None:
        content.append(f"<ObjectSize>{size}</ObjectSize>")
    return document("GetObjectAttributesResponse", "".join(content))


def _object_parts(page: PartsPage) -> str:
    last = page.parts[-1].number if page.parts else page.marker
    parts = "".join(
        f"<Part><PartNumber>{part.number}</PartNumber><Size>{part.content_size}</Size>"
        f"{checksum_elements(part.checksums)}</Part>"
        for part in page.parts
    )
    return (
        f"<ObjectParts><PartsCount>{page.total}</PartsCount>"
        f"<PartNumberMarker>{page.marker}</PartNumberMarker>"
        f"<NextPartNumberMarker>{last}</NextPartNumberMarker>"
        f"<MaxParts>{page.limit}</MaxParts>"
        f"<IsTruncated>{boolean(page.is_truncated)}</IsTruncated>{parts}</ObjectParts>"
    )
