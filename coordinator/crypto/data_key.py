"""The random key of one object (or one multipart upload), how it is wrapped, and what comes of it.

Rules:
1. It leaves the process only wrapped: under a key made for this one wrapping from the wrapping key
   and 32 random bytes. So a wrapping key never meets a nonce twice, however many objects there are.
2. What is wrapped is bound to the object's place: in another bucket, under another name or scheme
   it does not open.
3. Every part has its own key, made from the part's id, which is unique for ever. So a part that is
   uploaded again under the same number does not share key and nonces with the first.
4. Nothing here shows a key: not `repr`, not an error. The derivations are HMAC-SHA256 (as a PRF,
   RFC 5869's expand step with one block), each with a label of its own.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coordinator.crypto.errors import WrongKey
from coordinator.crypto.frames import FrameCipher

KEY_BYTES: Final = 32
SALT_BYTES: Final = 32
ETAG_BYTES: Final = 16

_FOR_WRAPPING: Final = b"trilith wrapping 1\x00"
_FOR_PART: Final = b"trilith part 1\x00"
_FOR_ETAG: Final = b"trilith etag 1\x00"
_ONLY_NONCE: Final = bytes(12)
"""The key is used for one message."""


class Place(NamedTuple):
    """Where an object stands: what its wrapped key is bound to."""

    bucket: str
    key: str

    def bind(self, *facts: str) -> bytes:
        """Place and facts as bytes, which no other place and facts give."""
        fields = [text.encode() for text in (*self, *facts)]
        return b"".join(len(field).to_bytes(4, "big") + field for field in fields)


class DataKey:
    """See the module."""

    __slots__ = ("_key", "hides_md5")

    def __init__(self, key: bytes, *, hides_md5: bool) -> None:
        """`hides_md5`: ETags are not to be the MD5 of the bytes."""
        assert len(key) == KEY_BYTES
        self._key = key
        self.hides_md5 = hides_md5

    def __repr__(self) -> str:
        return "DataKey(...)"

    def part(self, part_id: bytes, number: int) -> FrameCipher:
        """The cipher of one part."""
        assert len(part_id) == 16, "a part id is 16 bytes"
        return FrameCipher(_derive(self._key, _FOR_PART + part_id + number.to_bytes(4, "big")))

    def etag(self, md5: str) -> str:
        """The ETag of bytes of that MD5 (hex). One that hides it is still the same for the same
        bytes of the same object or upload, but tells nothing about them to who lacks the key."""
        if not self.hides_md5:
            return md5
        return _derive(self._key, _FOR_ETAG + bytes.fromhex(md5))[:ETAG_BYTES].hex()

    def wrap(self, wrapping_key: bytes, bound_to: bytes, random: Callable[[int], bytes]) -> str:
        """The key, encrypted, in base64."""
        salt = random(SALT_BYTES)
        sealed = _wrapper(wrapping_key, salt).encrypt(_ONLY_NONCE, self._key, bound_to)
        return base64.b64encode(salt + sealed).decode()

    @classmethod
    def unwrap(
        cls, wrapped: str, wrapping_key: bytes, bound_to: bytes, *, hides_md5: bool
    ) -> "DataKey":
        """The inverse. Raises WrongKey."""
        try:
            raw = base64.b64decode(wrapped, validate=True)
            opened = _wrapper(wrapping_key, raw[:SALT_BYTES]).decrypt(
                _ONLY_NONCE, raw[SALT_BYTES:], bound_to
            )
        except (InvalidTag, ValueError) as error:
            raise WrongKey("the key does not open what it should have wrapped") from error
        return cls(opened, hides_md5=hides_md5)


def _wrapper(wrapping_key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(_derive(wrapping_key, _FOR_WRAPPING + salt))


def _derive(key: bytes, label: bytes) -> bytes:
    return hmac.digest(key, label, hashlib.sha256)
