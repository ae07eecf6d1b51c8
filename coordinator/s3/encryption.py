"""Server-side encryption as the operations meet it: keys for reads, copies, parts; the default.

Rules: a key is asked for, and proven, before anything of the object is told: HEAD and
GetObjectAttributes too. Encrypting and opening is `coordinator.objects`' business; here is only who
must bring which key, and what S3 answers when it is not the right one.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from coordinator.crypto import (
    CryptoError,
    CustomerKey,
    DataKey,
    KeyNeeded,
    KeyNotWanted,
    Protection,
    Scheme,
    UnknownKey,
    WrongKey,
    scheme_of,
)
from coordinator.objects import BucketDefault
from coordinator.s3.encryption_headers import (
    DEFAULT_KEY_ID,
    SOURCE_PREFIX,
    answer,
    asked,
    asks_for_encryption,
    customer_key,
    refuse_on_read,
)
from coordinator.s3.errors import S3Error
from coordinator.s3.settings import ENCRYPTION, SettingsReader
from coordinator.s3.surface import Surface
from metadata import Bucket, Part, StoredVersion, Upload

__all__ = [
    "answer",
    "asked",
    "asks_for_encryption",
    "bucket_default",
    "check_completion",
    "from_crypto_error",
    "part_key",
    "reading_key",
    "source_key",
]


def reading_key(
    s3: Surface, headers: Mapping[str, str], stored: StoredVersion
) -> CustomerKey | None:
    """The customer's key with which a version is to be read, if it needs one.

    Raises S3Error: AccessDenied for the wrong key, InvalidRequest where one is missing or not
    wanted, InvalidArgument.
    """
    if not stored.version.encryption and not asks_for_encryption(headers):
        return None
    refuse_on_read(headers)
    key = customer_key(headers)
    with _as_s3_errors():
        s3.objects.keys.of_version(stored, key)
    return key


def source_key(
    s3: Surface, headers: Mapping[str, str], source: StoredVersion
) -> CustomerKey | None:
    """The same for the source of a copy."""
    key = customer_key(headers, SOURCE_PREFIX)
    with _as_s3_errors():
        s3.objects.keys.of_version(source, key)
    return key


def part_key(
    s3: Surface, headers: Mapping[str, str], bucket: Bucket, upload: Upload
) -> DataKey | None:
    """The key of an upload's parts. Raises S3Error InvalidRequest, InvalidArgument.

    Only a customer's key counts: with what else the parts are encrypted was said when the upload
    was created, and clients that say something again are answered with what holds.
    """
    key = customer_key(headers)
    try:
        return s3.objects.keys.of_upload(bucket, upload, key)
    except KeyNeeded as error:
        raise S3Error(
            "InvalidRequest",
            "The multipart upload initiate requested encryption. Subsequent part requests must "
            "include the appropriate encryption parameters.",
        ) from error
    except KeyNotWanted as error:
        raise S3Error(
            "InvalidRequest",
            "The multipart upload initiate did not request encryption. Please resend the request "
            "without specifying encryption parameters.",
        ) from error
    except WrongKey as error:
        raise S3Error(
            "InvalidRequest",
            "The provided encryption parameters did not match the ones used originally.",
        ) from error
    except CryptoError as error:
        raise from_crypto_error(error) from error


def check_completion(
    s3: Surface,
    headers: Mapping[str, str],
    bucket: Bucket,
    upload: Upload,
    parts: Sequence[Part],
) -> None:
    """A completion needs a customer's key only where there are checksums, as S3 has it; one that
    is sent must be right. Raises S3Error as `part_key`."""
    has_checksums = upload.attributes.checksums or any(part.checksums for part in parts)
    is_customers = scheme_of(upload.encryption) is Scheme.CUSTOMER
    if is_customers and not has_checksums and not asks_for_encryption(headers):
        return
    part_key(s3, headers, bucket, upload)


def bucket_default(settings: SettingsReader) -> BucketDefault:
    """How buckets encrypt by default, from their setting."""

    async def default(bucket: Bucket) -> Protection | None:
        found = await settings.value(bucket, ENCRYPTION)
        if found is None:
            return None
        scheme = Scheme(found.algorithm)
        if scheme is Scheme.STORE:
            return Protection(scheme)
        return Protection(scheme, found.key_id or DEFAULT_KEY_ID)

    return default


@contextmanager
def _as_s3_errors() -> Iterator[None]:
    try:
        yield
    except CryptoError as error:
        raise from_crypto_error(error) from error


def from_crypto_error(error: CryptoError) -> S3Error:
    """What a key that is missing, wrong, unknown or lost means to an S3 client."""
    if isinstance(error, KeyNeeded):
        return S3Error(
            "InvalidRequest",
            "The object was stored using a form of Server Side Encryption. The correct parameters "
            "must be provided to retrieve the object.",
        )
    if isinstance(error, KeyNotWanted):
        return S3Error(
            "InvalidRequest", "The encryption parameters are not applicable to this object."
        )
    if isinstance(error, WrongKey):
        return S3Error(
            "AccessDenied",
            "Requests specifying Server Side Encryption with Customer provided keys must provide "
            "the correct secret key.",
        )
    if isinstance(error, UnknownKey):
        return S3Error("KMS.NotFoundException", f"Key {error.key_id!r} does not exist")
    return S3Error("ServiceUnavailable", str(error))
