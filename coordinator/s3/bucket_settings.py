"""What buckets and objects are set to, as clients ask before they work: each answer is true.

Rules: a setting this store does not have yet is answered as S3 answers for a bucket on which it
was never set; trying to set it gets NotImplemented from the routing table.
"""

from collections.abc import Awaitable, Callable, Mapping

from coordinator.s3 import xml
from coordinator.s3.errors import S3Error
from coordinator.s3.exchange import Request, Response, xml_response
from coordinator.s3.listing import owner
from coordinator.s3.surface import Surface

Handler = Callable[[Surface, Request], Awaitable[Response]]


def _never_set(code: str) -> Handler:
    async def answer(s3: Surface, request: Request) -> Response:
        bucket = await s3.bucket(request)
        raise S3Error(code, extra={"BucketName": bucket.name})

    return answer


def _constant(document: bytes) -> Handler:
    async def answer(s3: Surface, request: Request) -> Response:
        await s3.bucket(request)
        return xml_response(document)

    return answer


async def get_bucket_acl(s3: Surface, request: Request) -> Response:
    """The owner may do everything, nobody else anything."""
    bucket = await s3.bucket(request)
    return xml_response(xml.access_control_policy(await owner(s3, bucket.owner_id)))


async def get_object_acl(s3: Surface, request: Request) -> Response:
    """The bucket's owner may do everything, nobody else anything."""
    version_id = request.params.get("versionId")
    stored = await s3.stored(request, request.bucket, request.key, version_id)
    return xml_response(xml.access_control_policy(await owner(s3, stored.bucket.owner_id)))


async def get_object_tagging(s3: Surface, request: Request) -> Response:
    """No object has tags; clients that copy objects ask."""
    version_id = request.params.get("versionId")
    await s3.stored(request, request.bucket, request.key, version_id)
    return xml_response(xml.tagging({}))


BUCKET_SETTINGS: Mapping[str, tuple[str, Handler]] = {
    "acl": ("GetBucketAcl", get_bucket_acl),
    "cors": ("GetBucketCors", _never_set("NoSuchCORSConfiguration")),
    "encryption": (
        "GetBucketEncryption",
        _never_set("ServerSideEncryptionConfigurationNotFoundError"),
    ),
    "lifecycle": ("GetBucketLifecycle", _never_set("NoSuchLifecycleConfiguration")),
    "object-lock": (
        "GetObjectLockConfiguration",
        _never_set("ObjectLockConfigurationNotFoundError"),
    ),
    "ownershipControls": (
        "GetBucketOwnershipControls",
        _never_set("OwnershipControlsNotFoundError"),
    ),
    "policy": ("GetBucketPolicy", _never_set("NoSuchBucketPolicy")),
    "publicAccessBlock": (
        "GetPublicAccessBlock",
        _never_set("NoSuchPublicAccessBlockConfiguration"),
    ),
    "replication": (
        "GetBucketReplication",
        _never_set("ReplicationConfigurationNotFoundError"),
    ),
    "requestPayment": (
        "GetBucketRequestPayment",
        _constant(xml.request_payment_configuration()),
    ),
    "tagging": ("GetBucketTagging", _never_set("NoSuchTagSet")),
    "versioning": ("GetBucketVersioning", _constant(xml.versioning_configuration())),
    "website": ("GetBucketWebsite", _never_set("NoSuchWebsiteConfiguration")),
}
"""Sub-resource -> (operation name, handler)."""
