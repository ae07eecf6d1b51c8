"""Documents that list: objects, parts, uploads.

Rules: `encode_url` is the request's `encoding-type=url`: keys, prefixes, delimiters and markers
are then percent-encoded, and the document says so. Page tokens and markers are the caller's.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from coordinator.s3.headers import DEFAULT_STORAGE_CLASS
from coordinator.s3.xml.markup import (
    boolean,
    checksum_elements,
    document,
    element,
    encoded,
    escape,
    etag_element,
    timestamp,
    user_element,
)
from metadata.model import ListedObject, Part, Upload, User

_ENCODING = "<EncodingType>url</EncodingType>"
_CHANGED_BY_DECODING = re.compile("[%+\r\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")


def list_objects_result(
    *,
    bucket: str,
    objects: Sequence[ListedObject],
    common_prefixes: Sequence[str],
    prefix: str,
    delimiter: str,
    marker: str,
    max_keys: int,
    next_marker: str | None,
    encode_url: bool,
    owners: Mapping[str, User],
) -> bytes:
    """`<ListBucketResult>` of ListObjects V1. `next_marker` None means this was the last page
    (S3 shows NextMarker with a delimiter only; that is decided here). `owners` by user id."""
    key_text = encoded if encode_url else escape
    content = [
        element("Name", bucket),
        f"<Prefix>{_prefix_v1(prefix, encode_url)}</Prefix><Marker>{key_text(marker)}</Marker>",
    ]
    if next_marker is not None and delimiter:
        content.append(f"<NextMarker>{key_text(next_marker)}</NextMarker>")
    content.append(_page(max_keys, delimiter, next_marker is not None, encode_url))
    content += _contents(objects, key_text, owners)
    content += common_prefix_elements(common_prefixes, key_text)
    return document("ListBucketResult", "".join(content))


def list_objects_v2_result(
    *,
    bucket: str,
    objects: Sequence[ListedObject],
    common_prefixes: Sequence[str],
    prefix: str,
    delimiter: str,
    start_after: str,
    continuation_token: str | None,
    next_continuation_token: str | None,
    max_keys: int,
    encode_url: bool,
    owners: Mapping[str, User] | None,
) -> bytes:
    """`<ListBucketResult>` of ListObjectsV2. `owners` None: fetch-owner was not asked."""
    key_text = encoded if encode_url else escape
    is_truncated = next_continuation_token is not None
    content = [element("Name", bucket), f"<Prefix>{key_text(prefix)}</Prefix>"]
    if continuation_token is not None:
        content.append(element("ContinuationToken", continuation_token))
    if next_continuation_token is not None:
        content.append(element("NextContinuationToken", next_continuation_token))
    if start_after:
        content.append(f"<StartAfter>{key_text(start_after)}</StartAfter>")
    content.append(f"<KeyCount>{len(objects) + len(common_prefixes)}</KeyCount>")
    content.append(_page(max_keys, delimiter, is_truncated, encode_url))
    content += _contents(objects, key_text, owners)
    content += common_prefix_elements(common_prefixes, key_text)
    return document("ListBucketResult", "".join(content))


def list_parts_result(
    *,
    bucket: str,
    upload: Upload,
    owner: User,
    parts: Sequence[Part],
    part_number_marker: int,
    next_part_number_marker: int | None,
    max_parts: int,
    encode_url: bool = False,
) -> bytes:
    """`<ListPartsResult>`; `next_part_number_marker` None means this was the last page.

    `upload.attributes.checksums` may name the `algorithm` and `type` the upload was created with.
    """
    key_text = encoded if encode_url else escape
    last = parts[-1].number if parts else part_number_marker
    content = [
        element("Bucket", bucket),
        f"<Key>{key_text(upload.key)}</Key>",
        element("UploadId", upload.upload_id),
        user_element("Initiator", owner),
        user_element("Owner", owner),
        element("StorageClass", storage_class(upload.attributes.headers)),
        f"<PartNumberMarker>{part_number_marker}</PartNumberMarker>"
        f"<NextPartNumberMarker>{next_part_number_marker or last}</NextPartNumberMarker>"
        f"<MaxParts>{max_parts}</MaxParts>"
        f"<IsTruncated>{boolean(next_part_number_marker is not None)}</IsTruncated>",
        _upload_checksum(upload),
        _ENCODING if encode_url else "",
    ]
    content += [
        f"<Part><PartNumber>{part.number}</PartNumber>"
        f"<LastModified>{timestamp(part.created_at_ms)}</LastModified>"
        f"{etag_element(part.etag)}<Size>{part.content_size}</Size>"
        f"{checksum_elements(part.checksums)}</Part>"
        for part in parts
    ]
    return document("ListPartsResult", "".join(content))


def list_multipart_uploads_result(
    *,
    bucket: str,
    uploads: Sequence[Upload],
    common_prefixes: Sequence[str],
    prefix: str,
    delimiter: str,
    key_marker: str,
    upload_id_marker: str,
    next_key_marker: str | None,
    next_upload_id_marker: str | None,
    max_uploads: int,
    encode_url: bool,
    owners: Mapping[str, User],
) -> bytes:
    """`<ListMultipartUploadsResult>`; `next_key_marker` None means this was the last page."""
    key_text = encoded if encode_url else escape
    content = [
        element("Bucket", bucket),
        f"<KeyMarker>{key_text(key_marker)}</KeyMarker>",
        element("UploadIdMarker", upload_id_marker),
    ]
    if next_key_marker is not None:
        content.append(f"<NextKeyMarker>{key_text(next_key_marker)}</NextKeyMarker>")
        content.append(element("NextUploadIdMarker", next_upload_id_marker or ""))
    content.append(f"<Prefix>{key_text(prefix)}</Prefix>")
    if delimiter:
        content.append(f"<Delimiter>{key_text(delimiter)}</Delimiter>")
    content.append(
        f"<MaxUploads>{max_uploads}</MaxUploads>"
        f"<IsTruncated>{boolean(next_key_marker is not None)}</IsTruncated>"
        f"{_ENCODING if encode_url else ''}"
    )
    for upload in uploads:
        owner = owners.get(upload.owner_id)
        content.append(
            f"<Upload><Key>{key_text(upload.key)}</Key>{element('UploadId', upload.upload_id)}"
            + (user_element("Initiator", owner) + user_element("Owner", owner) if owner else "")
            + element("StorageClass", storage_class(upload.attributes.headers))
            + element("Initiated", timestamp(upload.created_at_ms))
            + _upload_checksum(upload)
            + "</Upload>"
        )
    content += common_prefix_elements(common_prefixes, key_text)
    return document("ListMultipartUploadsResult", "".join(content))


def _prefix_v1(prefix: str, encode_url: bool) -> str:
    """boto3 does not decode the prefix of this one listing, other clients do: what decoding leaves
    as it is, and XML can hold, is written as it is, so that all of them read the same."""
    if not encode_url:
        return escape(prefix)
    return encoded(prefix) if _CHANGED_BY_DECODING.search(prefix) else escape(prefix)


def _page(max_keys: int, delimiter: str, is_truncated: bool, encode_url: bool) -> str:
    key_text = encoded if encode_url else escape
    return (
        f"<MaxKeys>{max_keys}</MaxKeys>"
        + (f"<Delimiter>{key_text(delimiter)}</Delimiter>" if delimiter else "")
        + (_ENCODING if encode_url else "")
        + f"<IsTruncated>{boolean(is_truncated)}</IsTruncated>"
    )


def _contents(
    objects: Sequence[ListedObject],
    key_text: Callable[[str], str],
    owners: Mapping[str, User] | None,
) -> list[str]:
    """`<Contents>` of each object; an owner who no longer exists is left out."""
    owner_elements = {
        user_id: user_element("Owner", user) for user_id, user in (owners or {}).items()
    }
    return [
        f"<Contents><Key>{key_text(listed.key)}</Key>"
        f"<LastModified>{timestamp(listed.created_at_ms)}</LastModified>"
        f"<ETag>&quot;{listed.etag}&quot;</ETag>"
        f"{checksum_names(listed.checksums)}<Size>{listed.size}</Size>"
        f"{owner_elements.get(listed.owner_id, '')}"
        f"<StorageClass>{listed.storage_class or DEFAULT_STORAGE_CLASS}</StorageClass></Contents>"
        for listed in objects
    ]


def common_prefix_elements(prefixes: Sequence[str], key_text: Callable[[str], str]) -> list[str]:
    """`<CommonPrefixes>` of each."""
    return [
        f"<CommonPrefixes><Prefix>{key_text(prefix)}</Prefix></CommonPrefixes>"
        for prefix in prefixes
    ]


def checksum_names(checksums: Mapping[str, str]) -> str:
    """Which checksums an object has, without their values."""
    if not checksums:
        return ""
    # a plain PUT stores no type: there is but one for it
    return _checksum_names(tuple(checksums), checksums.get("type", "FULL_OBJECT"))


@lru_cache(maxsize=256)
def _checksum_names(names: tuple[str, ...], kind: str) -> str:
    """Cached: of a thousand objects on a page most have the same."""
    algorithms = [element("ChecksumAlgorithm", name.upper()) for name in names if name != "type"]
    return "".join(algorithms) + element("ChecksumType", kind)


def _upload_checksum(upload: Upload) -> str:
    checksums = upload.attributes.checksums
    if "algorithm" not in checksums:
        return ""
    return element("ChecksumAlgorithm", checksums["algorithm"].upper()) + element(
        "ChecksumType", checksums.get("type", "")
    )


def storage_class(headers: Mapping[str, str]) -> str:
    """The name of the class the object was given."""
    return headers.get("x-amz-storage-class", DEFAULT_STORAGE_CLASS)
