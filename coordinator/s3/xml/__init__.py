"""S3's documents, and the only place that knows XML: requests are parsed, results rendered."""

from coordinator.s3.xml.documents import (
    Deleted,
    DeleteFailure,
    complete_multipart_upload_result,
    copy_object_result,
    copy_part_result,
    delete_result,
    error,
    initiate_multipart_upload_result,
    list_buckets_result,
    location_constraint,
    request_payment_configuration,
    tagging,
)
from coordinator.s3.xml.listings import (
    list_multipart_uploads_result,
    list_objects_result,
    list_objects_v2_result,
    list_parts_result,
)
from coordinator.s3.xml.locks import (
    NO_RETENTION,
    legal_hold,
    parse_legal_hold,
    parse_retention,
    retention,
)
from coordinator.s3.xml.objects import PartsPage, object_attributes, post_response
from coordinator.s3.xml.requests import (
    CompletedPart,
    DeleteItem,
    DeleteRequest,
    parse_complete_multipart_upload,
    parse_create_bucket,
    parse_delete,
)
from coordinator.s3.xml.tree import MAX_BODY_BYTES
from coordinator.s3.xml.versions import (
    WantedVersioning,
    list_versions_result,
    parse_versioning,
    versioning_configuration,
)

__all__ = [
    "MAX_BODY_BYTES",
    "NO_RETENTION",
    "CompletedPart",
    "DeleteFailure",
    "DeleteItem",
    "DeleteRequest",
    "Deleted",
    "PartsPage",
    "WantedVersioning",
    "complete_multipart_upload_result",
    "copy_object_result",
    "copy_part_result",
    "delete_result",
    "error",
    "initiate_multipart_upload_result",
    "legal_hold",
    "list_buckets_result",
    "list_multipart_uploads_result",
    "list_objects_result",
    "list_objects_v2_result",
    "list_parts_result",
    "list_versions_result",
    "location_constraint",
    "object_attributes",
    "parse_complete_multipart_upload",
    "parse_create_bucket",
    "parse_delete",
    "parse_legal_hold",
    "parse_retention",
    "parse_versioning",
    "post_response",
    "request_payment_configuration",
    "retention",
    "tagging",
    "versioning_configuration",
]
