"""Which operation a request asks for: one table from (method, level, sub-resource) to its handler.

Rules: a sub-resource is one of the query parameters that S3 knows; a request that names one which
is not in the table gets NotImplemented, never the plain operation of that method. One row per
operation, one file per operation family.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from coordinator.access import action_of
from coordinator.s3 import (
    acl,
    attributes_api,
    bucket_settings,
    buckets,
    copying,
    deleting,
    listing,
    listing_versions,
    multipart,
    object_lock,
    policy_settings,
    post_form,
    reading,
    tagging,
    versioning,
    writing,
)
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response
from coordinator.s3.surface import Surface

Level = Literal["service", "bucket", "object"]
Handler = Callable[[Surface, Request], Awaitable[Response]]


@dataclass(frozen=True, slots=True)
class Operation:
    """A row of the table; `name` is S3's own and labels metrics and logs. `action` is what IAM
    calls it: who may do that may ask for the operation."""

    name: str
    handler: Handler
    action: str = ""

    def __post_init__(self) -> None:
        if not self.action:
            object.__setattr__(self, "action", action_of(self.name))


SUBRESOURCES = frozenset(
    {
        "accelerate", "acl", "analytics", "attributes", "cors", "delete", "encryption",
        "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "location", "logging",
        "metadataConfiguration", "metadataTable", "metrics", "notification", "object-lock",
        "ownershipControls", "partNumber", "policy", "policyStatus", "publicAccessBlock",
        "renameObject", "replication", "requestPayment", "restore", "retention", "select",
        "session", "tagging", "torrent", "uploadId", "uploads", "versioning", "versions", "website",
    }
)  # fmt: skip
"""Query parameters that change what a request asks for."""

COPY = "copy"
"""Stands for the header x-amz-copy-source, which makes a PUT another operation."""

TABLE: Mapping[tuple[str, Level, str], Operation] = {
    ("GET", "service", ""): Operation("ListBuckets", buckets.list_buckets),
    ("PUT", "bucket", ""): Operation("CreateBucket", buckets.create_bucket),
    ("HEAD", "bucket", ""): Operation("HeadBucket", buckets.head_bucket),
    ("DELETE", "bucket", ""): Operation("DeleteBucket", buckets.delete_bucket),
    ("GET", "bucket", "location"): Operation("GetBucketLocation", buckets.get_location),
    ("GET", "bucket", ""): Operation("ListObjects", listing.list_objects),
    ("GET", "bucket", "uploads"): Operation("ListMultipartUploads", listing.list_uploads),
    ("GET", "bucket", "versions"): Operation(
        "ListObjectVersions", listing_versions.list_object_versions
    ),
    ("GET", "bucket", "versioning"): Operation("GetBucketVersioning", versioning.get_versioning),
    ("PUT", "bucket", "versioning"): Operation("PutBucketVersioning", versioning.put_versioning),
    ("GET", "bucket", "object-lock"): Operation(
        "GetObjectLockConfiguration", object_lock.get_configuration
    ),
    ("PUT", "bucket", "object-lock"): Operation(
        "PutObjectLockConfiguration", object_lock.put_configuration
    ),
    ("POST", "bucket", "delete"): Operation("DeleteObjects", deleting.delete_objects),
    ("PUT", "object", ""): Operation("PutObject", writing.put_object),
    ("PUT", "object", COPY): Operation("CopyObject", copying.copy_object),
    ("POST", "bucket", ""): Operation("PostObject", post_form.post_object),
    ("GET", "object", ""): Operation("GetObject", reading.get_object),
    ("HEAD", "object", ""): Operation("HeadObject", reading.head_object),
    ("GET", "object", "partNumber"): Operation("GetObject", reading.get_object),
    ("HEAD", "object", "partNumber"): Operation("HeadObject", reading.head_object),
    ("GET", "object", "attributes"): Operation(
        "GetObjectAttributes", attributes_api.get_object_attributes
    ),
    ("DELETE", "object", ""): Operation("DeleteObject", deleting.delete_object),
    ("GET", "object", "retention"): Operation("GetObjectRetention", object_lock.get_retention),
    ("PUT", "object", "retention"): Operation("PutObjectRetention", object_lock.put_retention),
    ("GET", "object", "legal-hold"): Operation("GetObjectLegalHold", object_lock.get_legal_hold),
    ("PUT", "object", "legal-hold"): Operation("PutObjectLegalHold", object_lock.put_legal_hold),
    ("POST", "object", "uploads"): Operation("CreateMultipartUpload", multipart.create_upload),
    ("PUT", "object", "uploadId"): Operation("UploadPart", multipart.upload_part),
    ("PUT", "object", "uploadId+copy"): Operation("UploadPartCopy", multipart.upload_part_copy),
    ("GET", "object", "uploadId"): Operation("ListParts", multipart.list_parts),
    ("POST", "object", "uploadId"): Operation("CompleteMultipartUpload", multipart.complete_upload),
    ("DELETE", "object", "uploadId"): Operation("AbortMultipartUpload", multipart.abort_upload),
    ("GET", "bucket", "acl"): Operation("GetBucketAcl", acl.get_bucket_acl),
    ("PUT", "bucket", "acl"): Operation("PutBucketAcl", acl.put_bucket_acl),
    ("GET", "object", "acl"): Operation("GetObjectAcl", acl.get_object_acl),
    ("PUT", "object", "acl"): Operation("PutObjectAcl", acl.put_object_acl),
    ("GET", "bucket", "policy"): Operation("GetBucketPolicy", policy_settings.get_bucket_policy),
    ("PUT", "bucket", "policy"): Operation("PutBucketPolicy", policy_settings.put_bucket_policy),
    ("DELETE", "bucket", "policy"): Operation(
        "DeleteBucketPolicy", policy_settings.delete_bucket_policy
    ),
    ("GET", "bucket", "policyStatus"): Operation(
        "GetBucketPolicyStatus", policy_settings.get_policy_status
    ),
    ("GET", "object", "tagging"): Operation("GetObjectTagging", tagging.get_object_tagging),
    ("PUT", "object", "tagging"): Operation("PutObjectTagging", tagging.put_object_tagging),
    ("DELETE", "object", "tagging"): Operation(
        "DeleteObjectTagging", tagging.delete_object_tagging
    ),
    **{
        (method, "bucket", name): Operation(operation, handler)
        for (method, name), (operation, handler) in bucket_settings.ROWS.items()
    },
}


def route(request: Request) -> Operation:
    """The operation the request asks for. Raises S3Error NotImplemented or MethodNotAllowed."""
    level: Level = "object" if request.key else "bucket" if request.bucket else "service"
    named = SUBRESOURCES.intersection(request.params)
    if "uploadId" in named:
        # Part operations carry both; the upload id decides.
        named -= {"partNumber"}
    subresource = "+".join(sorted(named)) if named else ""
    if request.method == "PUT" and level == "object" and "x-amz-copy-source" in request.headers:
        subresource = f"{subresource}+{COPY}" if subresource else COPY
    operation = TABLE.get((request.method, level, subresource))
    if operation is not None:
        return operation
    if subresource or request.method in {"PUT", "POST", "GET", "HEAD", "DELETE", "OPTIONS"}:
        what = f"{request.method} on a {level}" + (f" with ?{subresource}" if subresource else "")
        raise S3Error("NotImplemented", f"{what} is not implemented")
    raise S3Error("MethodNotAllowed")
