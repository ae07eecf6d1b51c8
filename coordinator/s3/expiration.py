"""What answers say of an object's end by the bucket's lifecycle rules.

Rules: about current versions only, and about uploads; nothing is said where no rule fits.
"""

from coordinator.lifecycle.rules import abort_headers, expiration_header
from coordinator.s3 import settings
from coordinator.s3.headers import HeaderList
from coordinator.s3.surface import Surface
from metadata import Bucket, Upload, Version


async def expiration_headers(s3: Surface, bucket: Bucket, version: Version) -> HeaderList:
    """x-amz-expiration of a current version."""
    if not bucket.settings_version:
        return []
    rules = await s3.settings.value(bucket, settings.LIFECYCLE)
    value = expiration_header(rules, version) if rules else None
    return [] if value is None else [(b"x-amz-expiration", value.encode())]


async def upload_headers(s3: Surface, bucket: Bucket, upload: Upload) -> HeaderList:
    """x-amz-abort-date and x-amz-abort-rule-id of a multipart upload."""
    rules = await s3.settings.value(bucket, settings.LIFECYCLE)
    told = abort_headers(rules, upload.key, upload.created_at_ms) if rules else {}
    return [(name.encode(), value.encode()) for name, value in told.items()]
