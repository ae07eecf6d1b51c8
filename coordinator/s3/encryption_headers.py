"""The headers of server-side encryption: what a request asks for, and what an answer says.

Rules: pure. No error quotes a key, nor what was sent in a key's place. Over plain HTTP a customer's
key travels in clear, which S3 refuses and this store does not: TLS ends before it or nowhere.
"""

import base64
import hmac
import json
from collections.abc import Mapping
from operator import methodcaller
from typing import Final

from coordinator.crypto import CustomerKey, Protection, Scheme, is_key_id
from coordinator.crypto.data_key import KEY_BYTES
from coordinator.crypto.keyring import CUSTOMER_MD5, KEY_ID, scheme_of
from coordinator.s3.errors import S3Error
from coordinator.s3.headers import HeaderList

PREFIX: Final = "x-amz-server-side-encryption"
SOURCE_PREFIX: Final = f"x-amz-copy-source-{PREFIX.removeprefix('x-amz-')}"
CUSTOMER: Final = "-customer-"

DEFAULT_KEY_ID: Final = "aws/s3"
"""The named key that SSE-KMS means when none is named. It is there if an operator made it."""

_is_about_it = methodcaller("startswith", PREFIX)
_AES256: Final = "AES256"
_TWO_LAYERS: Final = "aws:kms:dsse"
_CUSTOMERS: Final = "Requests specifying Server Side Encryption with Customer provided keys must "
_MAX_CONTEXT_LENGTH: Final = 8192


def asks_for_encryption(headers: Mapping[str, str]) -> bool:
    """Whether a write says anything about its encryption."""
    return any(map(_is_about_it, headers))


def asked(headers: Mapping[str, str]) -> Protection | None:
    """How a write is to be encrypted; None where it does not say. Raises S3Error InvalidArgument,
    InvalidEncryptionAlgorithmError, NotImplemented."""
    if not asks_for_encryption(headers):
        return None
    key = customer_key(headers)
    method = headers.get(PREFIX)
    key_id = headers.get(f"{PREFIX}-aws-kms-key-id")
    context = headers.get(f"{PREFIX}-context", "")
    if key is not None:
        if method is not None or key_id is not None:
            raise _bad_argument(
                PREFIX,
                "Server Side Encryption with Customer provided key is incompatible with the "
                "encryption method specified",
            )
        return Protection(Scheme.CUSTOMER, customer_key=key)
    if method == _TWO_LAYERS:
        raise S3Error("NotImplemented", f"{_TWO_LAYERS} is not implemented")
    if method == Scheme.NAMED.value:
        return Protection(Scheme.NAMED, _key_id(key_id), context=_context(context))
    if method not in (None, _AES256):
        raise _bad_argument(PREFIX, "The encryption method specified is not supported")
    if key_id is not None or context:
        raise _bad_argument(
            PREFIX, f"KMS keys and contexts go with {PREFIX}: {Scheme.NAMED.value} only"
        )
    return None if method is None else Protection(Scheme.STORE)


def customer_key(headers: Mapping[str, str], prefix: str = PREFIX) -> CustomerKey | None:
    """The customer's key that comes with the request. Raises S3Error InvalidArgument,
    InvalidEncryptionAlgorithmError."""
    names = [f"{prefix}{CUSTOMER}{what}" for what in ("algorithm", "key", "key-md5")]
    algorithm, key, md5 = (headers.get(name) for name in names)
    if algorithm is None and key is None and md5 is None:
        return None
    if algorithm is None:
        raise _bad_argument(names[0], f"{_CUSTOMERS}provide a valid encryption algorithm.")
    if algorithm != _AES256:
        raise S3Error(
            "InvalidEncryptionAlgorithmError",
            "The Encryption request you specified is not valid. Supported value: AES256.",
        )
    if key is None:
        raise _bad_argument(names[1], f"{_CUSTOMERS}provide an appropriate secret key.")
    if md5 is None:
        raise _bad_argument(
            names[2], f"{_CUSTOMERS}provide the client calculated MD5 of the secret key."
        )
    found = _decode(key)
    if found is None:
        raise _bad_argument(names[1], "The secret key was invalid for the specified algorithm.")
    if not hmac.compare_digest(found.md5.encode(), md5.encode()):
        raise _bad_argument(
            names[2], "The calculated MD5 hash of the key did not match the hash that was provided."
        )
    return found


def refuse_on_read(headers: Mapping[str, str]) -> None:
    """What is stored says itself how it is encrypted: a read may only bring a customer's key.
    Raises S3Error InvalidArgument."""
    for name in headers:
        if name.startswith(PREFIX) and not name.startswith(PREFIX + CUSTOMER):
            raise _bad_argument(name, f"{name} header is not supported for this operation.")


def answer(encryption: Mapping[str, str]) -> HeaderList:
    """What answers about an object, an upload or a part say of its encryption."""
    scheme = scheme_of(encryption)
    if scheme is None:
        return []
    if scheme is Scheme.CUSTOMER:
        return [
            (f"{PREFIX}{CUSTOMER}algorithm".encode(), _AES256.encode()),
            (f"{PREFIX}{CUSTOMER}key-md5".encode(), encryption[CUSTOMER_MD5].encode()),
        ]
    lines = [(PREFIX.encode(), scheme.value.encode())]
    if scheme is Scheme.NAMED:
        lines.append((f"{PREFIX}-aws-kms-key-id".encode(), encryption[KEY_ID].encode()))
    return lines


def _decode(text: str) -> CustomerKey | None:
    try:
        secret = base64.b64decode(text, validate=True)
    except ValueError:
        return None
    return CustomerKey(secret) if len(secret) == KEY_BYTES else None


def _key_id(text: str | None) -> str:
    key_id = DEFAULT_KEY_ID if text is None else text
    if not is_key_id(key_id):
        raise _bad_argument(f"{PREFIX}-aws-kms-key-id", "That can't be the id of a KMS key")
    return key_id


def _context(text: str) -> str:
    """An encryption context is a flat JSON object of strings, in base64."""
    if not text:
        return ""
    try:
        found = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, RecursionError):
        found = None
    if (
        not isinstance(found, dict)
        or not all(isinstance(value, str) for value in found.values())
        or len(text) > _MAX_CONTEXT_LENGTH
    ):
        raise _bad_argument(
            f"{PREFIX}-context", "The encryption context must be a JSON object of strings in base64"
        )
    return text


def _bad_argument(name: str, message: str) -> S3Error:
    """The value is not told: a key may have been put in its place."""
    return S3Error("InvalidArgument", message, extra={"ArgumentName": name})
