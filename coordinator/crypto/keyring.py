"""Which key wraps an object's key: the store's own, a named one, or the customer's.

Rules: what is remembered of an encryption (`Version.encryption`) is a flat mapping of strings:
`scheme`, `key` (id in the key store), `md5` (of a customer's key, base64: all that is kept of it),
`context` (SSE-KMS: what the client bound it to), `wrapped`. The rest is bound to the wrapped key: a
mapping that was changed opens nothing.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from coordinator.crypto.data_key import KEY_BYTES, DataKey, Place
from coordinator.crypto.errors import KeyNeeded, KeyNotWanted, LostKey, UnknownKey, WrongKey
from coordinator.crypto.key_store import KeyStore

SCHEME: Final = "scheme"
KEY_ID: Final = "key"
CUSTOMER_MD5: Final = "md5"
CONTEXT: Final = "context"
WRAPPED: Final = "wrapped"


class Scheme(StrEnum):
    """Whose key wraps the object's: the store's (SSE-S3), a named one's (SSE-KMS), the
    customer's (SSE-C)."""

    STORE = "AES256"
    NAMED = "aws:kms"
    CUSTOMER = "SSE-C"


@dataclass(frozen=True, slots=True)
class CustomerKey:
    """A key that its owner sends along with each request."""

    secret: bytes = field(repr=False)

    def __post_init__(self) -> None:
        assert len(self.secret) == KEY_BYTES

    @property
    def md5(self) -> str:
        """In base64, as the client sends it and gets it back."""
        digest = hashlib.md5(self.secret, usedforsecurity=False).digest()
        return base64.b64encode(digest).decode()


@dataclass(frozen=True, slots=True)
class Protection:
    """How something new is to be encrypted. `key_id` and `context` for NAMED, `customer_key` for
    CUSTOMER."""

    scheme: Scheme
    key_id: str = ""
    customer_key: CustomerKey | None = None
    context: str = ""


def scheme_of(encryption: Mapping[str, str]) -> Scheme | None:
    """None for what is not encrypted."""
    return Scheme(encryption[SCHEME]) if encryption else None


class Keyring:
    """Makes objects' keys and finds them again."""

    def __init__(self, store: KeyStore, random: Callable[[int], bytes] = os.urandom) -> None:
        self.store = store
        self._random = random

    def protect(self, protection: Protection, place: Place) -> tuple[Mapping[str, str], DataKey]:
        """A new key, and what is to be remembered of it. Raises UnknownKey."""
        encryption = {SCHEME: protection.scheme.value}
        if protection.scheme is Scheme.CUSTOMER:
            assert protection.customer_key is not None
            encryption[CUSTOMER_MD5] = protection.customer_key.md5
            wrapping_key = protection.customer_key.secret
        elif protection.scheme is Scheme.NAMED:
            wrapping_key = self.store.named(protection.key_id)
            encryption[KEY_ID] = protection.key_id
            if protection.context:
                encryption[CONTEXT] = protection.context
        else:
            encryption[KEY_ID], wrapping_key = self.store.current_master()
        key = DataKey(self._random(KEY_BYTES), hides_md5=_hides_md5(protection.scheme))
        encryption[WRAPPED] = key.wrap(wrapping_key, _bound(place, encryption), self._random)
        return encryption, key

    def find(
        self,
        encryption: Mapping[str, str],
        place: Place,
        customer_key: CustomerKey | None = None,
    ) -> DataKey | None:
        """The key of what stands at that place; None if it is not encrypted.

        Raises KeyNeeded, KeyNotWanted, WrongKey, UnknownKey (a named one), LostKey.
        """
        scheme = scheme_of(encryption)
        if scheme is Scheme.CUSTOMER:
            if customer_key is None:
                raise KeyNeeded("the object is encrypted with a customer's key")
            if not hmac.compare_digest(customer_key.md5, encryption[CUSTOMER_MD5]):
                raise WrongKey("the object is encrypted with another customer's key")
            return _unwrap(encryption, place, customer_key.secret)
        if customer_key is not None:
            raise KeyNotWanted("the object is not encrypted with a customer's key")
        if scheme is None:
            return None
        try:
            return _unwrap(encryption, place, self._wrapping_key(scheme, encryption[KEY_ID]))
        except WrongKey as error:
            raise LostKey(f"key {encryption[KEY_ID]!r} opens no longer what it wrapped") from error

    def _wrapping_key(self, scheme: Scheme, key_id: str) -> bytes:
        if scheme is Scheme.NAMED:
            return self.store.named(key_id)
        try:
            return self.store.master(key_id)
        except UnknownKey as error:
            raise LostKey(f"the key store has lost its master key {key_id!r}") from error


def _unwrap(encryption: Mapping[str, str], place: Place, wrapping_key: bytes) -> DataKey:
    return DataKey.unwrap(
        encryption[WRAPPED],
        wrapping_key,
        _bound(place, encryption),
        hides_md5=_hides_md5(Scheme(encryption[SCHEME])),
    )


def _hides_md5(scheme: Scheme) -> bool:
    """Clients rely on the ETag being the MD5 with SSE-S3, and with nothing else."""
    return scheme is not Scheme.STORE


def _bound(place: Place, encryption: Mapping[str, str]) -> bytes:
    names = (SCHEME, KEY_ID, CUSTOMER_MD5, CONTEXT)
    return place.bind(*(encryption.get(name, "") for name in names))
