"""The operations on the named keys of SSE-KMS: arguments to an `Operation`.

Rules: as in operations.py; a key itself never travels.
"""

from dataclasses import dataclass

from trilith.operations import mapping
from trilith.protocol import API, Answer, Operation
from trilith.values import build


@dataclass(frozen=True, slots=True)
class EncryptionKey:
    """A named key."""

    key_id: str
    created_at_ms: int


def list_encryption_keys() -> Operation[list[EncryptionKey]]:
    """All named keys."""
    return Operation("GET", f"{API}/encryption-keys", _keys)


def create_encryption_key(key_id: str) -> Operation[EncryptionKey]:
    """Make a named key."""
    return Operation(
        "POST",
        f"{API}/encryption-keys",
        lambda answer: build(EncryptionKey, answer.json()),
        json={"key_id": key_id},
        idempotent=False,
    )


def _keys(answer: Answer) -> list[EncryptionKey]:
    return [build(EncryptionKey, told) for told in mapping(answer).get("keys", [])]
