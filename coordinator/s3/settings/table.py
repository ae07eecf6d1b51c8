"""ONE table of the sub-resource settings of a bucket.

Rules: a setting is added by a row here; the operations on it follow from the row. A setting whose
row is not here is not stored at all.
"""

from typing import Any, Final

from coordinator.access.bucket import Ownership, dump_block, dump_tags, load_block, load_tags
from coordinator.access.public_access import PublicAccessBlock
from coordinator.lifecycle.rules import Rules
from coordinator.s3.settings.access import (
    parse_ownership,
    parse_public_access_block,
    render_ownership,
    render_public_access_block,
)
from coordinator.s3.settings.access_logs import AccessLogTarget, parse_logging, render_logging
from coordinator.s3.settings.cors import CorsRules, parse_cors, render_cors
from coordinator.s3.settings.echoes import (
    BUCKET_OWNER,
    parse_accelerate,
    parse_request_payment,
    render_accelerate,
    render_request_payment,
)
from coordinator.s3.settings.encryption import (
    DefaultEncryption,
    parse_encryption,
    render_encryption,
)
from coordinator.s3.settings.lifecycle import (
    MAX_LIFECYCLE_BYTES,
    parse_lifecycle,
    render_lifecycle,
)
from coordinator.s3.settings.notification import (
    Notification,
    parse_notification,
    render_notification,
)
from coordinator.s3.settings.setting import Setting
from coordinator.s3.settings.tags import Tags, parse_bucket_tagging, render_tagging
from coordinator.s3.settings.website import Website, parse_website, render_website

CORS: Final[Setting[CorsRules]] = Setting(
    "cors",
    "BucketCors",
    parse_cors,
    render_cors,
    unset="NoSuchCORSConfiguration",
)
TAGGING: Final[Setting[Tags]] = Setting(
    "tagging",
    "BucketTagging",
    parse_bucket_tagging,
    render_tagging,
    unset="NoSuchTagSet",
    is_empty=lambda tags: not tags,
    # Conditions of policies ask for them, and what decides about access knows no XML.
    dump=dump_tags,
    load=load_tags,
)
WEBSITE: Final[Setting[Website]] = Setting(
    "website",
    "BucketWebsite",
    parse_website,
    render_website,
    unset="NoSuchWebsiteConfiguration",
)
LOGGING: Final[Setting[AccessLogTarget | None]] = Setting(
    "logging",
    "BucketLogging",
    parse_logging,
    render_logging,
    unset_document=render_logging(None),
    is_empty=lambda target: target is None,
    has_delete=False,
    owner_only=True,
    keeps_time=True,
)
NOTIFICATION: Final[Setting[Notification]] = Setting(
    "notification",
    "BucketNotificationConfiguration",
    parse_notification,
    render_notification,
    unset_document=render_notification(Notification()),
    is_empty=lambda value: value == Notification(),
    has_delete=False,
)
REQUEST_PAYMENT: Final[Setting[str]] = Setting(
    "requestPayment",
    "BucketRequestPayment",
    parse_request_payment,
    render_request_payment,
    unset_document=render_request_payment(BUCKET_OWNER),
    has_delete=False,
)
ACCELERATE: Final[Setting[str]] = Setting(
    "accelerate",
    "BucketAccelerateConfiguration",
    parse_accelerate,
    render_accelerate,
    unset_document=render_accelerate(""),
    has_delete=False,
)
ENCRYPTION: Final[Setting[DefaultEncryption]] = Setting(
    "encryption",
    "BucketEncryption",
    parse_encryption,
    render_encryption,
    unset="ServerSideEncryptionConfigurationNotFoundError",
)
OWNERSHIP: Final[Setting[Ownership]] = Setting(
    "ownershipControls",
    "BucketOwnershipControls",
    parse_ownership,
    render_ownership,
    unset="OwnershipControlsNotFoundError",
    dump=str,
    load=Ownership,
)
PUBLIC_ACCESS_BLOCK: Final[Setting[PublicAccessBlock]] = Setting(
    "publicAccessBlock",
    "PublicAccessBlock",
    parse_public_access_block,
    render_public_access_block,
    unset="NoSuchPublicAccessBlockConfiguration",
    dump=dump_block,
    load=load_block,
)
LIFECYCLE: Final[Setting[Rules]] = Setting(
    "lifecycle",
    "BucketLifecycleConfiguration",
    parse_lifecycle,
    render_lifecycle,
    unset="NoSuchLifecycleConfiguration",
    limit_bytes=MAX_LIFECYCLE_BYTES,
)

SETTINGS: Final[tuple[Setting[Any], ...]] = (
    ACCELERATE,
    CORS,
    ENCRYPTION,
    LIFECYCLE,
    LOGGING,
    NOTIFICATION,
    OWNERSHIP,
    PUBLIC_ACCESS_BLOCK,
    REQUEST_PAYMENT,
    TAGGING,
    WEBSITE,
)
