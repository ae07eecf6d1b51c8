"""Encryption at rest: frames of AES-256-GCM, a key per object, and the keys that wrap those."""

from coordinator.crypto.data_key import DataKey, Place
from coordinator.crypto.errors import (
    CryptoError,
    KeyExists,
    KeyFileError,
    KeyNeeded,
    KeyNotWanted,
    LostKey,
    Tampered,
    UnknownKey,
    WrongKey,
)
from coordinator.crypto.frames import (
    FRAME_BYTES,
    STORED_FRAME_BYTES,
    FrameCipher,
    plain_size,
    stored_size,
)
from coordinator.crypto.key_store import KEY_ID, KeyStore, NamedKey, is_key_id, open_key_store
from coordinator.crypto.keyring import CustomerKey, Keyring, Protection, Scheme, scheme_of

__all__ = [
    "FRAME_BYTES",
    "KEY_ID",
    "STORED_FRAME_BYTES",
    "CryptoError",
    "CustomerKey",
    "DataKey",
    "FrameCipher",
    "KeyExists",
    "KeyFileError",
    "KeyNeeded",
    "KeyNotWanted",
    "KeyStore",
    "Keyring",
    "LostKey",
    "NamedKey",
    "Place",
    "Protection",
    "Scheme",
    "Tampered",
    "UnknownKey",
    "WrongKey",
    "is_key_id",
    "open_key_store",
    "plain_size",
    "scheme_of",
    "stored_size",
]
