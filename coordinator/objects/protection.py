"""Objects' keys: made for what is new, found again for what is stored.

Rules: what is new is encrypted as its writer asks, else as its bucket's default says, else not at
all. What is stored is read with the key its own record calls for, and never without.
"""

from collections.abc import Awaitable, Callable, Mapping

from coordinator.crypto import CustomerKey, DataKey, KeyNeeded, Keyring, KeyStore, Place, Protection
from metadata import Bucket, StoredVersion, Upload

BucketDefault = Callable[[Bucket], Awaitable[Protection | None]]
"""How a bucket encrypts what comes without an encryption of its own."""


async def never(bucket: Bucket) -> Protection | None:
    """A default for where buckets have none."""
    return None


class ObjectKeys:
    """See the module. Without a keyring nothing encrypted can be written or read."""

    def __init__(self, keyring: Keyring | None = None, default: BucketDefault = never) -> None:
        self._keyring = keyring
        self._default = default

    @property
    def store(self) -> KeyStore:
        """Where the named keys are. Raises KeyNeeded if there is none."""
        if self._keyring is None:
            raise KeyNeeded("there is no key store")
        return self._keyring.store

    async def make(
        self, bucket: Bucket, key: str, protection: Protection | None
    ) -> tuple[Mapping[str, str], DataKey | None]:
        """What is to be remembered with a new object or upload, and its key. Raises UnknownKey."""
        if protection is None:
            protection = await self._default(bucket)
            if protection is None:
                return {}, None
        if self._keyring is None:
            raise KeyNeeded("there is no key store")
        return self._keyring.protect(protection, Place(bucket.name, key))

    def of_version(
        self, stored: StoredVersion, customer_key: CustomerKey | None = None
    ) -> DataKey | None:
        """The version's key, None if it is not encrypted.

        Raises KeyNeeded, KeyNotWanted, WrongKey, UnknownKey.
        """
        version = stored.version
        return self._find(version.encryption, stored.bucket, version.key, customer_key)

    def of_upload(
        self, bucket: Bucket, upload: Upload, customer_key: CustomerKey | None = None
    ) -> DataKey | None:
        """The same of a multipart upload."""
        return self._find(upload.encryption, bucket, upload.key, customer_key)

    def _find(
        self,
        encryption: Mapping[str, str],
        bucket: Bucket,
        key: str,
        customer_key: CustomerKey | None,
    ) -> DataKey | None:
        if not encryption and customer_key is None:
            return None
        if self._keyring is None:
            raise KeyNeeded("there is no key store")
        return self._keyring.find(encryption, Place(bucket.name, key), customer_key)
