"""What is asked to be done, by IAM's names, and which permission of an ACL allows it.

Source: "Actions, resources, and condition keys for Amazon S3" in the Service Authorization
Reference, and "Mapping of ACL permissions and access policy permissions" in the S3 User Guide.

Rules: an operation without an entry in ACTION_OF is allowed by the action of its own name.
"""

from collections.abc import Mapping
from typing import Final

S3: Final = "s3:"

ACTION_OF: Final[Mapping[str, str]] = {
    operation: S3 + action
    for operation, action in {
        "CompleteMultipartUpload": "PutObject",
        "CopyObject": "PutObject",
        "CreateMultipartUpload": "PutObject",
        "DeleteBucketCors": "PutBucketCORS",
        "DeleteBucketEncryption": "PutEncryptionConfiguration",
        "DeleteBucketLifecycle": "PutLifecycleConfiguration",
        "DeleteBucketLifecycleConfiguration": "PutLifecycleConfiguration",
        "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
        "DeleteBucketReplication": "PutReplicationConfiguration",
        "DeleteBucketTagging": "PutBucketTagging",
        "DeleteObjects": "DeleteObject",
        "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
        "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
        "GetBucketCors": "GetBucketCORS",
        "GetBucketEncryption": "GetEncryptionConfiguration",
        "GetBucketLifecycle": "GetLifecycleConfiguration",
        "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
        "GetBucketNotificationConfiguration": "GetBucketNotification",
        "GetBucketReplication": "GetReplicationConfiguration",
        "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
        "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
        "HeadBucket": "ListBucket",
        "HeadObject": "GetObject",
        "ListBuckets": "ListAllMyBuckets",
        "ListMultipartUploads": "ListBucketMultipartUploads",
        "ListObjectVersions": "ListBucketVersions",
        "ListObjects": "ListBucket",
        "ListObjectsV2": "ListBucket",
        "ListParts": "ListMultipartUploadParts",
        "PostObject": "PutObject",
        "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
        "PutBucketCors": "PutBucketCORS",
        "PutBucketEncryption": "PutEncryptionConfiguration",
        "PutBucketLifecycle": "PutLifecycleConfiguration",
        "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
        "PutBucketNotificationConfiguration": "PutBucketNotification",
        "PutBucketReplication": "PutReplicationConfiguration",
        "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
        "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
        "UploadPart": "PutObject",
        "UploadPartCopy": "PutObject",
    }.items()
}
"""Operations whose action has another name than they."""

_VERSIONED: Final[Mapping[str, str]] = {
    S3 + action: S3 + action.replace("Object", "ObjectVersion")
    for action in (
        "DeleteObject",
        "DeleteObjectTagging",
        "GetObject",
        "GetObjectAcl",
        "GetObjectAttributes",
        "GetObjectTagging",
        "GetObjectTorrent",
        "PutObjectAcl",
        "PutObjectTagging",
    )
}

READ: Final = "READ"
WRITE: Final = "WRITE"
READ_ACP: Final = "READ_ACP"
WRITE_ACP: Final = "WRITE_ACP"
FULL_CONTROL: Final = "FULL_CONTROL"

BUCKET_PERMISSION: Final[Mapping[str, str]] = {
    S3 + action: permission
    for permission, actions in {
        READ: ("ListBucket", "ListBucketVersions", "ListBucketMultipartUploads"),
        WRITE: ("PutObject", "DeleteObject", "AbortMultipartUpload", "ListMultipartUploadParts"),
        READ_ACP: ("GetBucketAcl",),
        WRITE_ACP: ("PutBucketAcl",),
    }.items()
    for action in actions
}
"""What a grant in a bucket's ACL allows. (Versions are deleted for good by the owner only.)"""

OBJECT_PERMISSION: Final[Mapping[str, str]] = {
    S3 + action: permission
    for permission, actions in {
        READ: (
            "GetObject",
            "GetObjectVersion",
            "GetObjectAttributes",
            "GetObjectVersionAttributes",
            "GetObjectTorrent",
            "GetObjectVersionTorrent",
        ),
        READ_ACP: ("GetObjectAcl", "GetObjectVersionAcl"),
        WRITE_ACP: ("PutObjectAcl", "PutObjectVersionAcl"),
    }.items()
    for action in actions
}
"""What a grant in an object's ACL allows, and what is the object owner's to allow at all."""

POLICY_ACTIONS: Final = frozenset(
    {S3 + "GetBucketPolicy", S3 + "PutBucketPolicy", S3 + "DeleteBucketPolicy"}
)
"""What no policy can take from the account that owns the bucket: else one mistake locks it."""

_OTHERS: Final = (
    "BypassGovernanceRetention", "CreateBucket", "DeleteBucket", "DeleteBucketPolicy",
    "DeleteBucketWebsite", "DeleteObjectTagging", "GetAnalyticsConfiguration",
    "GetBucketLocation", "GetBucketLogging", "GetBucketNotification", "GetBucketOwnershipControls",
    "GetBucketPolicy", "GetBucketPolicyStatus", "GetBucketRequestPayment", "GetBucketTagging",
    "GetBucketVersioning", "GetBucketWebsite", "GetIntelligentTieringConfiguration",
    "GetInventoryConfiguration", "GetMetricsConfiguration", "GetObjectLegalHold",
    "GetObjectRetention",
    "GetObjectVersionForReplication", "InitiateReplication", "ListAllMyBuckets",
    "ObjectOwnerOverrideToBucketOwner", "PutAnalyticsConfiguration", "PutBucketLogging",
    "PutBucketNotification", "PutBucketOwnershipControls", "PutBucketPolicy",
    "PutBucketRequestPayment", "PutBucketTagging", "PutBucketVersioning", "PutBucketWebsite",
    "PutIntelligentTieringConfiguration", "PutInventoryConfiguration", "PutMetricsConfiguration",
    "PutObjectLegalHold", "PutObjectRetention", "ReplicateDelete", "ReplicateObject",
    "ReplicateTags", "RestoreObject",
)  # fmt: skip

KNOWN: Final = frozenset(
    action.lower()
    for action in (
        *ACTION_OF.values(),
        *_VERSIONED,
        *_VERSIONED.values(),
        *BUCKET_PERMISSION,
        *OBJECT_PERMISSION,
        *(S3 + action for action in _OTHERS),
    )
)
"""Every action a bucket's policy may name, in lower case."""


def action_of(operation: str) -> str:
    """The action that allows an operation of S3."""
    return ACTION_OF.get(operation) or S3 + operation


def versioned(action: str) -> str:
    """The action about one named version of an object."""
    return _VERSIONED.get(action, action)
