"""Documents about one thing: errors, copies, uploads, buckets and their settings."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from coordinator.s3.xml.markup import (
    DECLARATION,
    boolean,
    checksum_elements,
    document,
    element,
    etag_element,
    readable,
    timestamp,
    user_element,
)
from metadata.model import Bucket, User

_EMPTY: Mapping[str, str] = {}


def error(
    code: str,
    message: str,
    *,
    resource: str,
    request_id: str,
    extra: Mapping[str, str] | None = None,
) -> bytes:
    """`<Error>`, without a namespace as S3 sends it."""
    fields = {
        "Code": code,
        "Message": message,
        **(extra or {}),
        "Resource": resource,
        "RequestId": request_id,
        "HostId": request_id,
    }
    content = "".join(element(name, readable(text)) for name, text in fields.items())
    return f"{DECLARATION}<Error>{content}</Error>".encode()


def list_buckets_result(
    owner: User, buckets: Iterable[Bucket], *, prefix: str = "", continuation_token: str = ""
) -> bytes:
    """`<ListAllMyBucketsResult>`. `continuation_token` is where the next page starts."""
    content = [user_element("Owner", owner), "<Buckets>"]
    for bucket in buckets:
        region = element("BucketRegion", bucket.region) if bucket.region else ""
        content.append(
            f"<Bucket>{element('Name', bucket.name)}"
            f"{element('CreationDate', timestamp(bucket.created_at_ms))}{region}</Bucket>"
        )
    content.append("</Buckets>")
    if prefix:
        content.append(element("Prefix", prefix))
    if continuation_token:
        content.append(element("ContinuationToken", continuation_token))
    return document("ListAllMyBucketsResult", "".join(content))


def location_constraint(region: str) -> bytes:
    """`<LocationConstraint>`; us-east-1 and "" are written as the empty element, as S3 does."""
    return document("LocationConstraint", "" if region == "us-east-1" else region)


def copy_object_result(etag: str, modified_at_ms: int, checksums: Mapping[str, str]) -> bytes:
    """`<CopyObjectResult>`; etag without quotes; checksums as in Attributes."""
    return _copied("CopyObjectResult", etag, modified_at_ms, checksums)


def copy_part_result(etag: str, modified_at_ms: int, checksums: Mapping[str, str]) -> bytes:
    """`<CopyPartResult>`."""
    return _copied("CopyPartResult", etag, modified_at_ms, checksums)


def initiate_multipart_upload_result(bucket: str, key: str, upload_id: str) -> bytes:
    """`<InitiateMultipartUploadResult>`."""
    return document(
        "InitiateMultipartUploadResult",
        element("Bucket", bucket) + element("Key", key) + element("UploadId", upload_id),
    )


def complete_multipart_upload_result(
    *, location: str, bucket: str, key: str, etag: str, checksums: Mapping[str, str]
) -> bytes:
    """`<CompleteMultipartUploadResult>`."""
    return document(
        "CompleteMultipartUploadResult",
        element("Location", location)
        + element("Bucket", bucket)
        + element("Key", key)
        + etag_element(etag)
        + checksum_elements(checksums),
    )


@dataclass(frozen=True, slots=True)
class Deleted:
    """A key that is gone. The version fields stay empty until versioning is on."""

    key: str
    version_id: str = ""
    is_delete_marker: bool = False
    delete_marker_version_id: str = ""


@dataclass(frozen=True, slots=True)
class DeleteFailure:
    """A key that is not."""

    key: str
    code: str
    message: str
    version_id: str = ""


def delete_result(deleted: Iterable[Deleted], failures: Iterable[DeleteFailure]) -> bytes:
    """`<DeleteResult>`; with Quiet the caller passes no `deleted`."""
    content = []
    for one in deleted:
        content.append(f"<Deleted>{element('Key', one.key)}")
        if one.version_id:
            content.append(element("VersionId", one.version_id))
        if one.is_delete_marker:
            content.append(element("DeleteMarker", boolean(True)))
            content.append(element("DeleteMarkerVersionId", one.delete_marker_version_id))
        content.append("</Deleted>")
    for failure in failures:
        content.append(f"<Error>{element('Key', failure.key)}")
        if failure.version_id:
            content.append(element("VersionId", failure.version_id))
        content.append(element("Code", failure.code) + element("Message", failure.message))
        content.append("</Error>")
    return document("DeleteResult", "".join(content))


def request_payment_configuration(payer: str = "BucketOwner") -> bytes:
    """`<RequestPaymentConfiguration>`."""
    return document("RequestPaymentConfiguration", element("Payer", payer))


def tagging(tags: Mapping[str, str] = _EMPTY) -> bytes:
    """`<Tagging>`."""
    pairs = "".join(
        f"<Tag>{element('Key', key)}{element('Value', value)}</Tag>" for key, value in tags.items()
    )
    return document("Tagging", f"<TagSet>{pairs}</TagSet>")


def _copied(name: str, etag: str, modified_at_ms: int, checksums: Mapping[str, str]) -> bytes:
    return document(
        name,
        element("LastModified", timestamp(modified_at_ms))
        + etag_element(etag)
        + checksum_elements(checksums),
    )
