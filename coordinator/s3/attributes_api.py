"""GetObjectAttributes: what is known of an object, as far as it is asked for, in a document.

Rules: access is that of a read; so is the customer's key that an encrypted object needs.
"""

from typing import Final

from coordinator.objects import MAX_PART_NUMBER
from coordinator.s3 import xml
from coordinator.s3.conditions import check_read, format_http_date
from coordinator.s3.encryption import reading_key
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.headers import DEFAULT_STORAGE_CLASS, object_checksums
from coordinator.s3.surface import Surface
from coordinator.s3.unsupported import refuse_unsupported
from coordinator.s3.versioning import look_up, read_headers
from metadata import StoredVersion

HEADER: Final = "x-amz-object-attributes"
MAX_PARTS_PAGE: Final = 1000
NAMES: Final = frozenset({"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"})


async def get_object_attributes(s3: Surface, request: Request) -> Response:
    """GetObjectAttributes."""
    headers = request.all_headers
    refuse_unsupported(headers)
    wanted = _wanted(headers.get(HEADER, ""))
    limit = _number(headers.get("x-amz-max-parts"), MAX_PARTS_PAGE, "x-amz-max-parts")
    marker = _number(headers.get("x-amz-part-number-marker"), 0, "x-amz-part-number-marker")
    stored = await look_up(s3, request)
    reading_key(s3, headers, stored)
    version = stored.version
    check_read(headers, etag=version.etag, modified_at_ms=version.created_at_ms)
    page = None
    if "ObjectParts" in wanted and version.part_count:
        page = await _page(s3, stored, marker, min(limit, MAX_PARTS_PAGE))
    kept = version.attributes
    document = xml.object_attributes(
        etag=version.etag if "ETag" in wanted else None,
        checksums=object_checksums(kept.checksums) if "Checksum" in wanted else None,
        page=page,
        storage_class=kept.headers.get("x-amz-storage-class", DEFAULT_STORAGE_CLASS)
        if "StorageClass" in wanted
        else None,
        size=version.size if "ObjectSize" in wanted else None,
    )
    modified = format_http_date(version.created_at_ms).encode()
    return xml_response(
        document,
        headers=[(b"last-modified", modified), *read_headers(stored.bucket, version)],
    )


async def _page(s3: Surface, stored: StoredVersion, marker: int, limit: int) -> xml.PartsPage:
    version = stored.version
    parts = await s3.metadata.version_parts(
        version.version_id, after_number=marker, limit=limit + 1
    )
    return xml.PartsPage(
        parts[:limit], version.part_count, marker, limit, is_truncated=len(parts) > limit
    )


def _wanted(header: str) -> frozenset[str]:
    names = frozenset(name.strip() for name in header.split(",") if name.strip())
    if not names:
        raise S3Error(
            "InvalidArgument",
            f"The {HEADER} header specifying the attributes to be retrieved is either missing or "
            "empty",
            extra={"ArgumentName": HEADER},
        )
    if not names <= NAMES:
        raise S3Error(
            "InvalidArgument",
            "Invalid attribute name specified.",
            extra={"ArgumentName": HEADER, "ArgumentValue": header},
        )
    return names


def _number(text: str | None, default: int, name: str) -> int:
    if text is None or not text.strip():
        return default
    digits = text.strip()
    if not (digits.isascii() and digits.isdigit() and len(digits) < 10):
        raise S3Error(
            "InvalidArgument",
            f"{name} must be a number from 0",
            extra={"ArgumentName": name, "ArgumentValue": text},
        )
    return min(int(digits), MAX_PART_NUMBER)
